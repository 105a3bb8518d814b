# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the collection as plain data: what is gathered, what is found, what is planned.

Everything here is frozen and made of JSON types, so that a snapshot taken on one host can be
replayed on another: ``from_data(Snapshot, json.load(file))``.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional, TypeVar

# The annotations below are evaluated by from_data() on Python 3.9: Optional and Tuple, not "X | None".


class Outcome(str, Enum):
    """What one probe showed. ``unknown`` means that it could not be run, and is never health."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Layer(str, Enum):
    """The layers a packet meets, in the order in which it meets them."""

    CONTAINER = "container"
    RESOLVER = "resolver"
    NAME = "name"
    ADDRESS = "address"
    PORT = "port"
    PROTOCOL = "protocol"
    HOST = "host"


class Severity(str, Enum):
    """How bad a finding is. Only ``error`` makes a project unhealthy."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(str, Enum):
    """How sure a finding is: seen directly, the best explanation, or one of several."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True)
class Endpoint:
    """One container's place in one network.

    ``aliases`` are as configured, ``dns_names`` are all the names the engine answers for it.
    ``static_ipv4``, ``static_ipv6`` and ``static_mac`` are empty where the engine chose the address, and so is
    ``static_mac`` where the engine does not tell. Of several networks, that with the highest ``gw_priority`` gives the
    default route (Engine 28 or newer).
    """

    network: str
    network_id: str = ""
    address: str = ""
    address6: str = ""
    prefix_length: int = 0
    gateway: str = ""
    mac: str = ""
    aliases: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    static_ipv4: str = ""
    static_ipv6: str = ""
    static_mac: str = ""
    link_local: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    driver_opts: dict[str, str] = field(default_factory=dict)
    gw_priority: int = 0


@dataclass(frozen=True)
class Mount:
    """One mount of a container; ``type`` is bind, volume or tmpfs."""

    type: str
    source: str
    destination: str
    read_only: bool = False


@dataclass(frozen=True)
class Port:
    """One published port."""

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0


@dataclass(frozen=True)
class Socket:
    """One socket in a container's network namespace.

    ``state`` is LISTEN, ESTABLISHED, SYN_SENT, ... as in the kernel's ``include/net/tcp_states.h``; UDP sockets
    that wait for datagrams are UNCONN. ``remote`` and ``remote_port`` are empty for listeners.
    """

    address: str
    port: int
    state: str
    remote: str = ""
    remote_port: int = 0
    protocol: str = "tcp"


@dataclass(frozen=True)
class Interface:
    """One network interface. ``peer`` is the index of the other end of a veth pair, 0 where it has none."""

    name: str
    index: int = 0
    mtu: int = 0
    peer: int = 0
    up: bool = True


@dataclass(frozen=True)
class Container:
    """One container as the engine and its namespaces show it.

    ``ports`` are as configured, ``published`` as the engine really published them.
    ``local_ports`` are the first and the last port that its connections may come from, empty where not known.
    ``resolv_conf``, ``hosts``, ``nsswitch`` (file texts) and ``sockets`` are None where they could not be read.
    ``environment`` holds secrets: redact() a snapshot before it leaves the host.
    """

    id: str
    name: str
    service: str = ""
    project: str = ""
    number: int = 1
    one_off: bool = False
    image: str = ""
    image_id: str = ""
    state: str = "running"
    pid: int = 0
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    restart_count: int = 0
    restart_policy: str = ""
    health: str = ""
    health_output: str = ""
    network_mode: str = ""
    hostname: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    published: tuple[Port, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    config_hash: str = ""
    resolv_conf: Optional[str] = None
    hosts: Optional[str] = None
    nsswitch: Optional[str] = None
    sockets: Optional[tuple[Socket, ...]] = None
    default_route: str = ""
    interfaces: tuple[Interface, ...] = ()
    local_ports: tuple[int, ...] = ()

    @property
    def running(self) -> bool:
        """Whether its processes run (a paused or restarting container does not serve)."""
        return self.state == "running"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses on all networks, IPv4 and IPv6."""
        return tuple(a for e in self.endpoints for a in (e.address, e.address6) if a)

    def endpoint(self, network: str) -> Optional[Endpoint]:
        """Its endpoint in the network of that name, None where it has none."""
        return next((e for e in self.endpoints if e.network == network), None)


