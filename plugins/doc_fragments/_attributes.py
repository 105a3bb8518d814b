# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that every module documents."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation only. Read-only modules extend ``_attributes.info`` as well."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Returns what has changed (or would be changed in C(check_mode)) when in diff mode.
  idempotent:
    description: When run twice with the same options, the second run changes nothing.
  platform:
    description: Target OS/families that can be operated against.
    platforms: linux
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: none
    details:
      - This module does not modify state, so there is nothing to show.
  idempotent:
    support: full
    details:
      - This module does not modify state.
  platform:
    support: full
"""
