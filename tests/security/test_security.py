# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data stays data, and secrets stay on the host: at every verbosity, in every file that is written, on every way out."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tarfile
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from security.shop import PROJECT, RENDERED, TEMPLATE, Shop

pytestmark = pytest.mark.docker
EVERYTHING = ("-vvvv", "--diff")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Shop(tmp_path_factory.mktemp("security"))
    made.write()
    yield made
    made.down()


@pytest.fixture
def broken(shop):
    shop.up()
    return shop


def texts(shop):
    """What lies outside of the project and of the state folder, by path: the reports, and what a bundle holds."""
    found = {}
    for path in (shop.work / "netfix-report").rglob("*"):
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as bundle:
                found.update({f"{path}:{m.name}": bundle.extractfile(m).read().decode() for m in bundle if m.isfile()})
        elif path.is_file():
            found[str(path)] = path.read_text()
    return found


def assert_silent(shop, said):
    """No secret is in what was printed or written, and nothing of the data did anything."""
    for where, text in {"output": said, **texts(shop)}.items():
        told = {place: text[max(text.find(c) - 80, 0) :][:160] for place, c in shop.canaries.items() if c in text}
        assert not told, (where, told)
        assert "\x1b[31m" not in text and RENDERED not in text, where
    assert not list(shop.work.parent.rglob("PWNED"))


class Page(HTMLParser):
    """The tags of a page that would run something, load something, or are none of ours."""

    def __init__(self):
        super().__init__()
        self.foreign = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "img", "link", "object", "raw") or any(name.startswith("on") for name, _value in attrs):
            self.foreign.append((tag, attrs))


def assert_reports_in_order(folder):
    """Each format shows the hostile text, and is still what it is."""
    page = Page()
    html = (folder / "report.html").read_text()
    page.feed(html)
    assert page.foreign == [] and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    xml = ElementTree.parse(folder / "junit.xml")
    assert any("<script>alert(1)</script>" in case.get("name") for case in xml.iter("testcase"))
    markdown = (folder / "report.md").read_text()
    assert "<script>" not in re.sub(r"`+[^`\n]+`+", "", markdown)
    for line, following in zip(markdown.splitlines(), markdown.splitlines()[1:]):
        if line.startswith("|") and following.startswith("|"):
            assert cells(line) == cells(following), (line, following)


def cells(row):
    return len(re.findall(r"(?<!\\)\|", row))


def test_a_rehearsal_tells_no_secret_and_obeys_no_data(broken):
    code, said = broken.play("fix_network", "--check", *EVERYTHING, netfix_run_id="rehearsal")
    assert code == 0 and "planned" in said and "compose.netfix.yml" in said, said[-3000:]
    # the data is there, as data
    assert "$(touch PWNED)" in said and TEMPLATE in said
    assert_silent(broken, said)
    assert not broken.state.exists() and not (broken.folder / "compose.netfix.yml").exists()


def test_neither_does_a_repair_and_what_it_writes_is_for_its_owner(broken):
    code, said = broken.play(
        "fix_network", *EVERYTHING, netfix_run_id="real", netfix_bundle=True, netfix_validate_load=True, netfix_load_seconds=1
    )
    assert code == 0 and "netfix: mended" in said, said[-3000:]
    assert_silent(broken, said)
    report = broken.work / "netfix-report" / "real"
    assert_reports_in_order(report)
    assert f"evidence-localhost-{PROJECT}.tar.gz" in os.listdir(report)
    # the configuration that has to hold a secret is the only place that does, and the checkpoint to go back to
    override, state = broken.folder / "compose.netfix.yml", broken.state / PROJECT
    assert broken.canaries["userinfo"] in override.read_text()
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (override, broken.state, state, *state.iterdir())}
    assert modes == {
        "compose.netfix.yml": "0o600", "state": "0o700", PROJECT: "0o700", "lock": "0o600",
        "real-01-correct_upstreams.json": "0o600",
    }  # fmt: skip
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in report.iterdir()}
    assert modes.pop(f"evidence-localhost-{PROJECT}.tar.gz") == "0o600" and set(modes.values()) == {"0o640"}

    code, said = broken.play("roll_back", *EVERYTHING, netfix_run_id="real", netfix_rollback_id="back")
    assert code == 0 and "netfix: undone" in said, said[-3000:]
    assert_silent(broken, said)
    assert_reports_in_order(broken.work / "netfix-report" / "back")


def test_what_is_planted_beside_our_files_is_not_followed(broken, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    planted = broken.folder / "compose.netfix.yml.new"
    planted.symlink_to(victim)
    code, said = broken.play("fix_network", "-vvv", "--diff", netfix_run_id="planted")
    assert code == 0 and "netfix: mended" in said, said[-3000:]
    assert victim.read_text() == "precious" and not os.path.lexists(planted)

    # somebody changed the project meanwhile: the refusal names the field, and not what is in it
    subprocess.run(["docker", "network", "disconnect", f"{PROJECT}_default", f"{PROJECT}-gateway-1"], check=True)
    code, said = broken.play("roll_back", "-vvv", "--diff", netfix_run_id="planted", netfix_rollback_id="refused")
    assert code != 0 and "was changed after run planted" in " ".join(said.split()), said[-3000:]
    assert_silent(broken, said)
    code, said = broken.play("roll_back", "-vvv", netfix_run_id="planted", netfix_rollback_id="forced", netfix_force=True)
    assert code == 0, said[-3000:]

    # what cannot be written is undone, and the error tells nothing
    planted.mkdir()
    (planted / "file").touch()
    code, said = broken.play("fix_network", "-vvv", "--diff", netfix_run_id="blocked")
    assert code != 0 and "cannot be written" in said, said[-3000:]
    assert_silent(broken, said)


@pytest.mark.parametrize("link", ["state", "report"])
def test_a_planted_folder_is_refused(broken, tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "linked").symlink_to(elsewhere)
    (broken.work / "netfix-report" / "linked").unlink(missing_ok=True)
    if link == "report":
        (broken.work / "netfix-report" / "linked").symlink_to(elsewhere)
        code, said = broken.play("diagnose", netfix_run_id="linked")
        (broken.work / "netfix-report" / "linked").unlink()
    else:
        code, said = broken.play("fix_network", netfix_run_id="link", netfix_state_dir=str(tmp_path / "linked"))
    assert code != 0 and "is a link" in " ".join(said.split()), said[-3000:]
    assert list(elsewhere.iterdir()) == []


def test_a_run_id_leads_out_of_no_folder(shop):
    code, said = shop.play("diagnose", netfix_run_id="../../../escaped", netfix_bundle=True)
    assert code != 0 and "netfix_run_id must be up to 100 letters" in " ".join(said.split()), said[-3000:]
    assert not list(shop.work.parent.parent.glob("**/escaped*"))


def test_what_compose_quotes_of_a_wrong_configuration_is_masked(shop):
    compose = shop.folder / "compose.yml"
    whole = compose.read_text()
    try:
        compose.write_text(re.sub(r"DB_PASSWORD: .*", f"DB_PASSWORD: '${{{shop.canaries['dollar']}'", whole))
        code, said = shop.play("diagnose", *EVERYTHING, netfix_run_id="wrong")
    finally:
        compose.write_text(whole)
    assert code != 0 and "DB_PASSWORD" in said, said[-3000:]
    assert_silent(shop, said)
