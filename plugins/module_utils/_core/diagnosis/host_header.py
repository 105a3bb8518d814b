# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6: servers that reject the name by which they are called."""

from __future__ import annotations

from ..model import Confidence, Finding, Layer, Probe, Walk
from .case import Case, hyphen_twin, hyphened
from .make import finding


def underscore_host_rejected(case: Case) -> list[Finding]:
    """A server answers 400 to its name for its underscore: one finding for each name."""
    broken: dict[tuple[str, int], list[Walk]] = {}
    probes: dict[tuple[str, int], tuple[Probe, Probe]] = {}
    for walk in case.open_walks(Layer.PROTOCOL):
        probe = case.http_probe(walk.container, walk.dependency.host, walk.dependency.port)
        twin = hyphen_twin(case, probe) if probe else None
        if probe and twin:
            broken.setdefault((probe.host, probe.port), []).append(walk)
            probes[probe.host, probe.port] = probe, twin
    found = []
    for (host, port), walks in broken.items():
        probe, twin = probes[host, port]
        service = case.provider(walks[0].dependency)
        consumers = ", ".join(sorted({w.dependency.consumer for w in walks}))
        other = _valid_name(case, walks, service)
        url = f"{walks[0].dependency.scheme or 'http'}://{host}:{port}{probe.path}"
        found.append(
            finding(
                "protocol.underscore_host_rejected",
                Confidence.CERTAIN,
                f"Service '{service}' rejects requests for '{host}' because of the underscore",
                [w.dependency.name for w in walks],
                evidence=(
                    f"from inside {consumers}: GET {probe.path} with Host: {host} is answered {probe.status} by "
                    f"{probe.server or 'an unnamed server'}",
                    f"the same request with Host: {twin.host} is answered {twin.status}",
                    f"{walks[0].dependency.origin} of '{walks[0].dependency.consumer}' says {walks[0].dependency.target}",
                ),
                confirm=f"docker exec {walks[0].container} curl -s -o /dev/null -w '%{{http_code}}' -H 'Host: {twin.host}' {url}",
                advice=(
                    f"Call service '{service}' by its name '{other}': "
                    if other
                    else f"Give service '{service}' the alias '{hyphened(host)}' on the network, and call it by that name: "
                )
                + f"{walks[0].dependency.origin} of '{walks[0].dependency.consumer}'. A host name has no underscore (RFC 952).",
                subject={
                    "service": service,
                    "consumer": walks[0].dependency.consumer,
                    "host": host,
                    "port": port,
                    "new_host": other or hyphened(host),
                },
                mendable=bool(other) and len({w.dependency.consumer for w in walks}) == 1,
            )
        )
    return found


def _valid_name(case: Case, walks: list[Walk], service: str) -> str:
    """Another name of the service, one without an underscore, by which all of the callers find it; empty without one."""
    names: list[set[str]] = []
    for walk in walks:
        consumer, providers = case.parties(walk)
        for provider in providers:
            shared = case.shared_networks(consumer, provider) if consumer else []
            names.append({alias for n in shared for e in [provider.endpoint(n)] if e for alias in e.aliases})
    common = sorted(n for n in set.intersection(*names) if "_" not in n) if names else []
    return service if service in common else next(iter(common), "")
