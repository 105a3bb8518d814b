# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and networks of the tests' own, made under a random prefix and removed at the end."""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._host.container_files import observe

PORT = 8000


@dataclass(frozen=True)
class Running:
    """One container of a test."""

    name: str
    pid: int
    address: str


class Sandbox:
    """Makes containers from an image that holds one static binary and nothing else: no shell, no tool, no libc.

    With further ``applets`` of that binary it has those as tools.
    """

    def __init__(self, client: Any, busybox: str, applets: tuple[str, ...] = ("httpd",)) -> None:
        self.client = client
        self.prefix = f"netfix-test-{secrets.token_hex(4)}"
        self.image = f"{self.prefix}:latest"
        self._networks: list[Any] = []
        self._containers: list[Any] = []
        client.api.import_image_from_data(
            _archive(busybox, applets), repository=self.prefix, tag="latest", changes=['ENTRYPOINT ["/httpd"]']
        )

    def network(self, key: str, **options: Any) -> str:
        """Its full name."""
        network = self.client.networks.create(f"{self.prefix}-{key}", driver="bridge", **options)
        self._networks.append(network)
        return str(network.name)

    def gateway(self, network: str) -> str:
        """The host's address on that network."""
        return str(self.client.networks.get(network).attrs["IPAM"]["Config"][0]["Gateway"])

    def container(self, name: str, network: str, aliases: tuple[str, ...] = (), **options: Any) -> Running:
        """A container that serves HTTP on port 8000 and answers to ``name`` and ``aliases``."""
        client = self.client.api
        container = self.client.containers.create(
            self.image,
            ["-f", "-p", str(PORT), "-h", "/"],
            name=f"{self.prefix}-{name}",
            network=network,
            networking_config={network: client.create_endpoint_config(aliases=[name, *aliases])},
            **options,
        )
        self._containers.append(container)
        container.start()
        container.reload()
        settings = container.attrs["NetworkSettings"]["Networks"].get(network, {})
        running = Running(container.name, container.attrs["State"]["Pid"], settings.get("IPAddress", ""))
        _wait_for(lambda: _listens(running.pid))
        return running

    def remove(self, name: str) -> None:
        """Removes one container before the end."""
        self.client.containers.get(name).remove(force=True)

    def close(self) -> None:
        for container in self._containers:
            _quietly(lambda c=container: c.remove(force=True, v=True))
        for network in self._networks:
            _quietly(network.remove)
        _quietly(lambda: self.client.images.remove(self.image, force=True))


def _listens(pid: int) -> bool:
    return any(s.port == PORT and s.state == "LISTEN" for s in observe(pid).sockets or ())


def _wait_for(true: Callable[[], bool], at_most_s: float = 30) -> None:
    end = time.monotonic() + at_most_s
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"a test's container did not listen on port {PORT} within {at_most_s:.0f} s")
        time.sleep(0.005)


def _archive(busybox: str, applets: tuple[str, ...]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        with open(busybox, "rb") as file:
            binary = tar.gettarinfo(arcname=applets[0], fileobj=file)
            binary.mode = 0o755
            tar.addfile(binary, file)
        for applet in applets[1:]:
            link = tarfile.TarInfo(applet)
            link.type, link.linkname, link.mode = tarfile.LNKTYPE, applets[0], 0o755
            tar.addfile(link)
        for folder in ("etc", "proc", "dev", "sys"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    return buffer.getvalue()


def _quietly(work: Any) -> None:
    import docker.errors

    try:
        work()
    except docker.errors.NotFound:
        pass
