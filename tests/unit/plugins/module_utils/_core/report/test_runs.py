# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.terminal import render_runs
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.text import columns

ATTEMPT = {"remediation": "static_hosts"}
OLD = {
    "run_id": "monday", "project": "shop", "started_at": "2026-11-22T20:59:28.171+00:00", "state": "in force",
    "kept": ["rebuild_network"], "later": ["tuesday"], "confirm_until": "", "attempts": [ATTEMPT],
}  # fmt: skip
NEW = {**OLD, "run_id": "tuesday", "state": "awaiting", "later": [], "confirm_until": "2026-11-22T21:14:44.047+00:00"}
GONE = {**OLD, "run_id": "sunday", "state": "undone", "kept": [], "later": []}


def render(*runs, width=120, **more):
    return render_runs({"runs": list(runs), "unread": [], "state_dir": "/var/lib/netfix", **more}, width, where="db1")


def test_a_run_is_one_row_with_its_state_and_what_it_did():
    lines = render(NEW, OLD, GONE).splitlines()
    assert lines[2].split() == [
        "?", "tuesday", "2026-11-22", "20:59", "shop", "awaiting", "rebuild_network;", "undone", "at", "21:14", "unless", "confirmed"
    ]  # fmt: skip
    assert lines[3].startswith("✓ monday ") and lines[3].endswith("rebuild_network; first roll back tuesday")
    assert lines[4].startswith("· sunday ") and lines[4].endswith(" undone    static_hosts")


def test_the_newest_that_is_in_force_can_be_copied():
    text = render(NEW, OLD, playbook="vertice.netfix.roll_back")
    assert "undo one with  ansible-playbook vertice.netfix.roll_back -e netfix_run_id=tuesday" in text
    assert "keep it with   ansible-playbook vertice.netfix.confirm -e netfix_run_id=tuesday" in text
    assert "netfix_run_id" not in render(GONE)


def test_where_there_is_none_the_folder_is_named():
    assert "none in /var/lib/netfix" in render()


def test_what_could_not_be_read_is_told_beside_the_rest():
    text = render(OLD, unread=["The checkpoint x.json is damaged"])
    assert "✗ The checkpoint x.json is damaged" in text and "monday" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_page_and_nothing_reaches_the_terminal_raw(width):
    text = render({**OLD, "run_id": "20261122T210022-6deb", "project": "shop\x1b[31m"}, width=width)
    lines = [line for line in text.splitlines() if "ansible-playbook" not in line]
    assert max(columns(line) for line in lines) <= width and "\x1b" not in text