@dataclass(frozen=True)
class Subnet:
    """One address pool of a network."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """One network of the engine. ``key`` is its name in the Compose file, empty where Compose did not label it.

    ``attached`` are names of running containers of any project.
    """

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    internal: bool = False
    attachable: bool = False
    ipv4: bool = True
    ipv6: bool = False
    subnets: tuple[Subnet, ...] = ()
    ipam_driver: str = "default"
    ipam_options: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    key: str = ""
    project: str = ""
    attached: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dependency:
    """What a consumer's configuration says it will call.

    ``host`` is the name exactly as the application uses it. ``port`` is 0 where the configuration names none, or none
    of TCP.
    ``kind`` is ``call`` (it connects), ``order`` (``depends_on`` or ``links`` only: it waits, and may never connect),
    ``external`` (a name or address outside the project: not probed by default), ``loopback`` (``localhost``, 127.0.0.1
    or ::1 where the configuration means another service: the consumer calls itself), or ``separation`` (the operator
    declared that the two must not reach each other).
    ``origin`` is where it was read, for a person: ``environment HCL_KB_URL``, ``nginx.conf:12``, ``declared``.
    ``key`` is the environment variable or file that must change to correct it.
    """

    consumer: str
    host: str
    port: int = 0
    scheme: str = ""
    path: str = ""
    kind: str = "call"
    origin: str = ""
    key: str = ""
    line: int = 0

    @property
    def target(self) -> str:
        """``host:port``, or the host alone where the port is unknown."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def name(self) -> str:
        """``consumer → host:port``, as every table shows it."""
        return f"{self.consumer} → {self.target}"

    @property
    def rewritable(self) -> bool:
        """Whether our override file can say it anew: a variable, a command line, a mounted file, a label."""
        written = self.origin.partition(" ")[0] in ("environment", "entrypoint", "command", "label")
        return written or self.key.startswith(("/", "configs."))


@dataclass(frozen=True)
class Probe:
    """One attempt, from inside one container's network namespace, at one layer.

    ``container`` is the container's name, empty when the host itself probed.
    ``error`` is a short code: an errno name (``ECONNREFUSED``), a DNS rcode (``NXDOMAIN``), ``timeout``,
    ``no_answer``, or for ``unknown`` the reason in words.
    ``via`` says who answered or how it was run: ``127.0.0.11``, ``/etc/hosts``, ``netns``, ``host``.
    ``nameserver`` is set where one nameserver was asked on purpose, empty where the name was resolved as the
    container's own libc would. ``size`` is set for an echo of so many bytes that must not be cut up.
    """

    container: str
    layer: Layer
    host: str
    outcome: Outcome
    port: int = 0
    path: str = ""
    error: str = ""
    answers: tuple[str, ...] = ()
    via: str = ""
    nameserver: str = ""
    ttl: int = 0
    latency_ms: float = 0.0
    status: int = 0
    server: str = ""
    body: str = ""
    resolved_name: str = ""
    size: int = 0


