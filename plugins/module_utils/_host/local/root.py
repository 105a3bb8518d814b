# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file system that a service sees: its image's layers, read only, below a private layer that takes its writes.

All of it is mounted in a mount namespace of the service's own, so it is gone with the service's processes.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..._core.local.model import DNS_ADDRESS, Mount, Service
from . import kernel
from .kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT

ELF, X_INDEX = b"\x7fELF", 0o111
_MACHINES = {"x86_64": 62, "aarch64": 183, "riscv64": 243, "ppc64le": 21, "s390x": 22}
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs")
# a volume that nothing was copied into takes what the image has in its place, as in Docker
FRESH = ".fresh"


@dataclass(frozen=True)
class Account:
    """Who a service runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def build(service: Service, scratch: str, volumes: str, live: bool = True) -> None:
    """Make the service's file system the root of this process, whose mount namespace must be its own.

    ``scratch`` is a folder for what it writes, ``volumes`` the folder of the project's volumes. Without ``live`` there is
    no /proc of its own: only the files are to be looked at.
    """
    kernel.mount("", "/", flags=MS_REC | MS_PRIVATE)
    root = os.path.join(scratch, "root")
    _overlay(service, scratch, root)
    for source, target in service.copies:
        place = _inside(root, target)
        _copy(source, f"{place}/" if target.endswith("/") else place)
    for number, mount in enumerate(service.mounts):
        _mount(mount, root, os.path.join(scratch, f"copy-{number}"), volumes, bool(service.layers))
    # made where it is not there, as Docker does
    _point(root, service.workdir or "/")
    _system(root, live)
    files = {"/etc/hosts": service.hosts, "/etc/hostname": f"{service.hostname}\n", **service.files}
    files["/etc/resolv.conf"] = f"nameserver {DNS_ADDRESS}\noptions timeout:1 attempts:1\n"
    for number, (path, text) in enumerate(files.items()):
        own = os.path.join(scratch, f"file-{number}")
        with open(own, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(own, 0o644)
        kernel.mount(own, _point(root, path, folder=False), flags=MS_BIND)
    kernel.pivot_root(root)


def _overlay(service: Service, scratch: str, root: str) -> None:
    os.makedirs(root, exist_ok=True)
    layers = service.layers or ("/",)
    shared = os.path.dirname(layers[0]) if len({os.path.dirname(layer) for layer in layers}) == 1 else ""
    if shared and shared != "/":
        # the kernel takes no more than a page of options: many layers fit by their short names only
        os.chdir(shared)
        layers = tuple(os.path.basename(layer) for layer in layers)
    lower = ":".join(layer.replace(":", "\\:") for layer in layers)
    try:
        if not service.layers:
            raise OSError("a layer above the host's own root cannot lie below it")
        _writable(scratch, lower, root)
    except OSError:
        # the folder may lie on an overlay itself, as in a container: then writes go to memory
        kernel.mount("tmpfs", scratch, "tmpfs", MS_NODEV, "mode=0755")
        os.makedirs(root, exist_ok=True)
        _writable(scratch, lower, root)
    finally:
        os.chdir("/")


def _writable(scratch: str, lower: str, root: str) -> None:
    upper, work = os.path.join(scratch, "upper"), os.path.join(scratch, "work")
    for folder in (upper, work):
        os.makedirs(folder, exist_ok=True)
    kernel.mount("overlay", root, "overlay", MS_NODEV, f"lowerdir={lower},upperdir={upper},workdir={work}")
    os.chmod(root, 0o755)


def _copy(source: str, target: str) -> None:
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif os.path.exists(source):
        # one that ends with a slash is a folder, there already or not
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target)


def _mount(mount: Mount, root: str, private: str, volumes: str, image: bool) -> None:
    if mount.kind == "tmpfs":
        kernel.mount("tmpfs", _point(root, mount.target), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        return
    source = os.path.join(volumes, mount.source) if mount.kind == "volume" else mount.source
    if mount.kind == "volume":
        os.makedirs(source, exist_ok=True)
        fresh = f"{source}{FRESH}"
        if os.path.exists(fresh):
            # what this host has in that place is none of the service's
            if image:
                _take_over(_inside(root, mount.target), source)
            os.unlink(fresh)
    folder = os.path.isdir(source) or not os.path.exists(source)
    target = _point(root, mount.target, folder)
    if not os.path.exists(source):
        # Docker would make an empty folder on the host: here it is one of the service's own
        os.makedirs(private, exist_ok=True)
        source = private
    if mount.kind == "copy" and folder and source != private:
        _over(source, target, private)
    elif mount.kind == "copy" and not folder:
        shutil.copy2(source, private)
        kernel.mount(private, target, flags=MS_BIND)
    else:
        kernel.mount(source, target, flags=MS_BIND | (MS_REC if mount.kind == "bind" else 0))
        if mount.kind == "bind":
            kernel.mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def _over(source: str, target: str, private: str) -> None:
    """The folder as it is, with a private layer above it: nothing of the operator's is written."""
    parts = [os.path.join(private, part) for part in ("upper", "work")]
    for part in parts:
        os.makedirs(part, exist_ok=True)
    about = os.stat(source)
    os.chown(parts[0], about.st_uid, about.st_gid)
    os.chmod(parts[0], stat.S_IMODE(about.st_mode))
    lower = source.replace(":", "\\:")
    kernel.mount("overlay", target, "overlay", MS_NODEV, f"lowerdir={lower},upperdir={parts[0]},workdir={parts[1]}")


