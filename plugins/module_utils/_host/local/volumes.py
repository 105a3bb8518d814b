# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data that services begin with: a copy of what the engine's volumes hold, which are read and never written.

The files of a database that runs cannot be copied one after another: a copy of a running PostgreSQL is what its own
``pg_basebackup`` makes, a consistent one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from ..._core.errors import LocalError
from ..._core.local.model import Plan, Service, Volume
from .rehearsal import in_root
from .root import FRESH, account, copy_folder, read_file

_CLUSTER = "PG_VERSION"
_BACKUP_S = 1800
_SPARE = 1 << 28


def seed(plan: Plan, folder: str, data_root: str) -> list[str]:
    """Give every volume of the plan that is not there yet its data, below ``folder``; what should be known of it.

    They begin empty without a ``data_root``.
    """
    notes = []
    os.makedirs(folder, mode=0o755, exist_ok=True)
    users = {
        m.source: [s for s in plan.services if m in s.mounts]
        for s in plan.services
        for m in s.mounts
        if m.kind == "volume"
    }
    named = {volume.key: volume for volume in plan.volumes}
    for key, services in users.items():
        if not os.path.isdir(os.path.join(folder, key)):
            volume = named.get(key)
            source = os.path.join(data_root, "volumes", volume.name, "_data") if volume and data_root else ""
            notes += _seed(key, volume, source, folder, services)
    return notes


def _seed(key: str, volume: Volume | None, source: str, folder: str, services: Sequence[Service]) -> list[str]:
    target = os.path.join(folder, key)
    if volume is None or not os.path.isdir(source):
        os.makedirs(target, mode=0o755)
        with open(f"{target}{FRESH}", "wb"):
            pass
        return [f"volume {volume.name} begins empty: there is no {source}"] if volume and source else []
    _see_room(source, folder, volume)
    living = next(processes_with(source), 0)
    cluster = _cluster(source)
    if living and cluster is not None:
        why = _back_up(key, source, cluster, folder, living, services)
        if not why:
            return [f"volume {volume.name} is in use: its copy is a base backup of the running PostgreSQL"]
        shutil.rmtree(target, ignore_errors=True)
        return [
            f"volume {volume.name} is in use and its PostgreSQL gave no base backup ({why}): it begins empty",
            *_seed(key, None, "", folder, services),
        ]
    new = f"{target}.new"
    shutil.rmtree(new, ignore_errors=True)
    copy_folder(source, new)
    os.rename(new, target)
    return [f"volume {volume.name} was copied while it was in use: it may not be consistent"] if living else []


def processes_with(source: str) -> Iterator[int]:
    """Processes that have the folder mounted somewhere else than where it lies: those of containers."""
    # by its end, as the data root may be a mount of its own, and the table shows paths below mounts
    ending = os.sep + os.path.join(*source.split(os.sep)[-3:])
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
                if any(line.split(" ", 4)[3].endswith(ending) for line in file):
                    yield int(pid)
        except (OSError, IndexError):
            continue


def _cluster(source: str) -> str | None:
    """Where below the folder the data of a PostgreSQL lies; None where there is none."""
    for path, folders, files in os.walk(source):
        inner = os.path.relpath(path, source)
        if _CLUSTER in files:
            return "" if inner == "." else inner
        if inner.count(os.sep) >= 2:
            folders.clear()
    return None


def _see_room(source: str, folder: str, volume: Volume) -> None:
    size = sum(
        os.lstat(os.path.join(path, name)).st_size for path, _folders, files in os.walk(source) for name in files
    )
    free = shutil.disk_usage(folder).free
    if size + _SPARE > free:
        raise LocalError(
            f"Volume {volume.name} holds {size >> 20} MiB, and {folder} has room for {free >> 20} MiB. Make room there, or "
            "choose another folder with state_dir."
        )


def _back_up(key: str, source: str, cluster: str, folder: str, living: int, services: Sequence[Service]) -> str:
    """A base backup of the PostgreSQL that runs on ``source``, over its own loopback; why there is none, empty if there is."""
    service = services[0]
    about = os.stat(source)
    target = os.path.join(folder, key)
    os.makedirs(target, mode=0o700)
    os.chown(target, about.st_uid, about.st_gid)
    mounted = next(m.target for m in service.mounts if m.kind == "volume" and m.source == key)
    environment = dict(service.environment)
    words = [
        "pg_basebackup", "--host=127.0.0.1", f"--port={environment.get('PGPORT', '5432')}",
        f"--username={environment.get('POSTGRES_USER', 'postgres')}", f"--pgdata={os.path.join(mounted, cluster)}",
        "--wal-method=stream", "--checkpoint=fast", "--no-password",
    ]  # fmt: skip
    environment["PGPASSWORD"] = environment.get("POSTGRES_PASSWORD", "")

    def work() -> str:
        who = account(service.user or str(about.st_uid), service.groups, read_file)
        if who.uid == 0:
            who = account(str(about.st_uid), (), read_file)

        def become() -> None:
            os.setgroups(who.groups)
            os.setgid(who.gid)
            os.setuid(who.uid)

        try:
            done = subprocess.run(
                words, env=environment, preexec_fn=become, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=_BACKUP_S, check=False, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as exc:
            return str(exc)
        return (
            ""
            if done.returncode == 0
            else re.sub(r"\s+", " ", done.stderr).strip() or f"it ended with {done.returncode}"
        )

    return in_root(service, folder, work, network=living)
