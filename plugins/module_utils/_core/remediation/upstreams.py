# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a service calls, changed wherever its configuration says it: environment, command, mounted files, labels.

No file of the operator's is edited. A mounted one is replaced by an inline config of the override file, whose name
holds a hash of the text: Compose 2.26 does not recreate a container for changed content alone.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model import Dependency
from ..parsing.config_files import mounted_files, read_config_text
from ..parsing.dependencies import mounted_texts
from ..parsing.names import Names
from ..parsing.rewrite import rewrite_environment, rewrite_host, rewrite_text_hosts
from ..parsing.urls import find_host_ports, find_urls
from .patch import INLINE, escape, items_of, merge, replaced, service_patch, unescape
from .situation import Situation

# https://docs.docker.com/reference/compose-file/configs/
_INLINE_CONFIGS = (2, 23, 1)
# What images have in a folder that is often mounted over: without the mount it would be read as well.
_BENEATH = {
    "/etc/nginx/conf.d": "default.conf",
    "/etc/nginx/http.d": "default.conf",
    "/etc/nginx/sites-enabled": "default",
}
# Compose would take a config without any text for one without content.
_NOTHING = "# netfix: nothing of the image's own is read here\n"
_MOST_FILES = 50


@dataclass(frozen=True)
class Target:
    """Host and port of a call. As what is called now, port 0 is any; as what is to be called, it stays as it is."""

    host: str
    port: int = 0


@dataclass(frozen=True)
class Change:
    """A patch with a change added, the services that it concerns, and what names the target and cannot be changed."""

    patch: Mapping[str, Any]
    services: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def redirect(situation: Situation, patch: Mapping[str, Any], dependency: Dependency, old: Target, new: Target) -> Change:
    """The patch with a dependency's call changed from the old target to the new one, everywhere that it is written."""
    labelled = re.fullmatch(r"label (\S+) of (\S+)", dependency.origin)
    if labelled:
        return _in_label(situation, patch, labelled[2], labelled[1], old, new)
    consumer = dependency.consumer
    fields = {**_in_environment(situation, patch, consumer, old, new), **_in_words(situation, patch, consumer, old, new)}
    result = merge(patch, service_patch(consumer, **fields)) if fields else patch

    def rewrite(text: str, inside: str) -> tuple[str, str]:
        changed = rewrite_text_hosts(text, old.host, new.host, old.port, new.port, inside)
        calls = read_config_text(changed, inside, Names(known=frozenset({old.host.lower()})))
        left = [
            c
            for c in calls
            if c.place.host == old.host
            and old.port in (0, c.place.port)
            and (new.host != old.host or c.place.port != new.port)
        ]
        return (text, f"line {left[0].line} names '{old.host}' in a way that cannot be rewritten") if left else (changed, "")

    change = rewrite_files(situation, result, consumer, rewrite)
    return Change(change.patch, (consumer,) if change.patch != patch else (), change.refusals)


def _in_environment(
    situation: Situation, patch: Mapping[str, Any], consumer: str, old: Target, new: Target
) -> dict[str, Any]:
    # one variable may need several corrections
    corrected = ((patch.get("services") or {}).get(consumer) or {}).get("environment") or {}
    # "docker compose config" doubles every dollar sign already
    present = {**(situation.service(consumer).get("environment") or {}), **corrected}
    changed = rewrite_environment(present, old.host, new.host, old.port, new.port)
    return {"environment": changed} if changed else {}


def _in_words(situation: Situation, patch: Mapping[str, Any], consumer: str, old: Target, new: Target) -> dict[str, Any]:
    """Entrypoint and command: only words that hold a URL or ``host:port`` change, others may be anything."""
    fields: dict[str, Any] = {}
    for part in ("entrypoint", "command"):
        patched = (patch.get("services") or {}).get(consumer) or {}
        words = patched.get(part) or situation.service(consumer).get(part)
        if isinstance(words, list):
            changed = [_rewritten_word(str(w), old, new) for w in words]
            fields.update({part: changed} if changed != words else {})
    return fields


def _rewritten_word(word: str, old: Target, new: Target) -> str:
    named = any(p.host == old.host for p in (*find_urls(word), *find_host_ports(word)))
    return rewrite_host(word, old.host, new.host, old.port, new.port) if named else word