def _take_over(source: str, target: str) -> None:
    """Content, owner and mode of the image's folder for a volume that is new."""
    if not os.path.isdir(source):
        return
    copy_folder(source, target)


def copy_folder(source: str, target: str) -> None:
    """A copy with owners, modes and links; sockets and devices are left out."""
    os.makedirs(target, exist_ok=True)
    for entry in os.scandir(source):
        to = os.path.join(target, entry.name)
        about = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(about.st_mode):
            copy_folder(entry.path, to)
            continue
        if stat.S_ISLNK(about.st_mode):
            os.symlink(os.readlink(entry.path), to)
        elif stat.S_ISREG(about.st_mode):
            shutil.copy2(entry.path, to)
        else:
            continue
        os.chown(to, about.st_uid, about.st_gid, follow_symlinks=False)
    about = os.stat(source)
    os.chown(target, about.st_uid, about.st_gid)
    os.chmod(target, stat.S_IMODE(about.st_mode))


def _inside(root: str, path: str) -> str:
    """Where a path lies below ``root``, whatever links are on the way: none leads out."""
    found, rest, links = root, [part for part in path.split("/") if part], 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            found = found if found == root else os.path.dirname(found)
        elif part != ".":
            following = os.path.join(found, part)
            if os.path.islink(following) and links < 40:
                links += 1
                target = os.readlink(following)
                found = root if target.startswith("/") else found
                rest = [p for p in target.split("/") if p] + rest
            else:
                found = following
    return found


def _point(root: str, path: str, folder: bool = True) -> str:
    """A place to mount something on, made where it is not there."""
    where = _inside(root, path)
    if folder:
        os.makedirs(where, exist_ok=True)
    elif not os.path.exists(where):
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "wb"):
            pass
    return where


