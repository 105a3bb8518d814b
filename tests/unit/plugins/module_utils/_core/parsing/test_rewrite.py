# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.rewrite import (
    rewrite_environment,
    rewrite_host,
    rewrite_nginx_resolver,
    rewrite_text_hosts,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.urls import find_host_ports, find_urls

# {h} is the host, {p} the port: everything else must stay byte for byte.
SHAPES = (
    "http://{h}:{p}",
    "/users=http://{h}:{p}/v1?x=1,/orders=http://orders:8000",
    "postgres://us%40er:p@ss@{h}:{p}/db?sslmode=disable",
    "postgresql+asyncpg://{h}:secret@{h}:{p}/{h}",
    "mongodb://u:p@other:27017,{h}:{p}/db?replicaSet={h}",
    "amqp://u:p@{h}:{p}//,amqp://u:p@other//",
    '{{"users": "http://{h}:{p}/", "n": 5}}',
    "root:pw@tcp({h}:{p})/name",
    "jdbc:postgresql://{h}:{p}/{h}?user={h}",
    "a:1 {h}:{p}\tb:2",
    "1@{h}:{p},2@other:9093",
    "host={h} port={p} dbname={h} user={h}",
    "Server={h},{p};Database={h};Password=a;",
    "-Durl=http://{h}:{p}/x -Dname={h}",
    "http://{h}:{p},other:9200",
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("new_host, new_port", [("users-api", 0), ("x.y.z", 81), ("users", 9001)])
def test_only_host_and_port_change(shape, new_host, new_port):
    # The shape may name the host as user, database and so on; there it must stay.
    def text(host, port):
        first, separator, rest = shape.partition("@{h}") if "@{h}" in shape else shape.partition("{h}")
        filled = first + separator.replace("{h}", "\0") + rest if separator else shape
        return (
            filled.replace("{h}", "users")
            .replace("\0", host)
            .replace("{p}", str(port))
            .replace("{{", "{")
            .replace("}}", "}")
        )

    assert rewrite_host(text("users", 8000), "users", new_host, 8000, new_port) == text(new_host, new_port or 8000)
    assert rewrite_host(text("users", 8000), "users", new_host, 8001, new_port) == text("users", 8000)
    assert rewrite_host(text("users", 8000), "nobody", new_host, 0, new_port) == text("users", 8000)


@pytest.mark.parametrize(
    "pieces", list(itertools.permutations(("http://u:p@a:1/a", "b:2", "amqps://a", "http://[fd00::1]:3/"), 3))
)
@pytest.mark.parametrize("separator", [",", " ", ";", "|", "\n", '","'])
def test_rewriting_there_and_back_gives_the_original(pieces, separator):
    value = separator.join(pieces)
    for place in [*find_urls(value), *find_host_ports(value)]:
        changed = rewrite_host(value, place.host, "new.name")
        assert changed != value
        assert rewrite_host(changed, "new.name", place.host) == value


@pytest.mark.parametrize(
    "value, expected",
    [
        ("db", "pg"),
        ("db,es02", "pg,es02"),
        ("http://db/x", "http://pg:5433/x"),
        ("http://db:80/x", "http://pg:5433/x"),
        ("database", "database"),
        ("http://db-2/db?db=db", "http://db-2/db?db=db"),
        ("user=db", "user=db"),
        ("http://Db:1", "http://Db:1"),
        ("postgres://db@db/db", "postgres://db@pg:5433/db"),
        ('{"host": "db", "port": 80}', '{"host": "pg", "port": 5433}'),
        ("http://db:$PORT/x", "http://pg:$PORT/x"),
        ("", ""),
    ],
)
def test_value_without_the_host_stays_and_a_missing_port_is_added_where_one_can_stand(value, expected):
    assert rewrite_host(value, "db", "pg", new_port=5433) == expected


def test_addresses_get_and_lose_brackets():
    assert rewrite_host("http://users:1/x", "users", "fd00::3") == "http://[fd00::3]:1/x"
    assert rewrite_host("http://[fd00::3]:1/x", "fd00::3", "users") == "http://users:1/x"
    assert rewrite_host("users", "users", "fd00::3") == "fd00::3"


NGINX = """# users:8000 stays
log_format x '$host users:8000';
upstream api { server users:8000 max_fails=1; server other:8000; }
server {
  server_name users;
  location /a { proxy_pass http://users:8000/users/; proxy_set_header Host users; }
  location /b { set $u "users"; proxy_pass http://$u:8000; }
  location /c { proxy_pass http://users:9000; }
}
"""


def test_nginx_text_changes_only_where_it_calls():
    changed = rewrite_text_hosts(NGINX, "users", "users-api", 8000, 8001)
    assert changed == (
        NGINX.replace("server users:8000", "server users-api:8001")
        .replace("http://users:8000/users/", "http://users-api:8001/users/")
        .replace('set $u "users"', 'set $u "users-api"')
    )
    assert rewrite_text_hosts(NGINX, "nobody", "x") == NGINX


def test_settings_file_changes_only_where_it_calls():
    text = "name: users\n# http://users:8000\nurl: http://users:8000/users # users:8000\n"
    assert rewrite_text_hosts(text, "users", "api", target="/app/app.yml") == text.replace(
        "url: http://users", "url: http://api"
    )


def test_environment_changes_host_variables_and_their_ports():
    environment = {
        "DB_HOST": "db",
        "DB_PORT": "5432",
        "DB_USER": "db",
        "OTHER_HOST": "db",
        "OTHER_PORT": "6000",
        "DSN": "postgres://db:pw@db/db",
        "N": None,
        "I": 5,
    }
    assert rewrite_environment(environment, "db", "pg", 5432, 5433) == {
        "DB_HOST": "pg",
        "DB_PORT": "5433",
        "DSN": "postgres://db:pw@pg:5433/db",
    }
    assert rewrite_environment(environment, "nobody", "pg") == {}


@pytest.mark.parametrize(
    "text, rewritten",
    [
        ("resolver 10.0.0.53 8.8.8.8 valid=5s ipv6=off;\n", "resolver 127.0.0.11 valid=5s ipv6=off;\n"),
        ("http {\n  server { resolver 10.0.0.53; }\n}\n", "http {\n  server { resolver 127.0.0.11; }\n}\n"),
        ("# resolver 10.0.0.53;\n", "# resolver 10.0.0.53;\n"),
        ("resolver_timeout 5s;\n", "resolver_timeout 5s;\n"),
        (
            "events {}\nhttp {\n  server { proxy_pass http://$u; }\n}\n",
            "events {}\nhttp {\nresolver 127.0.0.11 valid=10s;\n  server { proxy_pass http://$u; }\n}\n",
        ),
        # a file that nginx.conf includes into its http block
        (
            "server { location / { proxy_pass http://$u; } }\n",
            "resolver 127.0.0.11 valid=10s;\nserver { location / { proxy_pass http://$u; } }\n",
        ),
        ("events {}\nstream { server { proxy_pass $u; } }\n", "events {}\nstream { server { proxy_pass $u; } }\n"),
        ("types { text/html html; }\n", "types { text/html html; }\n"),
    ],
    ids=["parameters", "nested", "comment", "timeout", "main file", "included", "stream", "nothing passed"],
)
def test_nginx_asks_another_nameserver(text, rewritten):
    assert rewrite_nginx_resolver(text, "127.0.0.11") == rewritten
    assert rewrite_nginx_resolver(rewritten, "127.0.0.11") == rewritten
