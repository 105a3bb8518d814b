# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine, through its Python SDK: what there is, and the few changes that remediations make."""

from __future__ import annotations

import os
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, TypeVar

try:
    import docker
    import docker.errors
    import requests.exceptions

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

from .._core.errors import EngineError, EngineSilent
from .._core.model import Container, Network
from .._core.model import Engine as EngineFacts
from .._core.parsing.events import told_to_end
from .._core.parsing.inspect import (
    LABEL_ONE_OFF,
    LABEL_PROJECT,
    LABEL_SERVICE,
    LABEL_WORKING_DIR,
    container_from_inspect,
    container_from_list,
    environment_of,
    network_from_inspect,
)
from .._core.parsing.times import instant
from .._core.remediation.recreation import Image
from .daemon import read_daemon

DEFAULT_HOST = "unix:///var/run/docker.sock"
LABEL_HELPER = "vertice.netfix.helper"
# how long one that lives may take for its first word; one that hangs would be waited for in vain
_FIRST_ANSWER_S = 5
# how long a container may take to end that says nothing else, and how far back to look for one that is at it
_GRACE_S = 10
_EVENTS_S = 600

T = TypeVar("T")


class Engine:
    """One engine. Every method raises EngineError, naming the object and what to do next."""

    def __init__(self, docker_host: str = "", timeout: float = 60) -> None:
        self.docker_host = docker_host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._timeout = timeout
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The SDK's low-level client, connected at first use."""
        self.must_answer()
        return self._client

    def must_answer(self) -> None:
        """Waits for the engine's first answer, unless it gave it. Raises EngineSilent where none comes."""
        if self._client is None:
            self._client = self._connect()

    def _connect(self) -> Any:
        path = self.docker_host[len("unix://") :] if self.docker_host.startswith("unix://") else ""
        if path and not os.path.exists(path):
            raise EngineSilent(
                f"No Docker Engine listens on {self.docker_host}: the socket does not exist. "
                "Start the engine (systemctl start docker), or name another one with docker_host.",
                silence="no socket",
            )
        if path and not os.access(path, os.R_OK | os.W_OK):
            raise EngineError(
                f"No permission to use the Docker Engine on {self.docker_host}. "
                "Run the play with become: true, or add the user to the group that owns the socket (usually 'docker')."
            )
        try:
            client = docker.APIClient(base_url=self.docker_host, version="auto", timeout=_FIRST_ANSWER_S)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
            raise EngineSilent(
                f"The Docker Engine on {self.docker_host} does not answer ({exc}). "
                "Check that the daemon runs: systemctl status docker.",
                silence="timeout" if "timed out" in str(exc) else "refused",
            ) from exc
        client.timeout = int(self._timeout)
        return client

    def _call(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except docker.errors.APIError as exc:
            raise EngineError(f"{what}: the engine refused: {exc.explanation or exc}", status=exc.status_code) from exc
        except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
            raise EngineError(f"{what}: the engine on {self.docker_host} did not answer: {exc}") from exc

    @property
    def is_here(self) -> bool:
        """Whether it is reached through a socket of this machine, so that its containers run here."""
        return self.docker_host.startswith("unix://")

    @property
    def is_default(self) -> bool:
        """Whether it is the engine of this system, whose process and files are where distributions put them."""
        return self.docker_host in (DEFAULT_HOST, DEFAULT_HOST.replace("/var/run/", "/run/"))

    def facts(self) -> EngineFacts:
        """Version and kind of the engine."""
        info = self._call("Asking the engine's version", self.client.version)
        details = next((c.get("Details") or {} for c in info.get("Components") or () if c.get("Name") == "Engine"), {})
        return EngineFacts(
            version=str(info.get("Version", "")),
            api_version=str(info.get("ApiVersion", "")),
            operating_system=str(details.get("Os") or info.get("Os") or ""),
            local=self.is_here,
            settings=read_daemon().settings if self.is_default else {},
        )

    def inspect_containers(
        self, project: str | None = None, names: Iterable[str] | None = None
    ) -> list[dict[str, Any]]:
        """Inspect data of a project's containers (stopped ones too), or of the named ones, in the order of names."""
        if names is None:
            filters = {"label": f"{LABEL_PROJECT}={project}"} if project else None
            listed = self._call("Listing containers", lambda: self.client.containers(all=True, filters=filters))
            names = [c["Id"] for c in listed]
        found = []
        for name in names:
            try:
                found.append(
                    self._call(f"Inspecting container {name!r}", lambda n=name: self.client.inspect_container(n))
                )
            except EngineError as exc:
                # a container that went away between the listing and the look is no error of ours
                if exc.details.get("status") != 404:
                    raise
        return sorted(found, key=lambda c: str(c.get("Name", "")))

    def containers(self, project: str | None = None, names: Iterable[str] | None = None) -> list[Container]:
        """A project's containers, or the named ones."""
        return [container_from_inspect(c) for c in self.inspect_containers(project, names)]

    def listed(self) -> list[Container]:
        """All containers of the engine, stopped ones too, with what its list tells of them."""
        listed = self._call("Listing containers", lambda: self.client.containers(all=True))
        return sorted((container_from_list(c) for c in listed), key=lambda c: c.name)

    def subnets(self) -> dict[str, list[str]]:
        """The subnets of every network of the engine, by its name."""
        listed = self._call("Listing networks", self.client.networks)
        return {
            str(n.get("Name")): [str(c["Subnet"]) for c in (n.get("IPAM") or {}).get("Config") or () if c.get("Subnet")]
            for n in listed
        }

    def address_pools(self) -> list[str]:
        """The pools that networks without a subnet of their own are cut from, as ``base size``; empty for the default."""
        pools = self._call("Asking the engine's settings", self.client.info).get("DefaultAddressPools") or ()
        return [f"{p.get('Base')} {p.get('Size')}" for p in pools]

    def data_root(self) -> str:
        """Where it keeps images and volumes on its host."""
        return str(self._call("Asking the engine's settings", self.client.info).get("DockerRootDir") or "")

    def in_swarm(self) -> bool:
        """Whether the engine is a node of a swarm."""
        info = self._call("Asking the engine's settings", self.client.info)
        return (info.get("Swarm") or {}).get("LocalNodeState", "inactive") != "inactive"

    def replicas(self, project: str) -> dict[str, int]:
        """How many containers each service of a project has, stopped ones too."""
        filters = {"label": [f"{LABEL_PROJECT}={project}", f"{LABEL_ONE_OFF}=False"]}
        listed = self._call(
            f"Listing the containers of {project!r}", lambda: self.client.containers(all=True, filters=filters)
        )
        return dict(Counter((c.get("Labels") or {}).get(LABEL_SERVICE, "") for c in listed))

    def labels(self) -> list[dict[str, str]]:
        """The labels of every container, stopped ones too, in the order of their names."""
        listed = self._call("Listing containers", lambda: self.client.containers(all=True))
        return [dict(c.get("Labels") or {}) for c in sorted(listed, key=lambda c: str((c.get("Names") or [""])[0]))]

    def labels_of(self, project: str) -> dict[str, str]:
        """The labels of a project's first container; none where it has no container."""
        return next((one for one in self.labels() if one.get(LABEL_PROJECT) == project), {})

    def project_in(self, folder: str) -> str:
        """The one Compose project whose containers were started in that folder; empty for none, or several."""
        names = {one.get(LABEL_PROJECT, "") for one in self.labels() if one.get(LABEL_WORKING_DIR) == folder}
        return names.pop() if len(names) == 1 else ""

    def projects(self) -> list[str]:
        """Names of the Compose projects that have containers."""
        return sorted({one[LABEL_PROJECT] for one in self.labels() if one.get(LABEL_PROJECT)})

    def ending(self, project: str) -> dict[str, float]:
        """Running containers of a project that were told to end, and the seconds after which the engine ends them."""
        info = self._call("Asking the engine's time", self.client.info)
        now = instant(str(info.get("SystemTime") or "")) or time.time()
        events = self._call(
            f"Reading the events of {project!r}",
            lambda: list(
                self.client.events(
                    since=int(now) - _EVENTS_S,
                    until=f"{now:.6f}",
                    filters={"type": "container", "label": f"{LABEL_PROJECT}={project}"},
                    decode=True,
                )
            ),
        )
        running = [c for c in self.inspect_containers(project) if (c.get("State") or {}).get("Running")]
        signals = {str(c["Id"]): str(c["Config"].get("StopSignal") or "") for c in running}
        told = told_to_end(events, signals)
        grace = {str(c["Id"]): float(c["Config"].get("StopTimeout") or _GRACE_S) for c in running}
        return {c: told[c] + grace[c] - now for c in told if c in grace}

    def inspect_networks(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Inspect data of all networks, or of the named ones that exist."""
        if names is None:
            names = [n["Id"] for n in self._call("Listing networks", self.client.networks)]
        found = []
        for name in names:
            try:
                found.append(self._call(f"Inspecting network {name!r}", lambda n=name: self.client.inspect_network(n)))
            except EngineError as exc:
                if exc.details.get("status") != 404:
                    raise
        return found

    def project_networks(self, project: str) -> list[Network]:
        """Networks that carry the project's label."""
        filters = {"label": f"{LABEL_PROJECT}={project}"}
        listed = self._call("Listing networks", lambda: self.client.networks(filters=filters))
        return self.networks([n["Id"] for n in listed])

    def networks(self, names: Iterable[str] | None = None) -> list[Network]:
        """All networks, or the named ones that exist."""
        return sorted((network_from_inspect(n) for n in self.inspect_networks(names)), key=lambda n: n.name)

    def images(self, names: Iterable[str]) -> dict[str, Image]:
        """The images that exist, by the names that were asked for."""
        found = {}
        for name in dict.fromkeys(names):
            raw = self.inspect_image(name)
            if raw is not None:
                found[name] = Image(str(raw["Id"]), environment_of((raw.get("Config") or {}).get("Env") or ()))
        return found

    def inspect_image(self, name: str) -> dict[str, Any] | None:
        """Inspect data of an image, None where the engine has none of that name."""
        try:
            return dict(self._call(f"Inspecting image {name!r}", lambda: self.client.inspect_image(name)))
        except EngineError as exc:
            if exc.details.get("status") != 404:
                raise
            return None

    def export_image(self, image: str) -> Iterator[bytes]:
        """The file system of an image as a tar archive, from a container that is made for it, never started, and removed."""
        made = self._call(
            f"Making a container of {image!r} to read",
            lambda: self.client.create_container(image, ["true"], labels={LABEL_HELPER: "export"})["Id"],
        )
        try:
            yield from self._call(f"Exporting {image!r}", lambda: self.client.export(made, chunk_size=1 << 20))
        finally:
            self.remove(made)

    def logs(self, container: str, tail: int, since: int = 0, until: int = 0) -> list[str]:
        """The last lines of a container's log, with RFC 3339 timestamps. EngineError where its log driver keeps none.

        ``since`` and ``until`` are seconds since the epoch, 0 for no bound.
        """
        raw = self._call(
            f"Reading the log of {container!r}",
            lambda: self.client.logs(
                container,
                stdout=True,
                stderr=True,
                timestamps=True,
                tail=tail,
                since=since or None,
                until=until or None,
            ),
        )
        return [line for line in raw.decode("utf-8", "replace").splitlines() if line]

    def execute(self, container: str, words: Sequence[str], environment: Mapping[str, str]) -> str:
        """What a command prints that the container's own user runs in it. It has to end by itself."""

        def run() -> bytes:
            made = self.client.exec_create(container, list(words), environment=dict(environment))
            return bytes(self.client.exec_start(made["Id"]))

        return self._call(f"Running {words[0]} in {container!r}", run).decode("utf-8", "replace")

    def run_to_end(
        self, container: str, words: Sequence[str], environment: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """The exit code, the output and the errors of a command in a container, however long it takes."""

        def run() -> tuple[int, bytes, bytes]:
            made = self.client.exec_create(container, list(words), environment=dict(environment))
            out, err = self.client.exec_start(made["Id"], demux=True)
            return int(self.client.exec_inspect(made["Id"])["ExitCode"]), out or b"", err or b""

        code, out, err = self._call(f"Running {words[0]} in {container!r}", run)
        return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def commands(self, container: str) -> list[str]:
        """The command line of each process of a container."""
        told = self._call(f"Listing the processes of {container!r}", lambda: self.client.top(container, "-eo pid,args"))
        return [" ".join(row[1:]).strip() for row in told.get("Processes") or ()]

    def start_beside(self, container: str, image: str, words: Sequence[str]) -> str:
        """A new container in another one's network namespace, of an image that is here; its id. It goes when it ends."""

        def start() -> str:
            host = self.client.create_host_config(network_mode=f"container:{container}", auto_remove=True)
            more = {"labels": {LABEL_HELPER: container}, "healthcheck": {"test": ["NONE"]}, "host_config": host}
            made = str(self.client.create_container(image, list(words[1:]), entrypoint=list(words[:1]), **more)["Id"])
            try:
                self.client.start(made)
            except docker.errors.APIError:
                self.client.remove_container(made, v=True, force=True)
                raise
            return made

        return self._call(f"Starting a helper of image {image!r} beside {container!r}", start)

    def remove(self, container: str, volumes: bool = True) -> None:
        """Remove a container that we made, running or not; without ``volumes`` its anonymous ones stay."""
        self._call(f"Removing {container!r}", lambda: self.client.remove_container(container, v=volumes, force=True))

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        self._call(f"Renaming {container!r} to {name!r}", lambda: self.client.rename(container, name))

    def connect(self, container: str, network: str, endpoint: Mapping[str, Any]) -> None:
        """Attach a container, running or stopped, with the ``EndpointConfig`` of ``POST /networks/{id}/connect``.

        The SDK's own method knows no priority, and leaves out what it takes the engine for too old.
        """
        body = {"Container": container, "EndpointConfig": dict(endpoint)}
        client = self.client
        url = client._url("/networks/{0}/connect", network)
        self._call(
            f"Connecting {container!r} to network {network!r}",
            lambda: client._raise_for_status(client._post_json(url, data=body)),
        )

    def disconnect(self, container: str, network: str) -> None:
        """Detach a container, running or stopped."""
        self._call(
            f"Disconnecting {container!r} from network {network!r}",
            lambda: self.client.disconnect_container_from_network(container, network, force=True),
        )

    def create_network(self, payload: Mapping[str, Any]) -> None:
        """Create a network from the body of ``POST /networks/create``."""
        client = self.client
        self._call(
            f"Creating network {payload['Name']!r}",
            lambda: client._raise_for_status(client._post_json(client._url("/networks/create"), data=dict(payload))),
        )

    def remove_network(self, network: str) -> None:
        """Remove one network by name or id; the engine refuses while a container is attached."""
        self._call(f"Removing network {network!r}", lambda: self.client.remove_network(network))

    def start(self, container: str) -> None:
        """Start a container; a running one stays as it is."""
        self._call(f"Starting {container!r}", lambda: self.client.start(container))

    def stop(self, container: str) -> None:
        """Stop a container within its own grace period."""
        self._call(f"Stopping {container!r}", lambda: self.client.stop(container))

    def restart(self, container: str) -> None:
        """Restart a container."""
        self._call(f"Restarting {container!r}", lambda: self.client.restart(container))

    def stats(self, container: str) -> dict[str, Any]:
        """What a container uses now, as the API tells it. Much dearer than its control group's files."""
        return dict(
            self._call(f"Reading the stats of {container!r}", lambda: self.client.stats(container, stream=False, one_shot=True))
        )

    def signal(self, container: str, signal: str) -> None:
        """Send a signal to a container's first process."""
        self._call(f"Sending {signal} to {container!r}", lambda: self.client.kill(container, signal=signal))
