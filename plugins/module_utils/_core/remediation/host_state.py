# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a remediation may change of the host: IPv4 rules that are missing, and switches of the kernel.

Only what is missing is added, so undoing is taking away what was added: what was there before was never touched.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .docker_rules import CHAINS, FIRST_STAGE, USER, Rule

TABLES = ("filter", "nat")
_JUMPS = (f"-A FORWARD -j {USER}", f"-A FORWARD -j {FIRST_STAGE}")


@dataclass(frozen=True)
class HostState:
    """The lines of ``iptables-save`` for each table without counters, and the switches that an attempt changes.

    ``added`` are the attempt's own commands for each table, as ``iptables-restore --noflush`` takes them; switches are
    sysctl names with their values.
    """

    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)


def additions(wanted: Iterable[Rule], tables: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Commands that add the chains and rules that are missing, by table; tables that lack nothing are left out.

    Docker's two jumps come first in FORWARD, as the engine puts them at each new network: they accept nothing. All else goes
    behind what built-in chains hold, so that no packet passes which a rule there stops. A rule that comes first in a
    chain of Docker's own comes first. A DOCKER-USER that exists is the operator's, and gets no rule.
    """
    rules = list(wanted)
    result = {}
    for table in TABLES:
        chains = [chain for of, chain in CHAINS if of == table and not _has_chain(tables.get(table, ()), chain)]
        present = {_key(line) for line in tables.get(table, ())}
        missing = [r for r in rules if r.table == table and _key(r.text) not in present]
        missing = [r for r in missing if r.chain != USER or USER in chains]
        jumps = [r.text for r in missing if r.text in _JUMPS]
        commands = [f"-N {chain}" for chain in chains]
        commands += [_in_front(jump, tables.get(table, ())) for jump in reversed(_JUMPS) if jump in jumps]
        commands += [r.text for r in missing if not r.first]
        commands += ["-I" + r.text[2:] for r in reversed(missing) if r.first and r.text not in jumps]
        if commands:
            result[table] = tuple(commands)
    return result


def _in_front(jump: str, lines: Sequence[str]) -> str:
    """The command that puts a jump at the top of FORWARD; DOCKER-USER is asked before the isolation."""
    chain = [_key(line) for line in lines if line.startswith("-A FORWARD ")]
    user = _key(_JUMPS[0])
    place = chain.index(user) + 2 if jump == _JUMPS[1] and user in chain else 1
    return f"-I FORWARD {place}{jump[len('-A FORWARD') :]}"


def removals(now: HostState, saved: HostState) -> dict[str, tuple[str, ...]]:
    """Commands that take away what the attempt added, as far as it is there and was not before.

    A chain in which somebody else's rules are by now stays, and so do the jumps to it: the engine counts on them for
    what it has made since.
    """
    result = {}
    for table, added in saved.added.items():
        lines, before = now.tables.get(table, ()), saved.tables.get(table, ())
        present = [_key(line) for line in lines if line.startswith("-A")]
        known = {_key(line) for line in before}
        own = _own(saved, table)
        staying = _staying(present, own, known)
        commands = []
        for command in reversed(added):
            kind, chain = command.split()[:2]
            rule = _as_saved(command)
            if kind == "-N":
                used = any(chain in (key[1], _target_of(key)) for key in staying)
                if _has_chain(lines, chain) and not _has_chain(before, chain) and not used:
                    commands.append(f"-X {chain}")
            elif kind == "-P":
                if policy(lines, chain) != policy(before, chain):
                    commands.append(f"-P {chain} {policy(before, chain)}")
            elif _key(rule) in own and _key(rule) in present and _key(rule) not in staying:
                commands.append("-D" + rule[2:])
        if commands:
            result[table] = tuple(commands)
    return result


def _own(saved: HostState, table: str) -> set[tuple[str, ...]]:
    """The rules that the attempt added and that were not there before."""
    rules = {_key(_as_saved(c)) for c in saved.added.get(table, ()) if c.startswith(("-A", "-I"))}
    return rules - {_key(line) for line in saved.tables.get(table, ())}


def _staying(
    present: Sequence[tuple[str, ...]], own: set[tuple[str, ...]], known: set[tuple[str, ...]]
) -> set[tuple[str, ...]]:
    """Rules that somebody else made since, and our jumps to chains that hold some."""
    others = {key for key in present if key not in own and key not in known}
    held = {key[1] for key in others}
    return others | {key for key in present if key in own and _target_of(key) in held}


def changed_by_others(now: HostState, saved: HostState) -> dict[str, tuple[int, int]]:
    """How many rules each table has more and less than in the checkpoint, because of others."""
    result = {}
    for table, before in saved.tables.items():
        present = [_key(line) for line in now.tables.get(table, ()) if line.startswith("-A")]
        known = {_key(line) for line in before if line.startswith("-A")}
        more, less = _staying(present, _own(saved, table), known), known - set(present)
        if more or less:
            result[table] = len(more), len(less)
    return result


def restore_input(table: str, commands: Iterable[str]) -> str:
    """The standard input of ``iptables-restore --noflush``: all of the commands, or where one fails, none."""
    return "\n".join([f"*{table}", *commands, "COMMIT", ""])


def parse_tables(text: str) -> dict[str, tuple[str, ...]]:
    """The policies, chains and rules of TABLES in what ``iptables-save`` printed; counters are left out."""
    found: dict[str, list[str]] = {table: [] for table in TABLES}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith((":", "-A")) and table in found:
            found[table].append(line.partition(" [")[0] if line.startswith(":") else line.strip())
    return {name: tuple(lines) for name, lines in found.items()}


def policy(lines: Iterable[str], chain: str) -> str:
    """The policy of a built-in chain, empty where the table is not known."""
    return next((line.split()[1] for line in lines if line.startswith(f":{chain} ")), "")


def _has_chain(lines: Iterable[str], chain: str) -> bool:
    return bool(policy(lines, chain))


def _as_saved(command: str) -> str:
    """A command that adds a rule, as iptables-save prints the rule."""
    words = command.split(" ")
    if words[0] == "-I":
        words = ["-A", words[1], *words[3 if words[2].isdigit() else 2 :]]
    return " ".join(words)


def _key(rule: str) -> tuple[str, ...]:
    """The same for two spellings of a rule: releases of iptables print conditions in another order."""
    try:
        words = shlex.split(rule)
    except ValueError:
        words = rule.split()
    groups: list[list[str]] = []
    negated = False
    for word in words[2:]:
        if word == "!":
            negated = True
        elif word.startswith("-") or not groups:
            groups.append(["!", word] if negated else [word])
            negated = False
        else:
            groups[-1].append(word)
    # a module is loaded by the conditions that it brings
    return (*words[:2], *sorted(" ".join(g) for g in groups if g[0] != "-m"))


def _target_of(key: tuple[str, ...]) -> str:
    return next((g[3:] for g in key[2:] if g.startswith(("-j ", "-g "))), "").partition(" ")[0]
