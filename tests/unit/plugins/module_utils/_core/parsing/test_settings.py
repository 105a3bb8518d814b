# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.settings import settings

YAML = """scrape_configs:
- job_name: a
  static_configs:
    - targets:
      - 'users:8000'
      - orders:8000
  tls:
    ca: x
alerting:
  alertmanagers: [ {} ]
"""
TOML = """[http.services.users.loadBalancer]
urls = [
  "http://users:8000",
]
[[http.services.orders.servers]]
  url = "http://orders:8000"
"""
JSON = """{
  "api": {
    "services": {
      "pip": {"url": "http://pip:4200"}
    },
    "hosts": [
      "es01:9200"
    ]
  }
}
"""


def paths(text):
    return {s.value: ".".join(s.path) for s in settings(text)}


def test_item_of_a_list_stands_under_the_key_of_its_list():
    found = paths(YAML)
    assert found["      - 'users:8000'"] == "scrape_configs.static_configs.targets"
    assert found["      - orders:8000"] == "scrape_configs.static_configs.targets"
    assert found["a"] == "scrape_configs.job_name"
    assert found["x"] == "scrape_configs.tls.ca"
    assert found["[ {} ]"] == "alerting.alertmanagers"


def test_sections_come_before_keys():
    found = paths(TOML)
    assert found['  "http://users:8000",'] == "http.services.users.loadBalancer.urls"
    assert found['"http://orders:8000"'] == "http.services.orders.servers.url"


def test_members_of_json_have_the_keys_around_them():
    found = paths(JSON)
    assert found['{"url": "http://pip:4200"}'] == "api.services.pip"
    assert found['      "es01:9200"'] == "api.hosts"


@pytest.mark.parametrize("text", [YAML, TOML, JSON, "a=1\nb: 2\nc => [3]\n  plain\n\n", "\t- x: 1\r\n  y: 2\r\n"])
def test_values_stand_where_they_say(text):
    found = list(settings(text))
    assert found
    for setting in found:
        assert text[setting.start : setting.start + len(setting.value)] == setting.value


@pytest.mark.parametrize(
    "line, key, value",
    [
        ("url = http://users:1/?a=b", "url", "http://users:1/?a=b"),
        ('"url":"http://users:1",', "url", '"http://users:1"'),
        ("hosts => ['es:1']", "hosts", "['es:1']"),
        ("users:8000", "", "users:8000"),
        ("'users:8000'", "", "'users:8000'"),
        ("http://users:8000", "", "http://users:8000"),
        ("[a, b]", "", "[a, b]"),
        ("spring.url=jdbc:x://db", "spring.url", "jdbc:x://db"),
    ],
)
def test_key_and_value_of_a_line(line, key, value):
    assert [(s.key, s.value) for s in settings(line)] == [(key, value)]
