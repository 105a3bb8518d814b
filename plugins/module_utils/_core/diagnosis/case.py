# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot with its cross-references: who is who, who shares what, and how far each dependency got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable, Optional

from ..model import CheckResult, Container, Dependency, Endpoint, Layer, Network, Outcome, Probe, Snapshot, Walk

EMBEDDED_DNS = "127.0.0.11"
HOSTS_FILE = "/etc/hosts"

# user-defined networks have an embedded resolver; these three modes do not
# https://docs.docker.com/engine/network/#dns-services
NO_EMBEDDED_DNS = ("bridge", "host", "none")


@dataclass
class Case:
    """One snapshot under diagnosis. ``explained`` grows while rules speak; nothing else changes."""

    snapshot: Snapshot
    walks: tuple[Walk, ...] = ()
    explained: set[str] = field(default_factory=set)

    def open_walks(self, *layers: Layer) -> list[Walk]:
        """Failed walks that no finding explains yet, of those layers (all layers where none is named)."""
        return [
            w
            for w in self.walks
            if w.outcome is Outcome.FAILED
            and w.dependency.name not in self.explained
            and (not layers or w.layer in layers)
        ]

    def open_checks(self) -> list[CheckResult]:
        """Failed checks that no finding explains yet."""
        return [c for c in self.snapshot.checks if c.outcome is Outcome.FAILED and c.check.name not in self.explained]

    def containers_of(self, service: str) -> list[Container]:
        """All containers of a service, replicas in their order; one-off runs are not among them."""
        found = [c for c in self.snapshot.containers if c.service == service and not c.one_off]
        return sorted(found, key=lambda c: c.number)

    def container(self, name: str) -> Optional[Container]:
        """The project's container of that name."""
        return next((c for c in self.snapshot.containers if c.name == name), None)

    def network(self, name: str) -> Optional[Network]:
        """The network of that name."""
        return next((n for n in self.snapshot.networks if n.name == name), None)

    def services(self) -> list[str]:
        """Every service that the configuration or a container names."""
        configured = list(self.snapshot.config.get("services") or {})
        running = [c.service for c in self.snapshot.containers if c.service and not c.one_off]
        return list(dict.fromkeys([*configured, *running]))

    def configured_networks(self, service: str) -> set[str]:
        """Names of the networks that the configuration puts a service on."""
        config = self.snapshot.config
        keys = ((config.get("services") or {}).get(service) or {}).get("networks") or {}
        names = network_names(config, self.snapshot.project)
        return {names.get(k, f"{self.snapshot.project}_{k}") for k in keys}

    def provider(self, dependency: Dependency) -> str:
        """The service that should answer to the dependency's host; empty where no service goes by that name."""
        return self.service_named(dependency.host)

    def service_named(self, host: str) -> str:
        """The service with that service name, alias, container name, hostname or address; empty for none."""
        wanted = host.rstrip(".").lower()
        # a service of that name goes before another one that has it as an alias
        exact = next((s for s in self.services() if s.lower() == wanted), "")
        if exact:
            return exact
        for service, names in self._names.items():
            if wanted in names:
                return service
        for container in self.snapshot.containers:
            if container.service and any(wanted in (e.address, e.address6) for e in container.endpoints if wanted):
                return container.service
        return ""

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        names: dict[str, set[str]] = {}
        for service in self.services():
            config = (self.snapshot.config.get("services") or {}).get(service) or {}
            own = {service, str(config.get("container_name") or ""), str(config.get("hostname") or "")}
            for network in (config.get("networks") or {}).values():
                own.update((network or {}).get("aliases") or ())
            for container in self.containers_of(service):
                own.add(container.name)
                for endpoint in container.endpoints:
                    own.update(endpoint.aliases)
                    own.update(f"{n}.{endpoint.network}" for n in endpoint.dns_names)
            names[service] = {n.lower() for n in own if n}
        return names

    def shared_networks(self, one: Container, other: Container) -> list[str]:
        """Names of the user-defined networks on which both have an endpoint."""
        return sorted({e.network for e in one.endpoints} & {e.network for e in other.endpoints} - set(NO_EMBEDDED_DNS))

    def name_probe(self, container: str, host: str, nameserver: str = "") -> Optional[Probe]:
        """How that host resolves in that container: as its libc does it, or asking one nameserver."""
        return self._name_probes.get((container, host, nameserver))

    @cached_property
    def _name_probes(self) -> dict[tuple[str, str, str], Probe]:
        asked = [p for p in self.snapshot.probes if p.layer is Layer.NAME]
        return {(p.container, p.host, p.nameserver): p for p in reversed(asked)}

    def port_probes(self, container: str, host: str, port: int) -> list[Probe]:
        """TCP attempts of that container at the addresses that the host resolved to."""
        name = self.name_probe(container, host)
        addresses = set(name.answers) if name and name.answers else {host}
        return [p for p in self._port_probes.get((container, port), ()) if p.host in addresses]

    @cached_property
    def _port_probes(self) -> dict[tuple[str, int], list[Probe]]:
        found: dict[tuple[str, int], list[Probe]] = {}
        for probe in self.snapshot.probes:
            if probe.layer is Layer.PORT:
                found.setdefault((probe.container, probe.port), []).append(probe)
        return found

    def owner(self, address: str) -> Optional[Container]:
        """The container, of this project or a stranger, that has that address now."""
        everyone: Iterable[Container] = (*self.snapshot.containers, *self.snapshot.strangers)
        return next(
            (c for c in everyone if any(address in (e.address, e.address6) for e in c.endpoints if address)), None
        )

    def addresses(self, service: str) -> set[str]:
        """All addresses of a service's running containers."""
        endpoints: list[Endpoint] = [e for c in self.containers_of(service) if c.running for e in c.endpoints]
        return {a for e in endpoints for a in (e.address, e.address6) if a}

    def needed_by(self, services: Iterable[str]) -> set[str]:
        """Those services and all that they wait for by ``depends_on``: what Compose touches when it starts them."""
        configured = self.snapshot.config.get("services") or {}
        return reached(services, lambda s: (configured.get(s) or {}).get("depends_on") or ())

    def downstream(self, service: str) -> set[str]:
        """The service and all that it calls, directly or through others."""
        calls = [d for d in self.snapshot.dependencies if d.kind != "separation"]
        return reached([service], lambda s: [p for d in calls if d.consumer == s and (p := self.provider(d))])


