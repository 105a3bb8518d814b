# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project as "docker inspect" shows it, without what no restoration can give back. No code of the product's."""

from __future__ import annotations

import json
import subprocess

# times, ids, paths of the engine's own files, and where a container's layers lie
FLEETING = (
    "Created", "GraphDriver", "RestartCount", "SandboxID", "SandboxKey", "EndpointID", "NetworkID", "MacAddress",
    "com.docker.compose.project.config_files", "com.docker.compose.version", "com.docker.compose.replace",
)  # fmt: skip
UNORDERED = ("Env", "Binds", "ExtraHosts", "Aliases", "DNSNames", "Links", "Mounts")
DYNAMIC = ("IPAddress", "GlobalIPv6Address")


def docker(*words):
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def picture(project, folder):
    """Containers, networks, volumes and our override file, each by its name. Whatever has the project's name is its."""
    listed = docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}").splitlines()
    ids = [i for i, name in (line.split() for line in listed) if project in name]
    networks = [n for n in docker("network", "ls", "--format", "{{.Name}}").splitlines() if project in n]
    containers = json.loads(docker("inspect", *ids)) if ids else []
    volumes = {m["Name"] for c in containers for m in c["Mounts"] if m["Type"] == "volume"}
    volumes |= {v for v in docker("volume", "ls", "--format", "{{.Name}}").splitlines() if project in v}
    override = folder / "compose.netfix.yml"
    return {
        "containers": {c["Name"].lstrip("/"): _container(c) for c in containers},
        "networks": {n["Name"]: _plain(_without_members(n)) for n in _inspected("network", networks)},
        "volumes": {v["Name"]: _plain(v) for v in _inspected("volume", volumes)},
        "override": override.read_text() if override.exists() else None,
        "files": sorted(p.name for p in folder.iterdir()),
    }


def _inspected(kind, names):
    return json.loads(docker(kind, "inspect", *names)) if names else []


def _without_members(network):
    return {k: v for k, v in network.items() if k not in ("Containers", "Id")}


def _container(raw):
    raw = {**raw, "State": raw["State"]["Running"], "NetworkSettings": raw["NetworkSettings"]["Networks"]}
    # Compose names a volume there that it takes over from the container before; "Mounts" says what is mounted in fact
    raw["HostConfig"].pop("Mounts", None)
    fixed = {n: (e["IPAMConfig"] or {}) for n, e in raw["NetworkSettings"].items()}
    for network, endpoint in raw["NetworkSettings"].items():
        raw["NetworkSettings"][network] = {
            k: v for k, v in endpoint.items() if k not in DYNAMIC or fixed[network].get("IPv4Address")
        }
    # its id is its host name and one of its names
    text = json.dumps(raw).replace(raw["Id"], "<id>").replace(raw["Id"][:12], "<id>")
    return _plain({k: v for k, v in json.loads(text).items() if k != "Id"})


def _plain(value, key=""):
    if isinstance(value, dict):
        return {k: _plain(v, k) for k, v in value.items() if k not in FLEETING}
    if isinstance(value, list):
        items = [_plain(v) for v in value]
        return sorted(items, key=str) if key in UNORDERED else items
    if key == "com.docker.compose.depends_on":
        return sorted(value.split(","))
    return value


def unlike(was, found, where=""):
    """Every field in which two pictures differ."""
    if isinstance(was, dict) and isinstance(found, dict):
        keys = sorted({*was, *found})
        return [line for k in keys for line in unlike(was.get(k), found.get(k), f"{where}/{k}")]
    return [] if (was or None) == (found or None) else [f"{where}: was {was!r}, is {found!r}"]
