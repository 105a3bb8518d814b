# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a Compose configuration and what is known of its images to the services that run without Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Optional, Union

from ..parsing.command_line import split_command
from .model import Health, Image, Mount, Need, Plan, Published, Refused, Service, Volume

# names of architectures: of images (Go's) by those of uname(2)
ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "armv7l": "arm", "armv6l": "arm",
    "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
}  # fmt: skip
_SUBNET = "10.203"
_ENGINE_SOCKET = "docker.sock"
_DURATION = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def plan_services(
    config: Mapping[str, Any], images: Mapping[str, Union[Image, str]], project: str, machine: str
) -> Plan:
    """What can run of an effective configuration (``docker compose config --format json``), and what cannot.

    ``images`` has for each service its image, or the reason why there is none. ``machine`` is what uname(2) says.
    """
    config = _unescaped(config)
    specs = {n: s or {} for n, s in sorted((config.get("services") or {}).items()) if _wanted(s or {})}
    refused = {name: why for name, s in specs.items() if (why := _refusal(name, s, images.get(name), machine, specs))}
    for name, spec in specs.items():
        host = _shared_network(spec)
        if name not in refused and host in refused:
            refused[name] = f"it shares the network of {host!r}, which cannot run: {refused[host]}"
    addresses = {name: f"{_SUBNET}.{(number + 2) >> 8}.{(number + 2) & 255}" for number, name in enumerate(specs)}
    for name, spec in specs.items():
        addresses[name] = addresses.get(_shared_network(spec), addresses[name])
    names = {
        alias: addresses[name]
        for name, spec in specs.items()
        if name not in refused
        for alias in _aliases(name, spec, project)
    }
    services = []
    for name, spec in specs.items():
        image = images.get(name)
        if name not in refused and isinstance(image, Image):
            services.append(_service(name, spec, image, config, refused, addresses[name], names))
    volumes = tuple(
        Volume(key, str((v or {}).get("name") or f"{project}_{key}"))
        for key, v in sorted((config.get("volumes") or {}).items())
    )
    return Plan(project, tuple(services), tuple(Refused(n, why) for n, why in refused.items()), volumes, names)


def image_name(name: str, spec: Mapping[str, Any], project: str) -> str:
    """The image of a service; for one that is only built, the name that Compose gives to it."""
    return str(spec.get("image") or f"{project}-{name}")


