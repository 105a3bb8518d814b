# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 2: which resolver does the consumer really use?"""

from __future__ import annotations

from ..model import Confidence, Finding, Layer
from .case import EMBEDDED_DNS, Case
from .make import finding, getent, log_evidence

RESOLV_CONF = "/etc/resolv.conf"


def resolver_bypassed(case: Case) -> list[Finding]:
    """The embedded DNS knows the name, the container's own resolver does not: one finding for each container."""
    broken: dict[str, list[str]] = {}
    hosts: dict[str, list[str]] = {}
    for walk in case.open_walks(Layer.RESOLVER):
        broken.setdefault(walk.container, []).append(walk.dependency.name)
        hosts.setdefault(walk.container, []).append(walk.dependency.host)
    found = []
    for name, breaks in broken.items():
        container = case.container(name)
        if container is None:
            continue
        host = hosts[name][0]
        own, embedded = case.name_probe(name, host), case.name_probe(name, host, EMBEDDED_DNS)
        nameservers = [
            line.split()[1] for line in (container.resolv_conf or "").splitlines() if line.startswith("nameserver ")
        ]
        evidence = [
            f"{container.service} resolves '{host}' to nothing ({own.error if own else 'failed'} from {own.via if own else '?'})",
            f"{EMBEDDED_DNS} in the same container answers {', '.join(embedded.answers) if embedded else ''}",
            f"its resolv.conf names {', '.join(nameservers) or 'no nameserver'} instead of {EMBEDDED_DNS}",
            *log_evidence(case, container.service, hosts[name]),
        ]
        mount = next((m for m in container.mounts if m.destination == RESOLV_CONF), None)
        if mount:
            evidence.insert(2, f"{mount.source} is mounted at {RESOLV_CONF}")
            found.append(
                finding(
                    "resolver.resolv_conf_bind_mounted",
                    Confidence.CERTAIN,
                    f"Service '{container.service}' resolves with a mounted resolv.conf and never asks Docker's DNS",
                    breaks,
                    evidence,
                    confirm=f"docker exec {name} cat {RESOLV_CONF}",
                    advice=f"Remove the mount of {mount.source} from service '{container.service}'.",
                    subject={
                        "service": container.service,
                        "container": name,
                        "mount": mount.source,
                        "target": RESOLV_CONF,
                    },
                )
            )
        else:
            found.append(
                finding(
                    "resolver.bypassed",
                    Confidence.LIKELY,
                    f"Service '{container.service}' does not resolve through Docker's DNS",
                    breaks,
                    evidence,
                    confirm=getent(container, host),
                    subject={"service": container.service, "container": name},
                )
            )
    return found
