# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's rules as its engine wrote them, gone in many ways, added, and taken away again."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Network, Subnet
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.inspect import (
    container_from_inspect,
    network_from_inspect,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.docker_rules import (
    docker_rules,
    writes_these,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_state import (
    HostState,
    additions,
    changed_by_others,
    parse_tables,
    removals,
)
from unit.builders import FIXTURES
from unit.model_engine import changed_rules

BUILT_IN = {
    "filter": (":INPUT ACCEPT", ":FORWARD DROP", ":OUTPUT ACCEPT"),
    "nat": (":PREROUTING ACCEPT", ":INPUT ACCEPT", ":OUTPUT ACCEPT", ":POSTROUTING ACCEPT"),
}
POLICY = ("-A FORWARD -s 10.5.0.0/16 -j DROP", '-A FORWARD -d 10.6.0.1/32 -m comment --comment "a guest\'s" -j REJECT')


@pytest.fixture(scope="module", params=["userland_proxy", "no_userland_proxy"])
def engine(request):
    """A healthy engine with networks of every kind."""
    data = json.loads((FIXTURES / "firewall" / f"{request.param}.json").read_text(encoding="utf-8"))
    containers = [container_from_inspect(c) for c in data["containers"]]
    return SimpleNamespace(
        tables=parse_tables("\n".join(data["iptables_save"])),
        rules=docker_rules(
            [network_from_inspect(n) for n in data["networks"]],
            [replace(c, default_route=data["default_routes"].get(c.name, "")) for c in containers],
            request.param == "userland_proxy",
        ),
    )


def added_to(tables, rules):
    """The tables with what they lacked, and the state that tells what that was."""
    added = additions(rules, tables)
    full = {t: changed_rules(lines, added.get(t, ())) for t, lines in tables.items()}
    return full, HostState(tables, {}, added)


def taken_away(full, saved):
    gone = removals(replace(saved, tables=full), saved)
    return {t: changed_rules(lines, gone.get(t, ())) for t, lines in full.items()}


def of_chain(lines, chain):
    return [line for line in lines if line.startswith(f"-A {chain} ")]


def without(tables, table, *beginnings):
    return {**tables, table: tuple(line for line in tables[table] if not line.startswith(beginnings))}


def test_a_healthy_engine_lacks_nothing(engine):
    assert engine.rules and additions(engine.rules, engine.tables) == {}


def test_what_is_added_to_an_empty_host_is_what_the_engine_wrote(engine):
    full, _saved = added_to(BUILT_IN, engine.rules)
    for table, lines in engine.tables.items():
        assert sorted(full[table][len(BUILT_IN[table]) :]) == sorted(lines[len(BUILT_IN[table]) :])


def test_every_chain_is_in_an_order_that_means_the_same(engine):
    full, _saved = added_to(BUILT_IN, engine.rules)
    forward = of_chain(full["filter"], "FORWARD")
    assert forward[:2] == ["-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1"]
    for chain in ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2"):
        assert of_chain(full["filter"], chain)[-1] == f"-A {chain} -j RETURN"
    kinds = [line.endswith("-j RETURN") for line in of_chain(full["nat"], "DOCKER")]
    assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize(
    "table, lost",
    [
        ("filter", ("-A",)),
        ("nat", ("-A",)),
        ("filter", ("-A FORWARD",)),
        ("filter", ("-A FORWARD -j DOCKER-ISOLATION",)),
        ("filter", ("-A FORWARD -j DOCKER-USER",)),
        ("filter", ("-A DOCKER-ISOLATION-STAGE-1",)),
        ("nat", ("-A POSTROUTING", "-A DOCKER -d")),
        ("nat", (":DOCKER", "-A DOCKER", "-A PREROUTING", "-A OUTPUT")),
    ],
)
def test_what_is_lost_comes_back_and_goes_again(engine, table, lost):
    broken = without(engine.tables, table, *lost)
    full, saved = added_to(broken, engine.rules)
    assert list(saved.added) == [table]
    # DOCKER-USER is the operator's: its last rule, which says what holds without it, stays away
    assert {*engine.tables[table]} - {*full[table]} <= {"-A DOCKER-USER -j RETURN"}
    assert additions(engine.rules, full) == {}
    assert taken_away(full, saved) == broken


@pytest.mark.parametrize("place", [0, 1, 2], ids=["before", "between", "behind"])
def test_no_rule_that_accepts_comes_before_one_of_the_operator(engine, place):
    jumps = ["-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1"]
    chains = tuple(
        line for line in engine.tables["filter"] if line[0] == ":" or "STAGE" in line and "FORWARD" not in line
    )
    rules = [*jumps[:place], *POLICY, *jumps[place:]]
    broken = {**engine.tables, "filter": (*chains, *rules)}
    full, saved = added_to(broken, engine.rules)
    forward = of_chain(full["filter"], "FORWARD")
    assert forward[:4] == rules and len(forward) > 10
    assert taken_away(full, saved) == broken


def test_jumps_come_before_the_operators_rules_as_the_engine_puts_them(engine):
    broken = {**BUILT_IN, "filter": (*BUILT_IN["filter"], *POLICY)}
    full, saved = added_to(broken, engine.rules)
    forward = of_chain(full["filter"], "FORWARD")
    assert [f.split()[-1] for f in forward[:2]] == ["DOCKER-USER", "DOCKER-ISOLATION-STAGE-1"] and forward[2:4] == [
        *POLICY
    ]
    assert taken_away(full, saved) == broken


def test_the_isolation_comes_behind_the_operators_chain(engine):
    broken = without(engine.tables, "filter", "-A FORWARD -j DOCKER-ISOLATION")
    lines = broken["filter"]
    first = lines.index("-A FORWARD -j DOCKER-USER")
    broken["filter"] = (*lines[:first], POLICY[0], *lines[first:])
    full, _saved = added_to(broken, engine.rules)
    assert of_chain(full["filter"], "FORWARD")[:3] == [
        POLICY[0],
        *(f"-A FORWARD -j {c}" for c in ("DOCKER-USER", "DOCKER-ISOLATION-STAGE-1")),
    ]


def test_a_rule_that_another_release_of_iptables_spells_otherwise_is_known(engine):
    def other(line):
        words = line.split(" -m tcp")[0] + "".join(line.split(" -m tcp")[1:])
        return words.replace("-m addrtype --dst-type LOCAL -j DOCKER", "-j DOCKER -m addrtype --dst-type LOCAL")

    spelt = {t: tuple(other(line) for line in lines) for t, lines in engine.tables.items()}
    assert spelt != engine.tables and additions(engine.rules, spelt) == {}


@pytest.mark.parametrize("died_after", range(3))
def test_whatever_was_added_is_taken_away_and_a_second_time_nothing_is(engine, died_after):
    added = additions(engine.rules, BUILT_IN)
    saved = HostState(BUILT_IN, {}, added)
    reached = {**BUILT_IN, **{t: changed_rules(BUILT_IN[t], c) for t, c in list(added.items())[:died_after]}}
    back = taken_away(reached, saved)
    assert back == BUILT_IN and removals(replace(saved, tables=back), saved) == {}


def test_what_the_engine_has_made_since_keeps_working_and_the_rest_goes(engine):
    full, saved = added_to(BUILT_IN, engine.rules)
    theirs = (
        "-A FORWARD -o br-new -j DOCKER",
        "-A DOCKER -d 10.77.0.2/32 ! -i br-new -o br-new -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A DOCKER-ISOLATION-STAGE-2 -o br-new -j DROP",
    )
    full["filter"] = (*full["filter"], *theirs)
    back = taken_away(full, saved)
    left = {*back["filter"]} - {*BUILT_IN["filter"]}
    jumps = {line for line in left if line.endswith((" -j DOCKER", "-j DOCKER-ISOLATION-STAGE-2"))}
    assert left == {*theirs, *jumps, ":DOCKER -", ":DOCKER-ISOLATION-STAGE-1 -", ":DOCKER-ISOLATION-STAGE-2 -"}
    assert back["nat"] == BUILT_IN["nat"]
    now = replace(saved, tables=back)
    assert removals(now, saved) == {} and changed_by_others(now, saved) == {"filter": (len(jumps | {*theirs}), 0)}


def test_what_others_add_and_take_is_told_apart_from_ours(engine):
    tables = {**BUILT_IN, "filter": (*BUILT_IN["filter"], *POLICY)}
    full, saved = added_to(tables, engine.rules)
    assert changed_by_others(replace(saved, tables=full), saved) == {}
    full["filter"] = tuple(line for line in full["filter"] if line != POLICY[0])
    full["nat"] = (*full["nat"], "-A OUTPUT -j ACCEPT", "-A INPUT -j ACCEPT")
    assert changed_by_others(replace(saved, tables=full), saved) == {"filter": (0, 1), "nat": (2, 0)}


def test_a_policy_goes_back():
    saved = HostState({"filter": (":FORWARD ACCEPT",)}, {}, {"filter": ("-P FORWARD DROP",)})
    now = replace(saved, tables={"filter": (":FORWARD DROP",)})
    assert removals(now, saved) == {"filter": ("-P FORWARD ACCEPT",)} and removals(saved, saved) == {}


def test_a_network_without_ipv4_or_of_another_driver_needs_no_rule():
    base = docker_rules([], [], True)
    others = [
        Network("id", "six", subnets=(Subnet("fd00::/64"),)),
        Network("id", "flat", "macvlan", subnets=(Subnet("10.0.0.0/24"),)),
    ]
    assert docker_rules(others, [], True) == base


@pytest.mark.parametrize(
    "version, known",
    [
        ("20.10.24+dfsg1", True),
        ("26.1.5", True),
        ("27.5.1", True),
        ("19.03.15", False),
        ("28.0.0", False),
        ("", False),
        ("dev", False),
    ],
)
def test_only_engines_whose_rules_these_are_are_known(version, known):
    assert writes_these(version) is known
