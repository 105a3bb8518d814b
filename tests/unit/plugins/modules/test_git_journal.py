# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.modules import git_journal

FILE = "/srv/shop/compose.netfix.yml"


@pytest.fixture
def asked(monkeypatch):
    """What the module asks Git for."""
    calls = []

    def commit(folder, files, message, rehearse):
        calls.append((folder, files, message.partition("\n")[0], rehearse))
        return {"id": "" if rehearse else "3f1c", "reason": "", "files": ["compose.netfix.yml"], "left_out": []}

    monkeypatch.setattr(git_journal, "commit", commit)
    return calls


def run(*verdicts, state="tried", check_mode=False, **more):
    attempts = [
        {"remediation": "static_hosts", "verdict": v, "reason": "why", "run_id": "r1", "files": [FILE], **more} for v in verdicts
    ]
    params = {"project_src": "/srv/shop", "attempts": attempts, "state": state, "findings": [], "next": ""}
    return git_journal.run(SimpleNamespace(params=params, check_mode=check_mode))


@pytest.mark.parametrize(("verdict", "files"), [("kept", [FILE]), ("failed", [FILE]), ("undone", [])])
def test_an_attempt_is_committed_with_what_it_left_changed(asked, verdict, files):
    assert run(verdict)["changed"] is True
    assert asked == [("/srv/shop", files, f"netfix: static_hosts {verdict}: why", False)]


@pytest.mark.parametrize("verdict", ["refused", "unchanged"])
def test_an_attempt_that_touched_nothing_is_no_commit(asked, verdict):
    result = run(verdict)
    assert not result.get("changed") and result["commit"]["reason"] == "nothing was touched" and asked == []


def test_a_rollback_is_one_commit(asked):
    assert run("undone", "undone", state="rolled_back")["commit"]["id"] == "3f1c"
    assert asked == [("/srv/shop", [FILE], "netfix: run r1 rolled back: static_hosts, static_hosts", False)]


def test_what_was_undone_behind_its_runs_back_is_committed_with_its_files(asked):
    assert run("undone", state="undone")["commit"]["id"] == "3f1c"
    assert asked == [("/srv/shop", [FILE], "netfix: static_hosts undone: why", False)]


def test_check_mode_foretells_it(asked):
    assert run("planned", check_mode=True)["changed"] is True and asked[0][3] is True


def test_what_is_no_attempt_is_an_error_that_names_it(asked):
    with pytest.raises(NetfixError, match="verdict is 'perhaps'"):
        run("perhaps")
