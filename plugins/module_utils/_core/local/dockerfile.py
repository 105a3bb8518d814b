# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dockerfile as far as its program can run from the build context: no RUN, no stages but the last."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Mapping
from typing import Optional

from .model import Image

_INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)\s+(.*)$", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")


def image_from_dockerfile(text: str, context: str, arguments: Optional[Mapping[str, str]] = None) -> Image:
    """What the last stage would be on this host's own file system: its files copied, its packages those of the host.

    ``context`` is the folder of the build context.
    """
    values: dict[str, str] = {}
    environment: dict[str, str] = {}
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    copies: list[tuple[str, str]] = []
    notes: list[str] = []
    workdir, user = "/", ""
    for word, rest in _instructions(text):
        if word == "FROM":
            environment, entrypoint, command, copies, notes, workdir, user = {}, (), (), [], [], "/", ""
        elif word == "ARG":
            key, _equals, default = rest.partition("=")
            values[key] = (arguments or {}).get(key, _filled(default.strip("\"'"), values))
        elif word == "ENV":
            for key, value in _pairs(_filled(rest, values)):
                environment[key] = values[key] = value
        elif word == "WORKDIR":
            workdir = posixpath.join(workdir, _filled(rest.strip(), values))
        elif word == "USER":
            user = _filled(rest.strip(), values)
        elif word in ("COPY", "ADD"):
            added = _copies(_filled(rest, values), context, workdir)
            copies += added
            if not added:
                notes.append(f"left out of its Dockerfile: {word} {rest.strip()}")
        elif word == "RUN":
            notes.append(f"not run: RUN {' '.join(rest.split())[:60]}; its packages must be on this host")
        elif word == "ENTRYPOINT":
            entrypoint, command = _words(rest), ()
        elif word == "CMD":
            command = _words(rest)
    told = tuple(f"{key}={value}" for key, value in environment.items())
    return Image(
        f"build context {context}", "host", (), environment=told, entrypoint=entrypoint, command=command,
        workdir=workdir, user=user, copies=tuple(copies), notes=tuple(notes),
    )  # fmt: skip


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    found = (_INSTRUCTION.match(line) for line in whole.splitlines())
    return [(m.group(1).upper(), m.group(2)) for m in found if m]


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: values.get(m.group(1) or m.group(2)) or m.group(3) or "", text)


def _pairs(text: str) -> list[tuple[str, str]]:
    words = shlex.split(text)
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))]
    return [(key, value) for key, _equals, value in (word.partition("=") for word in words)]


def _words(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return tuple(map(str, found)) if isinstance(found, list) else ("/bin/sh", "-c", text.strip())


def _copies(text: str, context: str, workdir: str) -> list[tuple[str, str]]:
    """Source below the context and target for each word; none for what comes from another stage or the network.

    A target that ends with a slash is a folder; of a folder its contents are copied, as Docker does.
    """
    words = list(_words(text)) if text.lstrip().startswith("[") else shlex.split(text)
    if any(word.startswith("--from") for word in words):
        return []
    *words, into = [word for word in words if not word.startswith("--")] or [""]
    target = posixpath.normpath(posixpath.join(workdir, into))
    # WORKDIR is there, as a folder
    if len(words) > 1 or into.endswith(("/", "/.")) or target == posixpath.normpath(workdir):
        target = target.rstrip("/") + "/"
    below = context.rstrip("/") + "/"
    sources = [posixpath.normpath(posixpath.join(context, w.lstrip("/"))) for w in words if "://" not in w]
    return [(source, target) for source in sources if f"{source}/".startswith(below)]
