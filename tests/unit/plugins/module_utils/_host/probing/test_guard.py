# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing import guard as guarding
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.guard import NeighbourGuard
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Loop
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.neighbours import TableUse


class Kernel:
    """What the kernel does about neighbours: one table with room for so many, a broadcast for each that is missing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, threshold: int, containers: int) -> None:
        self.tables: dict[str, Table] = {}
        self.most = 0
        self.broadcasts = 0
        self.loop = Loop()
        monkeypatch.setattr(guarding, "table_use", lambda: TableUse(self.entries, threshold))
        monkeypatch.setattr(guarding, "Neighbours", self.open)
        self.namespaces = [Namespace(f"10.0.0.{i}") for i in range(containers)]
        self.guard = NeighbourGuard(self.loop, self.namespaces)  # type: ignore[arg-type]

    @property
    def entries(self) -> int:
        return sum(len(table.entries) for table in self.tables.values())

    def open(self, namespace: Namespace) -> Table:
        self.tables[namespace.key] = Table(namespace.key)
        return self.tables[namespace.key]

    def talk(self, one: Namespace, address: str, silent: bool = False) -> bool:
        """A conversation from beginning to end, False where it has to wait for room."""
        return self.begin(one, address) and self.end(one, address, silent)

    def begin(self, one: Namespace, address: str) -> bool:
        pair = self.guard.pair(one, address)  # type: ignore[arg-type]
        assert pair is not None
        if self.guard.enter(pair):
            return False
        if address not in self.tables[one.key].entries:
            self.broadcasts += 1
        self.tables[one.key].entries[address] = hardware(address)
        if address in self.tables:
            self.tables[address].entries[one.key] = hardware(one.key)
        self.most = max(self.most, self.entries)
        return True

    def end(self, one: Namespace, address: str, silent: bool = False) -> bool:
        pair = self.guard.pair(one, address)  # type: ignore[arg-type]
        assert pair is not None
        self.guard.leave(pair, silent)
        return True

    def mesh(self) -> None:
        for one in self.namespaces:
            for other in self.namespaces:
                assert one is other or self.talk(one, other.key)


class Namespace:
    """A container with one address, by which it is known here."""

    def __init__(self, key: str) -> None:
        self.key = key


class Table:
    """Stands in for Neighbours."""

    def __init__(self, own: str) -> None:
        self.own = {own}
        self.entries: dict[str, bytes] = {}
        self.introduced: dict[str, bytes] = {}
        self.changes: list[Any] = []
        self.closed = False

    def beside(self, address: str) -> tuple[int, str]:
        on_link = address.startswith("10.0.0.") and address not in self.own
        return (2, *self.own) if on_link else (0, "")  # type: ignore[return-value]

    def learnt(self) -> dict[str, bytes]:
        return dict(self.entries)

    def introduce(self, address: str, known: bytes) -> None:
        self.introduced[address] = known
        self.changes.append(lambda: self.entries.setdefault(address, known))

    def give_back(self, address: str) -> None:
        self.changes.append(lambda: self.entries.pop(address, None))

    def flush(self) -> None:
        for change in self.changes:
            change()
        self.changes.clear()

    def sweep(self, addresses: set[str]) -> None:
        for address in addresses:
            self.give_back(address)
        self.flush()

    def close(self) -> None:
        self.closed = True


def hardware(address: str) -> bytes:
    return b"\2" + address.encode()


def test_mesh_stays_within_the_budget_and_gives_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=100, containers=20)
    kernel.mesh()
    assert kernel.most <= 90
    kernel.guard.close()
    assert kernel.entries == 0
    assert all(table.closed for table in kernel.tables.values())


def test_small_mesh_keeps_its_entries_for_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=1024, containers=10)
    kernel.mesh()
    assert kernel.broadcasts == 10 * 9 / 2
    assert kernel.entries == 10 * 9


def test_conversations_wait_for_room_and_have_it_in_the_order_of_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=10, containers=4)
    a, b, c, d = kernel.namespaces
    assert kernel.begin(a, b.key) and kernel.begin(c, d.key)
    second, third = (kernel.guard.pair(a, other.key) for other in (c, d))  # type: ignore[arg-type]
    assert second and third
    turns = [kernel.guard.enter(second), kernel.guard.enter(third)]
    again = kernel.guard.enter(second)
    assert [turn.settled for turn in (*turns, again) if turn] == [False, False, False]
    kernel.end(a, b.key)
    assert [turn.settled for turn in (*turns, again) if turn] == [True, False, True]
    assert b.key not in kernel.tables[a.key].entries
    kernel.end(c, d.key)
    assert all(turn and turn.settled for turn in turns)


def test_both_directions_share_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=3, containers=3)
    a, b, _c = kernel.namespaces
    assert kernel.begin(a, b.key)
    assert kernel.begin(b, a.key)


def test_nearly_full_table_lets_one_pair_in_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=0, containers=6)
    kernel.mesh()
    assert kernel.most == 2


def test_address_behind_a_router_or_of_the_container_itself_needs_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=100, containers=2)
    one = kernel.namespaces[0]
    assert kernel.guard.pair(one, "192.0.2.1") is None  # type: ignore[arg-type]
    assert kernel.guard.pair(one, one.key) is None  # type: ignore[arg-type]


def test_entry_of_a_silent_neighbour_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=100, containers=2)
    one = kernel.namespaces[0]
    kernel.talk(one, "10.0.0.99", silent=True)
    kernel.talk(one, "10.0.0.99", silent=True)
    assert kernel.entries == 0
    assert kernel.broadcasts == 2


def test_few_containers_ask_for_each_neighbour_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=20, containers=10)
    kernel.mesh()
    assert not any(table.introduced for table in kernel.tables.values())


def test_crowd_is_told_what_one_of_them_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=100, containers=60)
    kernel.mesh()
    assert kernel.broadcasts < 2 * 60
    assert kernel.most <= 90
    for table in kernel.tables.values():
        assert all(known == hardware(address) for address, known in table.introduced.items())


def test_neighbour_that_turned_silent_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, threshold=100, containers=60)
    kernel.mesh()
    a, b = kernel.namespaces[:2]
    kernel.talk(a, b.key, silent=True)
    broadcasts = kernel.broadcasts
    kernel.talk(a, b.key)
    assert kernel.broadcasts == broadcasts + 1