def _in_label(
    situation: Situation, patch: Mapping[str, Any], service: str, label: str, old: Target, new: Target
) -> Change:
    """Traefik reads port and URL from the provider's label; the address it takes from the engine."""
    labels = situation.service(service).get("labels") or {}
    present = str(labels.get(label) or "")
    if re.search(r"(?i)\.(?:url|address)$", label):
        changed = rewrite_host(present, old.host, new.host, old.port, new.port)
    else:
        changed = str(new.port) if new.port and present == str(old.port) else present
    if changed == present:
        return Change(patch)
    return Change(merge(patch, service_patch(service, labels={label: changed})), (service,))


def rewrite_files(
    situation: Situation, patch: Mapping[str, Any], service: str, rewrite: Callable[[str, str], tuple[str, str]]
) -> Change:
    """The patch with every mounted configuration file of a service rewritten.

    ``rewrite(text, path in the container)`` gives the new text, or the old one with the reason why it stays.
    """
    result = patch
    refusals: list[str] = []
    for source, target in mounted_files(situation.config, situation.service(service)):
        for path, inside, text in mounted_texts(situation.config, source, target, situation.files):
            present = _text_in(result, service, inside, text)
            changed, reason = rewrite(present, inside)
            if not reason and changed != present:
                reason = _why_not_replaced(situation, service, source, inside)
            if reason:
                refusals.append(f"{path} of service '{service}': {reason}")
            elif changed != present:
                result = merge(result, _with_text(situation, result, service, inside, changed))
    return Change(result, (service,) if result != patch else (), tuple(refusals))


def _text_in(patch: Mapping[str, Any], service: str, inside: str, otherwise: str) -> str:
    """The text of a file as the patch leaves it."""
    for use in items_of(patch, service, "configs", ()):
        content = ((patch.get("configs") or {}).get(use.get("source")) or {}).get("content")
        if use.get("target") == inside and content is not None:
            return unescape(content)
    return otherwise


def _why_not_replaced(situation: Situation, service: str, source: str, inside: str) -> str:
    version = situation.case.snapshot.engine.compose_version
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
    if numbers and numbers < _INLINE_CONFIGS:
        return f"Compose {version} knows no inline configs; it takes 2.23.1 or newer"
    if situation.service(service).get("read_only"):
        return "the container's own file system is read-only, and Compose could not put a file there"
    if source not in situation.folders:
        return ""
    names = situation.folders[source]
    if len(names) > _MOST_FILES:
        return f"it lies in a mounted folder of more than {_MOST_FILES} files; mount {inside} as a file of its own"
    return ""


def _with_text(situation: Situation, patch: Mapping[str, Any], service: str, inside: str, text: str) -> dict[str, Any]:
    """A patch that puts a text in the place of what is mounted at that path.

    Where a whole folder is mounted, its other files are mounted one by one: Compose would write the text through a
    mounted folder into the operator's own file.
    """
    spec = situation.service(service)
    volumes: list[Any] = []
    files = {inside: text}
    for volume in items_of(patch, service, "volumes", spec.get("volumes")):
        target = str(volume.get("target") or "").rstrip("/")
        if target == inside:
            continue
        if not inside.startswith(target + "/") or str(volume.get("source")) not in situation.folders:
            volumes.append(volume)
            continue
        names = situation.folders[str(volume["source"])]
        others = [n for n in names if posixpath.join(target, n) != inside]
        volumes += [
            {**volume, "source": posixpath.join(volume["source"], n), "target": posixpath.join(target, n)} for n in others
        ]
        if target in _BENEATH and _BENEATH[target] not in names:
            files[posixpath.join(target, _BENEATH[target])] = _NOTHING
    uses = [
        u for u in items_of(patch, service, "configs", spec.get("configs")) if u.get("target", f"/{u['source']}") not in files
    ]
    configs = {}
    for target, content in files.items():
        digest = hashlib.sha256(f"{service}\0{target}\0{content}".encode()).hexdigest()[:12]
        configs[INLINE + digest] = {"content": escape(content)}
        uses.append({"source": INLINE + digest, "target": target})
    return {**service_patch(service, volumes=replaced(volumes), configs=replaced(uses)), "configs": configs}
