# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acting: runs typed steps on the engine and on our override file. Undoing relies on no step but on looking again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from .._core.errors import EngineError
from .._core.model import Endpoint, from_data
from .._core.parsing.inspect import container_from_inspect
from .._core.remediation.databases import DatabaseState, Place
from .._core.remediation.host_state import HostState
from .._core.remediation.state import ProjectState, capture, is_fixed
from .._core.remediation.steps import Action, Step, endpoint_config, network_payload
from . import database, firewall
from .compose import Compose
from .engine import Engine
from .files import read_text, remove, render_override, write_whole

POLL_S = 0.1
# the engine changes several containers' networks side by side; more than these would only wait for each other
_AT_ONCE = 4


@dataclass
class Executor:
    """Changes one project. ``healthy_timeout_s`` bounds the wait for one container's healthcheck, unless a step allows more.

    ``statement_timeout_s`` bounds each statement that changes a database.
    """

    engine: Engine
    compose: Compose
    healthy_timeout_s: float = 60.0
    statement_timeout_s: float = 600.0

    def run(self, step: Step) -> None:
        """Do one step. Raises NetfixError where it fails."""
        handlers: dict[Action, Callable[[dict[str, Any]], None]] = {
            Action.WRITE_OVERRIDE: self._write_override,
            Action.CONNECT: self._connect,
            Action.DISCONNECT: self._disconnect,
            Action.CONNECT_ALL: self._connect_all,
            Action.DISCONNECT_ALL: self._disconnect_all,
            Action.CREATE_NETWORK: self._create_network,
            Action.REMOVE_NETWORK: self._remove_network,
            Action.RECREATE: self._recreate,
            Action.RENAME: self._rename,
            Action.REMOVE_CONTAINER: self._remove_container,
            Action.START: self._start,
            Action.STOP: self._stop,
            Action.RESTART: self._restart,
            Action.SIGNAL: self._signal,
            Action.CHANGE_RULES: self._change_rules,
            Action.SET_SYSCTL: self._set_sysctl,
            Action.WAIT_HEALTHY: self._wait_healthy,
            Action.CREATE_INDEX: self._run_statement,
            Action.DROP_INDEX: self._run_statement,
            Action.RUN_SCRIPT: self._run_script,
            Action.END_STATEMENTS: self._end_statements,
        }
        handlers[step.action](step.args)

    def state(
        self,
        known: Iterable[str] = (),
        host: Optional[HostState] = None,
        guests: Sequence[str] = (),
        database_state: Optional[DatabaseState] = None,
    ) -> ProjectState:
        """The project as it is now, of the host what ``host`` tells of, and the indexes of the database that is told of.

        Networks are those that Compose labelled, those that its containers use, and of the ``known`` ones those that
        exist: one that was made without labels shows in no other way once nothing is attached to it. ``guests`` are
        containers of others, of which only the endpoints on these networks are looked at.
        """
        project = self.compose.project
        containers = self.engine.inspect_containers(project.name)
        used = {n for c in containers for n in ((c.get("NetworkSettings") or {}).get("Networks") or {})}
        labelled = [n.name for n in self.engine.project_networks(project.name)]
        names = sorted({*used, *labelled, *known} - {"bridge", "host", "none"})
        text = read_text(project.override)
        others = self.engine.inspect_containers(names=guests) if guests else []
        state = capture(project.name, containers, self.engine.inspect_networks(names), text, others)
        if database_state:
            state = replace(state, database=database.look(self.engine, database_state))
        return replace(state, host=firewall.read_state(host)) if host else state

    def state_beside(self, saved: ProjectState) -> ProjectState:
        """The project as it is now, to be compared with another state: all that this one tells of is looked at."""
        return self.state(saved.networks, saved.host, tuple(saved.guests), saved.database)

    def await_ends(self) -> None:
        """Wait for every container that was told to end: the engine goes on with it when the one who asked is dead."""
        ending = self.engine.ending(self.compose.project.name)
        # beyond that time they are killed, which takes a moment
        deadline = time.monotonic() + max(ending.values(), default=0.0) + self.healthy_timeout_s
        while ending and time.monotonic() < deadline:
            time.sleep(POLL_S)
            ending = self.engine.ending(self.compose.project.name)

    def _write_override(self, args: dict[str, Any]) -> None:
        path = self.compose.project.override
        text = render_override(args["data"]) if args.get("data") is not None else args.get("text")
        if text is None:
            remove(path)
        else:
            write_whole(path, text)

    def _connect(self, args: dict[str, Any]) -> None:
        self.engine.connect(args["container"], args["network"], endpoint_config(args["endpoint"]))

    def _disconnect(self, args: dict[str, Any]) -> None:
        try:
            self.engine.disconnect(args["container"], args["network"])
        except EngineError as exc:
            if "is not connected" not in str(exc) and exc.details.get("status") != 404:
                raise

    def _connect_all(self, args: dict[str, Any]) -> None:
        """A fixed address is nobody else's, so the order does not matter; the others get the lowest that is free."""
        fixed, others = [], []
        for container, endpoint in args["endpoints"].items():
            one = {"container": container, "network": args["network"], "endpoint": endpoint}
            (fixed if is_fixed(from_data(Endpoint, endpoint)) else others).append(one)
        _all(self._connect, fixed, _AT_ONCE)
        _all(self._connect, others, 1)

    def _disconnect_all(self, args: dict[str, Any]) -> None:
        _all(self._disconnect, [{"container": c, "network": args["network"]} for c in args["containers"]], _AT_ONCE)

    def _create_network(self, args: dict[str, Any]) -> None:
        self.engine.create_network(network_payload(args["network"]))

    def _remove_network(self, args: dict[str, Any]) -> None:
        try:
            self.engine.remove_network(args["network"])
        except EngineError as exc:
            if exc.details.get("status") != 404:
                raise

    def _recreate(self, args: dict[str, Any]) -> None:
        self.compose.up(args["service"], self.engine.replicas(self.compose.project.name))

    def _rename(self, args: dict[str, Any]) -> None:
        self.engine.rename(args["container"], args["name"])

    def _remove_container(self, args: dict[str, Any]) -> None:
        try:
            self.engine.remove(args["container"], volumes=False)
        except EngineError as exc:
            if exc.details.get("status") != 404:
                raise

    def _start(self, args: dict[str, Any]) -> None:
        self.engine.start(args["container"])

    def _stop(self, args: dict[str, Any]) -> None:
        self.engine.stop(args["container"])

    def _restart(self, args: dict[str, Any]) -> None:
        self.engine.restart(args["container"])

    def _signal(self, args: dict[str, Any]) -> None:
        self.engine.signal(args["container"], args["signal"])

    def _change_rules(self, args: dict[str, Any]) -> None:
        firewall.change(args["table"], args["commands"])

    def _set_sysctl(self, args: dict[str, Any]) -> None:
        firewall.set_switch(args["name"], args["value"])

    def _run_statement(self, args: dict[str, Any]) -> None:
        place = from_data(Place, args["place"])
        database.ask(self.engine, place, args["statement"], self.statement_timeout_s)

    def _run_script(self, args: dict[str, Any]) -> None:
        database.run_script(self.engine, args["container"], args["words"], self.statement_timeout_s)

    def _end_statements(self, args: dict[str, Any]) -> None:
        database.end_statements(self.engine, from_data(Place, args["place"]))

    def _wait_healthy(self, args: dict[str, Any]) -> None:
        """Until the container is healthy, or runs where it has no healthcheck; the gate judges what comes after."""
        timeout_s = max(self.healthy_timeout_s, args.get("timeout_s", 0.0))
        deadline = time.monotonic() + timeout_s
        while True:
            found = self.engine.inspect_containers(names=[args["container"]])
            container = container_from_inspect(found[0]) if found else None
            if container and container.running and container.health in ("", "healthy"):
                return
            if container and container.state in ("exited", "dead"):
                raise EngineError(
                    f"Container {container.name!r} stopped again with exit code {container.exit_code}; "
                    f"read why: docker logs --tail 50 {container.name}"
                )
            if time.monotonic() > deadline:
                state = f"{container.state}, {container.health or 'no healthcheck'}" if container else "gone"
                raise EngineError(
                    f"Container {args['container']!r} did not become healthy within {timeout_s:.0f} s ({state})."
                )
            time.sleep(POLL_S)


def _all(change: Callable[[dict[str, Any]], None], each: Sequence[dict[str, Any]], at_once: int) -> None:
    """Do one thing to each, in their order; the first that fails is raised when all were tried."""
    with ThreadPoolExecutor(at_once) as workers:
        started = [workers.submit(change, args) for args in each]
    for done in started:
        done.result()
