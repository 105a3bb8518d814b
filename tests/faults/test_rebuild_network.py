# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rebuild_network on the real engine, on a project that has everything at once: what the engine shows stays the same."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import Attempts
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Limits, Transaction
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer
from faults.reference import PROJECT as LAB
from faults.reference import ROOT, SETTINGS

pytestmark = pytest.mark.docker

PROJECT = f"{LAB}-rebuild"
FRONT = f"{PROJECT}_front"
BACK = f"{PROJECT}_back"
IMAGE = "netfix-lab:latest"
WHOLE = ipaddress.ip_network(SETTINGS["LAB_SUBNET"])
# front, back, and one to move to
SUBNETS = [str(s) for s in WHOLE.subnets(new_prefix=26)]
FIXED = str(ipaddress.ip_network(SUBNETS[0])[40])

COMPOSE = f"""
x-part: &part
  image: {IMAGE}
  pull_policy: never
  init: true
  stop_grace_period: 1s
  command: ["python3", "/srv/app/backend.py"]
  volumes: ["./app:/srv/app:ro"]

services:
  gateway:
    <<: *part
    command: ["python3", "/srv/app/gateway.py"]
    environment: {{ROUTES: "/users=http://users:8000,/orders=http://orders:8000,/menu=http://menu:8000,/ledger=http://ledger:8000"}}
    ports: ["127.0.0.1:{SETTINGS["LAB_GATEWAY_PORT"]}:8080"]
    networks: [front, back]
  users:
    <<: *part
    environment: {{NAME: users}}
    networks:
      front:
        aliases: [people]
        ipv4_address: {FIXED}
  orders:
    <<: *part
    environment: {{NAME: orders}}
    deploy: {{replicas: 2}}
    links: ["users:clients"]
    networks: [front]
  menu:
    <<: *part
    environment: {{NAME: menu}}
    networks: [front]
  beside:
    <<: *part
    command: ["sleep", "infinity"]
    network_mode: service:orders
  ledger:
    <<: *part
    environment: {{NAME: ledger}}
    networks: [back]
  zombie:
    <<: *part
    environment: {{NAME: zombie}}
    # the last one to come, so that no address below another one's is free when it stops
    depends_on: [gateway, users, orders, menu]
    networks:
      front: {{aliases: [undead]}}

networks:
  front:
    enable_ipv6: true
    labels: {{team: kitchen}}
    driver_opts: {{com.docker.network.driver.mtu: "1450"}}
    ipam:
      config:
        - {{subnet: "{SUBNETS[0]}"}}
        - {{subnet: "fd31:7e:7f1::/64"}}
  back:
    internal: true
    ipam:
      config:
        - {{subnet: "{SUBNETS[1]}", aux_addresses: {{router: "{ipaddress.ip_network(SUBNETS[1])[9]}"}}}}
"""


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def inspect(kind, name):
    return json.loads(docker(kind, "inspect", name))[0]


