# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that Python lacks, or has only since 3.12: namespaces, mounts, and a network that is nobody else's.

Every function raises OSError. The network is made with ioctl(2) and one netlink message, so it needs no program.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterable

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
_SYS_PIVOT_ROOT = {
    "x86_64": 155,
    "aarch64": 41,
    "riscv64": 41,
    "ppc64le": 203,
    "s390x": 217,
    "armv7l": 218,
    "i686": 217,
}

# what Docker leaves to root in a container: https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
DEFAULT_CAPABILITIES = frozenset(
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE "
    "SETFCAP".split()
)

_SIOCADDRT, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x890B, 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCGIFINDEX = 0x8916, 0x891C, 0x8933
_SIOCBRADDBR, _SIOCBRADDIF = 0x89A0, 0x89A2
_IFF_UP, _RTF_UP, _RTF_HOST = 1, 1, 4
_RTM_NEWLINK, _NLM_NEW = 16, 0x0605  # request, acknowledge, create, exclusively
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 3, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
BRIDGE, INTERFACE, LOOPBACK = "br0", "eth0", "lo"

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name, for new ones."""
    _checked(_LIBC.unshare(flags), "new namespaces")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that is open as ``fd``."""
    _checked(_LIBC.setns(fd, kind), "entering a namespace")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    words = [os.fsencode(word) if word else None for word in (source, target, kind)]
    done = _LIBC.mount(words[0], words[1], words[2], flags, os.fsencode(data) if data else None)
    _checked(done, f"mounting {source or kind} on {target}")


def pivot_root(new: str) -> None:
    """Make ``new``, which is a mount, the root of this mount namespace, and take the old one away."""
    os.chdir(new)
    _checked(_LIBC.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), f"making {new} the root")
    _checked(_LIBC.umount2(b".", MNT_DETACH), "leaving the old root")
    os.chdir("/")


def die_with_parent() -> None:
    """This process is killed when the thread that made it ends."""
    _checked(_LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "dying with the parent")


def keep_capabilities(kept: Iterable[str]) -> None:
    """No program that is executed from here on has any other capability."""
    wanted = set(kept)
    for number, name in enumerate(CAPABILITIES):
        if name not in wanted:
            # EINVAL: this kernel does not know it
            _LIBC.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)


def _ioctl(request: int, data: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return fcntl.ioctl(sock.fileno(), request, data)


def _named(interface: str, rest: bytes = b"") -> bytes:
    return struct.pack("16s24s", interface.encode(), rest)


def _address(text: str) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def bring_up(interface: str) -> None:
    """Switch an interface of this network namespace on."""
    (flags,) = struct.unpack_from("=H", _ioctl(_SIOCGIFFLAGS, _named(interface)), 16)
    _ioctl(_SIOCSIFFLAGS, _named(interface, struct.pack("=H", flags | _IFF_UP)))


def set_address(interface: str, address: str, mask: str = "255.255.0.0") -> None:
    """Give an interface, or an alias of it (``eth0:1``), its address."""
    _ioctl(_SIOCSIFADDR, _named(interface, _address(address)))
    _ioctl(_SIOCSIFNETMASK, _named(interface, _address(mask)))


def add_host_route(address: str, interface: str) -> None:
    """Reach that address over that interface."""
    device = ctypes.create_string_buffer(interface.encode())
    entry = struct.pack(
        "@L16s16s16sHhLPhPLLH", 0, _address(address), _address("0.0.0.0"), _address("255.255.255.255"),
        _RTF_UP | _RTF_HOST, 0, 0, 0, 0, ctypes.addressof(device), 0, 0, 0,
    )  # fmt: skip
    _ioctl(_SIOCADDRT, entry + b"\0" * 16)


def add_bridge() -> None:
    """A bridge in this network namespace."""
    name = ctypes.create_string_buffer(BRIDGE.encode(), 16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock.fileno(), _SIOCBRADDBR, name)
    bring_up(BRIDGE)


def plug_in(name: str, namespace: int) -> None:
    """A cable from this namespace's bridge, where its end is called ``name``, to INTERFACE in the other namespace."""
    header = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
    peer = header + _attribute(_IFLA_IFNAME, INTERFACE.encode() + b"\0")
    peer += _attribute(_IFLA_NET_NS_FD, struct.pack("=I", namespace))
    info = _attribute(_INFO_KIND, b"veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, peer))
    body = header + _attribute(_IFLA_IFNAME, name.encode() + b"\0") + _attribute(_IFLA_LINKINFO, info)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, _NLM_NEW, 1, 0) + body)
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if error:
        raise OSError(-error, f"making the interface {name}: {os.strerror(-error)}")
    index = struct.unpack_from("=i", _ioctl(_SIOCGIFINDEX, _named(name)), 16)[0]
    _ioctl(_SIOCBRADDIF, _named(BRIDGE, struct.pack("=i", index)))
    bring_up(name)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
