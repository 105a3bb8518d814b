# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.jobs import TcpJob
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Loop, Room, Steps
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.names import Lookup
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.probes import Limits, Probes

NEIGHBOUR, FAR = "10.0.0.9", "192.0.2.9"
# the kernel's own, for a neighbour that does not answer
ASKS_AGAIN_S = 1.0


class Namespace:
    pid = 1


class Guard:
    """Knows which addresses are neighbours."""

    def pair(self, _namespace: Any, address: str) -> Any:
        return self if address == NEIGHBOUR else None


class Names:
    """Resolves to these addresses."""

    def __init__(self, *answers: str) -> None:
        self.answers = answers

    def lookup(self, host: str, _types: Any, _nameserver: str) -> Steps:
        return Lookup(Outcome.OK, self.answers, name=host)
        yield


class Tried(Probes):
    """Probes whose conversations end as it is said here, by address; the others are silent."""

    def __init__(self, timeout_s: float, attempts: int, *answers: str, **ends: str) -> None:
        loop = Loop()
        limits = Limits(loop, timeout_s, attempts, Room(loop, 1))
        super().__init__(Namespace(), Names(*answers), limits, Guard())  # type: ignore[arg-type]
        self.ends = {address: ends.get(f"at_{address.replace('.', '_')}", "timeout") for address in answers}
        self.waits: list[tuple[str, float]] = []

    def _guarded(self, address: str, wait_s: float, talk: Any) -> Steps:
        self.waits.append((address, wait_s))
        return self.ends[address], 0.0
        yield

    def probed(self) -> Probe:
        with pytest.raises(StopIteration) as stop:
            next(self.probe(TcpJob("web", 1, "api", 80)))
        return stop.value.value  # type: ignore[no-any-return]


@pytest.mark.parametrize(("timeout_s", "attempts"), [(1.0, 2), (2.0, 2), (0.3, 1), (5.0, 1)])
def test_silent_neighbour_is_given_up_before_the_kernel_asks_for_it_again(timeout_s: float, attempts: int) -> None:
    tried = Tried(timeout_s, attempts, NEIGHBOUR)
    assert tried.probed().error == "timeout"
    waits = [wait_s for _address, wait_s in tried.waits]
    assert max(waits) < ASKS_AGAIN_S
    assert len(waits) >= attempts
    assert sum(waits) == pytest.approx(timeout_s * attempts)


def test_silent_address_behind_a_router_is_waited_for_as_long_as_it_was_said() -> None:
    tried = Tried(2.0, 2, FAR)
    assert tried.probed().error == "timeout"
    assert tried.waits == [(FAR, 2.0), (FAR, 2.0)]


def test_next_address_is_tried_and_a_refusal_is_not_asked_for_twice() -> None:
    tried = Tried(1.0, 2, FAR, "192.0.2.10", at_192_0_2_9="ECONNREFUSED", at_192_0_2_10="")
    probe = tried.probed()
    assert (probe.outcome, probe.answers) == (Outcome.OK, ("192.0.2.10",))
    assert [address for address, _wait_s in tried.waits] == [FAR, "192.0.2.10"]


def test_of_several_failures_the_first_is_told() -> None:
    probe = Tried(1.0, 1, FAR, "192.0.2.10", at_192_0_2_9="ECONNREFUSED").probed()
    assert (probe.outcome, probe.error, probe.answers) == (Outcome.FAILED, "ECONNREFUSED", (FAR,))
