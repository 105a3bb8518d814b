# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, gateways that go on using an address after its service has moved."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from ..model import CheckResult, Confidence, Container, Finding, Outcome
from ..parsing.times import seconds_between
from .answers import (
    answered_instead,
    answering,
    asking,
    author,
    calls_of,
    checked_service,
    is_recent,
    named_addresses,
    one_line,
    open_at,
    open_behind,
    request,
    told_directly,
)
from .case import Case
from .make import finding, log_line
from .nginx import is_nginx

_UNREACHED = ("refused", "timeout", "unreachable")


@dataclass(frozen=True)
class _Stale:
    """An address that a container still uses and its upstream does not have: how it was seen, and how to see it."""

    address: str
    seen: str
    confirm: str
    silent: bool = False


def stale_address(case: Case) -> list[Finding]:
    """A gateway that fails with an address its upstream no longer has, while the name resolves and answers."""
    found = []
    for service in case.services():
        results = open_behind(case, service, 0, 502, 503, 504)
        for container in case.containers_of(service) if results else ():
            nginx = is_nginx(case, container)
            # somebody else's 502 tells nothing of an nginx that the request first reaches
            symptoms = [
                r
                for r in results
                if not nginx or not r.status or checked_service(case, r) != service or "nginx" in r.server.lower()
            ]
            stale = next(_stale(case, container, symptoms), None) if container.running and symptoms else None
            if stale:
                found.append(_kept(case, container, nginx, stale, symptoms))
    return found


def _kept(case: Case, container: Container, nginx: bool, stale: _Stale, symptoms: list[CheckResult]) -> Finding:
    service = container.service
    holder = case.owner(stale.address)
    upstreams = calls_of(case, service)
    now = sorted({a for d in upstreams for a in case.addresses(case.provider(d)) if ":" not in a})
    silent = holder is None and (stale.silent or symptoms[0].status == 504)
    return finding(
        ("protocol.stale_ip_nginx_no_host_504" if silent else "protocol.stale_ip_nginx_502")
        if nginx
        else "protocol.stale_ip_gateway_cache_python",
        Confidence.CERTAIN,
        f"{'nginx in ' if nginx else 'Gateway '}'{service}' keeps sending to {stale.address}, where its upstream no longer is",
        [*(r.check.name for r in symptoms), *asking(case, service)],
        evidence=(
            stale.seen,
            f"{stale.address} " + (f"belongs to container {holder.name}" if holder else "belongs to no container"),
            f"{', '.join(dict.fromkeys(d.host for d in upstreams))} is {', '.join(now)} now, and answers from inside {container.name}",
            request(symptoms[0]),
        ),
        confirm=stale.confirm,
        advice=_refresh(container, nginx),
        subject={"service": service, "container": container.name, "address": stale.address},
    )


def _stale(case: Case, container: Container, symptoms: list[CheckResult]) -> Iterator[_Stale]:
    """What the container's log, its answers and its sockets say of addresses that moved."""
    upstreams = [
        d
        for d in calls_of(case, container.service)
        if any(w.dependency == d and w.container == container.name and w.outcome is Outcome.OK for w in case.walks)
    ]
    current = {a for d in upstreams for a in case.addresses(case.provider(d))}
    ports = {d.port for d in upstreams}
    networks = _networks(case, container)

    def moved(address: str) -> bool:
        # an address that the configuration itself names is another fault
        written = any(d.host == address for d in case.snapshot.dependencies if d.consumer == container.service)
        return bool(current) and address not in current and not written and _is_in(address, networks)

    for event in reversed(case.snapshot.log_events):
        if (
            event.container == container.name
            and event.kind in _UNREACHED
            and is_recent(case, event)
            and moved(event.address)
        ):
            confirm = f"docker logs --tail 50 {container.name} 2>&1 | grep -F {event.address}"
            yield _Stale(event.address, log_line(event), confirm, event.kind != "refused")
    for result in symptoms:
        own = checked_service(case, result) == container.service
        for address in named_addresses(result.body) if own else ():
            if moved(address):
                yield _Stale(address, f"the answer says: {one_line(result.body)}", f"curl -s {result.check.url}")
    for socket in container.sockets or ():
        if socket.state in ("SYN_SENT", "ESTABLISHED") and socket.remote_port in ports and moved(socket.remote):
            seen = (
                f"in the network namespace of {container.name}: {socket.state} to {socket.remote}:{socket.remote_port}"
            )
            confirm = f"nsenter -t {container.pid} -n ss -tn dst {socket.remote}"
            yield _Stale(socket.remote, seen, confirm, socket.state == "SYN_SENT")


def address_of_another(case: Case) -> list[Finding]:
    """A 404 of another provider than the one that has the path: the gateway kept an address which changed hands."""
    found = []
    for service, results in open_at(case, 404).items():
        container = next((c for c in case.containers_of(service) if c.running), None)
        strayed = {r.check.name: name for r in results if (name := answered_instead(case, r))}
        moved = [c for n in strayed.values() for c in case.containers_of(n) if container and _is_newer(c, container)]
        if not container or not moved:
            continue
        symptoms = [r for r in results if r.check.name in strayed]
        meant, probe = next(iter(answering(case, symptoms[0]).items()))
        address = next(
            (e.address for n in case.shared_networks(container, moved[0]) if (e := moved[0].endpoint(n))), ""
        )
        nginx = is_nginx(case, container)
        found.append(
            finding(
                "protocol.stale_ip_nginx_502" if nginx else "protocol.stale_ip_gateway_cache_python",
                Confidence.LIKELY,
                f"{'nginx in ' if nginx else 'Gateway '}'{service}' sends what is meant for '{meant}' to '{moved[0].service}'",
                [r.check.name for r in symptoms],
                evidence=(
                    request(symptoms[0]),
                    *author(case, symptoms[0]).evidence,
                    told_directly(case, symptoms[0], probe),
                    f"{moved[0].name} has {address or 'its address'} since {moved[0].started_at[:19]}, "
                    f"'{service}' runs since {container.started_at[:19]}",
                ),
                confirm=f"docker inspect -f '{{{{.State.StartedAt}}}} {{{{.Name}}}}' {container.name} {moved[0].name}",
                advice=_refresh(container, nginx),
                subject={"service": service, "container": container.name, "address": address},
            )
        )
    return found


def _is_newer(one: Container, other: Container) -> bool:
    after = seconds_between(other.started_at, one.started_at)
    return after is not None and after > 0


def _refresh(container: Container, nginx: bool) -> str:
    """How to make a gateway look its names up again, now and from now on."""
    if nginx:
        return (
            f"Reload nginx: docker kill -s HUP {container.name}. To keep it from happening again, use "
            "'resolver 127.0.0.11 valid=10s;' and a variable in proxy_pass."
        )
    return (
        f"Restart it: docker restart {container.name}. To keep it from happening again, let it look names up for "
        "every connection, or for no longer than their time to live."
    )


def _networks(case: Case, container: Container) -> list[str]:
    found = (case.network(e.network) for e in container.endpoints)
    return [s.subnet for n in found if n for s in n.subnets]


def _is_in(address: str, subnets: list[str]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(s, strict=False) for s in subnets)
    except ValueError:
        return False
