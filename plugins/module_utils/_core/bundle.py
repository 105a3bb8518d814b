# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence bundle: one archive with everything that a diagnosis rests on, to be diagnosed again anywhere.

A ``.tar.gz`` with one folder. ``snapshot.json`` alone decides what a replay finds; the rest is for people.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from .errors import NetfixError
from .model import Snapshot, from_data

SNAPSHOT = "snapshot.json"
_GZIP_MAGIC = b"\x1f\x8b"
# a hundred containers with all their probes make some 20 MB
_MOST_BYTES = 256 * 1024 * 1024


def pack(files: Mapping[str, str], folder: str, taken_at: float) -> bytes:
    """The archive of those texts by path below ``folder``; ``taken_at`` in seconds since 1970 is every file's time."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name in sorted(files):
            data = files[name].encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(taken_at), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=int(taken_at))


def read_snapshot(data: bytes, name: str = "the file") -> Snapshot:
    """The snapshot in a bundle, or in a JSON file with one. Raises NetfixError where there is none.

    Nothing is unpacked to disk, and nothing but the snapshot is read.
    """
    text = _from_archive(data, name) if data.startswith(_GZIP_MAGIC) else data
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise NetfixError(f"{name} is neither a bundle nor a snapshot: {exc}") from exc
    if not isinstance(found, dict) or not isinstance(found.get("project"), str):
        raise NetfixError(f"{name} holds no snapshot: it names no project.")
    if found.get("version", 1) != 1:
        raise NetfixError(f"{name} holds a snapshot of version {found['version']}; this collection reads version 1.")
    try:
        return from_data(Snapshot, found)
    except (ValueError, AttributeError) as exc:
        raise NetfixError(f"{name} holds no snapshot that can be read: {exc}") from exc


def as_text(data: Any) -> str:
    """Data as the bundle's JSON files hold it."""
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def _from_archive(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
            raw = unpacked.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise NetfixError(f"{name} is larger than a bundle can be ({_MOST_BYTES >> 20} MiB unpacked).")
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for entry in archive:
                if entry.isfile() and entry.name.rpartition("/")[2] == SNAPSHOT:
                    file = archive.extractfile(entry)
                    return file.read() if file else b""
    except (OSError, EOFError, tarfile.TarError) as exc:
        raise NetfixError(f"{name} is no bundle that can be read: {exc}") from exc
    raise NetfixError(f"{name} is a bundle without {SNAPSHOT}.")
