# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the engine itself, on a nested engine: the symptom shows, the cause is named, and nothing else."""

from __future__ import annotations

import time

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from faults.reference import GATEWAY, PROJECT, assert_blamed, fault, names
from faults.repairs import assert_advised

pytestmark = pytest.mark.docker


MENDED = ("host_firewall_flush", "ip_forward_disabled")


def plant(lab, name):
    """The fault is there, its cause is named, and nothing else is; what was diagnosed."""
    lab.run("up", name)
    lab.run("symptom", name)
    diagnosis = diagnose(lab.nested_snapshot())
    assert_blamed(diagnosis.findings, fault(name))
    assert not diagnosis.healthy
    return diagnosis


def rules(lab):
    """The host's firewall and its switch, without counters."""
    lines = lab.nested("sh", "-c", "iptables-save; sysctl net.ipv4.ip_forward").splitlines()
    return [line.partition(" [")[0] for line in lines if not line.startswith("#")]


def status(lab):
    """What a user gets."""
    return lab.nested("sh", "-c", f"curl -s -m 8 -o /dev/null -w '%{{http_code}}' {GATEWAY}/users/1 || :")


def assert_answers(lab, expected):
    """A user gets that, and all of the project runs."""
    end = time.monotonic() + 60
    while (found := status(lab)) != expected:
        assert time.monotonic() < end, f"{found} instead of {expected}"
        time.sleep(0.5)
    listed = ("docker", "ps", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={PROJECT}")
    assert len(lab.nested(*listed).split()) == 3


@pytest.mark.parametrize("name", [name for name in names("nested") if name not in MENDED])
def test_a_fault_of_the_engine_is_named_and_advised(lab, name):
    assert_advised(plant(lab, name))


def test_an_engine_that_is_restarted_in_the_middle_is_waited_for_and_everything_comes_back(lab):
    # for the host alone: what is planted there is a fault of the small project
    lab.run("up", MENDED[-1])
    lab.nested("/netfix/scripts/lab", "up", "/srv/lab", PROJECT, "wrong_port")
    assert_answers(lab, "502")
    (record,) = lab.nested_attempts("run", "try", "correct_upstreams", "restart_engine_before=2")
    assert record["verdict"] == "undone" and record["undo"]["verified"], record["reason"]
    assert_answers(lab, "502")
    (record,) = lab.nested_attempts("kept", "try", "correct_upstreams")
    assert record["verdict"] == "kept", record["reason"]
    assert_answers(lab, "200")
    (record,) = lab.nested_attempts("kept", "undo", "restart_engine_before=1")
    assert record["undo"]["verified"], record["undo"]
    assert_answers(lab, "502")


@pytest.mark.parametrize("name", MENDED)
def test_the_hosts_firewall_is_mended_only_where_that_is_allowed_and_undone_to_the_rule(lab, name):
    plant(lab, name)
    broken = rules(lab)
    (record,) = lab.nested_attempts("run", "try", "host_firewall")
    assert record["verdict"] == "refused" and "netfix_allow_host_firewall: true" in record["reason"]
    assert rules(lab) == broken
    (record,) = lab.nested_attempts("run", "try", "host_firewall", "allow_host_firewall=true")
    assert record["verdict"] == "kept" and record["restarts"] == [], record["reason"]
    assert status(lab) == "200"
    mended = rules(lab)
    (record,) = lab.nested_attempts("again", "try", "host_firewall", "allow_host_firewall=true")
    assert record["verdict"] == "unchanged" and rules(lab) == mended
    (record,) = lab.nested_attempts("run", "undo")
    assert record["undo"]["verified"] and rules(lab) == broken
    assert lab.nested_attempts("run", "undo") == [] and status(lab) == "504"
