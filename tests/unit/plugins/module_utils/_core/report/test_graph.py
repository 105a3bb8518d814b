# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.graph import Node, graph
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.reading import read

from .builders import finding, stack, walk


def seen(diagnosis):
    return graph(diagnosis.get("topology") or {}, read(diagnosis))


def edges(diagnosis):
    return {(edge.consumer, edge.provider): edge for edge in seen(diagnosis).edges}


def test_dependencies_on_one_service_are_one_edge_with_the_worst_outcome():
    walks = [walk("web", "api", 8000), walk("web", "api", 9000, outcome="failed", cause="port.x"), walk("web", "db")]
    found = edges({"walks": walks, "findings": [finding("port.x", "x", walks[1:2])]})
    assert found["web", "api"].outcome is Outcome.FAILED and found["web", "api"].causes == (0,)
    assert len(found["web", "api"].walks) == 2 and found["web", "db"].causes == ()


def test_an_alias_leads_to_the_service_that_has_it():
    topology = {"services": [{"name": "web"}, {"name": "postgres"}], "providers": {"db.local": "postgres"}}
    found = edges({"walks": [walk("web", "db.local"), walk("web", "POSTGRES.")], "topology": topology})
    assert list(found) == [("web", "postgres")]


def test_without_a_topology_the_walks_tell_the_services():
    diagnosis = stack(20)
    del diagnosis["topology"]
    names = {name for w in diagnosis["walks"] for name in (w["dependency"]["consumer"], w["dependency"]["host"])}
    assert {node.name for node in seen(diagnosis).nodes} == names
    assert {node.stranger for node in seen(diagnosis).nodes} == {""}


def test_a_name_that_no_service_has_is_said_to_be_none():
    strangers = {node.name: node.stranger for node in seen(stack(20)).nodes if node.stranger}
    assert strangers == {"srvice-02": "no such service"}


def test_what_must_be_kept_apart_and_is_has_no_edge():
    apart = walk("web", "db")
    apart["dependency"]["kind"] = "separation"
    assert edges({"walks": [apart]}) == {}
    apart["outcome"] = "failed"
    assert list(edges({"walks": [apart]})) == [("web", "db")]


def test_who_says_localhost_calls_itself():
    loop = walk("web", "localhost", outcome="failed")
    loop["dependency"]["kind"] = "loopback"
    assert list(edges({"walks": [loop]})) == [("web", "web")]


def test_a_service_is_marked_with_the_findings_about_it():
    marked = {node.name: node.causes for node in seen(stack(20)).nodes if node.causes}
    assert marked == {"store-0": (0,), "service-01": (1,)}


@pytest.mark.parametrize(
    ("fields", "tone", "condition"),
    [
        ({"state": "running", "health": "healthy", "replicas": 1, "running": 1}, "good", "healthy"),
        ({"state": "running", "replicas": 3, "running": 3}, "good", "running ×3"),
        ({"state": "running", "health": "starting", "replicas": 1, "running": 1}, "warn", "starting"),
        ({"state": "running", "health": "unhealthy", "replicas": 1, "running": 1}, "bad", "unhealthy"),
        ({"state": "exited", "exit_code": 137, "replicas": 1}, "bad", "exited (137)"),
        ({"state": "restarting", "replicas": 3, "running": 2}, "bad", "2 of 3 run"),
        ({"state": "not created"}, "bad", "not created"),
        ({"state": "finished", "replicas": 1}, "idle", "finished"),
        ({"stranger": "no such service"}, "idle", "no such service"),
        ({}, "idle", ""),
    ],
)
def test_the_state_of_a_service_in_a_word_or_two(fields, tone, condition):
    node = Node("web", **fields)
    assert (node.tone, node.condition) == (tone, condition)
