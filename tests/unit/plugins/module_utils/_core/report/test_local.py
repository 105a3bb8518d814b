# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.report.local import local_lines


def lines(state, *services, **more):
    return [text for _sign, text in local_lines({"state": state, "services": list(services), **more})]


def service(status, port):
    return {"name": "web", "status": status, "ports": [{"port": port, "wanted": 8000, "target": 80}]}


def test_a_rehearsal_promises_no_port():
    assert lines("planned", service("planned", 8000)) == [
        "1 service would run without Docker",
        "web: http://127.0.0.1:8000, or on a free port where that one is taken",
    ]


def test_where_a_port_was_taken_the_other_one_is_told():
    assert lines("running", service("healthy", 4711))[-1] == "web: http://127.0.0.1:4711 (port 8000 was taken)"
    assert lines("running", service("healthy", 8000))[-1] == "web: http://127.0.0.1:8000"


def test_what_would_be_ended_is_not_told_as_done():
    assert lines("planned", warning="It validates nothing.") == [
        "what runs of it without Docker would be ended, and nothing of it would be left"
    ]
    assert lines("absent") == ["the services that ran without Docker are ended, and nothing of them is left"]
