# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container, Network
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.inspect import (
    container_from_inspect,
    network_from_inspect,
)
from unit.builders import FIXTURES


def recorded(fault):
    data = json.loads((FIXTURES / "inspect" / f"{fault}.json").read_text(encoding="utf-8"))
    return {c.name: c for c in map(container_from_inspect, data["containers"])}, data["networks"]


def test_a_container_that_compose_made():
    gateway = recorded("healthy")[0]["netfix-unit-api_gateway-1"]
    assert (gateway.service, gateway.project, gateway.number, gateway.one_off) == ("api_gateway", "netfix-unit", 1, False)
    assert gateway.running and gateway.restart_policy == "no" and gateway.pid > 0
    assert [(p.host_ip, p.host_port, p.container_port) for p in gateway.ports] == [("127.0.0.1", 18200, 8000)]
    assert gateway.environment["ROUTES"].startswith("/api/v1/kb=")


def test_an_endpoint_has_its_names_without_the_containers_id():
    gateway = recorded("healthy")[0]["netfix-unit-api_gateway-1"]
    (endpoint,) = gateway.endpoints
    assert endpoint.aliases == ("api_gateway", "netfix-unit-api_gateway-1")
    assert set(endpoint.dns_names) == {"api_gateway", "netfix-unit-api_gateway-1"}
    assert endpoint.address.startswith("10.214.91.") and endpoint.static_ipv4 == "" and endpoint.prefix_length == 24


def test_an_endpoint_that_was_reconnected_by_hand_has_the_containers_name_only():
    containers, _networks = recorded("reconnected_without_alias")
    assert containers["netfix-unit-hcl-kb-service-1"].endpoints[0].dns_names == ("netfix-unit-hcl-kb-service-1",)


def test_a_mount_is_told_with_its_source():
    containers, _networks = recorded("resolv_conf_bind_mounted")
    (mount,) = containers["netfix-unit-api_gateway-1"].mounts
    assert (mount.type, mount.source, mount.destination) == ("bind", "/srv/lab/resolv.conf", "/etc/resolv.conf")
    assert mount.read_only


def test_a_volume_is_told_by_its_name():
    containers, _networks = recorded("healthy")
    (volume,) = [m for m in containers["netfix-unit-postgres-1"].mounts if m.type == "volume"]
    assert volume.source == "netfix-unit_pgdata"


@pytest.mark.parametrize(
    "fault, key, subnet",
    [("healthy", "vertice-network", "10.214.91.0/24"), ("network_rebuilt_naively", "", "10.214.91.0/25")],
)
def test_a_network_has_its_key_where_compose_made_it(fault, key, subnet):
    (network,) = [n for n in map(network_from_inspect, recorded(fault)[1]) if n.name.endswith("vertice-network")]
    assert (network.key, [s.subnet for s in network.subnets], network.driver) == (key, [subnet], "bridge")
    assert len(network.attached) == 8


def test_nothing_at_all_gives_empty_fields():
    assert container_from_inspect({}) == Container("", "", state="", restart_policy="")
    assert network_from_inspect({}) == Network("", "", driver="", scope="")


# docker-23 put the short id among the aliases, and had no DNSNames; null stands for every empty list
def test_an_older_engine_is_read_as_well():
    raw = {
        "Id": "0123456789abcdef",
        "Name": "/shop-api-1",
        "Config": {"Labels": None, "Env": ["EMPTY=", "BARE"], "Entrypoint": "run", "Cmd": None},
        "HostConfig": {"PortBindings": {"53/udp": [{"HostIp": "", "HostPort": ""}], "80/tcp": None}},
        "NetworkSettings": {"Networks": {"shop": {"Aliases": ["api", "0123456789ab"], "IPAMConfig": None}, "none": None}},
    }
    found = container_from_inspect(raw)
    assert found.endpoint("shop").dns_names == found.endpoint("shop").aliases == ("api",)
    assert found.environment == {"EMPTY": "", "BARE": ""} and found.entrypoint == ("run",) and found.command == ()
    assert [(p.container_port, p.protocol, p.host_port) for p in found.ports] == [(53, "udp", 0)]
