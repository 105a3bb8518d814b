# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.nginx_routes import (
    nginx_includes,
    nginx_servers,
)

MAIN = "/etc/nginx/nginx.conf"


def servers(text, **more):
    """The servers of a main file, with further files by the end of their path."""
    return nginx_servers(MAIN, {MAIN: text, **{f"/etc/nginx/{k}": v for k, v in more.items()}})


def locations(text, **more):
    return {p.path: p for s in servers(text, **more) for p in s.locations}


def test_a_server_tells_its_names_its_ports_and_where_it_stands():
    (server,) = servers(
        "http {\n  server {\n    listen 127.0.0.1:8080;\n    listen [::]:8080;\n    server_name a b.c;\n  }\n}"
    )
    assert server.names == ("a", "b.c") and server.listen == ("127.0.0.1:8080", "[::]:8080")
    assert server.where == f"{MAIN}:2"


def test_a_location_tells_what_it_passes_on_and_to_whom():
    found = locations(
        "http { server { location /x/ {\n proxy_pass http://users:8000/y/; } location = /z { return 200; } } }"
    )
    assert (found["/x/"].passes, found["/x/"].hosts) == ("http://users:8000/y/", ("users",))
    assert found["/x/"].where == f"{MAIN}:2"
    assert found["= /z"].passes == "" and found["= /z"].hosts == ()


@pytest.mark.parametrize(
    "line, hosts",
    [
        ("proxy_pass http://pool/x;", ("users", "orders")),
        ("proxy_pass http://[fd00::1]:80;", ("fd00::1",)),
        ("proxy_pass http://unix:/run/app.sock;", ()),
        ("set $to users; proxy_pass http://$to:8000;", ("users",)),
        ("set $to users; proxy_pass http://${to}:8000$request_uri;", ("users",)),
        ("proxy_pass http://$outer;", ("orders",)),
        ("proxy_pass http://$nobody:8000;", ()),
        ("fastcgi_pass php:9000;", ("php",)),
        ("if ($x) { proxy_pass http://users; }", ("users",)),
    ],
)
def test_the_hosts_of_a_location_are_those_that_are_written_down(line, hosts):
    pool = "upstream pool { server users:8000 weight=2; server orders; server old down; }"
    found = locations(f"http {{ {pool} server {{ set $outer orders; location / {{ {line} }} }} }}")
    assert found["/"].hosts == hosts


def test_a_password_in_a_url_is_masked():
    assert "secret" not in repr(servers("http { server { location / { proxy_pass http://me:secret@users:8000; } } }"))


@pytest.mark.parametrize(
    "outer, inner, resolver",
    [
        ("resolver 10.0.0.1 10.0.0.2 valid=10s ipv6=off;", "", ("10.0.0.1", "10.0.0.2")),
        ("resolver 10.0.0.1;", "resolver 127.0.0.11;", ("127.0.0.11",)),
        ("", "", ()),
    ],
)
def test_the_resolver_is_that_of_the_nearest_block_whatever_stands_first(outer, inner, resolver):
    text = f"http {{ server {{ location / {{ proxy_pass http://$x; {inner} }} }} {outer} }}"
    assert locations(text)["/"].resolver == resolver


def test_files_are_read_where_they_are_included():
    text = "http { resolver 10.0.0.1; include conf.d/*.conf; }"
    site = "server { include /etc/nginx/common; location / { proxy_pass http://users; } }"
    found = locations(
        text, **{"conf.d/a.conf": site, "conf.d/.b.conf": site, "conf.d/c.txt": site, "common": "location /c {}"}
    )
    assert set(found) == {"/", "/c"}
    assert found["/"].where == "/etc/nginx/conf.d/a.conf:1" and found["/"].resolver == ("10.0.0.1",)


def test_a_file_that_includes_itself_comes_to_an_end():
    assert servers("http { server { listen 80; } include nginx.conf; }")


def test_included_paths_are_relative_to_the_main_file():
    assert nginx_includes(MAIN, "include a/*.conf; http { include /srv/b; include a/*.conf; }") == (
        "/etc/nginx/a/*.conf",
        "/srv/b",
    )


@pytest.mark.parametrize(
    "first, second, default",
    [
        ("listen 80;", "listen 80;", 0),
        ("listen 80;", "listen 80 default_server;", 1),
        ("", "listen 0.0.0.0:80 default_server;", 1),
        ("listen 80 default_server;", "listen 80;", 0),
    ],
)
def test_the_default_server_is_the_marked_one_or_the_first(first, second, default):
    found = servers(f"http {{ server {{ {first} }} server {{ {second} }} }}")
    assert [s.default for s in found] == [default == 0, default == 1]


def test_servers_of_different_ports_are_each_others_default():
    assert all(s.default for s in servers("http { server { listen 80; } server { listen 81; } }"))


def test_a_stream_server_passes_everything_on():
    (server,) = servers("stream { server { listen 5432; proxy_pass db:5432; } }")
    assert [(p.path, p.hosts) for p in server.locations] == [("", ("db",))]


def test_nested_locations_are_listed_and_what_follows_them_belongs_to_the_outer_one():
    found = locations("http { server { location /a { location /a/b { return 200; } proxy_pass http://users; } } }")
    assert found["/a"].hosts == ("users",) and found["/a/b"].passes == ""
