# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: steps from the present state to a checkpoint, whatever point between the two was reached.

Undoing compares and never replays: run it twice, and the second time it gives no step.
"""

from __future__ import annotations

import ipaddress
import re

from ..model import Endpoint, Network
from .databases import DatabaseState, drop_statement, recreate_statement
from .host_state import removals
from .state import ProjectState, address_order, changed_fields, hold_addresses, network_fields, same_endpoint
from .steps import (
    Action,
    Step,
    change_rules,
    connect,
    connect_all,
    create_index,
    create_network,
    disconnect,
    disconnect_all,
    drop_index,
    end_statements,
    on_container,
    reconnect,
    recreate,
    remove_network,
    rename,
    run_script,
    set_sysctl,
    write_override,
)

CAUSE = "as in the checkpoint"
# Compose makes a container anew beside the old one, under this name, then stops and removes the old one, renames the
# new one and starts it: https://github.com/docker/compose/blob/v2.26.1/pkg/compose/convergence.go
SUCCESSOR = re.compile(r"^[0-9a-f]{12}_(.+)$")


def undo_steps(now: ProjectState, saved: ProjectState, override_path: str) -> list[Step]:
    """Steps that bring the project nearer to the saved state; empty when it is there.

    Run them, look again, and ask again: what a recreated container looks like is only known afterwards.
    """
    steps = _successors(now, saved)
    if steps:
        return steps
    steps = _statements(now, saved)
    if steps:
        return steps
    steps = _host(now, saved) + _indexes(now, saved)
    if now.override != saved.override:
        steps.append(write_override(saved.override, override_path, CAUSE))
    for name, network in saved.networks.items():
        found = now.networks.get(name)
        if found is None or network_fields(found) != network_fields(network):
            steps += _rebuild(now, saved, network)
    if steps and any(s.action in (Action.CREATE_NETWORK, Action.REMOVE_NETWORK) for s in steps):
        return steps
    changed = _recreations(now, saved)
    if steps or changed:
        return steps + changed
    steps = _endpoints(now, saved) + _surplus_networks(now, saved)
    return steps or _running(now, saved) or _reseat(now, saved)


def _successors(now: ProjectState, saved: ProjectState) -> list[Step]:
    """What a Compose that died left beside the container that it was to replace, or without it.

    It shares that one's volumes, also those that have no name, so it takes its place where that one is gone: whatever
    comes after it inherits them.
    """
    steps: list[Step] = []
    present = set(now.containers)
    for left in sorted(present - set(saved.containers)):
        match = SUCCESSOR.match(left)
        if match is None or match[1] not in saved.containers:
            continue
        if match[1] in present:
            steps.append(on_container(Action.REMOVE_CONTAINER, left, CAUSE))
        else:
            steps.append(rename(left, match[1], CAUSE))
            present.add(match[1])
    return steps


def _host(now: ProjectState, saved: ProjectState) -> list[Step]:
    """Forwarding goes back before the rules that keep it in bounds."""
    if now.host is None or saved.host is None:
        return []
    switches = {n: v for n, v in saved.host.switches.items() if now.host.switches.get(n) != v}
    steps = [set_sysctl(name, value, CAUSE) for name, value in switches.items()]
    return steps + [change_rules(table, commands, CAUSE) for table, commands in removals(now.host, saved.host).items()]


def _statements(now: ProjectState, saved: ProjectState) -> list[Step]:
    """What a run that died has begun in a database goes on there; it must not make anything behind our back."""
    if now.database is None or saved.database is None or not now.database.running:
        return []
    return [end_statements(saved.database.place, "a statement of ours is still under way")]


def _indexes(now: ProjectState, saved: ProjectState) -> list[Step]:
    """The operator's own way back first, where there is one; whatever it leaves or takes too much is put right by name."""
    if now.database is None or saved.database is None:
        return []
    was: DatabaseState = saved.database
    surplus = was.surplus(now.database)
    steps = [run_script(was.undo_container, was.undo_words, CAUSE)] if surplus and was.undo_words else []
    steps += [drop_index(was.place, n, drop_statement(now.database.indexes[n]), CAUSE) for n in surplus]
    for name in was.missing(now.database):
        if name in now.database.indexes:
            steps.append(drop_index(was.place, name, drop_statement(now.database.indexes[name]), CAUSE))
        steps.append(create_index(was.place, name, recreate_statement(was.indexes[name]), CAUSE))
    return steps


