# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of finding there is: what it means, what mends it, where it was seen in the wild.

``docs/findings.md`` is generated from this registry, and a test keeps it in step with the rules and the lab.
"""

from __future__ import annotations

from . import address, container, host, name, port, protocol, resolver
from .kind import Kind

__all__ = ["KINDS", "Kind"]

KINDS: dict[str, Kind] = {
    kind.code: kind for layer in (container, resolver, name, address, port, protocol, host) for kind in layer.KINDS
}
