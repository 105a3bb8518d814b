# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.dockerfile import image_from_dockerfile

TEXT = """\
ARG BASE=python:3.13
FROM node:22 AS assets
RUN npm ci
FROM ${BASE}
ARG PORT=8000
ENV PORT=$PORT MODE="a b"
WORKDIR /srv
WORKDIR app
RUN pip install \\
    fastapi
COPY requirements.txt .
COPY src/ ./src/
COPY . /srv/all
COPY --from=assets /out /srv/static
ADD https://example.org/x.tar.gz /x
USER nobody
ENTRYPOINT ["python3", "-m"]
CMD ["app"]
"""


def test_the_last_stage_runs_from_its_context():
    image = image_from_dockerfile(TEXT, "/ctx")
    assert image.origin == "host" and image.layers == ()
    assert (image.entrypoint, image.command) == (("python3", "-m"), ("app",))
    assert image.workdir == "/srv/app" and image.user == "nobody"
    assert image.environment == ("PORT=8000", "MODE=a b")


def test_files_of_the_context_are_copied_to_where_the_dockerfile_says():
    copies = image_from_dockerfile(TEXT, "/ctx").copies
    assert copies == (
        ("/ctx/requirements.txt", "/srv/app/"),
        ("/ctx/src", "/srv/app/src/"),
        ("/ctx", "/srv/all"),
    )


@pytest.mark.parametrize(
    "copy, copies",
    [
        ("app.py .", [("/ctx/app.py", "/srv/app/")]),
        ("app.py /srv/app", [("/ctx/app.py", "/srv/app/")]),
        ("app.py main.py", [("/ctx/app.py", "/srv/app/main.py")]),
        ("a.py b.py lib", [("/ctx/a.py", "/srv/app/lib/"), ("/ctx/b.py", "/srv/app/lib/")]),
        ("--chown=1:1 . .", [("/ctx", "/srv/app/")]),
        ('["a b.py", "./"]', [("/ctx/a b.py", "/srv/app/")]),
    ],
)
def test_a_folder_is_told_from_a_file_by_where_it_goes(copy, copies):
    assert list(image_from_dockerfile(f"FROM x\nWORKDIR /srv/app\nCOPY {copy}", "/ctx").copies) == copies


def test_what_cannot_be_done_is_said():
    notes = " ".join(image_from_dockerfile(TEXT, "/ctx").notes)
    assert "pip install" in notes and "--from=assets" in notes and "example.org" in notes and "npm" not in notes


def test_arguments_of_the_build_count():
    assert image_from_dockerfile(TEXT, "/ctx", {"PORT": "9"}).environment[0] == "PORT=9"


def test_a_command_as_text_is_one_of_the_shell():
    assert image_from_dockerfile("FROM x\nCMD serve --now", "/c").command == ("/bin/sh", "-c", "serve --now")


def test_nothing_outside_of_the_context_is_copied():
    assert image_from_dockerfile("FROM x\nCOPY ../../etc/shadow /x", "/ctx/a").copies == ()
