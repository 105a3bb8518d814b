# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot with its cross-references: who is who, who shares what, and how far each dependency got."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable, Optional

from ..model import CheckResult, Container, Dependency, Layer, Network, Outcome, Probe, Snapshot, Walk
from ..parsing.urls import host_port

EMBEDDED_DNS = "127.0.0.11"
HOSTS_FILE = "/etc/hosts"

# user-defined networks have an embedded resolver; these three modes do not
# https://docs.docker.com/engine/network/#dns-services
NO_EMBEDDED_DNS = ("bridge", "host", "none")


@dataclass
class Case:
    """One snapshot under diagnosis. ``explained`` and ``because`` grow while rules speak; nothing else changes.

    ``because`` has, for what fails only as a consequence, the name of what it is a consequence of.
    """

    snapshot: Snapshot
    walks: tuple[Walk, ...] = ()
    explained: set[str] = field(default_factory=set)
    because: dict[str, str] = field(default_factory=dict)

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

    def attribute(self, symptom: str, cause: str) -> None:
        """What fails under the first name is a consequence of what fails under the second."""
        self.explained.add(symptom)
        self.because.setdefault(symptom, cause)

    def containers_of(self, service: str) -> list[Container]:
        """All containers of a service, replicas in their order; one-off runs are not among them."""
        return list(self._by_service.get(service, ()))

    @cached_property
    def _by_service(self) -> dict[str, list[Container]]:
        found: dict[str, list[Container]] = {}
        for container in sorted(self.snapshot.containers, key=lambda c: c.number):
            if not container.one_off:
                found.setdefault(container.service, []).append(container)
        return found

    def container(self, name: str) -> Optional[Container]:
        """The project's container of that name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Container]:
        return {c.name: c for c in reversed(self.snapshot.containers)}

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
        return self._named.get(host.rstrip(".").lower(), "")

    @cached_property
    def _named(self) -> dict[str, str]:
        services = self.services()
        # a service of that name goes before another one that has it as an alias, and that before an address
        named: dict[str, str] = {}
        for service in services:
            named.setdefault(service.lower(), service)
        for service in services:
            for name in self._names_of(service):
                named.setdefault(name, service)
        for container in self.snapshot.containers:
            for address in container.addresses if container.service else ():
                named.setdefault(address, container.service)
        return named

    def _names_of(self, service: str) -> set[str]:
        config = (self.snapshot.config.get("services") or {}).get(service) or {}
        own = {service, str(config.get("container_name") or ""), str(config.get("hostname") or "")}
        for network in (config.get("networks") or {}).values():
            own.update((network or {}).get("aliases") or ())
        for container in self.containers_of(service):
            own.add(container.name)
            for endpoint in container.endpoints:
                own.update(endpoint.aliases)
                own.update(f"{n}.{endpoint.network}" for n in endpoint.dns_names)
        return {n.lower() for n in own if n}

    def parties(self, walk: Walk) -> tuple[Optional[Container], list[Container]]:
        """A walk's consumer, and the running containers of its provider."""
        provider = self.provider(walk.dependency)
        return self.container(walk.container), [c for c in self.containers_of(provider) if provider and c.running]

    def place(self, container: Container) -> Container:
        """The container whose network a container has: another's (``network_mode: service:…``), or its own."""
        mode, _sep, owner = container.network_mode.partition(":")
        shared = (c for c in self.snapshot.containers if mode == "container" and owner in (c.id, c.name))
        return next(shared, container)

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
        return self.tried(container, port, addresses)

    def tried(self, container: str, port: int, addresses: Collection[str]) -> list[Probe]:
        """TCP attempts of that container at those addresses."""
        return [p for p in self._port_probes.get((container, port), ()) if p.host in addresses]

    @cached_property
    def _port_probes(self) -> dict[tuple[str, int], list[Probe]]:
        found: dict[tuple[str, int], list[Probe]] = {}
        for probe in self.snapshot.probes:
            if probe.layer is Layer.PORT:
                found.setdefault((probe.container, probe.port), []).append(probe)
        return found

    def http_probe(self, container: str, host: str, port: int) -> Optional[Probe]:
        """How that container's HTTP request to that host and port went."""
        return self._http_probes.get((container, host, port))

    @cached_property
    def _http_probes(self) -> dict[tuple[str, str, int], Probe]:
        asked = [p for p in self.snapshot.probes if p.layer is Layer.PROTOCOL]
        return {(p.container, p.host, p.port): p for p in reversed(asked)}

    def owner(self, address: str) -> Optional[Container]:
        """The container, of this project or a stranger, that has that address now."""
        return self._owners.get(address)

    @cached_property
    def _owners(self) -> dict[str, Container]:
        everyone = (*self.snapshot.containers, *self.snapshot.strangers)
        return {address: c for c in reversed(everyone) for address in c.addresses}

    def is_intruder(self, container: Container) -> bool:
        """Whether no service of this project should have the names that it has: a stranger, or an orphan.

        An orphan is a container of a service that the configuration does not name any more; services of profiles
        that are not enabled are none.
        """
        if container.project != self.snapshot.project:
            return True
        configured = self.snapshot.config.get("services") or {}
        known = {*configured, *self.snapshot.disabled}
        return bool(configured) and not container.one_off and container.service not in known

    def addresses(self, service: str) -> set[str]:
        """All addresses of a service's running containers."""
        return {a for c in self.containers_of(service) if c.running for a in c.addresses}

    def needed_by(self, services: Iterable[str]) -> set[str]:
        """Those services and all that they wait for by ``depends_on``: what Compose touches when it starts them."""
        configured = self.snapshot.config.get("services") or {}
        return reached(services, lambda s: (configured.get(s) or {}).get("depends_on") or ())

    def downstream(self, service: str) -> set[str]:
        """The service and all that it calls, directly or through others."""
        return reached([service], lambda s: self._called_by.get(s, ()))

    @cached_property
    def _called_by(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for dependency in self.snapshot.dependencies:
            provider = self.provider(dependency)
            if provider and dependency.kind != "separation":
                found.setdefault(dependency.consumer, set()).add(provider)
        return found


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
        # nobody outside the project is walked to, and localhost is the consumer itself
        if dependency.kind in ("external", "loopback"):
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
    if wrong and case.addresses(provider):
        holders = {a: case.owner(a) for a in wrong}
        intruded = [a for a, holder in holders.items() if holder and case.is_intruder(holder)]
        stray = (intruded or wrong)[0]
        holder = holders[stray]
        # an address of nobody's that answers is a way round on purpose, over a published port for example,
        # unless a search domain led there
        strayed = holder or name.resolved_name or not any(p.outcome is Outcome.OK for p in ports)
        if intruded or (len(wrong) == len(name.answers) and strayed):
            owner = f"{holder.name} has it" if holder else "no container has it"
            detail = f"{dependency.host} is {stray} from {name.via}, but {owner}"
            bypassed = name.via != HOSTS_FILE and _resolver_is_bypassed(case, consumer, dependency.host)
            return at(Layer.RESOLVER if bypassed else Layer.NAME, Outcome.FAILED, detail)
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
        return at(layer, Outcome.FAILED, f"{host_port(first.host, first.port)}: {first.error}")
    if unknown and not families:
        return at(Layer.PORT, Outcome.UNKNOWN, unknown[0].error)
    latency = min((p.latency_ms for p in ports if p.outcome is Outcome.OK), default=0.0)
    http = case.http_probe(consumer.name, dependency.host, dependency.port)
    if http and _tells_of_trouble(case, http):
        return at(Layer.PROTOCOL, Outcome.FAILED, f"{host_port(http.host, http.port)}{http.path}: {http.error}")
    if http and http.outcome is Outcome.OK:
        return at(Layer.PROTOCOL, Outcome.OK, f"HTTP {http.status}", http.latency_ms)
    return at(Layer.PORT, Outcome.OK, f"{host_port(ports[0].host, ports[0].port)} open", latency)


def _walk_apart(case: Case, dependency: Dependency, consumer: Container) -> Walk:
    """Two that must not reach each other: an open port is the failure."""

    def at(layer: Layer, outcome: Outcome, detail: str) -> Walk:
        return Walk(dependency, consumer.name, layer, outcome, detail)

    if not consumer.running:
        return at(Layer.CONTAINER, Outcome.OK, f"not reachable: {consumer.service} is {consumer.state}")
    name = case.name_probe(consumer.name, dependency.host)
    addresses = {*(name.answers if name else ()), *case.addresses(case.provider(dependency))}
    ports = case.tried(consumer.name, dependency.port, addresses)
    opened = next((p for p in ports if p.outcome is Outcome.OK), None)
    if opened:
        return at(Layer.PORT, Outcome.FAILED, f"{host_port(opened.host, opened.port)} open, and must not be")
    unknown = next((p for p in (name, *ports) if p is None or p.outcome is Outcome.UNKNOWN), name)
    if unknown is None or unknown.outcome is Outcome.UNKNOWN:
        return at(Layer.NAME, Outcome.UNKNOWN, unknown.error if unknown else "not probed")
    return at(Layer.PORT, Outcome.OK, "not reachable, as declared")


def _tells_of_trouble(case: Case, probe: Probe) -> bool:
    """Whether an HTTP answer shows a fault: a gateway's own error, or a host name that the server rejects.

    Anything else is the application's business: it may speak gRPC on that port, or want another path.
    """
    return probe.status in (502, 504) or hyphen_twin(case, probe) is not None


def hyphen_twin(case: Case, probe: Probe) -> Optional[Probe]:
    """The same request with hyphens for the underscores in its Host, where these alone are rejected; None elsewhere."""
    if probe.status != 400 or "_" not in probe.host:
        return None
    twin = case.http_probe(probe.container, hyphened(probe.host), probe.port)
    return twin if twin and twin.status not in (0, 400) else None


def hyphened(host: str) -> str:
    """The host as RFC 952 would have it, which knows no underscore."""
    return host.replace("_", "-")


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