def _system(root: str, live: bool) -> None:
    """/dev, and for what is to run /proc and /sys."""
    dev = _point(root, "/dev")
    kernel.mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=0755")
    for name, minor in _DEVICES.items():
        os.mknod(os.path.join(dev, name), stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.chmod(os.path.join(dev, name), 0o666)
    os.mknod(os.path.join(dev, "tty"), stat.S_IFCHR | 0o666, os.makedev(5, 0))
    os.chmod(os.path.join(dev, "tty"), 0o666)
    for name, target in _LINKS.items():
        os.symlink(target, os.path.join(dev, name))
    if not live:
        return
    kernel.mount("devpts", _point(dev, "/pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    kernel.mount("shm", _point(dev, "/shm"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777")
    proc = _point(root, "/proc")
    kernel.mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for name in _READ_ONLY:
        path = os.path.join(proc, name)
        if os.path.exists(path):
            kernel.mount(path, path, flags=MS_BIND | MS_REC)
            kernel.mount("", path, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    for name in ("kcore", "keys"):
        if os.path.exists(os.path.join(proc, name)):
            kernel.mount(os.path.join(dev, "null"), os.path.join(proc, name), flags=MS_BIND)
    kernel.mount("sysfs", _point(root, "/sys"), "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def account(user: str, more: tuple[str, ...], read: Callable[[str], str]) -> Account:
    """The user that ``name``, ``uid`` or ``name:group`` means. Raises LookupError where the files do not know it.

    ``read`` gives the text of a file, empty where there is none.
    """
    people = [line.split(":") for line in read("/etc/passwd").splitlines() if line.count(":") >= 6]
    known = [line.split(":") for line in read("/etc/group").splitlines() if line.count(":") >= 3]
    name, _colon, group = user.partition(":")
    one = next((p for p in people if p[0] == (name or "root") or p[2] == name), None)
    if one is None and name and not name.isdigit():
        raise LookupError(f"there is no user {name!r} in its file system")
    uid = int(one[2]) if one else int(name or 0)
    gid = _group(group, known) if group else int(one[3]) if one else 0
    groups = [] if group or one is None else [int(g[2]) for g in known if one[0] in g[3].split(",")]
    groups += [_group(g, known) for g in more]
    return Account(uid, gid, tuple(dict.fromkeys([gid, *groups])), one[5] if one else "/")


def _group(name: str, known: list[list[str]]) -> int:
    if name.isdigit():
        return int(name)
    found = next((g for g in known if g[0] == name), None)
    if found is None:
        raise LookupError(f"there is no group {name!r} in its file system")
    return int(found[2])


def read_file(path: str) -> str:
    """A small file of this root; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def why_not(argv: tuple[str, ...], environment: Mapping[str, str], workdir: str) -> str:
    """Why the program cannot be executed in this root; empty where it can."""
    path = _found(argv[0], environment, workdir)
    if not path:
        return f"its file system has no program {argv[0]!r}"
    return _unfit(path)


def _found(name: str, environment: Mapping[str, str], workdir: str) -> str:
    if "/" in name:
        path = os.path.join(workdir, name)
        return path if os.path.isfile(path) and os.stat(path).st_mode & X_INDEX else ""
    search = environment.get("PATH") or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shutil.which(name, path=search) or ""


def _unfit(path: str) -> str:
    with open(path, "rb") as file:
        head = file.read(64)
        if head.startswith(b"#!"):
            file.seek(0)
            words = file.readline(512)[2:].decode("utf-8", "replace").split()
            if not words or not os.path.isfile(words[0]):
                return (
                    f"{path} wants the interpreter {words[0] if words else ''!r}, which its file system does not have"
                )
            if (
                os.path.basename(words[0]) == "env"
                and len(words) > 1
                and not words[1].startswith("-")
                and not shutil.which(words[1])
            ):
                return f"{path} wants the interpreter {words[1]!r}, which its file system does not have"
            return ""
        if not head.startswith(ELF):
            return ""
        order = "little" if head[5] == 1 else "big"
        wanted = _MACHINES.get(os.uname().machine)
        if wanted and int.from_bytes(head[18:20], order) != wanted and head[4] == 2:  # type: ignore[arg-type]
            return f"{path} is a program for another architecture than this host's {os.uname().machine}"
        loader = _loader(file, head, order)
        return (
            f"{path} wants the loader {loader}, which its file system does not have"
            if loader and not os.path.exists(loader)
            else ""
        )


def _loader(file, head: bytes, order: str) -> str:  # type: ignore[no-untyped-def]
    """The program interpreter of a 64-bit ELF file, elf(5); empty where it names none."""
    if head[4] != 2:
        return ""
    offset, size, count = (int.from_bytes(head[a:b], order) for a, b in ((32, 40), (54, 56), (56, 58)))  # type: ignore[arg-type]
    for number in range(count):
        file.seek(offset + number * size)
        entry = file.read(size)
        if int.from_bytes(entry[:4], order) == 3:  # type: ignore[arg-type]
            file.seek(int.from_bytes(entry[8:16], order))  # type: ignore[arg-type]
            return str(file.read(int.from_bytes(entry[32:40], order)).rstrip(b"\0").decode("utf-8", "replace"))  # type: ignore[arg-type]
    return ""
