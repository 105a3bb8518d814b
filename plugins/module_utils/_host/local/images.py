# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that can be read without running anything of them: the engine's own layers, an export, or an archive.

With the storage driver overlay2 the layers of an image are folders below the engine's data root, and what says which is
in files beside them; so they can be read while the engine is down. Nothing in the data root is ever written.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import IO, Any, Optional, Union

from ..._core.errors import LocalError, NetfixError
from ..._core.local.model import Image
from ..._core.local.planning import health_of
from ..container_files import read_in_root
from ..engine import Engine

# what tarfile imports when it needs it must be there before the root is another
_READERS = (bz2, gzip, lzma, zlib)
DATA_ROOT = "/var/lib/docker"
SOURCES = ("layers", "export", "archive")
_MAX_BYTES = 16 << 20
_OPAQUE, _WHITEOUT = ".wh..wh..opq", ".wh."


def with_tag(name: str) -> str:
    """The name of an image with its tag: ``redis`` is ``redis:latest``. A digest is its own tag."""
    return name if "@" in name or ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def names_of(name: str) -> list[str]:
    """All spellings under which an engine may keep an image."""
    full = with_tag(name)
    short = full
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        short = short[len(prefix) :] if short.startswith(prefix) else short
    return list(dict.fromkeys([full, short]))


