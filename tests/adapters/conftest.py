# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the adapter tests: a sandbox of real containers, and a nameserver that they may ask."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from adapters.sandbox import Sandbox
from adapters.standin import StandIn


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    docker = pytest.importorskip("docker")
    busybox = shutil.which("busybox")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    if not busybox:
        pytest.skip("needs a static busybox (package busybox-static)")
    made = Sandbox(docker.from_env(), busybox)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def network(sandbox: Sandbox) -> str:
    return sandbox.network("shared")


@pytest.fixture(scope="module")
def stand_in(sandbox: Sandbox, network: str) -> Iterator[StandIn]:
    """The forwarder of the containers: give them ``dns=[stand_in.address]``."""
    server = StandIn(sandbox.gateway(network))
    try:
        yield server
    finally:
        server.close()
