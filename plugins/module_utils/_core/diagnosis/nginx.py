# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, nginx: what its own configuration makes of requests that could be answered."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from shlex import quote
from typing import Optional
from urllib.parse import urlsplit

from ..model import (
    CheckResult,
    Confidence,
    Container,
    Finding,
    LogEvent,
    Nginx,
    NginxLocation,
    NginxServer,
    Outcome,
    Probe,
)
from .answers import (
    GATEWAY,
    PROXY,
    UPSTREAM,
    answering,
    asking,
    author,
    is_recent,
    knows_path,
    open_at,
    open_behind,
    request,
    told_directly,
)
from .case import EMBEDDED_DNS, HOSTS_FILE, Case
from .make import finding, listed, log_line

# files of every nginx that say nothing of routes
_NO_ROUTES = ("mime.types", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "proxy_params")


def is_nginx(case: Case, container: Container) -> bool:
    """Whether the container runs nginx, as its processes or its command say."""
    words = (container.image, *container.entrypoint, *container.command)
    return nginx_of(case, container) is not None or any("nginx" in word for word in words)


def nginx_of(case: Case, container: Container) -> Optional[Nginx]:
    """The configuration that the container's nginx reads, None where it is not known."""
    return next((n for n in case.snapshot.nginx if n.container == container.name), None)


def configuration_not_read(case: Case) -> list[Finding]:
    """nginx answers 404 with a configuration that passes nothing on, while the project has one that would."""
    found = []
    for service, results in open_at(case, 404).items():
        symptoms = [r for r in results if author(case, r).kind in (GATEWAY, "")]
        container = next((c for c in case.containers_of(service) if c.running and nginx_of(case, c)), None)
        nginx = nginx_of(case, container) if container else None
        if not symptoms or not container or not nginx or any(p.passes for s in nginx.servers for p in s.locations):
            continue
        unread = _unread(case, container, nginx)
        declared = [r for r in case.snapshot.routes if r.get("gateway") == service]
        if not unread and not declared:
            continue
        files = [f for f in nginx.files if posixpath.basename(f) not in _NO_ROUTES]
        folders = [p for p in nginx.includes if re.search(r"[*?]", p) and "modules" not in p]
        found.append(
            finding(
                "protocol.nginx_config_not_mounted_404",
                Confidence.CERTAIN if unread else Confidence.LIKELY,
                f"nginx in '{service}' never reads the configuration that has its routes",
                [r.check.name for r in symptoms],
                evidence=(
                    f"nginx in {container.name} reads {', '.join(files)}: nothing there passes a request on",
                    *unread,
                    f"it includes {', '.join(folders) or 'nothing else'}",
                    *(
                        f"declared: {r.get('prefix')} is to go to '{r.get('service')}'"
                        for r in declared[:2]
                        if not unread
                    ),
                    request(symptoms[0]),
                ),
                confirm=f"docker exec {container.name} nginx -T -c {quote(nginx.files[0])} 2>/dev/null | grep -n _pass",
                advice=f"Mount the file with the routes of '{service}' where nginx reads it"
                + (f" ({', '.join(folders)})" if folders else f" (as {nginx.files[0]})")
                + ", and recreate the container.",
                subject={"service": service, "container": container.name},
            )
        )
    return found


def _unread(case: Case, container: Container, nginx: Nginx) -> list[str]:
    """The project's files that pass requests on for this service, and are not among those that nginx reads."""
    hosts: dict[str, list[str]] = {}
    for dependency in case.snapshot.dependencies:
        if dependency.consumer == container.service and dependency.line:
            hosts.setdefault(dependency.key, []).append(dependency.host)
    lines = []
    for file, called in hosts.items():
        place = _place(case, container, file)
        if place not in nginx.files:
            where = (
                f"is mounted at {place}, where nginx does not look" if place else f"is not mounted in {container.name}"
            )
            lines.append(f"{file} passes requests on to {', '.join(dict.fromkeys(called))}, and {where}")
    return lines


def _place(case: Case, container: Container, file: str) -> str:
    """Where the container has that file of the host, or that inline config; empty where it does not."""
    for mount in container.mounts:
        if mount.source and (file == mount.source or file.startswith(mount.source.rstrip("/") + "/")):
            return mount.destination + file[len(mount.source.rstrip("/")) :]
    service = (case.snapshot.config.get("services") or {}).get(container.service) or {}
    used = (c for c in service.get("configs") or () if f"configs.{c.get('source')}" == file)
    return next((str(c.get("target") or f"/{c['source']}") for c in used), "")


def host_mismatch(case: Case) -> list[Finding]:
    """nginx's default server refuses a request that the server of another host name would pass on."""
    found = []
    for service, results in open_at(case, 400, 403, 404, 421, 503).items():
        container = next((c for c in case.containers_of(service) if c.running and nginx_of(case, c)), None)
        nginx = nginx_of(case, container) if container else None
        if not container or not nginx:
            continue
        meant = {r.check.name: m for r in results if (m := _meant(case, nginx, r))}
        symptoms = [r for r in results if r.check.name in meant]
        if not symptoms:
            continue
        server, probe = meant[symptoms[0].check.name]
        asked = _host_of(symptoms[0])
        default = next((s for s in nginx.servers if s.default), None)
        found.append(
            finding(
                "protocol.nginx_host_mismatch_default_server_404",
                Confidence.CERTAIN,
                f"nginx in '{service}' has no server for host '{asked}'; its routes are those of '{probe.host}'",
                [r.check.name for r in symptoms],
                evidence=(
                    request(symptoms[0]),
                    f"the same request with 'Host: {probe.host}' is answered {probe.status}",
                    f"{server.where}: server_name {' '.join(server.names)}",
                    *([f"{default.where}: the server for all other hosts"] if default else []),
                ),
                confirm=f"curl -si -H {quote(f'Host: {probe.host}')} {quote(symptoms[0].check.url)}",
                advice=f"Ask '{service}' for host '{probe.host}' (a check takes headers: {{Host: {probe.host}}}), or add '{asked}' to "
                f"server_name in {server.where}, or make that the default_server.",
                subject={"service": service, "container": container.name, "host": probe.host},
            )
        )
    return found


