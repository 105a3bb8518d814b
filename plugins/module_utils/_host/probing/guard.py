# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a run of probes within the host's neighbour table, and takes away the entries that it created.

Every conversation costs two entries: the neighbour's in the prober's namespace, and the prober's in the neighbour's.
Both directions of a pair use the same two. They are kept as long as there is room, for the next conversation of the
pair, and what is left goes at the end. A probe waits where there is no room.

A neighbour is asked for by a broadcast that the bridge copies to every container: were each pair of a hundred containers
to ask, that would be half a million packets within a second or two. So in a crowd what one was told is told to the others:
every hardware address is one that its holder gave in this run, and is forgotten where nobody answers at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..netns import Namespace
from .loop import Future, Loop, Room
from .neighbours import Neighbours, table_use

_SHARE = 0.9
_ENTRIES_PER_PAIR = 2
# Where the table is nearly full already, probes still go on, one pair at a time.
_LEAST_PAIRS = 1
# so many containers are a crowd
_CROWD = 32


class Pair:
    """Two neighbours that talk, and the entries that come of it: whose table, which address."""

    __slots__ = ("entries", "talks", "turn")

    def __init__(self) -> None:
        self.entries: list[tuple[Neighbours, str]] = []
        self.talks = 0
        self.turn: Future | None = None


class NeighbourGuard:
    """Lets pairs in as far as there is room. Call enter() before and leave() after each conversation."""

    def __init__(self, loop: Loop, namespaces: Iterable[Namespace]) -> None:
        self._tables: dict[Any, Neighbours] = {}
        self._holders: dict[str, list[Neighbours]] = {}
        self._pairs: dict[tuple[Neighbours, str], Pair] = {}
        self._idle: dict[Pair, None] = {}
        self._hardware: dict[str, bytes] = {}
        for namespace in namespaces:
            self._add(namespace)
        use = table_use()
        # the loopback of each namespace has an entry as well
        free = int(_SHARE * use.threshold) - use.entries - len(self._tables)
        self._most = max(_LEAST_PAIRS, free // _ENTRIES_PER_PAIR)
        self._room = Room(loop, self._most)

    def pair(self, namespace: Namespace, address: str) -> Pair | None:
        """Who talks where that namespace talks to that address; None where no neighbour entry comes of it."""
        table = self._tables.get(namespace.key)
        if table is None:
            return None
        known = self._pairs.get((table, address))
        if known is None:
            index, own = table.beside(address)
            if not index:
                return None
            known = self._pairs[table, address] = Pair()
            known.entries.append((table, address))
            for holder in self._holders.get(address, ()):
                if holder.beside(own)[0]:
                    self._pairs.setdefault((holder, own), known)
                    known.entries.append((holder, own))
        return known

    def enter(self, pair: Pair) -> Future | None:
        """Takes room for a conversation, None where there is some; otherwise what to wait for until there is."""
        pair.talks += 1
        if pair in self._idle:
            del self._idle[pair]
        elif pair.talks == 1:
            if self._room.full:
                self._forget(list(islice(self._idle, max(1, self._most // 2))))
            pair.turn = self._room.take()
            if pair.turn is None:
                self._introduce(pair)
        return pair.turn if pair.turn and not pair.turn.settled else None

    def leave(self, pair: Pair, silent: bool = False) -> None:
        """The conversation is over: the pair's entries may go. They must where the other side was silent."""
        pair.talks -= 1
        if silent:
            for _table, address in pair.entries:
                self._hardware.pop(address, None)
        else:
            self._learn(pair)
        if not pair.talks:
            self._idle[pair] = None
            if silent or self._room.wanted:
                self._forget([pair])

    def unresolved(self, namespace: Namespace, address: str) -> bool:
        """Whether nobody on that network owns the address, as far as the kernel knows by now."""
        table = self._tables.get(namespace.key)
        try:
            return table is not None and table.unresolved(address)
        except OSError:
            return False

    def close(self) -> None:
        """Sweeps away what is left of the run's entries, and closes the sockets."""
        used: dict[Neighbours, set[str]] = {table: set() for table in self._tables.values()}
        for table, address in self._pairs:
            used[table].add(address)
        for table, addresses in used.items():
            table.sweep(addresses)
            table.close()
        self._tables.clear()

    def _introduce(self, pair: Pair) -> None:
        if len(pair.entries) > 1 and all(address in self._hardware for _table, address in pair.entries):
            for table, address in pair.entries:
                table.introduce(address, self._hardware[address])
                table.flush()

    def _learn(self, pair: Pair) -> None:
        if len(self._tables) >= _CROWD and any(address not in self._hardware for _table, address in pair.entries):
            for table, _address in pair.entries:
                self._hardware.update(table.learnt())

    def _forget(self, pairs: list[Pair]) -> None:
        for pair in pairs:
            del self._idle[pair]
            for table, address in pair.entries:
                table.give_back(address)
        for table in dict.fromkeys(table for pair in pairs for table, _address in pair.entries):
            table.flush()
        self._room.give(len(pairs))

    def _add(self, namespace: Namespace) -> None:
        if namespace.key in self._tables:
            return
        try:
            table = Neighbours(namespace)
        except OSError:
            # without netlink the probes go on; the entries age by themselves
            return
        self._tables[namespace.key] = table
        for address in table.own:
            self._holders.setdefault(address, []).append(table)