class Images:
    """Finds images by their names; what has to be unpacked goes below ``folder``."""

    def __init__(
        self,
        folder: str,
        engine: Optional[Engine],
        data_root: str = DATA_ROOT,
        archives: Sequence[str] = (),
        sources: Sequence[str] = SOURCES,
        rehearsed: bool = False,
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._data_root = data_root
        self._archives = list(_archive_files(archives))
        self._sources = sources
        self._rehearsed = rehearsed
        self._found: dict[str, Union[Image, str]] = {}

    def find(self, name: str) -> Union[Image, str]:
        """The image; or why none of that name can be read here."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Union[Image, str]:
        why = []
        for source in self._sources:
            try:
                found = {"layers": self._layers, "export": self._export, "archive": self._archive}[source](name)
            except (NetfixError, OSError, ValueError, KeyError, tarfile.TarError) as exc:
                why.append(f"{source}: {getattr(exc, 'message', exc)}")
                continue
            if found:
                return found
        told = f" ({'; '.join(why)})" if why else ""
        return (
            f"its image {name} is neither below {self._data_root} nor in an archive, and no engine has it{told}. "
            f"Bring an archive of it (docker save {name} -o FILE on a host that has it) and name it with netfix_local_archives."
        )

    def _layers(self, name: str) -> Optional[Image]:
        base = os.path.join(self._data_root, "image", "overlay2")
        listed = json.loads(read_in_root(0, os.path.join(base, "repositories.json"), _MAX_BYTES) or "{}")
        known = {n: i for repository in (listed.get("Repositories") or {}).values() for n, i in repository.items()}
        image_id = next((known[n] for n in names_of(name) if n in known), "")
        text = image_id and read_in_root(
            0, os.path.join(base, "imagedb", "content", *image_id.split(":", 1)), _MAX_BYTES
        )
        if not text:
            return None
        config = json.loads(text)
        layers, chain = [], ""
        for diff in config["rootfs"]["diff_ids"]:
            chain = diff if not chain else "sha256:" + sha256(f"{chain} {diff}".encode()).hexdigest()
            cache = read_in_root(0, os.path.join(base, "layerdb", *chain.split(":", 1), "cache-id"), 256)
            folder = os.path.join(self._data_root, "overlay2", (cache or "?").strip())
            if not os.path.isdir(os.path.join(folder, "diff")):
                raise OSError(f"the layer {chain[:19]} of {name} is not in {self._data_root}/overlay2")
            link = (read_in_root(0, os.path.join(folder, "link"), 256) or "").strip()
            short = os.path.join(self._data_root, "overlay2", "l", link)
            layers.append(short if link and os.path.isdir(short) else os.path.join(folder, "diff"))
        return _image(image_id, "layers", tuple(reversed(layers)), config)

    def _export(self, name: str) -> Optional[Image]:
        if self._engine is None:
            return None
        inspected = self._engine.inspect_image(name)
        if inspected is None:
            return None
        image_id = str(inspected["Id"])
        config = {"architecture": inspected.get("Architecture"), "config": inspected.get("Config")}
        with self._unpacked(image_id) as into:
            if into.wanted:
                into.take(self._engine.export_image(image_id))
        return _image(image_id, "export", (into.path,), config)

    def _archive(self, name: str) -> Optional[Image]:
        for path in self._archives:
            with tarfile.open(path) as archive:
                for entry in json.load(_member(archive, "manifest.json")):
                    if set(names_of(name)).isdisjoint(entry.get("RepoTags") or ()):
                        continue
                    raw = _member(archive, entry["Config"]).read()
                    image_id = "sha256:" + sha256(raw).hexdigest()
                    with self._unpacked(image_id) as into:
                        if into.wanted:
                            for layer in entry["Layers"]:
                                into.take_layer(_member(archive, layer))
                    return _image(image_id, "archive", (into.path,), json.loads(raw))
        return None

    def _unpacked(self, image_id: str) -> Unpacking:
        return Unpacking(os.path.join(self._folder, image_id.split(":")[-1][:16]), self._rehearsed)


class Unpacking:
    """A folder that is filled as a whole or is not there. Its content is written by a process that sees nothing else."""

    def __init__(self, path: str, rehearsed: bool) -> None:
        self.path = path
        self._new = f"{path}.new"
        self.wanted = not os.path.isdir(path) and not rehearsed

    def __enter__(self) -> Unpacking:
        if self.wanted:
            shutil.rmtree(self._new, ignore_errors=True)
            os.makedirs(self._new, mode=0o755)
        return self

    def __exit__(self, kind: object, *_exc: object) -> None:
        if self.wanted and kind is None:
            os.rename(self._new, self.path)
        elif self.wanted:
            shutil.rmtree(self._new, ignore_errors=True)

    def take(self, chunks: Iterator[bytes]) -> None:
        """A stream of one tar archive."""
        read, write = os.pipe()
        pid = self._child(lambda: unpack(os.fdopen(read, "rb"), "r|*"), write)
        os.close(read)
        try:
            with os.fdopen(write, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except BrokenPipeError:
            pass
        self._see(pid)

    def take_layer(self, file: IO[bytes]) -> None:
        """One layer of an image, above those that are there."""
        self._see(self._child(lambda: unpack(file, "r:*")))

    def _child(self, work: Any, unused: int = -1) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            if unused >= 0:
                os.close(unused)
            os.chroot(self._new)
            os.chdir("/")
            work()
            code = 0
        except BaseException as exc:
            os.write(2, f"{exc}\n".encode())
        finally:
            os._exit(code)

    def _see(self, pid: int) -> None:
        if os.waitpid(pid, 0)[1]:
            raise LocalError(
                f"An image could not be unpacked into {self._new}: is the disk full, or the archive damaged?"
            )


def unpack(file: IO[bytes], mode: str) -> None:
    """One layer into this process's root, which holds the layers below it.

    Whiteouts take away what is below: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    written: set[str] = set()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        archive.errorlevel = 1
        for member in archive:
            folder, name = os.path.split(os.path.normpath("/" + member.name))
            target = os.path.join(folder, name)
            if name == _OPAQUE:
                for other in os.listdir(folder) if os.path.isdir(folder) else ():
                    if os.path.join(folder, other) not in written:
                        _remove(os.path.join(folder, other))
            elif name.startswith(_WHITEOUT):
                _remove(os.path.join(folder, name[len(_WHITEOUT) :]))
            elif name and not member.isdev():
                _make_way(target, member)
                _extract(archive, member, target)
                while target not in written and target != "/":
                    written.add(target)
                    target = os.path.dirname(target)


def _make_way(target: str, member: tarfile.TarInfo) -> None:
    if os.path.lexists(target) and not (member.isdir() and os.path.isdir(target) and not os.path.islink(target)):
        _remove(target)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if member.isdir():
        os.makedirs(target, exist_ok=True)
    elif member.issym():
        os.symlink(member.linkname, target)
    elif member.islnk():
        os.link("/" + os.path.normpath("/" + member.linkname).lstrip("/"), target, follow_symlinks=False)
        return
    else:
        content = archive.extractfile(member)
        with open(target, "wb") as file:
            if content is not None:
                shutil.copyfileobj(content, file, 1 << 20)
    os.chown(target, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(target, member.mode & 0o7777)
        os.utime(target, (member.mtime, member.mtime))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise ValueError(f"{name} in {archive.name} is no file")
    return found


def _archive_files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if os.path.isdir(path):
            yield from sorted(
                os.path.join(path, n) for n in os.listdir(path) if n.endswith((".tar", ".tar.gz", ".tgz"))
            )
        else:
            yield path


def _image(image_id: str, origin: str, layers: tuple[str, ...], raw: Mapping[str, Any]) -> Image:
    config = raw.get("config") or {}
    return Image(
        id=image_id,
        origin=origin,
        layers=layers,
        architecture=str(raw.get("architecture") or ""),
        environment=tuple(config.get("Env") or ()),
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        workdir=str(config.get("WorkingDir") or ""),
        user=str(config.get("User") or ""),
        stop_signal=str(config.get("StopSignal") or ""),
        health=health_of(config.get("Healthcheck")),
    )


def _words(value: Any) -> tuple[str, ...]:
    return ("/bin/sh", "-c", value) if isinstance(value, str) else tuple(str(word) for word in value or ())