def reached(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """Those to start from, and all that follow them, directly or through others."""
    seen: set[str] = set()
    todo = list(start)
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += following(current)
    return seen


def network_names(config: Mapping[str, Any], project: str) -> dict[str, str]:
    """The engine's name of every network of a configuration, by its key there."""
    return {k: str((s or {}).get("name") or f"{project}_{k}") for k, s in (config.get("networks") or {}).items()}


def open_case(snapshot: Snapshot) -> Case:
    """The snapshot with every dependency walked, layer by layer, to the first that fails."""
    case = Case(snapshot)
    walks: list[Walk] = []
    for dependency in snapshot.dependencies:
        if dependency.kind == "external":
            continue
        walk = _walk_apart if dependency.kind == "separation" else _walk
        walks += [walk(case, dependency, consumer) for consumer in case.containers_of(dependency.consumer)]
    case.walks = tuple(walks)
    return case


def _walk(case: Case, dependency: Dependency, consumer: Container) -> Walk:
    def at(layer: Layer, outcome: Outcome, detail: str = "", latency_ms: float = 0.0) -> Walk:
        return Walk(dependency, consumer.name, layer, outcome, detail, latency_ms=latency_ms)

    provider = case.provider(dependency)
    providers = case.containers_of(provider) if provider else []
    if (
        provider
        and not any(c.running for c in providers)
        and not (dependency.kind == "order" and finished_well(providers))
    ):
        state = providers[0].state if providers else "not created"
        return at(Layer.CONTAINER, Outcome.FAILED, f"{provider} is {state}")
    if dependency.kind == "order":
        return at(Layer.CONTAINER, Outcome.OK, f"{provider or dependency.host} was started")
    if not consumer.running:
        if finished_well([consumer]):
            return at(Layer.CONTAINER, Outcome.OK, f"{consumer.service} has done its work (exit 0)")
        return at(Layer.CONTAINER, Outcome.FAILED, f"{consumer.service} is {consumer.state}")
    name = case.name_probe(consumer.name, dependency.host)
    if name is None:
        return at(Layer.NAME, Outcome.UNKNOWN, "not probed")
    if name.outcome is Outcome.UNKNOWN:
        return at(Layer.NAME, Outcome.UNKNOWN, name.error)
    if name.outcome is Outcome.FAILED:
        layer = Layer.RESOLVER if _resolver_is_bypassed(case, consumer, dependency.host) else Layer.NAME
        return at(layer, Outcome.FAILED, f"{dependency.host}: {name.error} from {name.via or 'its resolver'}")
    ports = case.port_probes(consumer.name, dependency.host, dependency.port) if dependency.port else []
    wrong = [a for a in name.answers if provider and a not in case.addresses(provider) and not a.startswith("127.")]
    if wrong and len(wrong) == len(name.answers) and case.addresses(provider):
        holder = case.owner(wrong[0])
        # an address of nobody's that answers is a way round on purpose, over a published port for example
        if holder or not any(p.outcome is Outcome.OK for p in ports):
            owner = f"{holder.name} has it" if holder else "no container has it"
            detail = f"{dependency.host} is {wrong[0]} from {name.via}, but {owner}"
            return at(Layer.NAME, Outcome.FAILED, detail)
    if not dependency.port:
        return at(Layer.NAME, Outcome.OK, f"{dependency.host} is {', '.join(name.answers)}", name.latency_ms)
    if not ports:
        return at(Layer.PORT, Outcome.UNKNOWN, "not probed")
    failed = [p for p in ports if p.outcome is Outcome.FAILED]
    unknown = [p for p in ports if p.outcome is Outcome.UNKNOWN]
    # libc tries the next address, so one open address is enough; replicas must all be open
    families = {":" in p.host for p in ports if p.outcome is Outcome.OK}
    if failed and ({":" in p.host for p in failed} & families or not families):
        first = failed[0]
        layer = Layer.ADDRESS if first.error in ("EHOSTUNREACH", "ENETUNREACH") else Layer.PORT
        return at(layer, Outcome.FAILED, f"{_at(first)}: {first.error}")
    if unknown and not families:
        return at(Layer.PORT, Outcome.UNKNOWN, unknown[0].error)
    latency = min((p.latency_ms for p in ports if p.outcome is Outcome.OK), default=0.0)
    http = [
        p
        for p in case.snapshot.probes
        if p.layer is Layer.PROTOCOL
        and p.container == consumer.name
        and p.host == dependency.host
        and p.port == dependency.port
    ]
    if http and _tells_of_trouble(dependency, http[0]):
        return at(Layer.PROTOCOL, Outcome.FAILED, f"{_at(http[0])}{http[0].path}: {http[0].error}")
    if http and http[0].outcome is Outcome.OK:
        return at(Layer.PROTOCOL, Outcome.OK, f"HTTP {http[0].status}", http[0].latency_ms)
    return at(Layer.PORT, Outcome.OK, f"{_at(ports[0])} open", latency)


def _walk_apart(case: Case, dependency: Dependency, consumer: Container) -> Walk:
    """Two that must not reach each other: an open port is the failure."""

    def at(layer: Layer, outcome: Outcome, detail: str) -> Walk:
        return Walk(dependency, consumer.name, layer, outcome, detail)

    if not consumer.running:
        return at(Layer.CONTAINER, Outcome.OK, f"not reachable: {consumer.service} is {consumer.state}")
    name = case.name_probe(consumer.name, dependency.host)
    addresses = {*(name.answers if name else ()), *case.addresses(case.provider(dependency))}
    ports = [
        p
        for p in case.snapshot.probes
        if p.layer is Layer.PORT
        and p.container == consumer.name
        and p.port == dependency.port
        and p.host in addresses
    ]
    opened = next((p for p in ports if p.outcome is Outcome.OK), None)
    if opened:
        return at(Layer.PORT, Outcome.FAILED, f"{_at(opened)} open, and must not be")
    unknown = next((p for p in (name, *ports) if p is None or p.outcome is Outcome.UNKNOWN), name)
    if unknown is None or unknown.outcome is Outcome.UNKNOWN:
        return at(Layer.NAME, Outcome.UNKNOWN, unknown.error if unknown else "not probed")
    return at(Layer.PORT, Outcome.OK, "not reachable, as declared")


def _tells_of_trouble(dependency: Dependency, probe: Probe) -> bool:
    """Whether an HTTP answer shows a fault: a gateway's own error, or a host name that the server rejects.

    Anything else is the application's business: it may speak gRPC on that port, or want another path.
    """
    return probe.status in (502, 504) or (probe.status == 400 and "_" in dependency.host)


def _at(probe: Probe) -> str:
    return f"[{probe.host}]:{probe.port}" if ":" in probe.host else f"{probe.host}:{probe.port}"


def finished_well(containers: Iterable[Container]) -> bool:
    """Whether these are one-shot jobs that did their work.

    Nothing tells a job from a server that was stopped, except that a server publishes a port, has a
    healthcheck or is to be restarted.
    """
    found = list(containers)
    return bool(found) and all(
        c.state == "exited"
        and c.exit_code == 0
        and not c.ports
        and not c.health
        and c.restart_policy not in ("always", "unless-stopped")
        for c in found
    )


def _resolver_is_bypassed(case: Case, consumer: Container, host: str) -> bool:
    embedded = case.name_probe(consumer.name, host, EMBEDDED_DNS)
    return embedded is not None and embedded.outcome is Outcome.OK


def with_causes(walks: Iterable[Walk], causes: dict[str, str]) -> tuple[Walk, ...]:
    """The walks, each failed one with the code of the finding that explains it."""
    return tuple(
        replace(w, cause=causes.get(w.dependency.name, "")) if w.outcome is Outcome.FAILED else w for w in walks
    )
