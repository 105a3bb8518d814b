# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 5, refusals: the provider runs, and listens elsewhere, on another family, or not yet."""

from __future__ import annotations

from ..model import Confidence, Container, Finding, Layer, Outcome, Walk
from ..parsing.names import own_ports
from ..parsing.times import seconds_between
from .case import Case
from .make import finding, listed
from .ways import LOOPBACK, Way, broken, heard, listeners, refused, seen

# how long a program may take from its start until it listens, where no healthcheck tells
STARTING_S = 60


def slow_start_race(case: Case) -> list[Finding]:
    """Nothing listens yet in a container that was started moments ago, or whose healthcheck says ``starting``."""
    found = []
    for ways in refused(case):
        provider = ways[0].provider
        if provider is None or listeners(provider, ways[0].port):
            continue
        age = seconds_between(provider.started_at, case.snapshot.taken_at)
        young = age is not None and age < STARTING_S and provider.sockets is not None and not listeners(provider)
        if not young and provider.health != "starting":
            continue
        found.append(
            finding(
                "port.slow_start_race",
                Confidence.CERTAIN if provider.health == "starting" else Confidence.LIKELY,
                f"Service '{provider.service}' is still starting: it does not listen on port {ways[0].port} yet",
                broken(ways),
                evidence=(
                    f"{provider.name} was started "
                    + (f"{max(age, 0):.0f} s before it was asked" if age is not None else f"at {provider.started_at}"),
                    *([f"its healthcheck says {provider.health}"] if provider.health else []),
                    heard(provider),
                    *seen(case, ways),
                ),
                confirm=f"nsenter -t {provider.pid} -n ss -ltn 'sport = :{ways[0].port}'",
                advice=f"Wait and look again. So that callers wait by themselves, give '{provider.service}' a "
                f"healthcheck, and '{ways[0].consumer.service}' depends_on with condition: service_healthy.",
                subject={"service": provider.service, "containers": [provider.name], "port": ways[0].port},
            )
        )
    return found


def ipv6_only_listener(case: Case) -> list[Finding]:
    """Refused over IPv4, and whoever listens on the port does so over IPv6."""
    found = []
    for ways in refused(case):
        provider = ways[0].provider
        bound = [s.address for s in listeners(provider, ways[0].port)] if provider else []
        open_ones = [a for a in bound if not a.startswith(LOOPBACK)]
        if provider is None or ":" in ways[0].address or not open_ones or not all(":" in a for a in open_ones):
            continue
        variable = next((k for k, v in provider.environment.items() if v == open_ones[0]), "")
        found.append(
            finding(
                "port.ipv6_only_listener",
                Confidence.CERTAIN,
                f"Service '{provider.service}' listens on port {ways[0].port} over IPv6 only",
                broken(ways),
                evidence=(heard(provider), *seen(case, ways)),
                confirm=f"nsenter -t {provider.pid} -n ss -ltn 'sport = :{ways[0].port}'",
                advice=f"Make the program of service '{provider.service}' listen on 0.0.0.0, or on [::] without "
                "IPV6_V6ONLY" + (f" (its environment has {variable}={open_ones[0]})." if variable else "."),
                subject={"service": provider.service, "container": provider.name, "port": ways[0].port},
            )
        )
    return found


def ipv6_address_without_listener(case: Case) -> list[Finding]:
    """Names that have an IPv6 address as well, where nobody listens: one finding for each network with IPv6."""
    deaf: dict[str, dict[tuple[str, int], tuple[Walk, Container, str]]] = {}
    for walk in case.walks:
        consumer, port = case.container(walk.container), walk.dependency.port
        if consumer is None or not port or walk.outcome is not Outcome.OK or walk.layer is Layer.CONTAINER:
            continue
        for provider in case.containers_of(case.provider(walk.dependency)):
            families = {":" in s.address for s in listeners(provider, port)}
            for network in case.shared_networks(consumer, provider):
                ends = [e for c in (provider, consumer) if (e := c.endpoint(network)) and e.address6]
                if families == {False} and len(ends) == len((provider, consumer)):
                    place = deaf.setdefault(network, {})
                    place.setdefault((provider.service, port), (walk, provider, ends[0].address6))
    return [_deaf(network, list(places.values())) for network, places in deaf.items()]


def _deaf(network: str, places: list[tuple[Walk, Container, str]]) -> Finding:
    walk, provider, _address = places[0]
    services = list(dict.fromkeys(c.service for _walk, c, _address in places))
    return finding(
        "port.ipv6_aaaa_first_listener_v4",
        Confidence.CERTAIN,
        f"{listed(services)} on network '{network}' {'has an IPv6 address' if len(services) == 1 else 'have IPv6 addresses'}"
        ", but nobody listens there",
        services,
        evidence=[f"'{w.dependency.host}' is {address} as well; {heard(c)}" for w, c, address in places[:3]],
        confirm=f"docker exec {walk.container} curl -6 -sv --max-time 3 telnet://{walk.dependency.target}",
        advice=f"Make the program of service '{provider.service}' listen on [::], which takes IPv4 as well, or take "
        f"enable_ipv6 off network '{network}'. Clients that try IPv6 only, or the first address only, fail until then.",
        subject={"services": services, "network": network},
    )


def wrong_port(case: Case) -> list[Finding]:
    """The port is refused, and it is the published one, or the provider listens on exactly one other."""
    found = []
    for ways in refused(case, by_consumer=True):
        way, provider = ways[0], ways[0].provider
        if provider is None or listeners(provider, way.port):
            continue
        open_ports = {s.port for s in listeners(provider) if not s.address.startswith(LOOPBACK)}
        meant = next((p.container_port for p in provider.ports if p.host_port == way.port), 0)
        if meant in open_ports:
            found.append(_other_port(case, ways, provider, meant, published=True))
        elif len(open_ports) == 1:
            found.append(_other_port(case, ways, provider, open_ports.pop(), published=False))
    return found


def _other_port(case: Case, ways: list[Way], provider: Container, port: int, published: bool) -> Finding:
    first = ways[0].walk.dependency
    return finding(
        "port.wrong_port_published_vs_container" if published else "port.wrong_port",
        Confidence.CERTAIN if published else Confidence.LIKELY,
        f"Service '{first.consumer}' calls {first.target}, but '{provider.service}' listens on port {port}"
        + (f"; {first.port} is the port on the host" if published else ""),
        broken(ways),
        evidence=(
            f"{first.origin} of '{first.consumer}' says {first.target}",
            *([f"port {first.port} of the host is published to port {port} of {provider.name}"] if published else []),
            heard(provider),
            *seen(case, ways),
        ),
        confirm=f"nsenter -t {provider.pid} -n ss -ltn",
        advice=f"Say {first.host}:{port} in {first.origin} of service '{first.consumer}'.",
        subject={
            "consumer": first.consumer,
            "host": first.host,
            "service": provider.service,
            "new_host": first.host,
            "port": first.port,
            "new_port": port,
        },
        # a program may listen for its own management before, or instead of, its service
        mendable=first.rewritable and (published or _is_meant(case, provider.service, port)),
    )


def _is_meant(case: Case, service: str, port: int) -> bool:
    """Whether somebody says that the service is to be called on that port: its configuration, a route, or a caller."""
    config = (case.snapshot.config.get("services") or {}).get(service) or {}
    routes = [r for r in case.snapshot.routes if r.get("service") == service and r.get("port") == port]
    calls = [w for w in case.walks if w.dependency.port == port and case.provider(w.dependency) == service]
    return port in own_ports(config) or bool(routes) or any(w.outcome is Outcome.OK for w in calls)
