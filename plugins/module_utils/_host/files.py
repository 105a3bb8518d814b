# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that must be whole or absent: our override file, checkpoints, and the lock of a project."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import hashlib
import os
import stat
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

try:
    import yaml

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

from .._core.errors import TransactionError
from .._core.remediation.patch import TAG, VALUE, is_tagged, override, reset

LOCK_POLL_S = 0.1
# what a dead run left at work ends by itself: Compose stops waiting for the engine, and the engine for a container
ORPHANS_S = 120.0
HALF_WRITTEN = ".new"
HEADER = """\
# Written by vertice.netfix: what it changed so that the services find each other. The operator's own files are
# as they were. Undo it with the playbook vertice.netfix.roll_back; to keep it by hand, copy it into your own files.
"""


def read_text(path: str) -> str | None:
    """A file's text, None where there is no file. Raises TransactionError where it cannot be read.

    Somebody may have planted a link or a device under a name of ours: only a file is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        why = "it is a symbolic link, and none is followed here" if exc.errno == errno.ELOOP else exc.strerror
        raise TransactionError(f"{path} cannot be read: {why}. Move it away, or correct it.") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TransactionError(f"{path} cannot be read: it is no regular file. Move it away.")
    try:
        with os.fdopen(descriptor, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise TransactionError(f"{path} cannot be read: {exc}. Move it away, or correct it.") from exc


def digests(paths: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each of these files that can be read."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def write_whole(path: str, text: str | bytes, mode: int = 0o600) -> None:
    """Write a file so that after any crash it is the old one or the new one, never half of one.

    It belongs to the owner of its folder: an operator who is not root must be able to read what was written for
    Compose. Raises TransactionError, and leaves the old file as it was.
    """
    folder = os.path.dirname(path)
    temporary = f"{path}{HALF_WRITTEN}"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                owner = os.stat(folder)
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fchmod(file.fileno(), mode)
                file.write(text if isinstance(text, bytes) else text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(folder)
    except OSError as exc:
        raise TransactionError(
            f"{path} cannot be written ({exc.strerror or exc}); nothing was changed there.{_way_out(exc)}"
        ) from exc


def _way_out(error: OSError) -> str:
    if not isinstance(error, PermissionError) or os.geteuid() == 0:
        return ""
    return f" Let {getpass.getuser()} write there, or run the play with become: true."


def remove(path: str) -> None:
    """Remove a file; one that is not there is no error."""
    try:
        os.unlink(path)
        sync_folder(os.path.dirname(path))
    except FileNotFoundError:
        return
    except OSError as exc:
        raise TransactionError(f"{path} cannot be removed: {exc.strerror or exc}") from exc


def discard_unfinished(path: str) -> None:
    """Remove what a write of that file left that died. Whoever calls it holds the project's lock."""
    with contextlib.suppress(OSError):
        os.unlink(f"{path}{HALF_WRITTEN}")


def sync_folder(folder: str) -> None:
    """Make a rename or removal in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(path: str) -> None:
    """A folder that only its owner may enter. Raises TransactionError for a link or somebody else's folder."""
    path = path.rstrip("/") or "/"  # with a slash behind it, a link would look like the folder that it leads to
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as exc:
        raise TransactionError(
            f"The state folder {path} cannot be made: {exc.strerror or exc}. Choose another with state_dir."
        ) from exc
    see_private(path)
    os.chmod(path, 0o700)


def see_private(path: str) -> None:
    """Raises TransactionError where what lies in a folder may be of somebody else's making."""
    found = os.lstat(path.rstrip("/") or "/")
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise TransactionError(
            f"The state folder {path} is a link or belongs to another user, so what lies in it cannot be trusted. "
            "Look at who made it, and move it away or choose another with state_dir."
        )


def results_folder(path: str) -> None:
    """A folder for results, made where it is not there.

    Raises OSError where it cannot be made, or where somebody else than the user and root has made it or the link to it: in a
    folder like /tmp, what is written there would go where they please.
    """
    os.makedirs(path, mode=0o755, exist_ok=True)
    path = path.rstrip("/") or "/"
    if not {os.lstat(path).st_uid, os.stat(path).st_uid} <= {os.geteuid(), 0}:
        raise OSError(errno.EPERM, "it is a folder of another user, or a link made by one", path)


@contextlib.contextmanager
def locked(path: str, what: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it when the process dies, and every child that inherited it.

    A child that goes on after our death must not be disturbed: where the holder is dead, its children are waited for.
    Raises TransactionError where it is held, and still is after ``wait_s`` seconds.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise TransactionError(f"The lock file {path} cannot be opened: {exc.strerror or exc}.") from exc
    try:
        began = time.monotonic()
        while not _taken(descriptor):
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            left = "" if _lives(holder) else ", which died, and what it started is still at work"
            if time.monotonic() - began >= (max(wait_s, ORPHANS_S) if left else wait_s):
                raise TransactionError(
                    f"{what} is being changed by another run (process {holder or '?'}{left}); wait for its end and run again."
                )
            time.sleep(LOCK_POLL_S)
        os.set_inheritable(descriptor, True)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


def _lives(process: str) -> bool:
    """Whether the process of that number has not ended; yes, where no number is known."""
    if not process.isdigit():
        return True
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(") ")[2][:1] not in ("Z", "X")
    except OSError:
        return False


if IMPORT_ERROR is None:

    class _Loader(yaml.SafeLoader):
        """Knows Compose's merge tags."""

    class _Dumper(yaml.SafeDumper):
        """Writes Compose's merge tags, and never an alias."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def _load_override(loader: Any, node: Any) -> dict[str, Any]:
        if isinstance(node, yaml.MappingNode):
            return override(loader.construct_mapping(node, deep=True))
        if isinstance(node, yaml.SequenceNode):
            return override(loader.construct_sequence(node, deep=True))
        return override(loader.construct_scalar(node))

    def _represent(dumper: Any, data: Mapping[str, Any]) -> Any:
        if data.get(TAG) == "reset":
            return dumper.represent_scalar("!reset", "null", style="")
        if TAG in data:
            node = dumper.represent_data(data[VALUE])
            node.tag = "!override"
            return node
        return dumper.represent_mapping("tag:yaml.org,2002:map", data.items())

    _Loader.add_constructor("!override", _load_override)
    _Loader.add_constructor("!reset", lambda _loader, _node: reset())
    _Dumper.add_representer(dict, _represent)


def parse_override(text: str | None, path: str) -> dict[str, Any]:
    """The override file's data; empty where there is none. Raises TransactionError for a file that is not ours."""
    if text is None:
        return {}
    try:
        data = yaml.load(text, Loader=_Loader)  # a SafeLoader with two more tags
    except yaml.YAMLError as exc:
        raise TransactionError(f"{path} is no valid YAML ({exc}); correct or remove it.") from exc
    if not isinstance(data, dict) or is_tagged(data):
        raise TransactionError(f"{path} must hold a mapping; correct or remove it.")
    return data


def render_override(data: Mapping[str, Any]) -> str:
    """The override file's text."""
    return HEADER + yaml.dump(dict(data), Dumper=_Dumper, default_flow_style=False, sort_keys=False, width=120)
