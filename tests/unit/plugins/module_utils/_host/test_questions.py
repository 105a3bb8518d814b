# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._host.questions import parse_checks


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
