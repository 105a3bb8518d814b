# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls in commands, entrypoints and health checks: URLs, ``host:port`` words and flags such as ``--db-host db``."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Any

from ..redact import words_of
from .environment import ADDRESS_WORDS, read_variable
from .names import Names
from .urls import Place, find_host_ports, find_urls, is_loopback, is_wildcard

_INTERPRETERS = re.compile(r"(?:python|node|perl|ruby|php|lua|deno|bun)[\d.]*$")
_FLAG = re.compile(r"(-{1,2}D?)([A-Za-z][\w.\-]*)(?:=(.*))?", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SILENT = frozenset(
    "BIND LISTEN LISTENER LISTENERS ADVERTISE ADVERTISED PUBLIC PUBLISH CORS ORIGIN ORIGINS USER VOLUME".split()
)
_HOST_THEN_PORT = frozenset(
    {"nc", "ncat", "netcat", "telnet", "wait-for-it", "wait-for-it.sh", "wait-for", "wait-for.sh"}
)


def split_command(value: Any) -> tuple[str, ...]:
    """The words of a command given as a list or as one string; nothing for anything else."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError:
            return tuple(value.split())
    if isinstance(value, (list, tuple)):
        return tuple(str(word) for word in value if isinstance(word, (str, int, float)))
    return ()


def read_command(value: Any, names: Names) -> tuple[Place, ...]:
    """The calls of a command line, those inside ``sh -c`` scripts included. The places refer to single words."""
    return tuple(_read_words(split_command(value), names, False))


def _read_words(words: tuple[str, ...], names: Names, script: bool) -> Iterator[Place]:
    flag = ""
    for number, word in enumerate(words):
        before, flag = flag, ""
        port = words[number + 1] if number + 1 < len(words) else ""
        if names.knows(word) and re.fullmatch(r"[1-9]\d{0,4}", port) and _HOST_THEN_PORT & _programs(words[:number]):
            yield Place(word, int(port), 0, len(word), form="bare")
            continue
        if before and not word.startswith("-"):
            yield from _read_flag(before, word, words[:number], names, script)
            continue
        option, assignment = _FLAG.fullmatch(word), _ASSIGNMENT.fullmatch(word)
        if option and option.group(3) is None:
            flag = option.group(2)
        elif option:
            yield from _read_flag(option.group(2), option.group(3), words[:number], names, script)
        elif assignment and not re.search(r"\s", word):
            yield from read_variable(assignment.group(1), assignment.group(2), names)
        else:
            yield from _read_word(word, words[:number], names, script)


def _read_flag(flag: str, value: str, before: tuple[str, ...], names: Names, script: bool) -> Iterator[Place]:
    if re.search(r"\s", value) and flag in ("c", "e", "r", "ec", "lc", "exc", "xc", "eval"):
        yield from _read_script(value, before, names)
    elif set(words_of(flag)) & _SILENT:
        return
    elif flag in ("h", "H", "host") and names.knows(value):
        yield Place(value, 0, 0, len(value), form="bare")
    elif flag == "to" or set(words_of(flag)[-1:]) & ADDRESS_WORDS:
        yield from read_variable(flag, value, names)
    else:
        # "-newkey rsa:2048" and "--user www-data:1000" name no host.
        yield from _read_word(value, before, names, True)


def _read_word(word: str, before: tuple[str, ...], names: Names, script: bool) -> Iterator[Place]:
    if re.search(r"\s", word):
        yield from _read_script(word, before, names)
        return
    for place in find_urls(word):
        if _is_called(place, names):
            yield place
    for place in find_host_ports(word):
        whole = not word[max(place.stop, place.port_end) :] and re.fullmatch(
            r"(?i)(?:[^@\s]*@|\w+=|(?:tcp|udp)\d?:)?", word[: place.start]
        )
        if _is_called(place, names) and (names.knows(place.host) or (whole and not script and place.port >= 20)):
            yield place


def _read_script(text: str, before: tuple[str, ...], names: Names) -> Iterator[Place]:
    """A script: of a shell, its words are read like a command; of another language only what is surely a call."""
    if any(_INTERPRETERS.match(posixpath.basename(w)) for w in before[-3:]):
        for place in [*find_urls(text), *find_host_ports(text)]:
            if _is_called(place, names) and (place.form == "url" or names.knows(place.host)):
                yield place
        return
    for statement in re.split(r"[;&|()\n]+|\$\(|`", text):
        words: list[str] = list(split_command(statement.replace("<", " ").replace(">", " ")))
        if any(re.search(r"\s", word) for word in words):
            words = [part for word in words for part in word.split()]
        yield from _read_words(tuple(words), names, False)


def _programs(words: tuple[str, ...]) -> set[str]:
    return {posixpath.basename(word) for word in words}


def _is_called(place: Place, names: Names) -> bool:
    host = place.host.lower().rstrip(".")
    return not (is_loopback(host) or is_wildcard(host) or host in names.own)
