# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._host import gather
from ansible_collections.vertice.netfix.plugins.module_utils._host.gather import operator_rules, parse_checks

# docker-26.1.5 iptables-save, with two rules of an operator
RULES = """\
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
COMMIT
*filter
-A FORWARD -j DOCKER-USER
-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT
-A DOCKER-USER -i br-0123456789ab -p tcp -m tcp --dport 22 -j DROP
-A DOCKER-USER -s 10.1.0.0/24 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_only_the_operators_own_rules_are_read(monkeypatch):
    done = subprocess.CompletedProcess([], 0, stdout=RULES)
    monkeypatch.setattr(gather.shutil, "which", lambda *_a, **_k: "/sbin/iptables-save")
    monkeypatch.setattr(gather.subprocess, "run", lambda *_a, **_k: done)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert operator_rules([]) == [
        "-A DOCKER-USER -i br-0123456789ab -p tcp -m tcp --dport 22 -j DROP",
        "-A DOCKER-USER -s 10.1.0.0/24 -j RETURN",
    ]


def test_a_check_takes_what_is_usual_where_nothing_is_said():
    (check,) = parse_checks([{"url": "http://127.0.0.1:8000/health"}])
    assert (check.name, check.method, check.source) == ("GET http://127.0.0.1:8000/health", "GET", "host")
    assert check.statuses == () and check.headers == {}


def test_a_check_as_the_operator_wrote_it():
    entry = {"name": "query", "url": "http://a/", "method": "post", "json": {"q": 1}, "statuses": 200, "source": "web"}
    (check,) = parse_checks([entry])
    assert (check.method, check.json_body, check.statuses, check.source) == ("POST", {"q": 1}, (200,), "web")


@pytest.mark.parametrize("url", ["", "ftp://a/", "127.0.0.1:8000/health", "http://"])
def test_a_check_without_an_http_url_is_refused_by_its_name(url):
    with pytest.raises(NetfixError, match="The check 'kb' needs an http or https url"):
        parse_checks([{"name": "kb", "url": url}])
