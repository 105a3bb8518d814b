# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 7, the host: kinds of findings that explain many failures at once."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = ()