def duration_s(value: Any, default: float) -> float:
    """Seconds of Compose's ``1m30s``, of a number of nanoseconds, or the default for nothing."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value / 1e9 or default
    found = _DURATION.findall(str(value or ""))
    return sum(float(number) * _UNITS[unit] for number, unit in found) if found else default


def health_of(raw: Optional[Mapping[str, Any]]) -> Optional[Health]:
    """The health check of a service or, with its capital letters, of an image; None where there is none."""
    spec = {key.lower().replace("_", ""): value for key, value in (raw or {}).items()}
    test = spec.get("test") or []
    test = ["CMD-SHELL", test] if isinstance(test, str) else [str(word) for word in test]
    if not test or test[0] == "NONE" or spec.get("disable"):
        return None
    argv = ("/bin/sh", "-c", " ".join(test[1:])) if test[0] == "CMD-SHELL" else tuple(test[1:])
    return Health(
        argv,
        duration_s(spec.get("interval"), 30.0),
        duration_s(spec.get("timeout"), 30.0),
        int(spec.get("retries") or 3),
        duration_s(spec.get("startperiod"), 0.0),
    )


def stop_order(services: Sequence[Service]) -> dict[str, set[str]]:
    """For each service those that need it, and so are stopped before it."""
    return {
        s.name: {o.name for o in services if any(n.service == s.name for n in o.needs) or o.network == s.name}
        for s in services
    }


def _unescaped(value: Any) -> Any:
    # https://docs.docker.com/reference/compose-file/interpolation/: config writes a literal dollar twice
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, Mapping):
        return {key: _unescaped(v) for key, v in value.items()}
    return [_unescaped(v) for v in value] if isinstance(value, list) else value


def _wanted(spec: Mapping[str, Any]) -> bool:
    return (spec.get("deploy") or {}).get("replicas", spec.get("scale")) != 0


def _refusal(
    name: str, spec: Mapping[str, Any], image: Union[Image, str, None], machine: str, specs: Mapping[str, Any]
) -> str:
    """Why the service cannot run so; empty where nothing stands against it."""
    mode = str(spec.get("network_mode") or "")
    if spec.get("privileged"):
        return "it is privileged: outside a container it could change this host. Run it by hand."
    if mode == "host" or mode.startswith("container:"):
        return f"its network_mode is {mode}: it would listen on this host's own addresses. Give it a network of the project."
    if str(spec.get("pid") or "") or spec.get("devices"):
        return "it asks for this host's processes or devices. Run it by hand."
    if _shared_network(spec) and _shared_network(spec) not in specs:
        return f"it shares the network of {_shared_network(spec)!r}, which is no service of the project."
    if not isinstance(image, Image):
        return image or "there is neither an image nor a build context for it."
    own = ARCHITECTURES.get(machine, machine)
    if image.architecture and image.architecture != own and not (image.architecture == "386" and own == "amd64"):
        return (
            f"its image {spec.get('image') or image.id} is for {image.architecture}, this host is {own}. "
            f"Build or pull it for {own} (docker compose build, docker pull --platform linux/{own})."
        )
    if not _argv(spec, image):
        return "neither its configuration nor its image says which program to run. Give it a command."
    return ""


def _shared_network(spec: Mapping[str, Any]) -> str:
    kind, _colon, name = str(spec.get("network_mode") or "").partition(":")
    return name if kind == "service" else ""


def _aliases(name: str, spec: Mapping[str, Any], project: str) -> list[str]:
    found = [name, f"{project}-{name}-1", str(spec.get("container_name") or "")]
    networks = spec.get("networks") or {}
    for network in networks.values() if isinstance(networks, Mapping) else ():
        found += (network or {}).get("aliases") or ()
    return [alias for alias in dict.fromkeys(found) if alias]


def _argv(spec: Mapping[str, Any], image: Image) -> tuple[str, ...]:
    entrypoint, command = spec.get("entrypoint"), spec.get("command")
    first = image.entrypoint if entrypoint is None else split_command(entrypoint)
    # an entrypoint of the service's own leaves the image's command out
    rest = (image.command if entrypoint is None else ()) if command is None else split_command(command)
    return (*first, *rest)


def _service(
    name: str,
    spec: Mapping[str, Any],
    image: Image,
    config: Mapping[str, Any],
    refused: Mapping[str, str],
    address: str,
    names: Mapping[str, str],
) -> Service:
    notes = list(image.notes)
    hostname = str(spec.get("hostname") or name)
    mode = str(spec.get("network_mode") or "")
    environment = dict(one.partition("=")[::2] for one in image.environment)
    environment.update({k: str(v) for k, v in (spec.get("environment") or {}).items() if v is not None})
    environment.setdefault("HOSTNAME", hostname)
    needs = _needs(spec, refused, notes)
    mounts, files = _mounts(name, spec, config, notes)
    if int((spec.get("deploy") or {}).get("replicas") or spec.get("scale") or 1) > 1:
        notes.append("one instance runs, whatever the number of replicas")
    return Service(
        name=name,
        image=str(spec.get("image") or image.id),
        image_id=image.id,
        origin=image.origin,
        layers=image.layers,
        argv=_argv(spec, image),
        environment=environment,
        workdir=str(spec.get("working_dir") or image.workdir or "/"),
        user=str(spec.get("user") or image.user or ""),
        hostname=hostname,
        hosts=_hosts(spec, hostname, address, names),
        address="" if mode == "none" else address,
        fixed_addresses=() if mode else _fixed_addresses(spec),
        network=_shared_network(spec) or ("none" if mode == "none" else "own"),
        groups=tuple(str(g) for g in spec.get("group_add") or ()),
        mounts=mounts,
        copies=image.copies,
        files=files,
        published=_published(spec, notes),
        health=_health(spec, image),
        needs=needs,
        restart=str(spec.get("restart") or "no"),
        stop_signal=str(spec.get("stop_signal") or image.stop_signal or "SIGTERM"),
        stop_grace_s=duration_s(spec.get("stop_grace_period"), 10.0),
        capabilities=tuple(str(c).upper() for c in spec.get("cap_add") or ()),
        dropped=tuple(str(c).upper() for c in spec.get("cap_drop") or ()),
        notes=tuple(notes),
    )


def _health(spec: Mapping[str, Any], image: Image) -> Optional[Health]:
    own = spec.get("healthcheck")
    if own and not own.get("test") and not own.get("disable") and image.health:
        # only the times are overridden
        return health_of({**own, "test": ["CMD", *image.health.argv]})
    return health_of(own) if own else image.health


def _needs(spec: Mapping[str, Any], refused: Mapping[str, str], notes: list[str]) -> tuple[Need, ...]:
    found = {}
    raw = spec.get("depends_on") or {}
    entries = raw.items() if isinstance(raw, Mapping) else [(one, {}) for one in raw]
    for name, how in entries:
        if name in refused:
            notes.append(f"it does not wait for {name!r}, which cannot run")
        else:
            found[name] = Need(name, str((how or {}).get("condition") or "service_started"))
    host = _shared_network(spec)
    if host and host not in found:
        found[host] = Need(host)
    return tuple(found[name] for name in sorted(found))


def _hosts(spec: Mapping[str, Any], hostname: str, address: str, names: Mapping[str, str]) -> str:
    """The service's /etc/hosts. The project's own names come first, so that no stale pin takes them away."""
    lines = [("127.0.0.1", "localhost"), ("::1", "localhost ip6-localhost"), *((a, n) for n, a in names.items())]
    if hostname not in names:
        lines.append((address, hostname))
    for link in spec.get("links") or ():
        target, _colon, alias = str(link).partition(":")
        if alias and target in names:
            lines.append((names[target], alias))
    extra = spec.get("extra_hosts") or {}
    pairs = extra.items() if isinstance(extra, Mapping) else (re.split(r"[=:]", str(e), maxsplit=1) for e in extra)
    for host, where in pairs:
        for one in [where] if isinstance(where, str) else where:
            if _is_address(str(one).strip("[]")) and host not in names:
                lines.append((str(one).strip("[]"), str(host)))
    return "".join(f"{where}\t{host}\n" for where, host in lines)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _fixed_addresses(spec: Mapping[str, Any]) -> tuple[str, ...]:
    networks = spec.get("networks") or {}
    found = (
        [str((n or {}).get("ipv4_address") or "") for n in networks.values()] if isinstance(networks, Mapping) else []
    )
    return tuple(address for address in found if _is_address(address))


def _published(spec: Mapping[str, Any], notes: list[str]) -> tuple[Published, ...]:
    found = []
    for port in spec.get("ports") or ():
        wanted = str(port.get("published") or "0")
        if port.get("protocol", "tcp") != "tcp":
            notes.append(f"port {wanted}/{port['protocol']} is not published: only TCP is")
        else:
            found.append(Published(int(wanted) if wanted.isdigit() else 0, int(port["target"])))
    return tuple(dict.fromkeys(found))


def _mounts(
    name: str, spec: Mapping[str, Any], config: Mapping[str, Any], notes: list[str]
) -> tuple[tuple[Mount, ...], dict[str, str]]:
    found, files = [], {}
    for number, one in enumerate(spec.get("volumes") or ()):
        kind, source, target = one.get("type"), str(one.get("source") or ""), str(one["target"])
        if kind == "volume":
            found.append(Mount("volume", source or f"{name}.{number}", target))
        elif kind == "tmpfs":
            found.append(Mount("tmpfs", "", target))
        elif kind == "bind" and source.endswith(_ENGINE_SOCKET):
            notes.append(f"the engine's socket {source} is not handed on to it")
        elif kind == "bind":
            found.append(Mount("bind" if one.get("read_only") else "copy", source, target))
        else:
            notes.append(f"what is mounted on {target} is left out: its type is {kind}")
    tmpfs = spec.get("tmpfs") or ()
    found += [Mount("tmpfs", "", str(t).partition(":")[0]) for t in ([tmpfs] if isinstance(tmpfs, str) else tmpfs)]
    for kind, default in (("configs", "/"), ("secrets", "/run/secrets/")):
        for one in spec.get(kind) or ():
            known = (config.get(kind) or {}).get(one.get("source")) or {}
            target = str(one.get("target") or one.get("source"))
            target = target if target.startswith("/") else default + target
            if known.get("file"):
                found.append(Mount("bind", str(known["file"]), target))
            elif known.get("content") is not None:
                files[target] = str(known["content"])
            else:
                notes.append(f"{target} is left out: its content is neither a file nor in the configuration")
    # what is mounted on a folder must not be hidden by what is mounted above it
    return tuple(sorted(found, key=lambda m: m.target.count("/"))), files
