# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few rules of the engine and of Compose that remediations and their undoing rely on, in memory."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace

from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Endpoint, Network, Subnet, from_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import ProjectState
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.undo import undo_steps

OVERRIDE = "/srv/lab/compose.netfix.yml"
ROUNDS = 8


class ModelEngine:
    """A project that steps change. ``config`` is what the operator's own files say."""

    def __init__(self, state, config):
        self.project, self.override = state.project, state.override
        self.containers, self.networks = dict(state.containers), dict(state.networks)
        self.config = config
        self.tables, self.switches = {}, {}
        self.indexes, self.running = {}, 0
        self.own = {c.service: (c.config_hash, c.config) for c in state.containers.values()}
        self.made = dict(state.containers)

    def state(self, _known=(), host=None, guests=(), database_state=None):
        seen = host and replace(host, tables=dict(self.tables), switches={n: self.switches[n] for n in host.switches})
        database = database_state and replace(database_state, indexes=dict(self.indexes), running=self.running)
        return ProjectState(
            self.project, self.override, dict(self.containers), dict(self.networks), seen, database=database
        )

    def state_beside(self, saved):
        return self.state(saved.networks, saved.host, tuple(saved.guests), saved.database)

    def run(self, step):
        getattr(self, step.action.value, lambda **_args: None)(**step.args)

    def change_rules(self, table, commands):
        self.tables[table] = changed_rules(self.tables[table], commands)

    def set_sysctl(self, name, value):
        self.switches[name] = value

    def write_override(self, data=None, text=None):
        self.override = json.dumps(data, sort_keys=True) if data is not None else text

    def create_network(self, network):
        if network["name"] in self.networks:
            raise EngineError(f"network {network['name']} exists already")
        self.networks[network["name"]] = replace(from_data(Network, network), id="new", attached=())

    def remove_network(self, network):
        if any(network in c.endpoints and c.state == "running" for c in self.containers.values()):
            raise EngineError(f"network {network} has active endpoints")
        self.networks.pop(network, None)

    def disconnect(self, container, network):
        found = self.containers[container]
        kept = {k: v for k, v in found.endpoints.items() if k != network}
        self.containers[container] = replace(found, endpoints=kept)

    def connect(self, container, network, endpoint):
        found = self.containers[container]
        if network not in self.networks and network != "bridge":
            raise EngineError(f"network {network} not found")
        if network in found.endpoints:
            raise EngineError(f"endpoint {container} already exists in network {network}")
        wanted = replace(from_data(Endpoint, endpoint), network=network, address="")
        self.containers[container] = replace(found, endpoints={**found.endpoints, network: wanted})
        if found.state == "running":
            self._seat(container)

    def disconnect_all(self, network, containers):
        for container in containers:
            self.disconnect(container, network)

    def connect_all(self, network, endpoints):
        for fixed in (True, False):
            for container, endpoint in endpoints.items():
                if bool(endpoint["static_ipv4"]) == fixed:
                    self.connect(container, network, endpoint)

    def recreate(self, service):
        patch = (json.loads(self.override or "{}").get("services") or {}).get(service)
        own_hash, own_config = self.own[service]
        wanted = json.dumps(patch, sort_keys=True) if patch else own_hash
        networks = {**(self.config["services"][service].get("networks") or {}), **((patch or {}).get("networks") or {})}
        for name, made in self.made.items():
            if made.service != service:
                continue
            found = self.containers.get(name) or replace(made, config_hash="")
            if found.config_hash != wanted:
                config = {"Config": {"patched": wanted}} if patch else own_config
                self.containers[name] = replace(found, config_hash=wanted, config=config, endpoints={}, state="running")
                for key, spec in sorted(networks.items()):
                    static = (spec or {}).get("ipv4_address") or ""
                    network = self._network_of(key)
                    self.connect(name, network, {"network": network, "aliases": [name, service], "static_ipv4": static})
            self.start(name)

    def rename(self, container, name):
        self.containers[name] = replace(self.containers.pop(container), name=name)

    def remove_container(self, container):
        del self.containers[container]

    def _network_of(self, key):
        """Its name; Compose makes what the override file adds."""
        configured = (self.config.get("networks") or {}).get(key)
        name = configured["name"] if configured else f"{self.project}_{key}"
        if not configured and name not in self.networks:
            added = (json.loads(self.override).get("networks") or {}).get(key)
            pool = added["ipam"]["config"][0]["subnet"] if added else "10.99.0.0/24"
            self.networks[name] = Network("new", name, key=key, project=self.project, subnets=(Subnet(pool),))
        return name

    def start(self, container):
        self.containers[container] = replace(self.containers[container], state="running")
        self._seat(container)

    def stop(self, container):
        found = self.containers[container]
        bare = {k: replace(e, address="") for k, e in found.endpoints.items()}
        self.containers[container] = replace(found, state="exited", endpoints=bare)

    def _seat(self, container):
        """Give it its chosen addresses, or the lowest that are free."""
        found = self.containers[container]
        for name, endpoint in found.endpoints.items():
            # the engine's own bridge is no part of a project's state
            if not endpoint.address and name in self.networks:
                taken = {c.endpoints[name].address for c in self.containers.values() if name in c.endpoints}
                hosts = ipaddress.ip_network(self.networks[name].subnets[0].subnet).hosts()
                next(hosts)
                address = endpoint.static_ipv4 or next(str(h) for h in hosts if str(h) not in taken)
                found = replace(found, endpoints={**found.endpoints, name: replace(endpoint, address=address)})
                self.containers[container] = found


def changed_rules(lines, commands):
    """What ``iptables-restore --noflush`` makes of a table's lines. AssertionError where it would refuse a command."""
    heads, rules = [line for line in lines if line[0] == ":"], [line for line in lines if line[0] == "-"]
    for command in commands:
        action, chain, *rest = command.split(" ")
        known = [h for h in heads if h.startswith(f":{chain} ")]
        assert bool(known) == (action != "-N"), command
        if action == "-N":
            heads.append(f":{chain} -")
        elif action == "-P":
            heads[heads.index(known[0])] = f":{chain} {rest[0]}"
        elif action == "-X":
            assert not [r for r in rules if r.startswith(f"-A {chain} ") or r.endswith(f" -j {chain}")], command
            heads.remove(known[0])
        elif action == "-D":
            rules.remove(" ".join(["-A", chain, *rest]))
        else:
            place = int(rest.pop(0)) if rest[0].isdigit() else 1
            inside = [n for n, r in enumerate(rules) if r.startswith(f"-A {chain} ")]
            at = len(rules) if action == "-A" else (inside + [len(rules)])[place - 1]
            rules.insert(at, " ".join(["-A", chain, *rest]))
    return (*heads, *rules)


def go_back(engine, saved, stop_after=None):
    """What the transaction does; ``stop_after`` steps it dies. The number of rounds that were needed."""
    left = stop_after
    for number in range(ROUNDS):
        steps = undo_steps(engine.state(host=saved.host), saved, OVERRIDE)
        if not steps:
            return number
        for step in steps:
            if left == 0:
                return number
            left = left - 1 if left is not None else None
            engine.run(step)
    raise AssertionError(f"not back after {ROUNDS} rounds: {undo_steps(engine.state(host=saved.host), saved, OVERRIDE)}")
