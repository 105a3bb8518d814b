# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimization is watched as a remediation is: both are attempts of the same transaction."""

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.action.remediation import ActionModule

__all__ = ["ActionModule"]
