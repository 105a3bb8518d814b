# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sensory cortex: ``cortex.py SERVICE PREFIX PORT``. It only says how it is."""

from __future__ import annotations

import sys

import common

if __name__ == "__main__":
    name, prefix, port = sys.argv[1:]
    common.serve(common.service(name, prefix), int(port))
