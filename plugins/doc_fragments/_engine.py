# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to the Docker Engine."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation only."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Address of the Docker Engine.
      - By default the environment variable E(DOCKER_HOST), else V(unix:///var/run/docker.sock).
      - What looks into containers needs an engine on the managed host itself.
    type: str
requirements:
  - Docker Engine 20.10 or newer
  - docker (Python package) 6.0 or newer
"""
