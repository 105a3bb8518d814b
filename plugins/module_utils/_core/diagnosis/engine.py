# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine itself: does it answer, and does it give the project the networks that it wants?"""

from __future__ import annotations

import ipaddress
import re

from ..model import Confidence, Finding, Layer
from .case import EMBEDDED_DNS, Case, network_names
from .creation import held_up, never_started
from .make import finding, listed, probe_lines

NOT_ATTACHABLE = re.compile(r"network (\S+) not manually attachable")
# what networks are cut from where nobody chose: https://docs.docker.com/engine/network/#subnet-allocation
DEFAULT_POOLS = (*(f"172.{n}.0.0/16 16" for n in range(17, 32)), "192.168.0.0/16 20")
_SAID = {
    "no socket": "the engine's socket does not exist",
    "refused": "the engine's socket is there, and nobody answers on it",
    "timeout": "the engine's socket takes requests, and no answer comes",
}
_STATES = {"T": "stopped by a signal", "t": "stopped by a debugger", "D": "waiting for a disk or the kernel", "Z": "dead"}


def engine_silent(case: Case) -> list[Finding]:
    """An engine that is down, or hangs, takes the embedded DNS with it; the containers live on."""
    engine = case.snapshot.engine
    if not engine.silence:
        return []
    hangs = engine.silence == "timeout"
    in_vain = [
        w
        for w in case.open_walks(Layer.RESOLVER, Layer.NAME)
        if (probe := case.name_probe(w.container, w.dependency.host))
        and probe.via == EMBEDDED_DNS
        and probe.error in ("ECONNREFUSED", "timeout")
    ]
    # without containers, which only root may read of, nothing was walked
    calls = [d.name for d in case.snapshot.dependencies if d.kind == "call" and not case.snapshot.containers]
    broken = [*(w.dependency.name for w in in_vain), *calls, *(r.check.name for r in case.open_checks())]
    living = [c for c in case.snapshot.containers if c.running]
    state = f"its process is {_STATES.get(engine.process, 'running')} (state {engine.process})" if engine.process else ""
    return [
        finding(
            "host.dockerd_hung" if hangs else "host.dockerd_down_live_restore",
            Confidence.CERTAIN,
            ("The Docker Engine hangs" if hangs else "The Docker Engine is down")
            + (f": {listed(c.service for c in living)} run on, but no name resolves" if living else ""),
            broken or case.services(),
            evidence=(
                _SAID[engine.silence] + (f"; {state}" if state else "; it has no process"),
                *(f"container {c.name} lives on as process {c.pid}" for c in living[:3]),
                *probe_lines(case, in_vain),
                *(f"{r.check.method} {r.check.url}: {r.error or f'HTTP {r.status}'}" for r in case.open_checks()[:1]),
            ),
            confirm="timeout 5 docker version; ps -o pid,stat,etime,args -C dockerd,containerd",
        )
    ]


def address_pool_exhausted(case: Case) -> list[Finding]:
    """A network without a subnet of its own that cannot be made: other networks have all that there is to cut it from."""
    pools = case.snapshot.host.address_pools or DEFAULT_POOLS
    taken = {name: nets for name, nets in case.snapshot.host.subnets.items() if nets}
    specs = case.snapshot.config.get("networks") or {}
    wanting: dict[str, list[str]] = {}
    for key, name in network_names(case.snapshot.config, case.snapshot.project).items():
        spec = specs[key] or {}
        chosen = any(c.get("subnet") for c in (spec.get("ipam") or {}).get("config") or ())
        services = [s for s in never_started(case) if name in case.configured_networks(s)]
        if services and not chosen and not spec.get("external") and not case.network(name):
            wanting[name] = services
    if not wanting or not taken or _has_room(pools, case):
        return []
    used = {e.network for c in (*case.snapshot.bystanders, *case.snapshot.containers) for e in c.endpoints}
    idle = sorted(set(taken) - used - {"bridge", "docker_gwbridge", "ingress"})
    services = list(dict.fromkeys(s for names in wanting.values() for s in names))
    return [
        finding(
            "address.address_pool_exhausted",
            Confidence.CERTAIN,
            f"The engine has no free subnet left for {listed(wanting)}",
            held_up(case, services),
            evidence=(
                f"networks are cut from {', '.join(_pool(p) for p in pools[:4])}" + (" and more" if len(pools) > 4 else ""),
                f"{len(taken)} networks have subnets: " + ", ".join(f"{n} {' '.join(s)}" for n, s in list(taken.items())[:6]),
                f"the engine has no network {listed(wanting)}",
            ),
            confirm="docker network inspect -f '{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}' $(docker network ls -q)",
            advice=(f"No container is on {listed(idle[:8])}: docker network rm what nobody needs. " if idle else "")
            + f"Or give {listed(wanting)} a small subnet (ipam.config under networks: in the Compose file), or the engine "
            f"more pools (default-address-pools in daemon.json). Then docker compose -p {case.snapshot.project} up -d.",
            subject={"networks": list(wanting), "services": services, "idle": idle},
        )
    ]


def _has_room(pools: tuple[str, ...], case: Case) -> bool:
    """Whether a subnet of the pools overlaps neither a network nor a route of the host."""
    texts = [s for subnets in case.snapshot.host.subnets.values() for s in subnets]
    texts += [route.split()[0] for route in case.snapshot.host.routes]
    taken = [n for n in map(ipaddress.ip_network, texts) if n.version == 4]
    for pool in pools:
        base, size = pool.split()
        whole = ipaddress.ip_network(base)
        if whole.version == 4 and any(
            not any(part.overlaps(t) for t in taken) for part in whole.subnets(new_prefix=int(size))
        ):
            return True
    return False


def _pool(pool: str) -> str:
    base, size = pool.split()
    return base if base.endswith(f"/{size}") else f"{base} in parts of /{size}"


def swarm_overlay_not_attachable(case: Case) -> list[Finding]:
    """An overlay network of a swarm that only the swarm's own services may join: one finding for each network."""
    refused: dict[str, list[str]] = {}
    for container in case.snapshot.containers:
        said = NOT_ATTACHABLE.search(container.error)
        if said and not container.running:
            name = next((n.name for n in case.snapshot.networks if n.id == said[1]), said[1])
            refused.setdefault(name, []).append(container.service)
    return [
        finding(
            "container.swarm_overlay_not_attachable",
            Confidence.CERTAIN,
            f"Network '{name}' belongs to the swarm's services, {listed(dict.fromkeys(services))} may not join it",
            held_up(case, services),
            evidence=(
                *(f"the engine about {c.name}: {c.error}" for c in case.snapshot.containers if NOT_ATTACHABLE.search(c.error)),
                *(
                    f"network '{name}': driver {n.driver}, scope {n.scope}, attachable {str(n.attachable).lower()}"
                    for n in case.snapshot.networks
                    if n.name == name
                ),
            ),
            confirm=f"docker network inspect -f '{{{{.Driver}}}} {{{{.Scope}}}} {{{{.Attachable}}}}' {name}",
            advice="The engine cannot change it: make a network with docker network create -d overlay --attachable, and "
            "move the swarm's services and this project to it; or deploy the project to the swarm (docker stack deploy).",
            subject={"network": name, "services": services},
        )
        for name, services in refused.items()
    ]