def _meant(case: Case, nginx: Nginx, result: CheckResult) -> Optional[tuple[NginxServer, Probe]]:
    """The server that would have answered and its answer, where the request's own host has no server that passes it on."""
    passing = [s for s in nginx.servers if any(p.passes for p in s.locations)]
    if author(case, result).kind in (UPSTREAM, PROXY) or any(_serves(s, _host_of(result)) for s in passing):
        return None
    knowing = answering(case, result)
    for probe in result.named:
        server = next((s for s in passing if probe.host in s.names), None)
        hosts = [h for p in server.locations for h in p.hosts] if server else []
        # another site of the same nginx may answer everything: this one must lead to a provider that has the path
        if server and knows_path(probe) and (not hosts or any(case.service_named(h) in knowing for h in hosts)):
            return server, probe
    return None


def _host_of(result: CheckResult) -> str:
    given = next((v for k, v in result.check.headers.items() if k.lower() == "host"), "")
    return (given.partition(":")[0] or urlsplit(result.check.url).hostname or "").lower()


def _serves(server: NginxServer, host: str) -> bool:
    """Whether the host is one of a server's names: https://nginx.org/en/docs/http/server_names.html"""
    for name in server.names:
        if name.startswith("~"):
            try:
                if re.search(name[1:], host):
                    return True
            except re.error:
                return True
        elif fnmatchcase(host, f"*{name}" if name.startswith(".") else name) or host == name.lstrip("."):
            return True
    return False


def cannot_resolve(case: Case) -> list[Finding]:
    """nginx itself finds no address for a name that its container resolves: it asks nobody, or somebody else."""
    found = []
    for service in case.services():
        symptoms = open_behind(case, service, 0, 500, 502, 503, 504)
        for container in case.containers_of(service) if symptoms else ():
            events = [e for e in case.snapshot.log_events if e.container == container.name and _known_here(case, e)]
            if not container.running or not events or not is_nginx(case, container):
                continue
            hosts = list(dict.fromkeys(e.host for e in events))
            location = _location(case, container, hosts)
            none = any("no resolver defined" in e.line for e in events)
            asked = location.resolver if location else ()
            if not none and (EMBEDDED_DNS in asked or any(_only_in_hosts(case, container, h) for h in hosts)):
                continue
            resolver = f"resolver {' '.join(asked)}" if asked else "another resolver"
            where = location.where if location else "its configuration"
            found.append(
                finding(
                    "protocol.nginx_no_resolver_for_variable"
                    if none
                    else "protocol.nginx_resolver_bypasses_docker_dns",
                    Confidence.CERTAIN if none or asked else Confidence.LIKELY,
                    f"nginx in '{service}' has no resolver for {listed(hosts)} in its proxy_pass"
                    if none
                    else f"nginx in '{service}' asks {', '.join(asked) or 'another nameserver'} instead of Docker's DNS",
                    [*(r.check.name for r in symptoms), *asking(case, service)],
                    evidence=(
                        *(log_line(e) for e in events[-2:]),
                        *([f"{location.where}: proxy_pass {location.passes}"] if location else []),
                        "no resolver stands around it" if none else f"around it stands '{resolver}'",
                        *(_resolved(case, container, h) for h in hosts[:2]),
                        *(
                            told_directly(case, r, p)
                            for r in symptoms[:1]
                            for p in list(answering(case, r).values())[:1]
                        ),
                    ),
                    confirm=f"docker logs --tail 50 {container.name} 2>&1 | grep resolve",
                    advice=f"Write 'resolver {EMBEDDED_DNS} valid=10s;' "
                    + ("into the server or http block around " if none else "instead of it, for ")
                    + f"{where}, and reload nginx: docker kill -s HUP {container.name}. nginx asks neither resolv.conf nor /etc/hosts.",
                    subject={
                        "service": service,
                        "container": container.name,
                        "hosts": hosts,
                        "resolver": EMBEDDED_DNS,
                    },
                )
            )
    return found


def _known_here(case: Case, event: LogEvent) -> bool:
    """Whether nginx could not resolve a name, just now, that the container itself resolves to one of the project."""
    if event.kind != "resolution" or not re.search("no resolver defined|could not be resolved", event.line):
        return False
    probe = case.name_probe(event.container, event.host)
    resolves = probe is not None and probe.outcome is Outcome.OK
    return is_recent(case, event) and resolves and bool(case.service_named(event.host))


def _only_in_hosts(case: Case, container: Container, host: str) -> bool:
    probe = case.name_probe(container.name, host)
    return probe is not None and probe.via == HOSTS_FILE


def _resolved(case: Case, container: Container, host: str) -> str:
    probe = case.name_probe(container.name, host)
    return (
        f"{container.name} itself resolves '{host}' to {', '.join(probe.answers)} (asked {probe.via})" if probe else ""
    )


def _location(case: Case, container: Container, hosts: list[str]) -> Optional[NginxLocation]:
    """The first location that passes requests to one of those hosts by way of a variable."""
    nginx = nginx_of(case, container)
    variable = [p for s in nginx.servers for p in s.locations if "$" in p.passes] if nginx else []
    return next((p for p in variable if set(p.hosts) & set(hosts)), next(iter(variable), None))
