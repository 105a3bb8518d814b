# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import told_diagnosis, told_plan
from unit.builders import check, recorded, shop, with_config, with_container


def told(snapshot):
    return told_diagnosis(snapshot, diagnose(snapshot))


def test_what_modules_return_holds_no_secret():
    secret = "hunter2"
    failing = check(url=f"http://admin:{secret}@127.0.0.1:8080/", status=500, server="x", body=f"password={secret}")
    event = LogEvent("web", "shop-web-1", "refused", f"postgresql://u:{secret}@db:5432/x refused", host="db")
    snapshot = shop(checks=(failing,), log_events=(event,))
    snapshot = with_config(snapshot, "web", environment={"DB_PASSWORD": secret})
    snapshot = with_container(snapshot, "web", environment={"DB_PASSWORD": secret})
    answer = told(snapshot)
    assert answer["findings"] and secret not in json.dumps(answer)


def test_a_diagnosis_says_how_it_stands():
    assert told(shop())["healthy"] is True
    broken = told(recorded("disjoint_networks"))
    assert broken["healthy"] is False and broken["findings"][0]["code"] == "name.disjoint_networks"
    assert any(w["cause"] == "name.disjoint_networks" for w in broken["walks"])


def test_what_is_unknown_is_counted_and_told_as_unknown():
    answer = told(replace(shop(), probes=()))
    assert answer["unknown"] == 2 and {w["outcome"] for w in answer["walks"]} == {"unknown"}


def test_a_plan_says_what_each_remediation_costs():
    (item,) = told_plan(make_plan(diagnose(recorded("disjoint_networks")).findings))["items"]
    assert item["remediation"] == "reconnect_endpoints" and item["findings"] == ["name.disjoint_networks"]
    assert item["invasiveness"] == 1 and item["reversible"] == "full" and item["downtime"]
