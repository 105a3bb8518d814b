# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's IPv4 firewall and its switches: read, and changed in whole tables or not at all."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from .._core.errors import NetfixError, TransactionError
from .._core.parsing.resolver_files import parse_proc_net_route
from .._core.remediation.host_firewall import FORWARDING, HostFacts
from .._core.remediation.host_state import HostState, parse_tables, restore_input
from .container_files import read_proc_net
from .engine import Engine

_TIMEOUT_S = 30
PROGRAMS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
SWITCHES = Path("/proc/sys")


def read_state(host: HostState) -> HostState:
    """The rules and the switches of that state as they are now. Raises TransactionError where they cannot be read."""
    tables = parse_tables(_run("iptables-save"))
    return replace(host, tables=tables, switches={name: _switch(name) for name in host.switches})


def change(table: str, commands: Iterable[str]) -> None:
    """Do all of the commands in one table, or none. Raises TransactionError where one cannot be done."""
    # --wait: others hold the lock of the tables for a moment
    _run("iptables-restore", "--noflush", "--wait", "10", text=restore_input(table, commands))


def set_switch(name: str, value: str) -> None:
    """Set a sysctl. Raises TransactionError where that cannot be done."""
    try:
        _path(name).write_text(value + "\n", encoding="ascii")
    except OSError as exc:
        raise TransactionError(f"sysctl {name}={value} could not be set: {exc.strerror}") from exc


def host_facts(engine: Engine, allowed: bool) -> HostFacts:
    """All that is to be known before the host's firewall is changed."""
    facts = HostFacts(allowed)
    if os.geteuid() != 0:
        return replace(facts, obstacle="root is needed to change the host's firewall (become: true)")
    try:
        _program("iptables-restore")
        state = read_state(HostState(switches={FORWARDING: ""}))
    except NetfixError as exc:
        return replace(facts, obstacle=exc.message)
    off = state.switches[FORWARDING] == "0"
    return replace(
        facts,
        swarm=engine.in_swarm(),
        networks=tuple(engine.networks()),
        containers=tuple(
            replace(c, default_route=parse_proc_net_route(read_proc_net(c.pid, "route") or ""))
            for c in engine.containers()
            if c.pid and c.published
        ),
        interfaces=tuple(name for _index, name in socket.if_nameindex()),
        forwarding=_forwarding() if off else (),
        state=state,
    )


def _forwarding() -> tuple[str, ...]:
    """The interfaces that forward."""
    return tuple(
        sorted(p.parent.name for p in SWITCHES.glob("net/ipv4/conf/*/forwarding") if p.read_text().strip() == "1")
    )


def _path(name: str) -> Path:
    return SWITCHES.joinpath(*name.split("."))


def _switch(name: str) -> str:
    try:
        return _path(name).read_text(encoding="ascii").strip()
    except OSError as exc:
        raise TransactionError(f"sysctl {name} could not be read: {exc.strerror}") from exc


def _program(name: str) -> str:
    found = shutil.which(name, path=PROGRAMS)
    if not found:
        raise TransactionError(f"{name} is not installed, which the host's firewall is read and changed with")
    return found


def _run(name: str, *words: str, text: str = "") -> str:
    try:
        done = subprocess.run(
            [_program(name), *words], input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise TransactionError(f"{name} did not end within {_TIMEOUT_S} s") from exc
    if done.returncode:
        raise TransactionError(f"{name} failed: {done.stderr.strip()[:400]}")
    return done.stdout
