# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator reads when the project cannot be looked at: what was expected, what was found, what to do."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._host.questions import parse_checks
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer

pytestmark = pytest.mark.docker


def message(**params):
    """The message of the error that opening a project with those options gives."""
    with pytest.raises(NetfixError) as caught:
        open_gatherer(params).config()
    return str(caught.value)


def compose_file(folder, text):
    """A project folder with that Compose file."""
    (folder / "compose.yml").write_text(text)
    return str(folder)


def test_missing_engine_says_how_to_start_it(tmp_path):
    said = message(project_src=str(tmp_path), docker_host="unix:///nonexistent/docker.sock")
    assert "unix:///nonexistent/docker.sock" in said and "systemctl start docker" in said


def test_engine_that_does_not_answer_is_named(tmp_path):
    said = message(project_src=str(tmp_path), docker_host="tcp://127.0.0.1:1")
    assert "tcp://127.0.0.1:1 does not answer" in said


def test_engine_that_the_user_may_not_ask_says_what_permission_is_missing(tmp_path):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setuid(65534)
            os.write(writer, message(project_src=str(tmp_path)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read().decode()
    os.waitpid(child, 0)
    assert "No permission" in said and "become: true" in said


def test_project_name_that_leaves_the_state_folder_is_refused():
    assert "project_name '../other'" in message(project_name="../other")


def test_neither_folder_nor_name_asks_for_one():
    assert "project_src" in message()


def test_missing_folder_is_named():
    assert "/nonexistent does not exist" in message(project_src="/nonexistent")


def test_unknown_project_name_lists_what_there_is():
    said = message(project_name="netfix-no-such-project")
    assert "'netfix-no-such-project'" in said and "projects found:" in said


def test_folder_without_compose_file_says_what_was_looked_for(tmp_path):
    assert "looked for compose.yaml" in message(project_src=str(tmp_path))


def test_invalid_compose_file_says_what_compose_says(tmp_path):
    folder = compose_file(tmp_path, "services: {a: {image: x, colour: red}}")
    said = message(project_src=folder)
    assert "is not valid" in said and "colour" in said


def test_project_without_containers_is_diagnosed_and_says_how_to_start_it(tmp_path):
    folder = compose_file(tmp_path, "services: {a: {image: x}}")
    (finding,) = diagnose(open_gatherer({"project_src": folder}).snapshot()).findings
    assert finding.code == "container.not_running" and "up -d" in finding.advice


def test_missing_compose_plugin_is_told_from_an_invalid_file(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    folder = compose_file(tmp_path, "services: {a: {image: x}}")
    assert "Docker Compose v2 is missing" in message(project_src=folder)


def test_check_without_a_url_is_named():
    with pytest.raises(NetfixError, match="'shop' needs an http or https url"):
        parse_checks([{"name": "shop", "url": "shop:8000"}])
