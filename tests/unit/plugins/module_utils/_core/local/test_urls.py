# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.urls import local_checks, local_url

SERVICES = [{"name": "web", "ports": [{"port": 40001, "wanted": 8080, "target": 80}]}, {"name": "db"}]


@pytest.mark.parametrize(
    "url, there, host",
    [
        ("http://127.0.0.1:8080/a?b=c", "http://127.0.0.1:40001/a?b=c", ""),
        ("http://localhost:8080", "http://127.0.0.1:40001", ""),
        ("http://me:pw@shop.example:8080/", "http://me:pw@127.0.0.1:40001/", "shop.example:8080"),
        ("http://127.0.0.1:9090/", "http://127.0.0.1:9090/", ""),
    ],
)
def test_a_published_port_is_asked_where_it_is_now(url, there, host):
    assert local_url(url, SERVICES) == (there, host)


def test_checks_from_inside_a_service_stay_as_they_are():
    checks = [
        {"name": "outside", "url": "http://shop.example:8080/", "headers": {"X-A": "1"}},
        {"name": "inside", "url": "http://web:8080/", "source": "db"},
    ]
    assert local_checks(checks, SERVICES) == [
        {"name": "outside", "url": "http://127.0.0.1:40001/", "headers": {"Host": "shop.example:8080", "X-A": "1"}},
        checks[1],
    ]
