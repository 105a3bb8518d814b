# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.servers import server_for, stand_in


@pytest.mark.parametrize(
    "image, package",
    [("redis:7", "redis-server"), ("docker.io/library/postgres@sha256:1", "postgresql"), ("nginx", "nginx-light")],
)
def test_packages_of_the_host_stand_in_for_well_known_images(image, package):
    server = server_for(image)
    assert server.package == package and image in stand_in(image, server).notes[0]


def test_nothing_stands_in_for_what_is_not_known():
    assert server_for("shop/redis-like:1") is None
