# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diagnoses and journals to report, made up."""

from __future__ import annotations

# The sizes that people have: a small project, a common one, a large one.
SIZES = (5, 20, 100)


def stack(size):
    """The diagnosis of a project of so many services, its topology included, with a few faults in it.

    A gateway calls services in tiers, these call each other and stores. ``store-0`` refuses its connections, one
    service calls a name that nobody has, one calls back to the first tier, one dependency is unknown, and one
    service in eight is without a dependency.
    """
    stores = [f"store-{number}" for number in range(max(1, size // 10))]
    plain = [f"service-{number:02}" for number in range(size - len(stores) - 1)]
    alone = plain[len(plain) - size // 8 :]
    working = plain[: len(plain) - len(alone)]
    tiers = [working[start :: max(1, size // 8)] for start in range(max(1, size // 8))]
    calls = [("gateway", name, 8080) for name in tiers[0]]
    for tier, following in zip(tiers, tiers[1:]):
        calls += [(name, following[place % len(following)], 8080) for place, name in enumerate(tier)]
        calls += [(name, following[(place * 3 + 1) % len(following)], 8080) for place, name in enumerate(tier)]
    calls += [(name, stores[place % len(stores)], 5432) for place, name in enumerate(working)]
    calls += [(working[-1], working[0], 8080), (working[1], "srvice-02", 8080)]
    walks = [walk(*call) for call in dict.fromkeys(calls)]
    walks[-3].update(outcome="unknown", layer="name", detail="root is needed")
    walks[-1].update(outcome="failed", layer="name", cause="name.misspelt_name", detail="NXDOMAIN")
    refused = [w for w in walks if w["dependency"]["host"] == "store-0" and w["outcome"] == "ok"]
    for one in refused:
        one.update(outcome="failed", layer="port", cause="port.bind_loopback_only", detail="ECONNREFUSED")
    findings = [
        finding("port.bind_loopback_only", "store-0 listens on 127.0.0.1 only", refused, "store-0"),
        finding("name.misspelt_name", "'srvice-02' is nobody's name", walks[-1:], working[1]),
    ]
    networks = ["front", "back", "data"]
    services = [
        {
            "name": name,
            "state": "running",
            "health": "healthy",
            "exit_code": 0,
            "replicas": 1,
            "running": 1,
            "networks": ["front", "back"] if name == "gateway" else ["data"] if name in stores else ["back", "data"],
            "image": "shop:1",
        }
        for name in ["gateway", *plain, *stores]
    ]
    topology = {
        "services": services,
        "networks": [
            {"name": name, "driver": "bridge", "internal": name == "data", "project": "shop"} for name in networks
        ],
        "providers": {service["name"]: service["name"] for service in services},
    }
    return {
        "healthy": False,
        "walks": walks,
        "findings": findings,
        "checks": [],
        "notes": [],
        "topology": topology,
        "duration_ms": 900,
    }


def walk(consumer, host, port=8080, **fields):
    """A dependency that works, unless the fields say otherwise."""
    dependency = {"consumer": consumer, "host": host, "port": port, "origin": "declared"}
    values = {"layer": "port", "outcome": "ok", "detail": "connected", "latency_ms": 1.5}
    return {"dependency": dependency, "container": f"shop-{consumer}-1", **values, **fields}


def finding(code, summary, walks=(), service="", **fields):
    """An error that breaks those dependencies and is about that service."""
    return {
        "code": code,
        "severity": "error",
        "confidence": "certain",
        "summary": summary,
        "breaks": [f"{w['dependency']['consumer']} → {w['dependency']['host']}:{w['dependency']['port']}" for w in walks],
        "subject": {"service": service} if service else {},
        **fields,
    }


def told(diagnosis, **host):
    """A journal of one host that was only looked at."""
    values = {"host": "db1", "project": "shop", "status": "diagnosed", "before": diagnosis}
    times = {"started_at": "2026-11-22T13:26:15Z", "finished_at": "2026-11-22T13:26:42Z"}
    return {"schema": 1, "run_id": "r1", "mode": "diagnose", "status": "diagnosed", **times, "hosts": [{**values, **host}]}