@dataclass(frozen=True)
class Check:
    """One HTTP request that tells whether the project does its work.

    ``source`` is ``host`` or the service from inside which it is sent. ``statuses`` empty means: any below 400.
    """

    name: str
    url: str
    method: str = "GET"
    source: str = "host"
    headers: dict[str, str] = field(default_factory=dict)
    json_body: Any = None
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """How one check went; ``status`` 0 means that no HTTP answer came, ``error`` says why.

    Where a check failed, its request was sent otherwise as well. ``unknown_path`` is what the same server answers for a
    path that nobody can have: a 404 that equals it was written by the server itself, not by something behind it.
    ``direct`` are the answers of the checked service's providers to the same path, asked from inside that service.
    ``named`` are the answers to the same request under the host names that its nginx serves; the probe's ``host`` is
    the name.
    """

    check: Check
    outcome: Outcome
    status: int = 0
    error: str = ""
    server: str = ""
    body: str = ""
    latency_ms: float = 0.0
    unknown_path: Optional[Probe] = None
    direct: tuple[Probe, ...] = ()
    named: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class NginxLocation:
    """One location of an nginx configuration; ``path`` as written, with its modifier, empty in a stream server.

    ``passes`` is what its proxy_pass (or the like) says, empty where nginx answers itself; ``hosts`` are the hosts that
    it means, as far as they are written down. ``resolver`` are the nameservers for names in variables. ``where`` is
    ``file:line``.
    """

    path: str
    passes: str = ""
    hosts: tuple[str, ...] = ()
    resolver: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class NginxServer:
    """One server block; ``default`` where it answers to host names that no other server has."""

    listen: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    default: bool = False
    locations: tuple[NginxLocation, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Nginx:
    """The configuration that the nginx in a container reads: its files, the main one first, and what they include."""

    container: str
    files: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    servers: tuple[NginxServer, ...] = ()


@dataclass(frozen=True)
class LogEvent:
    """One log line that tells of a failed resolution or connection, or the last one of a container that ended.

    ``kind`` is ``resolution``, ``refused``, ``timeout``, ``unreachable``, ``exhausted`` (no port to start from),
    ``not_found`` (an HTTP 404 of its own access log), ``start`` (the reason why it did not start) or ``end``. ``host``,
    ``address``, ``port`` and ``path`` are what the line names, empty or 0 where it names none. ``count`` lines of the same
    kind and target are one event.
    """

    service: str
    container: str
    kind: str
    line: str
    time: str = ""
    host: str = ""
    address: str = ""
    port: int = 0
    path: str = ""
    count: int = 1


@dataclass(frozen=True)
class Engine:
    """The engine and the Compose that was asked.

    ``silence`` is ``no socket``, ``refused`` or ``timeout`` where the engine does not answer, else empty. ``process`` is
    the state of its process as in proc(5) (``S`` sleeping, ``T`` stopped), empty where none was seen. ``settings`` are
    those of its settings that networks depend on and that somebody chose: ``{"iptables": "false"}``.
    """

    version: str = ""
    api_version: str = ""
    compose_version: str = ""
    operating_system: str = ""
    rootless: bool = False
    local: bool = True
    silence: str = ""
    process: str = ""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """The machine that the containers run on. A field is None, or empty, where it could not be read.

    ``routes`` are ``subnet dev interface``, Docker's own bridges left out. ``subnets`` are those of all networks of the
    engine, by network name. ``forward_policy`` and ``input_policy`` are those of the FORWARD and INPUT chains,
    ``docker_chains`` tells whether Docker's own chains are there and FORWARD jumps to them. ``neighbours`` counts the
    entries of the kernel's one IPv4 neighbour table, ``neighbour_limit`` is its ``gc_thresh3``, ``neighbour_overflows``
    how often it was full since boot, ``neighbours_refused`` how often while the project was probed.
    """

    ip_forward: Optional[bool] = None
    bridge_filtering: Optional[bool] = None
    forward_policy: str = ""
    input_policy: str = ""
    docker_chains: Optional[bool] = None
    masquerading: Optional[bool] = None
    routes: tuple[str, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    subnets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    address_pools: tuple[str, ...] = ()
    neighbours: Optional[int] = None
    neighbour_limit: Optional[int] = None
    neighbour_overflows: Optional[int] = None
    neighbours_refused: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Everything gathered about a project at one moment.

    ``config`` is what ``docker compose config --format json`` printed. ``strangers`` are containers of other
    projects, or of none, on this project's networks; ``bystanders`` all others of the engine, with no more than the
    engine's list tells of them. ``routes`` are the gateway routes that the operator declared, ``firewall_rules`` the
    operator's own rules as ``iptables-save`` prints them, ``rule_packets`` how many packets each has met.
    ``disabled`` are services that only a profile which is not enabled would start, with those profiles.
    ``nginx`` are the configurations of gateways behind which a check failed.
    ``notes`` say what could not be gathered, and why. ``unread`` is the evidence among it, with the reason: what it
    would have shown is not known, and not taken for health.
    """

    project: str
    taken_at: str = ""
    version: int = 1
    engine: Engine = field(default_factory=Engine)
    config: dict[str, Any] = field(default_factory=dict)
    config_files: tuple[str, ...] = ()
    config_warnings: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()
    strangers: tuple[Container, ...] = ()
    bystanders: tuple[Container, ...] = ()
    disabled: dict[str, tuple[str, ...]] = field(default_factory=dict)
    networks: tuple[Network, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    probes: tuple[Probe, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    nginx: tuple[Nginx, ...] = ()
    log_events: tuple[LogEvent, ...] = ()
    routes: tuple[dict[str, Any], ...] = ()
    firewall_rules: tuple[str, ...] = ()
    rule_packets: dict[str, int] = field(default_factory=dict)
    host: Host = field(default_factory=Host)
    notes: tuple[str, ...] = ()
    unread: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One diagnosed root cause.

    ``breaks`` are the names of the dependencies or checks it breaks, ``symptoms`` those that fail because of these.
    ``confirm`` is a command that shows it by hand. ``subject`` is what a remediation needs to know: container, network, service, names, addresses.
    ``remediations`` is empty where ``advice`` alone can help: the operator's own program or policy.
    """

    code: str
    severity: Severity
    confidence: Confidence
    summary: str
    breaks: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    confirm: str = ""
    remediations: tuple[str, ...] = ()
    advice: str = ""
    subject: dict[str, Any] = field(default_factory=dict)
    symptoms: tuple[str, ...] = ()

    @property
    def layer(self) -> Layer:
        """The layer that its code begins with."""
        return Layer(self.code.split(".", 1)[0])


@dataclass(frozen=True)
class Walk:
    """How far one dependency got: the first layer that failed, or the last one that passed.

    ``detail`` is one line of evidence, ``cause`` the code of the finding that explains it, empty where none does.
    """

    dependency: Dependency
    container: str
    layer: Layer
    outcome: Outcome
    detail: str = ""
    cause: str = ""
    latency_ms: float = 0.0


T = TypeVar("T")


def to_data(value: Any) -> Any:
    """JSON-ready copy of a dataclass, enum, mapping or sequence, in the order of the fields."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): to_data(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_data(v) for v in value]
    return value


def from_data(cls: type[T], data: Any) -> T:
    """The dataclass that to_data() wrote. Unknown keys are ignored, missing ones take the field's default.

    Raises ValueError where a value cannot be what the field's type says.
    """
    try:
        return typing.cast(T, _build(cls, data))
    except (TypeError, KeyError) as exc:
        raise ValueError(f"not a {cls.__name__}: {exc}") from exc


_HINTS: dict[type, dict[str, Any]] = {}


def _build(kind: Any, data: Any) -> Any:
    origin = typing.get_origin(kind)
    args = typing.get_args(kind)
    if origin is typing.Union:
        return None if data is None else _build(next(a for a in args if a is not type(None)), data)
    if origin is tuple:
        return tuple(_build(args[0], v) for v in data)
    if origin is dict:
        return {k: _build(args[1], v) for k, v in data.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if dataclasses.is_dataclass(kind):
        if kind not in _HINTS:
            _HINTS[typing.cast(type, kind)] = typing.get_type_hints(kind)
        hints = _HINTS[typing.cast(type, kind)]
        return typing.cast(Any, kind)(
            **{f.name: _build(hints[f.name], data[f.name]) for f in dataclasses.fields(kind) if f.name in data}
        )
    return data
