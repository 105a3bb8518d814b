# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without an engine: steps change a model, and what is gathered follows from the model."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import Case
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.recreation import Image
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import Attempts
from ansible_collections.vertice.netfix.plugins.module_utils._host.compose import Project
from ansible_collections.vertice.netfix.plugins.module_utils._host.files import read_text, remove, write_whole
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Limits, Transaction
from unit.builders import recorded, resolved, state_of, tcp, unresolved
from unit.model_engine import ModelEngine


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class FakeCompose:
    def __init__(self, project, hashes):
        self.project, self._hashes = project, hashes

    def hashes(self):
        return self._hashes

    def injected(self):
        return {}


def inherited(container, config):
    """The variables of a container that its configuration does not give it."""
    own = (config["services"].get(container.service) or {}).get("environment") or {}
    return {name: value for name, value in container.environment.items() if name not in own}


class FakeExecutor(ModelEngine):
    """Steps on the model. ``on`` is called before every step, ``log`` holds those that were done."""

    def __init__(self, snapshot, folder):
        self.path = os.path.join(folder, "compose.netfix.yml")
        super().__init__(state_of(snapshot), snapshot.config)
        self.image_of = {c.image: Image(c.image_id, inherited(c, snapshot.config)) for c in snapshot.containers}
        self.engine = SimpleNamespace(docker_host="unix:///var/run/docker.sock", images=lambda _names: self.image_of)
        self.compose = FakeCompose(
            Project(snapshot.project, str(folder), (), self.path), {c.service: c.config_hash for c in snapshot.containers}
        )
        self.log = []
        self.on = lambda step: None

    @property
    def override(self):
        return read_text(self.path)

    @override.setter
    def override(self, text):
        if text is None:
            remove(self.path)
        else:
            write_whole(self.path, text)

    def await_ends(self):
        """Nothing is under way here."""

    def run(self, step):
        self.on(step)
        super().run(step)
        self.log.append(step.action.value)

    def fail_on(self, action, error=None):
        """Let every step of that kind fail."""

        def fail(step):
            if step.action.value == action:
                raise error or EngineError(f"the engine refused to {action}")

        self.on = fail


class FakeGatherer:
    """Names resolve where a running container on a common network has them. ``spoil`` breaks what it will."""

    def __init__(self, snapshot, executor):
        self._snapshot, self._executor = snapshot, executor
        self.spoil = lambda snapshot: snapshot

    def config(self):
        return self._snapshot.config, ()

    def mounted(self):
        return {}, {}

    def snapshot(self):
        state = self._executor.state()
        containers = tuple(
            replace(
                c,
                state=state.containers[c.name].state,
                config_hash=state.containers[c.name].config_hash,
                endpoints=tuple(state.containers[c.name].endpoints.values()),
            )
            for c in self._snapshot.containers
        )
        bare = replace(self._snapshot, containers=containers, networks=tuple(state.networks.values()), checks=())
        case = Case(bare)
        probes = []
        for dependency in bare.dependencies:
            for consumer in case.containers_of(dependency.consumer):
                addresses = [
                    other.endpoints[network].address
                    for other in state.containers.values()
                    for network in case.shared_networks(consumer, case.container(other.name))
                    if other.state == "running" and dependency.host in other.endpoints[network].aliases
                ]
                if addresses:
                    probes.append(resolved(consumer.name, dependency.host, *addresses))
                    probes += [tcp(consumer.name, a, dependency.port) for a in addresses]
                else:
                    probes.append(unresolved(consumer.name, dependency.host))
        return self.spoil(replace(bare, probes=tuple(probes)))


class Host:
    """One managed host with the recorded project on it; every transaction() is a process of its own."""

    def __init__(self, fault, folder):
        self.snapshot = recorded(fault)
        self.executor = FakeExecutor(self.snapshot, folder)
        self.gatherer = FakeGatherer(self.snapshot, self.executor)
        self.state_dir = os.path.join(folder, "state")

    def transaction(self, force=False, allowed=False, **limits):
        attempts = Attempts(self.state_dir, self.snapshot.project)
        limits = Limits(gate_timeout_s=0.0, first_pause_s=0.001, **limits)
        return Transaction(self.gatherer, self.executor, attempts, limits, force, options={"allow_host_firewall": allowed})