def _rebuild(now: ProjectState, saved: ProjectState, network: Network) -> list[Step]:
    attached = now.attached(network.name)
    steps = [disconnect_all(network.name, address_order(attached), CAUSE)] if attached else []
    if network.name in now.networks:
        steps.append(remove_network(network.name, CAUSE))
    steps.append(create_network(network, CAUSE))
    present = {**now.containers, **now.guests}
    belonging = {name: e for name, e in saved.attached(network.name).items() if name in present}
    if belonging:
        steps.append(connect_all(network.name, hold_addresses(belonging, network), CAUSE))
    return steps


def _recreations(now: ProjectState, saved: ProjectState) -> list[Step]:
    services = []
    for name, container in saved.containers.items():
        found = now.containers.get(name)
        if container.service and (
            found is None or found.config_hash != container.config_hash or changed_fields(container, found)
        ):
            services.append(container.service)
    return [recreate(service, CAUSE) for service in dict.fromkeys(services)]


def _endpoints(now: ProjectState, saved: ProjectState) -> list[Step]:
    steps: list[Step] = []
    found = {**{name: c.endpoints for name, c in now.containers.items()}, **now.guests}
    for name, container in saved.containers.items():
        surplus = [network for network in found.get(name, ()) if network not in container.endpoints]
        steps += [disconnect(name, network, CAUSE) for network in surplus]
    for network in sorted({n for c in saved.containers.values() for n in c.endpoints} | set(saved.networks)):
        belonging = {name: e for name, e in saved.attached(network).items() if name in found}
        missing = {name: belonging[name] for name in address_order(belonging) if network not in found[name]}
        if len(missing) > 1 and network in saved.networks:
            held = hold_addresses(belonging, saved.networks[network])
            steps.append(connect_all(network, {n: held[n] for n in held if n in missing}, CAUSE))
        else:
            steps += [connect(name, network, endpoint, CAUSE) for name, endpoint in missing.items()]
        for name in belonging:
            if name not in missing and not same_endpoint(belonging[name], found[name][network]):
                steps += reconnect(name, network, belonging[name], CAUSE)
    return steps


def _surplus_networks(now: ProjectState, saved: ProjectState) -> list[Step]:
    # capture() only holds networks that the project owns or uses, so a new one was made by us or by our Compose run
    return [remove_network(name, CAUSE) for name in now.networks if name not in saved.networks]


def _running(now: ProjectState, saved: ProjectState) -> list[Step]:
    steps = []
    for name, container in saved.containers.items():
        found = now.containers.get(name)
        if found is None or found.kept_running == container.kept_running:
            continue
        action = Action.START if container.kept_running else Action.STOP
        steps.append(on_container(action, name, CAUSE))
    return steps


def _reseat(now: ProjectState, saved: ProjectState) -> list[Step]:
    """Containers that came back with each other's dynamic address: the engine gives the lowest free one."""
    steps: list[Step] = []
    for name, network in saved.networks.items():
        before, after = saved.attached(name), now.attached(name)
        held = hold_addresses(before, network)
        moved = {
            n: before[n]
            for n in before
            if n in after
            and before[n].address
            and after[n].address
            and before[n].address != after[n].address
            # one that the engine would not give by itself is not worth another interruption
            and not held[n].static_ipv4
        }
        # one that somebody else has by now is told as moved: taking it off the network again would not help
        if moved and _would_come_back(now, name, moved):
            steps += [disconnect(n, name, CAUSE) for n in moved]
            steps += [connect(n, name, moved[n], CAUSE) for n in address_order(moved)]
    return steps


def _would_come_back(now: ProjectState, network: str, moved: dict[str, Endpoint]) -> bool:
    """Whether those endpoints, connected in the order of their addresses, would get these back: the lowest free ones."""
    pools = [s for s in now.networks[network].subnets if ":" not in s.subnet] if network in now.networks else []
    if not pools:
        return False
    others = {c.endpoints[network].address for n, c in now.containers.items() if network in c.endpoints and n not in moved}
    hosts = ipaddress.ip_network(pools[0].ip_range or pools[0].subnet).hosts()
    taken = {*others, pools[0].gateway or str(next(hosts)), *pools[0].aux_addresses.values()}
    free = (str(address) for address in hosts if str(address) not in taken)
    return all(moved[name].address == next(free, "") for name in address_order(moved))
