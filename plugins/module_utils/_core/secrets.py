# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that are known, to be masked wherever they turn up: a program that prints one names no variable.

``redact`` finds secrets by the names beside them. What it takes out of the configuration is looked for in all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .diagnosis.registry import KINDS
from .model import Layer, Outcome, Severity
from .redact import MASK
from .remediation.planning import REMEDIATIONS
from .remediation.steps import Action
from .report.journal import MODES, STATUSES, VERDICTS

# a shorter text is likely to mean something else where it stands
LEAST = 6
# words that results are read by again, those that the engine says of containers and networks, and those of commands
_VOCABULARY = (
    *KINDS, *REMEDIATIONS, *MODES, *STATUSES, *VERDICTS, *(one.value for kind in (Layer, Outcome, Severity, Action) for one in kind),
    "created running paused restarting removing exited dead starting healthy unhealthy finished bridge overlay default",
    "docker compose network container service inspect nsenter getent iptables localhost ansible-playbook vertice.netfix playbooks",
)  # fmt: skip

_NAMING = ("name", "image", "hostname", "domainname", "container_name", "networks", "links", "extra_hosts", "depends_on", "profiles")


def secrets_in(raw: Any, clean: Any) -> frozenset[str]:
    """The texts that redaction took out of ``raw``, which left ``clean``.

    Short ones and plain numbers are left out: they stand in many places that have nothing to do with it.
    """
    if isinstance(raw, str):
        taken = _taken_out(raw, str(clean)) if raw != clean else set()
        return frozenset(s for s in taken if len(s) >= LEAST and not s.isdigit() and MASK not in s)
    if isinstance(raw, Mapping) and isinstance(clean, Mapping):
        return frozenset().union(*(secrets_in(raw[key], clean.get(key)) for key in raw))
    if isinstance(raw, (list, tuple)) and isinstance(clean, (list, tuple)):
        return frozenset().union(*(secrets_in(one, other) for one, other in zip(raw, clean)))
    return frozenset()


def names_used(config: Mapping[str, Any]) -> Iterator[str]:
    """What a Compose configuration calls its services, networks and images, and by what other names they go."""
    for section in ("services", "networks", "volumes", "secrets", "configs"):
        for name, entry in (config.get(section) or {}).items():
            yield str(name)
            yield from (str(entry[key]) for key in _NAMING if isinstance(entry, Mapping) and entry.get(key))


def hideable(secrets: Iterable[str], names: Iterable[str]) -> set[str]:
    """Those that can be masked everywhere: a password that is also the name of something here cannot."""
    known = "\n".join((*names, *_VOCABULARY))
    return {secret for secret in secrets if secret not in known}


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with those secrets masked wherever they stand."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _taken_out(raw: str, clean: str) -> set[str]:
    """What stood where the masks are; where there is none, the words that are gone and look like a token."""
    around = re.fullmatch("(.*?)".join(map(re.escape, clean.split(MASK))), raw, re.DOTALL) if MASK in clean else None
    if around:
        taken = set(around.groups())
        # what follows the name in a userinfo, the lines of a key, the words of a header
        words = {word for text in taken for word in (*text.split(), text.partition(":")[2])}
    else:
        taken, words = set(), {w for w in re.split(r"[\s:/?#&=@,;]+", raw) if w not in clean and not w.islower()}
    taken |= {word for word in words if len(word) >= LEAST + 2}
    return taken | {unquote(text) for text in taken}
