# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.nginx_conf import (
    nginx_directives,
    nginx_upstreams,
)

TEXT = """user nginx; # a comment; with { braces }
http {
  resolver 127.0.0.11 valid=10s
           ipv6=off;
  log_format x '{"a": "$host";}';
  map $uri $up { default users:8000; ~^/o orders:9000; }
  server { location ~ ^/(a|b){2}$ { return 404; } }
  content_by_lua_block { if x then local t = {1} end }
  location /after { proxy_pass http://$up; }
}
"""


def test_directives_have_lines_arguments_and_context():
    found = {d.name: d for d in nginx_directives(TEXT)}
    assert (found["resolver"].line, found["resolver"].args) == (3, ("127.0.0.11", "valid=10s", "ipv6=off"))
    assert found["resolver"].context == ("http",)
    assert found["log_format"].args == ("x", '{"a": "$host";}')
    assert found["proxy_pass"].context == ("http", "location /after")
    assert found["proxy_pass"].line == 9
    assert found["user"].inside == ""


def test_arguments_say_where_they_stand():
    for directive in nginx_directives(TEXT):
        for argument, start in zip(directive.args, directive.starts):
            assert TEXT[start : start + len(argument)] == argument


def test_values_of_a_map_are_upstreams():
    assert [(u.place.host, u.place.port, u.line) for u in nginx_upstreams(TEXT)] == [
        ("users", 8000, 6),
        ("orders", 9000, 6),
    ]


def test_stream_and_grpc_and_fastcgi():
    text = """stream { upstream pg { server db:5432; } server { listen 1; proxy_pass pg; }
server { proxy_pass redis:6379; } }
http { server { location / { grpc_pass grpc://users:50051; } location /p { fastcgi_pass unix:/run/php.sock; }
location /u { uwsgi_pass app:3031; include x; } } }"""
    assert [(u.place.host, u.place.port, u.place.scheme) for u in nginx_upstreams(text)] == [
        ("db", 5432, ""),
        ("redis", 6379, ""),
        ("users", 50051, "grpc"),
        ("app", 3031, "uwsgi"),
    ]


def test_host_port_and_scheme_in_variables_of_their_own():
    text = """server {
location /a { set $app users; set $port 8443; set $proto https; proxy_pass $proto://$app:$port; }
location /b { set $app orders; set $port 9000; set $proto http; proxy_pass $proto://$app:$port; }
}"""
    assert [(u.place.host, u.place.port, u.place.scheme, u.line) for u in nginx_upstreams(text)] == [
        ("users", 8443, "https", 2),
        ("orders", 9000, "http", 3),
    ]


def test_variable_of_the_server_counts_where_the_location_sets_none():
    text = "server { set $up users; location / { proxy_pass http://$up:1; } location /b { set $up orders; } }"
    assert [(u.place.host, u.place.port) for u in nginx_upstreams(text)] == [("users", 1)]


def test_upstream_that_nobody_uses_must_still_resolve():
    assert [u.place.host for u in nginx_upstreams("upstream a { server users:1; }")] == ["users"]


def test_broken_text_is_read_as_far_as_it_goes():
    for text in (
        "}}}",
        "server {",
        'a "b',
        "{;}",
        "proxy_pass",
        "proxy_pass ;",
        "upstream {server;}",
        "\\",
        "set $a;",
        "map {a;}",
    ):
        nginx_directives(text)
        assert nginx_upstreams(text) == ()
