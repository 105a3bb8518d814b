# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh of containers on one network, each with a small TCP server, made under a random prefix and removed at the end."""

from __future__ import annotations

import random
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

IMAGE = "netfix-lab:latest"
PORT = 8000
# one process, no fork: the probes are measured and not the servers
SERVER = f"""
import socket
server = socket.create_server(("", {PORT}), backlog=1024)
while True:
    server.accept()[0].close()
"""
# a nameserver that hangs: its port is open, and it says nothing
HUNG = """
import signal, socket
hung = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hung.bind(("", 53))
signal.pause()
"""
_AT_ONCE = 4


@dataclass(frozen=True)
class Member:
    """One container: ``host`` is the name that the others know it by."""

    container: str
    pid: int
    host: str
    address: str


Pair = tuple[Member, Member]


class Mesh:
    """Grows to as many members as are wanted; everything is removed when its ``with`` block ends."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.busybox = shutil.which("busybox") or ""
        if not self.busybox:
            raise SystemExit("needs a static busybox (package busybox-static)")
        if not client.images.list(IMAGE):
            raise SystemExit(f"needs the image {IMAGE}: make images")
        self._client = client
        self._prefix = f"{prefix}-{secrets.token_hex(3)}"
        self._made: list[str] = []
        self._network: Any = None
        self.members: list[Member] = []

    def __enter__(self) -> Mesh:
        self._network = self._client.networks.create(self._prefix, driver="bridge")
        return self

    def __exit__(self, *_exc: object) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._remove, self._made))
        self._network.remove()

    def grow(self, count: int) -> None:
        """Adds members until there are so many."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            names = [f"svc{number}" for number in range(len(self.members), count)]
            self.members += pool.map(lambda name: self._start(name, SERVER), names)

    def hung_nameserver(self) -> str:
        """The address of a nameserver that hangs."""
        return self._start("hung", HUNG).address

    def nobodys_address(self) -> str:
        """An address of the network that no container has."""
        gateway = self._client.networks.get(self._network.id).attrs["IPAM"]["Config"][0]["Gateway"]
        return f"{gateway.rsplit('.', 1)[0]}.250"

    def sample(self, sources: int, targets: int, seed: int) -> list[Pair]:
        """Pairs of so many sources with so many targets each; the same ones for the same seed."""
        chance = random.Random(seed)
        found: list[Pair] = []
        for source in chance.sample(self.members, min(sources, len(self.members))):
            others = [member for member in self.members if member is not source]
            found += [(source, target) for target in chance.sample(others, min(targets, len(others)))]
        return found

    def data(self) -> list[dict[str, Any]]:
        """The members as plain data."""
        return [asdict(member) for member in self.members]

    def _start(self, host: str, program: str) -> Member:
        api = self._client.api
        name = f"{self._prefix}-{host}"
        self._made.append(name)
        api.create_container(
            IMAGE,
            ["python3", "-ISc", program],
            name=name,
            host_config=api.create_host_config(binds=[f"{self.busybox}:/nslookup:ro"]),
            networking_config=api.create_networking_config({self._prefix: api.create_endpoint_config(aliases=[host])}),
        )
        api.start(name)
        about = api.inspect_container(name)
        address = about["NetworkSettings"]["Networks"][self._prefix]["IPAddress"]
        return Member(name, about["State"]["Pid"], host, address)

    def _remove(self, name: str) -> None:
        import docker.errors

        try:
            self._client.api.remove_container(name, force=True, v=True)
        except docker.errors.NotFound:
            pass
