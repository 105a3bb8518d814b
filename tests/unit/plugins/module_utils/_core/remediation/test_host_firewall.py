# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the host's firewall may be changed, what is proposed, and how it is undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Network,
    Subnet,
    from_data,
    to_data,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.docker_rules import docker_rules
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_firewall import (
    FORWARDING,
    REMEDIATION,
    HostFacts,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_state import HostState, additions
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import ProjectState, differences
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.undo import undo_steps
from unit.builders import recorded, situation
from unit.model_engine import ModelEngine, go_back

FLUSHED = {
    "filter": (":INPUT ACCEPT", ":FORWARD DROP", ":OUTPUT ACCEPT"),
    "nat": (":PREROUTING ACCEPT", ":INPUT ACCEPT", ":OUTPUT ACCEPT", ":POSTROUTING ACCEPT"),
}
OPEN = {**FLUSHED, "filter": (":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT")}
BRIDGE = Network("0123456789abcdef", "shop_default", subnets=(Subnet("10.1.0.0/24"),))
FACTS = HostFacts(
    allowed=True,
    networks=(BRIDGE,),
    interfaces=("eth0", "br-0123456789ab"),
    state=HostState(FLUSHED, {FORWARDING: "1"}),
)


def given(facts=FACTS, fault="host_firewall_flush", **engine):
    snapshot = recorded(fault)
    snapshot = replace(snapshot, engine=replace(snapshot.engine, **{"version": "26.1.5", "local": True, **engine}))
    return replace(situation(snapshot, REMEDIATION.name), options={"host": facts})


def propose(*facts, **more):
    return REMEDIATION.propose(given(*facts, **more))


def with_all_rules(tables):
    added = additions(docker_rules([BRIDGE], [], True), tables)
    engine = ModelEngine(ProjectState("shop"), {})
    engine.tables = dict(tables)
    for table, commands in added.items():
        engine.change_rules(table, commands)
    return engine.tables


def test_the_rules_that_are_missing_are_added_a_table_at_once():
    proposal = propose()
    assert [(s.action.value, s.object) for s in proposal.steps] == [
        ("change_rules", "iptables table filter"), ("change_rules", "iptables table nat")
    ]  # fmt: skip
    assert "-A POSTROUTING -s 10.1.0.0/24 ! -o br-0123456789ab -j MASQUERADE" in proposal.steps[1].args["commands"]
    assert proposal.changes and not proposal.refusals and not proposal.restarted and not proposal.recreated


def test_without_permission_it_is_refused_and_shows_what_it_would_do():
    proposal = propose(replace(FACTS, allowed=False))
    (reason,) = proposal.refusals
    assert "netfix_allow_host_firewall: true" in reason and "systemctl restart docker" in reason
    assert proposal.steps == propose().steps and not proposal.changes


def test_nothing_is_permitted_unless_somebody_does():
    assert not HostFacts().allowed and REMEDIATION.invasiveness == 5 and REMEDIATION.reversible == "full"


def test_a_host_that_has_all_rules_is_left_alone():
    proposal = propose(replace(FACTS, state=HostState(with_all_rules(FLUSHED), {FORWARDING: "1"})))
    assert proposal.steps == () and "no rule that Docker writes is missing" in proposal.refusals[0]


@pytest.mark.parametrize(
    "facts, engine, reason",
    [
        ({}, {"local": False}, "another host"),
        ({"obstacle": "root is needed"}, {}, "root is needed"),
        ({}, {"settings": {"iptables": "false"}}, "iptables=false"),
        ({}, {"settings": {"firewall-backend": "nftables"}}, "nftables"),
        ({}, {"version": "28.0.1"}, "28.0.1"),
        ({}, {"version": ""}, "unknown version"),
        ({"swarm": True}, {}, "swarm"),
        ({"interfaces": ("eth0",)}, {}, "has no interface br-0123456789ab here"),
        (
            {"networks": (replace(BRIDGE, options={"com.docker.network.bridge.gateway_mode_ipv4": "routed"}),)}, {}, "mode routed"
        ),
        ({"state": HostState(FLUSHED, {FORWARDING: "0"})}, {"settings": {"ip-forward": "false"}}, "ip-forward=false"),
        ({"state": HostState(FLUSHED, {FORWARDING: "0"}), "forwarding": ("tun0",)}, {}, "tun0"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_or_may_be_policy_is_refused_whether_it_is_allowed_or_not(facts, engine, reason):
    for allowed in (True, False):
        proposal = propose(replace(FACTS, allowed=allowed, **facts), **engine)
        assert reason in proposal.refusals[0] and proposal.steps == ()


def test_a_host_that_was_not_looked_at_is_left_alone():
    proposal = REMEDIATION.propose(replace(given(), options={}))
    assert proposal.steps == () and proposal.refusals


def test_forwarding_is_switched_on_last_and_not_for_everybody():
    state = HostState(with_all_rules(OPEN), {FORWARDING: "0"})
    proposal = propose(replace(FACTS, state=state), fault="ip_forward_disabled")
    assert [s.object for s in proposal.steps] == ["iptables table filter", f"{FORWARDING}=1"]
    assert proposal.steps[0].args["commands"] == ["-P FORWARD DROP"]


def test_a_policy_that_keeps_others_out_already_stays():
    state = HostState(with_all_rules(FLUSHED), {FORWARDING: "0"})
    assert [s.object for s in propose(replace(FACTS, state=state), fault="ip_forward_disabled").steps] == [
        f"{FORWARDING}=1"
    ]


def test_forwarding_stays_off_where_no_finding_complains():
    state = HostState(FLUSHED, {FORWARDING: "0"})
    assert [s.action.value for s in propose(replace(FACTS, state=state)).steps] == ["change_rules", "change_rules"]


def attempt():
    """A host without rules that does not forward, and what is done about both."""
    asked = given(replace(FACTS, state=HostState(OPEN, {FORWARDING: "0"})), fault="ip_forward_disabled")
    proposal = REMEDIATION.propose(asked)
    engine = ModelEngine(asked.state, asked.config)
    engine.tables, engine.switches = dict(OPEN), {FORWARDING: "0"}
    return engine, proposal


@pytest.mark.parametrize("done", range(4))
def test_death_after_any_step_leads_back_to_the_checkpoint(done):
    engine, proposal = attempt()
    saved = from_data(ProjectState, to_data(engine.state(host=proposal.host)))
    for step in proposal.steps[:done]:
        engine.run(step)
    go_back(engine, saved)
    assert differences(saved, engine.state(host=saved.host)) == []
    assert (engine.tables, engine.switches) == (OPEN, {FORWARDING: "0"})


def test_death_while_undoing_leads_back_to_the_checkpoint():
    for died_after in range(4):
        engine, proposal = attempt()
        saved = engine.state(host=proposal.host)
        for step in proposal.steps:
            engine.run(step)
        go_back(engine, saved, stop_after=died_after)
        go_back(engine, saved)
        assert (engine.tables, engine.switches) == (OPEN, {FORWARDING: "0"})


def test_forwarding_goes_back_before_the_rules():
    engine, proposal = attempt()
    saved = engine.state(host=proposal.host)
    for step in proposal.steps:
        engine.run(step)
    steps = undo_steps(engine.state(host=saved.host), saved, "")
    assert [s.action.value for s in steps] == ["set_sysctl", "change_rules", "change_rules"]


def test_what_is_left_of_an_attempt_is_told_and_what_others_did_meanwhile_is_no_failure():
    engine, proposal = attempt()
    saved = engine.state(host=proposal.host)
    engine.run(proposal.steps[1])
    engine.change_rules("filter", ["-A INPUT -s 192.0.2.7 -j DROP"])
    left = differences(saved, engine.state(host=saved.host))
    assert [(d.object, d.field, d.dynamic) for d in left] == [
        ("host firewall", "table nat", False), ("host firewall", "table filter", True)
    ]  # fmt: skip


def test_a_checkpoint_without_the_host_is_read_as_before():
    engine, _proposal = attempt()
    data = to_data(engine.state())
    assert data.pop("host") is None
    assert from_data(ProjectState, data) == engine.state() and undo_steps(engine.state(), engine.state(), "") == []
