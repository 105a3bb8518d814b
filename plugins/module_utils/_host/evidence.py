# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle holds besides the snapshot, for people to read: raw inspect data, files, rules and log tails, masked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from .._core.bundle import SNAPSHOT, as_text
from .._core.errors import EngineError
from .._core.model import Container, Snapshot, to_data
from .._core.redact import redact_inspect, redact_snapshot, redact_text
from .._core.report.text import plain
from .engine import Engine

README = """\
Evidence of {project}, taken {taken_at}. Secrets are masked.

snapshot.json   everything that the diagnosis rests on; replay it anywhere, without Docker:
                ansible-playbook vertice.netfix.replay -e netfix_bundle_file=<this archive>
inspect/        containers and networks as the Engine API shows them
files/          resolv.conf, hosts and nsswitch.conf of every running container
logs/           the last lines of every container's log
host/           addresses, routes, and firewall rules of the host
"""
_COMMANDS = {
    "host/addresses.txt": ("ip", "addr"),
    "host/routes.txt": ("ip", "route", "show", "table", "all"),
    "host/iptables.txt": ("iptables-save", "-c"),
    "host/nftables.txt": ("nft", "list", "ruleset"),
}
_MOST_CHARACTERS = 1_000_000


def collect(engine: Engine, snapshot: Snapshot, log_lines: int) -> dict[str, str]:
    """The texts of a bundle by path."""
    files = {
        SNAPSHOT: as_text(to_data(redact_snapshot(snapshot))),
        "README.txt": README.format(project=snapshot.project, taken_at=snapshot.taken_at),
    }
    names = [c.name for c in snapshot.containers]
    for container in engine.inspect_containers(names=names):
        files[f"inspect/containers/{str(container['Name']).lstrip('/')}.json"] = as_text(redact_inspect(container))
    for network in engine.inspect_networks(n.name for n in snapshot.networks):
        files[f"inspect/networks/{network['Name']}.json"] = as_text(redact_inspect(network))
    for container in snapshot.containers:
        files.update(_files_of(container))
        text = redact_text(_log(engine, container, log_lines)[-_MOST_CHARACTERS:])
        # somebody will look at them in a terminal
        files[f"logs/{container.name}.txt"] = "".join(f"{plain(line)}\n" for line in text.split("\n"))
    files.update(outputs(_COMMANDS))
    return files


def _log(engine: Engine, container: Container, lines: int) -> str:
    try:
        return "\n".join(engine.logs(container.name, lines))
    except EngineError as exc:
        return exc.message


def _files_of(container: Container) -> dict[str, str]:
    texts = {"resolv.conf": container.resolv_conf, "hosts": container.hosts, "nsswitch.conf": container.nsswitch}
    return {f"files/{container.name}/{name}": text for name, text in texts.items() if text is not None}


def outputs(commands: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """What those read-only programs print; those that are missing or fail say so in their place."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    outputs = {}
    for name, (word, *more) in commands.items():
        program = shutil.which(word, path=path)
        if not program:
            outputs[name] = f"{word} is not installed\n"
            continue
        try:
            done = subprocess.run(
                [program, *more], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=10, check=False,
            )  # fmt: skip
            outputs[name] = (done.stdout or done.stderr)[:_MOST_CHARACTERS]
        except (OSError, subprocess.TimeoutExpired) as exc:
            outputs[name] = f"{word} failed: {exc}\n"
    return outputs
