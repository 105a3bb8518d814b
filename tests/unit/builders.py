# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small healthy project to break by hand, and the recorded ones.

The shop: ``web`` (published on 8080) calls ``api:8000`` over HTTP, ``api`` calls ``db:5432``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import EMBEDDED_DNS, open_case
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Check,
    CheckResult,
    Container,
    Dependency,
    Endpoint,
    Layer,
    Network,
    Outcome,
    Port,
    Probe,
    Snapshot,
    Socket,
    Subnet,
    from_data,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS, make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.situation import Situation
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import (
    ContainerState,
    ProjectState,
    capture,
)

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).parents[2]
RECORDED = sorted(p.stem for p in (FIXTURES / "snapshots").glob("*.json"))
FAULTS = [name for name in RECORDED if not name.startswith("healthy")]
PROJECT = "shop"
NETWORK = "shop_default"


def recorded(name):
    """A snapshot that the real engine gave."""
    return from_data(Snapshot, json.loads((FIXTURES / "snapshots" / f"{name}.json").read_text(encoding="utf-8")))


def inspected(name):
    """The project's state from the inspect data that the real engine gave."""
    data = json.loads((FIXTURES / "inspect" / f"{name}.json").read_text(encoding="utf-8"))
    return capture("netfix-unit", data["containers"], data["networks"], None)


def state_of(snapshot, override=None):
    """The state that belongs to a snapshot, for those without inspect data."""
    return ProjectState(
        project=snapshot.project,
        override=override,
        containers={
            c.name: ContainerState(
                c.name, c.service, c.state, c.config_hash, c.image_id, {}, {e.network: e for e in c.endpoints}
            )
            for c in snapshot.containers
        },
        networks={n.name: n for n in snapshot.networks if n.name not in ("bridge", "host", "none")},
    )


def situation(snapshot, remediation, state=None, override=None, options=None, forced=False):
    """What propose() is given: all findings that unlock the remediation, or all errors where none does."""
    diagnosis = diagnose(snapshot)
    plan = make_plan(diagnosis.findings, [remediation])
    findings = plan.items[0].findings if plan.items else ()
    case = replace(open_case(snapshot), walks=diagnosis.walks)
    return Situation(case, findings, state or state_of(snapshot), override or {}, options or {}, forced=forced)


def propose(snapshot, remediation, **more):
    return REMEDIATIONS[remediation].propose(situation(snapshot, remediation, **more))


def endpoint(network, address, *names, **fields):
    return Endpoint(network=network, address=address, aliases=names, dns_names=names, gateway="10.1.0.1", **fields)


def container(service, address, network=NETWORK, number=1, **fields):
    name = f"{PROJECT}-{service}-{number}"
    values = {
        "id": f"id-{service}-{number}",
        "service": service,
        "project": PROJECT,
        "number": number,
        "pid": 100,
        "config_hash": f"hash-{service}",
        "endpoints": (endpoint(network, address, name, service),),
        "sockets": (),
    }
    return Container(name=name, **{**values, **fields})


def network(name=NETWORK, key="default", subnet="10.1.0.0/24", **fields):
    labels = {"com.docker.compose.network": key, "com.docker.compose.project": PROJECT} if key else {}
    values = {"id": f"id-{name}", "key": key, "project": PROJECT, "labels": labels, "subnets": (Subnet(subnet),)}
    return Network(name=name, **{**values, **fields})


def call(consumer, host, port=0, **fields):
    values = {"origin": f"environment {host.upper()}_URL", "key": f"{host.upper()}_URL"}
    return Dependency(consumer, host, port, **{**values, **fields})


def listens(address, port):
    return Socket(address, port, "LISTEN")


def resolved(source, host, *answers, via=EMBEDDED_DNS, nameserver=""):
    return Probe(source, Layer.NAME, host, Outcome.OK, answers=answers, via=via, nameserver=nameserver)


def unresolved(source, host, error="NXDOMAIN", via=EMBEDDED_DNS, nameserver=""):
    return Probe(source, Layer.NAME, host, Outcome.FAILED, error=error, via=via, nameserver=nameserver)


def tcp(source, address, port, error=""):
    return Probe(source, Layer.PORT, address, Outcome.FAILED if error else Outcome.OK, port=port, error=error)


def unknown(source, layer, host, port=0, reason="root is needed"):
    return Probe(source, layer, host, Outcome.UNKNOWN, port=port, error=reason)


def check(name="front page", url="http://127.0.0.1:8080/", status=200, error="", source="host", **fields):
    outcome = Outcome.OK if 0 < status < 400 else Outcome.FAILED
    return CheckResult(Check(name, url, source=source), outcome, status, error, **fields)


def answer(host, status, port=8000, path="/", source="shop-web-1", **fields):
    """What an HTTP request was answered."""
    outcome = Outcome.OK if 0 < status < 400 else Outcome.FAILED
    return Probe(source, Layer.PROTOCOL, host, outcome, port, path, status=status, **fields)


def shop(**fields):
    """The healthy shop."""
    web, api, db = f"{PROJECT}-web-1", f"{PROJECT}-api-1", f"{PROJECT}-db-1"
    values = {
        "config": {
            "name": PROJECT,
            "services": {
                "web": {"networks": {"default": None}, "environment": {"API_URL": "http://api:8000"}},
                "api": {"networks": {"default": None}, "environment": {"DB_URL": "postgresql://db:5432/shop"}},
                "db": {"networks": {"default": None}},
            },
            "networks": {"default": {"name": NETWORK, "ipam": {}}},
        },
        "containers": (
            container("web", "10.1.0.4", ports=(Port(80, host_ip="127.0.0.1", host_port=8080),)),
            container("api", "10.1.0.3", sockets=(listens("0.0.0.0", 8000),)),
            container("db", "10.1.0.2", sockets=(listens("0.0.0.0", 5432),), restart_policy="always"),
        ),
        "networks": (network(attached=(api, db, web)),),
        "dependencies": (call("web", "api", 8000, scheme="http"), call("api", "db", 5432)),
        "probes": (
            resolved(web, "api", "10.1.0.3"),
            tcp(web, "10.1.0.3", 8000),
            resolved(api, "db", "10.1.0.2"),
            tcp(api, "10.1.0.2", 5432),
        ),
        "checks": (check(),),
    }
    return Snapshot(project=PROJECT, **{**values, **fields})


def with_container(snapshot, service, number=1, **fields):
    """The snapshot with those fields of one container changed."""
    changed = tuple(
        replace(c, **fields) if (c.service, c.number) == (service, number) else c for c in snapshot.containers
    )
    return replace(snapshot, containers=changed)


def with_probes(snapshot, *probes):
    """The snapshot with those probes in the place of what was asked there before."""

    def place(probe):
        return probe.container, probe.layer, probe.host, probe.port, probe.nameserver

    asked = {place(p) for p in probes}
    return replace(snapshot, probes=(*(p for p in snapshot.probes if place(p) not in asked), *probes))


def with_config(snapshot, service, **fields):
    """The snapshot with those keys of one service's configuration changed; None takes a key away."""
    services = dict(snapshot.config["services"])
    merged = {**(services.get(service) or {}), **fields}
    services[service] = {k: v for k, v in merged.items() if v is not None}
    return replace(snapshot, config={**snapshot.config, "services": services})


def codes(snapshot):
    return [f.code for f in diagnose(snapshot).findings]


def only(snapshot):
    """The one finding that a snapshot gives."""
    (finding,) = diagnose(snapshot).findings
    return finding
