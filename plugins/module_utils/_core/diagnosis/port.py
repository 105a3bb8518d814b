# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers 4 and 5: is there a way to the address, and does anybody listen on the port?"""

from __future__ import annotations

from ..model import Confidence, Container, Finding, Layer, Walk
from .case import Case
from .make import finding, log_evidence
from .ways import LOOPBACK, listeners

# https://docs.docker.com/engine/network/drivers/bridge/#options
ENABLE_ICC = "com.docker.network.bridge.enable_icc"


def bind_loopback_only(case: Case) -> list[Finding]:
    """The port is refused, and the provider listens on it on loopback only."""
    broken: dict[tuple[str, int], list[Walk]] = {}
    for walk in case.open_walks(Layer.PORT):
        for provider in case.parties(walk)[1]:
            bound = _listening(provider, walk.dependency.port)
            if walk.detail.endswith("ECONNREFUSED") and bound and all(a.startswith(LOOPBACK) for a in bound):
                broken.setdefault((provider.service, walk.dependency.port), []).append(walk)
    found = []
    for (service, port), walks in broken.items():
        container = next(c for c in case.containers_of(service) if c.running)
        address = _listening(container, port)[0]
        found.append(
            finding(
                "port.bind_loopback_only",
                Confidence.CERTAIN,
                f"Service '{service}' listens on {address}:{port}, where no other container can reach it",
                [w.dependency.name for w in walks],
                evidence=(
                    f"in the network namespace of {container.name}: LISTEN {address}:{port}",
                    *(f"from inside {w.dependency.consumer}: {w.detail}" for w in walks[:3]),
                    *log_evidence(case, walks[0].dependency.consumer, [walks[0].dependency.host]),
                ),
                confirm=f"nsenter -t {container.pid} -n ss -ltn 'sport = :{port}'",
                advice=_bind_advice(container, address),
                subject={"service": service, "container": container.name, "port": port},
            )
        )
    return found


def _bind_advice(container: Container, address: str) -> str:
    variable = next((k for k, v in container.environment.items() if v == address), "")
    where = f" (its environment has {variable}={address})" if variable else ""
    return f"Make the program of service '{container.service}' listen on 0.0.0.0 instead of {address}{where}."


def icc_disabled(case: Case) -> list[Finding]:
    """Packets vanish on a network whose option forbids talk between its containers: one finding for each network."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.PORT):
        consumer, providers = case.parties(walk)
        if consumer is None or not walk.detail.endswith("timeout"):
            continue
        for provider in providers:
            for name in case.shared_networks(consumer, provider):
                network = case.network(name)
                if network and network.options.get(ENABLE_ICC, "").lower() == "false":
                    broken.setdefault(name, []).append(walk)
    return [
        finding(
            "port.icc_disabled",
            Confidence.CERTAIN,
            f"Network '{name}' forbids its containers to talk to each other",
            [w.dependency.name for w in walks],
            evidence=(
                f"network '{name}' has the option {ENABLE_ICC}=false",
                *(f"from inside {w.dependency.consumer}: {w.detail}" for w in walks[:3]),
            ),
            confirm=f"docker network inspect -f '{{{{json .Options}}}}' {name}",
            subject={"network": name},
        )
        for name, walks in broken.items()
    ]


def separation_broken(case: Case) -> list[Finding]:
    """A pair that was declared separate, and is not: one finding for each pair."""
    found = []
    for walk in case.open_walks(Layer.PORT):
        consumer, providers = case.parties(walk)
        if walk.dependency.kind != "separation" or consumer is None:
            continue
        shared = {n for p in providers for n in case.shared_networks(consumer, p)}
        where = f"both are on {', '.join(sorted(shared))}" if shared else "they share no network, so something routes"
        found.append(
            finding(
                "port.separation_broken",
                Confidence.CERTAIN,
                f"Service '{consumer.service}' can reach {walk.dependency.target}, and must not",
                [walk.dependency.name],
                evidence=(f"from inside {consumer.service}: {walk.detail}", where),
                confirm=f"docker exec {walk.container} curl -sv --max-time 3 telnet://{walk.dependency.target}",
                advice=f"Take '{consumer.service}' or '{case.provider(walk.dependency)}' off the common network.",
                subject={"service": consumer.service, "host": walk.dependency.host, "networks": sorted(shared)},
            )
        )
    return found


def port_or_address_unexplained(case: Case) -> list[Finding]:
    """What no rule above explains: refused, timed out, or no way there; one finding for each provider and port."""
    broken: dict[tuple[str, str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.ADDRESS, Layer.PORT):
        code = (
            "address.unreachable"
            if walk.layer is Layer.ADDRESS
            else "port.timeout"
            if walk.detail.endswith("timeout")
            else "port.refused"
        )
        broken.setdefault(
            (code, case.provider(walk.dependency) or walk.dependency.host, str(walk.dependency.port)), []
        ).append(walk)
    found = []
    for (code, provider, port), walks in broken.items():
        listening = sorted(
            {
                f"{s.address}:{s.port}"
                for c in case.containers_of(provider)
                for s in listeners(c)
            }
        )
        heard = (
            f"'{provider}' listens on {', '.join(listening)}"
            if listening
            else f"nothing is known to listen in '{provider}'"
        )
        found.append(
            finding(
                code,
                Confidence.POSSIBLE,
                f"Port {port} of '{provider}': {walks[0].detail.rpartition(': ')[2]}",
                [w.dependency.name for w in walks],
                evidence=(
                    *(f"from inside {w.dependency.consumer}: {w.detail}" for w in walks[:3]),
                    heard,
                    *log_evidence(case, walks[0].dependency.consumer, [walks[0].dependency.host]),
                ),
                confirm=f"docker exec {walks[0].container} curl -sv --max-time 3 telnet://{walks[0].dependency.target}",
                subject={"service": provider, "port": int(port)},
            )
        )
    return found


def _listening(container: Container, port: int) -> list[str]:
    return sorted({s.address for s in listeners(container, port)})
