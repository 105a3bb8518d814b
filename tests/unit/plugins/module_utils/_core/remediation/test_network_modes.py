# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services apart from the project's networks: brought there, or called where they are."""

from __future__ import annotations

import pytest
from unit.builders import propose, recorded


def services(proposal):
    return proposal.patch["services"]


@pytest.mark.parametrize(
    "fault, moved",
    [("mixed_default_bridge_and_custom", {"users"}), ("default_bridge_no_dns", {"gateway", "users", "orders"})],
)
def test_who_is_on_the_default_bridge_gets_the_projects_network_for_its_mode(fault, moved):
    proposal = propose(recorded(fault), "reconnect_endpoints")
    assert set(services(proposal)) == set(proposal.recreated) == moved
    for spec in services(proposal).values():
        assert spec == {"network_mode": {"__tag__": "reset", "__value__": None}, "networks": {"default": None}}


def test_a_service_in_the_hosts_network_is_called_there_by_its_name():
    proposal = propose(recorded("network_mode_host_backend"), "correct_upstreams")
    (consumer,) = services(proposal)
    spec = services(proposal)[consumer]
    assert consumer == "gateway" and spec["extra_hosts"] == ["users=host-gateway"]
    assert spec["environment"]["ROUTES"].startswith("/users=http://users:") and "users:8000" not in spec["environment"]["ROUTES"]


def test_the_name_for_the_host_is_defined_and_nothing_else_changes():
    proposal = propose(recorded("host_docker_internal_missing"), "correct_upstreams")
    assert services(proposal) == {"gateway": {"extra_hosts": ["host.docker.internal=host-gateway"]}}


def test_pins_of_an_earlier_run_stay_beside_the_name_of_the_host():
    earlier = {"services": {"gateway": {"extra_hosts": ["orders=10.1.0.9"]}}}
    proposal = propose(recorded("host_docker_internal_missing"), "correct_upstreams", override=earlier)
    pins = services(proposal)["gateway"]["extra_hosts"]
    assert pins == ["orders=10.1.0.9", "host.docker.internal=host-gateway"]


def test_a_service_in_anothers_network_is_called_by_that_ones_name_and_its_own_port():
    proposal = propose(recorded("network_mode_service"), "correct_upstreams")
    assert "/users=http://orders:8001" in services(proposal)["gateway"]["environment"]["ROUTES"]


def test_a_name_with_an_underscore_is_exchanged_for_the_services_own():
    proposal = propose(recorded("underscore_host_rejected"), "correct_upstreams")
    assert "/users=http://users:8000" in services(proposal)["gateway"]["environment"]["ROUTES"]


def test_an_endpoint_whose_link_takes_small_packets_only_gets_a_new_one():
    proposal = propose(recorded("mtu_blackhole"), "reconnect_endpoints")
    assert [s.action.value for s in proposal.steps] == ["disconnect", "connect"] and not proposal.recreated
    assert all("takes smaller packets" in s.cause for s in proposal.steps)