class Everything:
    """The project in a folder, and transactions on it."""

    def __init__(self, folder):
        self.folder = folder

    def compose(self, *words):
        files = [f for n in ("compose.yml", "compose.netfix.yml") if (self.folder / n).exists() for f in ("-f", n)]
        done = subprocess.run(
            ["docker", "compose", "-p", PROJECT, *files, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"docker compose {' '.join(words)}: {done.stderr}"
        return done.stdout

    def containers(self):
        found = docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
        return [inspect("container", c) for c in found]

    def transaction(self, **options):
        gatherer = open_gatherer({"project_src": str(self.folder), "project_name": PROJECT})
        executor = Executor(gatherer.engine, gatherer.compose)
        attempts = Attempts(str(self.folder / "state"), PROJECT)
        return Transaction(gatherer, executor, attempts, Limits(), options=options)

    def rebuild(self, run_id, **options):
        return self.transaction(**options).attempt("rebuild_network", run_id, 1, forced=True)

    def lose_name(self, service, network):
        """As somebody does who connects a container anew by hand."""
        container = f"{PROJECT}-{service}-1"
        address = self.address(f"{service}-1", network)
        docker("network", "disconnect", network, container)
        docker("network", "connect", network, container)
        assert self.address(f"{service}-1", network) == address

    def address(self, name, network):
        return inspect("container", f"{PROJECT}-{name}")["NetworkSettings"]["Networks"][network]["IPAddress"]

    def running(self):
        """Which containers run since when."""
        found = self.containers()
        return {c["Name"].removeprefix(f"/{PROJECT}-"): (c["Id"], c["State"]["StartedAt"]) for c in found}

    def raw(self):
        """All that the engine shows of the project's networks and containers, but for what is new on every connection."""
        return {
            "networks": {n: network(inspect("network", n)) for n in (FRONT, BACK)},
            "containers": {c["Name"]: container(c) for c in self.containers()},
        }


def container(raw):
    endpoints = raw["NetworkSettings"]["Networks"]
    for endpoint in endpoints.values():
        endpoint.update(EndpointID="", NetworkID="", IPAMConfig=endpoint["IPAMConfig"] or None, DNSNames=sorted(endpoint["DNSNames"] or []))
        endpoint.update(Aliases=sorted(endpoint["Aliases"] or []), DriverOpts=endpoint["DriverOpts"] or None)
    raw["NetworkSettings"]["SandboxID"] = ""
    raw["ResolvConfPath"] = raw["HostsPath"] = ""
    return raw


def network(raw):
    raw.update(Id="", Created="")
    for attached in raw["Containers"].values():
        attached["EndpointID"] = ""
    return raw


def differing(one, other, path=""):
    """The places where two trees of data are not the same, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [d for k in sorted({*one, *other}) for d in differing(one.get(k), other.get(k), f"{path}/{k}")]
    return [] if one == other else [(path, one, other)]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Everything(tmp_path_factory.mktemp("rebuild"))
    (made.folder / "compose.yml").write_text(COMPOSE)
    shutil.copytree(ROOT / "lab" / "reference" / "app", made.folder / "app")
    try:
        made.compose("up", "-d")
        made.compose("stop", "zombie")
        made.compose("run", "-d", "--no-deps", "--name", f"{PROJECT}-once", "orders", "sleep", "infinity")
        yield made
    finally:
        made.compose("down", "-v", "--remove-orphans")


@pytest.fixture
def guest(everything):
    """A container of somebody else, with a name of its own on a network of the project."""
    name = f"{PROJECT}-guest"
    docker("run", "-d", "--init", "--name", name, IMAGE, "sleep", "infinity")
    link, note = f"{PROJECT}-ledger-1:books", "com.example.note=kept"
    docker("network", "connect", "--alias", "visitor", "--link", link, "--driver-opt", note, BACK, name)
    yield name
    docker("rm", "-f", name)


def endpoint_of(raw, name, network):
    return raw["containers"][f"/{PROJECT}-{name}"]["NetworkSettings"]["Networks"][network]


def default_route(name):
    return docker("exec", f"{PROJECT}-{name}", "ip", "route", "show", "default").split()[:3]


def test_a_rebuild_keeps_everything_and_its_undoing_gives_everything_back(everything):
    everything.lose_name("menu", FRONT)
    before, route = everything.raw(), default_route("gateway-1")
    was = inspect("network", FRONT)["Id"]
    attempt = everything.rebuild("all")
    assert attempt["verdict"] == "kept", (attempt["reason"], attempt["steps"])

    assert inspect("network", FRONT)["Id"] != was
    after = everything.raw()
    nameless, named = (endpoint_of(raw, "menu-1", FRONT) for raw in (before, after))
    assert named["Aliases"] == ["menu", f"{PROJECT}-menu-1"]
    named.update(Aliases=nameless["Aliases"], DNSNames=nameless["DNSNames"])
    assert differing(before, after) == []
    assert default_route("gateway-1") == route
    assert docker("exec", f"{PROJECT}-beside-1", "getent", "hosts", "people")

    running = everything.running()
    everything.compose("config", "--quiet")
    everything.compose("up", "-d")
    assert everything.running() == {**running, "zombie-1": everything.running()["zombie-1"]}
    assert docker("exec", f"{PROJECT}-gateway-1", "getent", "hosts", "undead")
    everything.compose("stop", "zombie")

    (undone,) = everything.transaction().roll_back("all")
    assert undone["verdict"] == "undone" and undone["undo"]["moved"] == []
    again = everything.raw()
    for raw in (before, again):
        # it ran in between
        raw["containers"][f"/{PROJECT}-zombie-1"].update(State="exited")
        raw["containers"][f"/{PROJECT}-zombie-1"]["NetworkSettings"]["SandboxKey"] = ""
    assert differing(before, again) == []


def test_an_address_above_one_that_was_freed_stays_the_same(everything):
    docker("start", f"{PROJECT}-zombie-1")
    everything.lose_name("menu", FRONT)
    address = everything.address("zombie-1", FRONT)
    docker("rm", "-f", f"{PROJECT}-once")
    assert everything.address("zombie-1", FRONT) == address
    assert everything.rebuild("hole")["verdict"] == "kept"
    assert everything.address("zombie-1", FRONT) == address
    everything.transaction().roll_back("hole")
    assert everything.address("zombie-1", FRONT) == address


def test_another_subnet_lasts_and_guests_come_along(everything, guest):
    everything.compose("up", "-d")
    everything.lose_name("ledger", BACK)
    wanted = {"network_name": "back", "network_subnet": SUBNETS[2]}
    refused = everything.rebuild("refused", **wanted)
    assert refused["verdict"] == "refused" and guest in refused["reason"]

    was = container(inspect("container", guest))["NetworkSettings"]["Networks"][BACK]
    attempt = everything.rebuild("moved", **wanted, network_shared="carry")
    assert attempt["verdict"] == "kept", (attempt["reason"], attempt["steps"])
    moved = inspect("network", BACK)
    assert [p["Subnet"] for p in moved["IPAM"]["Config"]] == [SUBNETS[2]] and moved["Internal"]
    is_now = container(inspect("container", guest))["NetworkSettings"]["Networks"][BACK]
    kept = ("Aliases", "Links", "DriverOpts")
    assert [is_now[k] for k in kept] == [was[k] for k in kept] and is_now["DriverOpts"] and is_now["Links"]
    assert ipaddress.ip_address(is_now["IPAddress"]) in ipaddress.ip_network(SUBNETS[2])

    running = everything.running()
    everything.compose("up", "-d")
    assert everything.running() == running and inspect("network", BACK)["Id"] == moved["Id"]
    assert SUBNETS[2] in everything.compose("config")
    everything.transaction().roll_back("moved")
    assert container(inspect("container", guest))["NetworkSettings"]["Networks"][BACK] == was
    assert [p["Subnet"] for p in inspect("network", BACK)["IPAM"]["Config"]] == [SUBNETS[1]]
