#!/usr/bin/env python3
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator could tell apart about a Compose project, as JSON, and whether two such states are equal.

    state.py dump PROJECT [--files DIR] [--exact] > before.json
    state.py compare before.json after.json

Written with nothing of the collection, so that a scenario does not judge the collection by its own code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT_LABEL = "com.docker.compose.project"
# Compose writes the first while it replaces a container and never takes it away. The second is the list of files of
# the day when the container was made: one that a later file does not concern keeps the shorter list.
PASSING_LABELS = {"com.docker.compose.replace", "com.docker.compose.project.config_files"}
# Compose writes this list in another order each time.
UNORDERED_LABEL = "com.docker.compose.depends_on"


def docker(*argv: str) -> str:
    """Standard output of one docker command; its error output ends the program."""
    done = subprocess.run(["docker", *argv], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"docker {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def inspect(kind: str, names: list[str]) -> list[dict[str, Any]]:
    """What ``docker <kind> inspect`` prints of every name."""
    found: list[dict[str, Any]] = json.loads(docker(kind, "inspect", *names)) if names else []
    return found


def labelled(kind: str, project: str) -> list[str]:
    """Ids of the project's containers, networks or volumes."""
    everything = ["--all"] if kind == "container" else []
    return docker(kind, "ls", "--quiet", *everything, "--filter", f"label={PROJECT_LABEL}={project}").split()


def labels(found: dict[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in (found or {}).items() if name not in PASSING_LABELS}
    if UNORDERED_LABEL in kept:
        kept[UNORDERED_LABEL] = ",".join(sorted(kept[UNORDERED_LABEL].split(",")))
    return kept


def endpoint(found: dict[str, Any], container_id: str) -> dict[str, Any]:
    """One endpoint. The engine adds the short container id to the names; it changes with every recreation."""

    def names(key: str) -> list[str]:
        return sorted(set(found.get(key) or []) - {container_id[:12]})

    return {
        "aliases": names("Aliases"),
        "dns_names": names("DNSNames"),
        "links": sorted(found.get("Links") or []),
        "address": found["IPAddress"],
        "prefix_length": found["IPPrefixLen"],
        "address6": found["GlobalIPv6Address"],
        "gateway": found["Gateway"],
        "fixed": {key: value for key, value in (found.get("IPAMConfig") or {}).items() if value},
        "driver_opts": found.get("DriverOpts") or {},
    }


def container(found: dict[str, Any], ids: dict[str, str], exact: bool) -> dict[str, Any]:
    """One container: its configuration, its endpoints and whether it runs, but not how healthy it is just now."""
    config, host = found["Config"], found["HostConfig"]
    mode = host["NetworkMode"]
    if mode.startswith("container:"):
        mode = "container:" + ids.get(mode.split(":", 1)[1], "?")
    state = {
        "image": found["Image"],
        "running": found["State"]["Running"],
        "hostname": "" if found["Id"].startswith(config["Hostname"]) else config["Hostname"],
        "environment": sorted(config["Env"] or []),
        "entrypoint": config["Entrypoint"],
        "command": config["Cmd"],
        "healthcheck": config.get("Healthcheck"),
        "labels": labels(config["Labels"]),
        "network_mode": mode,
        "extra_hosts": sorted(host["ExtraHosts"] or []),
        "dns": [host["Dns"], host["DnsSearch"], host["DnsOptions"]],
        "links": sorted(host["Links"] or []),
        "restart": host["RestartPolicy"],
        "ports": host["PortBindings"],
        "mounts": sorted(
            [m["Type"], m.get("Name") or m["Source"], m["Destination"], str(m["RW"])] for m in found["Mounts"]
        ),
        "endpoints": {name: endpoint(e, found["Id"]) for name, e in found["NetworkSettings"]["Networks"].items()},
    }
    if exact:
        state["id"] = found["Id"]
        state["started"] = found["State"]["StartedAt"]
        state["restarts"] = found["RestartCount"]
    return state


def network(found: dict[str, Any], exact: bool) -> dict[str, Any]:
    keys = ("Driver", "Scope", "Internal", "Attachable", "EnableIPv6", "IPAM", "Options", "Labels")
    state = {key.lower(): found[key] for key in keys}
    # the engine keeps "no options" as null or as {}, as whoever created the network wrote it
    state["ipam"] = {**found["IPAM"], "Options": found["IPAM"].get("Options") or {}}
    if exact:
        state["id"] = found["Id"]
        state["created"] = found["Created"]
    return state


def files(root: Path) -> dict[str, str]:
    """Mode and digest of every file below the directory, reports and caches apart."""
    states = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("netfix-report", "__pycache__")]
        for path in (Path(folder, name) for name in names):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            states[str(path.relative_to(root))] = f"{path.stat().st_mode & 0o7777:04o} {digest}"
    return states


def dump(project: str, directory: Path | None, exact: bool) -> dict[str, Any]:
    """The project's containers, networks, volumes and files, and whoever else is on its networks."""
    own_networks = inspect("network", labelled("network", project))
    attached = {one for found in own_networks for one in found["Containers"]}
    found_containers = inspect("container", sorted(attached | set(labelled("container", project)), key=str))
    by_name = {found["Name"].lstrip("/"): found for found in found_containers}
    used = {name for found in by_name.values() for name in found["NetworkSettings"]["Networks"]}
    used |= {found["Name"] for found in own_networks}
    ids = {found["Id"]: name for name, found in by_name.items()}
    return {
        "containers": {name: container(found, ids, exact) for name, found in by_name.items()},
        "networks": {found["Name"]: network(found, exact) for found in inspect("network", sorted(used))},
        "volumes": {found["Name"]: found for found in inspect("volume", labelled("volume", project))},
        "files": files(directory) if directory else {},
    }


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """One line for every field that is not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key, "(none)"), after.get(key, "(none)"), f"{path}/{key}")
    elif before != after:
        yield f"{path}: {json.dumps(before)} -> {json.dumps(after)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    dumper = commands.add_parser("dump")
    dumper.add_argument("project")
    dumper.add_argument("--files", type=Path, metavar="DIR")
    dumper.add_argument("--exact", action="store_true", help="ids and times of start as well")
    comparer = commands.add_parser("compare")
    comparer.add_argument("before", type=Path)
    comparer.add_argument("after", type=Path)
    args = parser.parse_args()
    if args.command == "dump":
        json.dump(dump(args.project, args.files, args.exact), sys.stdout, indent=1, sort_keys=True)
        print()
        return
    changed = list(differences(json.loads(args.before.read_text()), json.loads(args.after.read_text())))
    print("\n".join(changed) or "equal")
    sys.exit(1 if changed else 0)


if __name__ == "__main__":
    main()
