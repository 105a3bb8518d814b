# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dependencies import (
    config_files_to_read,
    read_dependencies,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_config

SERVICES = ("users", "orders", "db", "redis", "kafka", "auth", "zoo1", "zoo2", "es01", "es02", "kc")


def project(**gateway):
    return {"name": "shop", "services": {"gateway": gateway, **{name: {"image": "x"} for name in SERVICES}}}


def targets(config, **options):
    return [
        (d.host, d.port, d.scheme)
        for d in read_dependencies(config, **options)
        if d.consumer == "gateway" and d.kind in ("call", "loopback")
    ]


ENVIRONMENTS = {
    "route table": (
        {"ROUTES": "/users=http://users:8000,/orders=http://orders:8000"},
        [("users", 8000, "http"), ("orders", 8000, "http")],
    ),
    "typo": ({"ROUTES": "/users=http://user-service:8000"}, [("user-service", 8000, "http")]),
    "case is kept": ({"ROUTES": "/users=http://Users:8000"}, [("Users", 8000, "http")]),
    "colon routes": (
        {"MAP": "users:http://users:8000 orders:http://orders"},
        [("users", 8000, "http"), ("orders", 80, "http")],
    ),
    "json routes": (
        {"X": '{"/a": "http://users:8000", "/b": ["orders:9000"]}'},
        [("users", 8000, "http"), ("orders", 9000, "")],
    ),
    "json members": ({"X": '{"host": "db", "port": 5433, "password": "p"}'}, [("db", 5433, "")]),
    "default port of https": ({"A_URL": "https://users/x"}, [("users", 443, "https")]),
    "password with signs": ({"D": "postgresql+asyncpg://u:p@s/w@db:5433/x"}, [("db", 5433, "postgresql")]),
    "numeric password": ({"D": "postgres://u:12/34@db/x"}, [("db", 5432, "postgres")]),
    "mysql go": ({"DSN": "root:pw@tcp(db:3307)/x?parseTime=true"}, [("db", 3307, "mysql")]),
    "jdbc": ({"D": "jdbc:postgresql://db/x?user=a&password=b"}, [("db", 5432, "postgresql")]),
    "jdbc oracle thin": ({"D": "jdbc:oracle:thin:@db:1522:XE"}, [("db", 1522, "oracle")]),
    "ado.net": ({"ConnectionStrings__Default": "Server=db,1433;Database=x;User Id=sa;Password=p;"}, [("db", 1433, "")]),
    "libpq": ({"DSN": "host=db port=5433 dbname=x password='a b'"}, [("db", 5433, "postgresql")]),
    "libpq without port": ({"DSN": "host=db dbname=x"}, [("db", 5432, "postgresql")]),
    "mongo hosts": ({"M": "mongodb://u:p@es01:27017,es02/x"}, [("es01", 27017, "mongodb"), ("es02", 27017, "mongodb")]),
    "mongo srv": ({"M": "mongodb+srv://u:p@db/x"}, [("db", 0, "mongodb+srv")]),
    "postgres hosts": (
        {"DATABASE_URL": "postgres://u:p@db:5433,es01:5434/x"},
        [("db", 5433, "postgres"), ("es01", 5434, "postgres")],
    ),
    "jdbc hosts": (
        {"D": "jdbc:mysql:loadbalance://db:3306,es01:3307/x?user=a"},
        [("db", 3306, "mysql"), ("es01", 3307, "mysql")],
    ),
    "jdbc sql server": ({"D": "jdbc:sqlserver://db:1433;databaseName=x;password=p"}, [("db", 1433, "sqlserver")]),
    "amqp hosts": (
        {"A": "amqp://u:p@kafka:5673,redis:5674/v"},
        [("kafka", 5673, "amqp"), ("redis", 5674, "amqp")],
    ),
    "redis sentinels": (
        {"R": "redis-sentinel://es01:26379,es02:26379/mymaster"},
        [("es01", 26379, ""), ("es02", 26379, "")],
    ),
    "database on a socket": (
        {
            "A": "postgres:///x?host=/var/run/postgresql",
            "B": "mysql://u:p@unix(/run/mysqld.sock)/x",
            "C": "redis+socket:///tmp/redis.sock",
            "DB_HOST": "/var/run/mysqld/mysqld.sock",
            "D": "postgresql://%2Fvar%2Frun/x",
        },
        [],
    ),
    "amqp urls": ({"A": "amqp://u:p@kafka//,amqps://u:p@redis/v"}, [("kafka", 5672, "amqp"), ("redis", 5671, "amqps")]),
    "elasticsearch": ({"ES_HOSTS": "http://es01:9200,es02:9200"}, [("es01", 9200, "http"), ("es02", 9200, "http")]),
    "bare list": ({"discovery.seed_hosts": "es01,es02"}, [("es01", 0, ""), ("es02", 0, "")]),
    "kafka": ({"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092,broker2:9092"}, [("kafka", 9092, ""), ("broker2", 9092, "")]),
    "quorum": ({"KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:9093,2@gateway:9093"}, [("kafka", 9093, "")]),
    "zookeeper": (
        {"ZOO_SERVERS": "server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181"},
        [("zoo1", 2888, ""), ("zoo2", 2888, "")],
    ),
    "host and port": ({"DB_HOST": "db", "DB_PORT": "5433"}, [("db", 5433, "")]),
    "port as number": ({"DB_HOST": "db", "DB_PORT": 5433}, [("db", 5433, "")]),
    "libpq variables": ({"PGHOST": "db", "PGPORT": "5433"}, [("db", 5433, "")]),
    "product's port": ({"REDIS_HOST": "redis"}, [("redis", 6379, "")]),
    "product's port by role": (
        {"CACHE_REDIS_HOST": "redis", "MYSQL_DB_HOST": "db"},
        [("redis", 6379, ""), ("db", 3306, "")],
    ),
    "product's other program": ({"PG_CONSOLE_API_HOST": "users"}, [("users", 0, "")]),
    "host name": ({"SEARCH_HOST_NAME": "es01", "SEARCH_PORT": "1491"}, [("es01", 1491, "")]),
    "joined words": ({"SMTPHOST": "mx", "SMTPPORT": "1025", "GHOST": "db", "EXPORT": "db"}, [("mx", 1025, "")]),
    "url beside a port": ({"CLICKHOUSE_HOST": "http://db", "CLICKHOUSE_PORT": "8123"}, [("db", 8123, "http")]),
    "kinds and drivers": (
        {"DB_CONNECTION": "mysql", "DB_BACKEND": "postgresql", "DB_PORT": "5432", "MAILER": "smtp", "CACHE": "redis"},
        [],
    ),
    "driver named like a service": ({"QUEUE_CONNECTION": "redis"}, []),
    "driver as url": ({"SMS": "sms://user:p@mock", "STORAGE_CONNECTION": "local://localhost"}, []),
    "image": ({"DOCKER_IMAGE_BACKEND": "users"}, []),
    "switched off": (
        {"RABBITMQ_ENABLED": "false", "RABBITMQ_URI": "amqp://rabbitmq", "CACHE_DISABLED": "1", "CACHE_HOST": "redis"},
        [],
    ),
    "switched on within": (
        {"METRICS_ENABLED": "false", "METRICS_PUSH_ENABLED": "true", "METRICS_PUSH_URL": "http://users:9090"},
        [("users", 9090, "http")],
    ),
    "datagrams": (
        {"STATSD_HOST": "users", "STATSD_PORT": "8125", "LOG": "udp://orders:514", "JAEGER_ADDR": "kc:6831"},
        [("users", 0, "udp"), ("orders", 0, "udp"), ("kc", 0, "udp")],
    ),
    "datagrams to itself": ({"APP_STATSD_ADDR": "127.0.0.1:8125"}, []),
    "unknown host": ({"DB_HOST": "database"}, [("database", 0, "")]),
    "host in camel case": ({"dbHost": "db"}, [("db", 0, "")]),
    "addr": ({"CART_ADDR": "users:7070"}, [("users", 7070, "")]),
    "server": ({"MEMCACHED_SERVER": "redis"}, [("redis", 11211, "")]),
    "login before host": ({"RABBIT": "guest:guest@redis:5672"}, [("redis", 5672, "")]),
    "path behind host": ({"API": "users:8000/v1"}, [("users", 8000, "")]),
    "ipv4": ({"U_URL": "http://172.18.0.3:8000"}, [("172.18.0.3", 8000, "http")]),
    "ipv6": ({"U_URL": "http://[fd00::3]:8000/x"}, [("fd00::3", 8000, "http")]),
    "network-scoped": ({"U_URL": "http://users.shop_default:8000"}, [("users.shop_default", 8000, "http")]),
    "trailing dot": ({"U_URL": "http://users.:8000"}, [("users.", 8000, "http")]),
    "private ending": ({"U_URL": "http://users.local:8000"}, [("users.local", 8000, "http")]),
    "the host itself": (
        {
            "U_URL": "http://host.docker.internal:8000",
            "V_URL": "http://gateway.docker.internal:1",
            "W_ADDR": "host.containers.internal:2",
        },
        [
            ("host.docker.internal", 8000, "http"),
            ("gateway.docker.internal", 1, "http"),
            ("host.containers.internal", 2, ""),
        ],
    ),
    "proxy": ({"HTTP_PROXY": "http://corpproxy:3128", "NO_PROXY": "users,db:1"}, [("corpproxy", 3128, "http")]),
    "unknown port": ({"U_URL": "http://users:$${PORT}/x"}, [("users", 0, "http")]),
    "settings in lines": ({"FLINK_PROPERTIES": "\njobmanager.rpc.address: users\nstate: x\n"}, [("users", 0, "")]),
    "java options": ({"JAVA_OPTS": "-Xmx1g -Durl=http://users:8000/x"}, [("users", 8000, "http")]),
    "auth service": ({"AUTH_HOST": "auth", "AUTH_PORT": "1"}, [("auth", 1, "")]),
    "url in a secret": ({"AUTH_SECRET_URL": "http://u:p@auth:1/x"}, [("auth", 1, "http")]),
    "image service": ({"IMAGE_PROVIDER_HOST": "users"}, [("users", 0, "")]),
    "localhost upstream": ({"ROUTES": "/users=http://localhost:8000"}, [("localhost", 8000, "http")]),
    "routes in lines": (
        {"ROUTES": "\n/users=http://users:8000\n/x=http://localhost:8000\n"},
        [("users", 8000, "http"), ("localhost", 8000, "http")],
    ),
    "localhost database": ({"DB_HOST": "127.0.0.1"}, [("127.0.0.1", 0, "")]),
    "localhost of a service": ({"USERS_URL": "http://localhost:8000"}, [("localhost", 8000, "http")]),
    "own public urls": (
        {"PUBLIC_URL": "http://users:1", "APP_URL": "http://localhost", "BASE_URL": "http://localhost:1"},
        [],
    ),
    "more own urls": (
        {
            "FRONTEND_URL": "http://localhost:3000",
            "NEXTAUTH_URL": "http://localhost:3000",
            "APP_FULL_BASE_URL": "http://127.0.0.1:8543",
            "GF_SERVER_ROOT_URL": "https://grafana.example.com",
            "GITEA_BROWSER_ENDPOINT": "http://localhost:9515",
            "ALLOWED_HOSTS": "localhost",
        },
        [],
    ),
    "own address": (
        {"WIREGUARD_IPV4_ADDRESS": "100.64.0.1", "UPSTREAM_REAL_IP_ADDRESS": "127.0.0.1", "CLUSTER_HOSTNAME": "node1"},
        [],
    ),
    "what it tells others": (
        {"CORS_ORIGINS": "http://users:1", "OAUTH_CALLBACK": "http://users:1", "REDIRECT_URI": "http://a:1"},
        [],
    ),
    "bind addresses": (
        {"BIND": "0.0.0.0:80", "API_HOST": "0.0.0.0", "X_URL": "http://[::]:80", "LISTEN": "users:1"},
        [],
    ),
    "advertised": (
        {"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092", "KAFKA_LISTENERS": "PLAINTEXT://:9092"},
        [],
    ),
    "own names": ({"SELF_URL": "http://gateway:8080", "X_HOST": "gw", "HOSTNAME": "shop-gateway-1"}, []),
    "browser": ({"REACT_APP_API_URL": "http://localhost:8000", "NEXT_PUBLIC_X": "http://users:1"}, []),
    "files and sockets": (
        {"D": "sqlite:////x.db", "DOCKER_HOST": "unix:///var/run/docker.sock", "B": "s3://bucket/x"},
        [],
    ),
    "images": ({"REDIS_IMAGE": "redis:7", "USER": "users:1000", "T": "12:30", "P": "8080:80"}, []),
    "plain words": ({"POSTGRES_DB": "users", "POSTGRES_USER": "db", "NAME": "users", "WEB_SERVER": "nginx"}, []),
    "switches": ({"DB_HOST": "true", "A_HOST": "", "B_HOST": None, "C_HOST": "none", "D_HOST": 5, "E_HOST": False}, []),
    "templates": (
        {"A": "http://{host}:80", "B": "http://$$HOST:80", "C": "http://+:80", "D": "http://*:80", "E": "http://"},
        [],
    ),
    "secrets": ({"API_TOKEN": "users:8000", "DB_PASSWORD": "db:5432", "X": "password=db:5432"}, []),
    "resolvers": ({"DNS_SERVER": "10.0.0.1", "NAMESERVERS": "10.0.0.1:53"}, []),
}


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_environment_gives_the_calls_a_person_would_list(case):
    environment, expected = ENVIRONMENTS[case]
    assert targets(project(hostname="gw", environment=environment)) == expected


COMMANDS = {
    "flags": (
        ["app", "--db-host", "db", "--bind", "0.0.0.0:80", "--cache-url=redis://redis"],
        [("db", 0, ""), ("redis", 6379, "redis")],
    ),
    "wait-for-it": ("/wait-for-it.sh db:5432 -- app", [("db", 5432, "")]),
    "wait script": (["sh", "-c", "until nc -z db 5432; do sleep 1; done; exec app --workers 4"], [("db", 5432, "")]),
    "dockerize": (["dockerize", "-wait", "tcp://db:5432", "-timeout", "60s", "app"], [("db", 5432, "tcp")]),
    "psql": (["sh", "-c", "psql -h db -U x"], [("db", 0, "")]),
    "variable": (["sh", "-c", "USERS_URL=http://users:8000 exec app"], [("users", 8000, "http")]),
    "socat": (["socat", "TCP-LISTEN:5432,fork", "TCP:db:5432"], [("db", 5432, "")]),
    "unknown word": (["wait-for-it", "database:5432"], [("database", 5432, "")]),
    "uvicorn": ("uvicorn main:app --host 0.0.0.0 --port 8000", []),
    "own loopback": (["curl", "-f", "http://localhost:8000"], []),
    "upstream flag": (["proxy", "--upstream", "http://localhost:9000"], [("localhost", 9000, "http")]),
    "python code": (["python3", "-c", "x={}; x[1:20]; f=lambda a:80; serve(('0.0.0.0',3128))"], []),
    "broken quote": ("app --url 'http://users:1", [("users", 1, "http")]),
    "resolver trick": (
        ["sh", "-c", "echo 'nameserver 172.17.0.1' > /etc/resolv.conf; exec python3 /app/gateway.py"],
        [],
    ),
    "listen": (["app", "--listen", "users:80", "-p", "8080:80"], []),
    "value of another flag": (
        ["sh", "-c", "openssl req -newkey rsa:2048 -subj /CN=x; chown --from www-data:100 /x"],
        [],
    ),
    "to and from": (["caddy", "reverse-proxy", "--to", "user-api:8080", "--from", ":2016"], [("user-api", 8080, "")]),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_command_gives_the_calls_a_person_would_list(case):
    command, expected = COMMANDS[case]
    assert targets(project(command=command)) == expected
    assert targets(project(entrypoint=command)) == expected


def kinds(**gateway):
    return {d.host: d.kind for d in read_dependencies(project(**gateway))}


def test_loopback_is_a_kind_of_its_own():
    routes = {"ROUTES": "/a=http://localhost:8000,/b=http://127.0.0.1:8001,/c=http://[::1]:8002,/d=http://users:8000"}
    assert kinds(environment=routes) == {
        "localhost": "loopback",
        "127.0.0.1": "loopback",
        "::1": "loopback",
        "users": "call",
    }
    assert kinds(command=["proxy", "--upstream", "http://localhost:9000"]) == {"localhost": "loopback"}


def test_the_host_is_called():
    assert kinds(environment={"ROUTES": "http://host.docker.internal:8000,http://172.17.0.1:8001"}) == {
        "host.docker.internal": "call",
        "172.17.0.1": "call",
    }


def test_loopback_on_the_services_own_port_is_the_service_itself():
    assert kinds(environment={"USERS_URL": "http://localhost:8000"}, expose=["8000"]) == {}


def test_a_database_calls_only_its_own_kind():
    shared = {"REDIS_HOST": "redis", "USERS_URL": "http://users:8000", "MARIADB_HOST": "shop", "DB_HOST": "db"}
    cluster = {"REDIS_HOST": "redis", "POSTGRESQL_MASTER_HOST": "db", "REPMGR_PRIMARY_HOST": "first"}
    assert kinds(image="mariadb:11", environment=shared) == {"db": "call"}
    assert kinds(image="docker.io/bitnami/postgresql:16", environment=cluster) == {"db": "call", "first": "call"}
    assert set(kinds(image="postgres-backup", environment=shared)) == {"redis", "users", "shop", "db"}


def test_healthcheck_counts_only_when_it_asks_somebody_else():
    own = {"test": ["CMD", "curl", "-fsS", "http://127.0.0.1:8000/health"]}
    other = {"test": ["CMD-SHELL", "curl -f http://users:8000/health && pg_isready -h db"]}
    assert targets(project(healthcheck=own)) == []
    assert targets(project(healthcheck=other)) == [("users", 8000, "http"), ("db", 0, "")]


def test_depends_on_and_links_are_an_order_until_a_call_is_known():
    config = project(
        depends_on={
            "users": {"condition": "service_started"},
            "db": {},
            "kc": {"condition": "service_completed_successfully"},
        },
        links=["redis:cache"],
        environment={"USERS_URL": "http://users:8000"},
    )
    found = {(d.host, d.port, d.kind, d.origin) for d in read_dependencies(config)}
    assert found == {
        ("users", 8000, "call", "environment USERS_URL"),
        ("db", 0, "order", "depends_on"),
        ("cache", 0, "order", "links"),
    }


def test_call_by_another_name_of_the_service_beats_its_order():
    config = project(environment={"S_URL": "http://es:9200"}, depends_on=["es01"])
    config["services"]["es01"]["container_name"] = "es"
    assert [(d.host, d.kind) for d in read_dependencies(config)] == [("es", "call")]


def test_names_outside_the_project_are_external_and_keep_no_path():
    config = project(
        environment={"A": "https://hooks.example.com/T0/B0/xyz", "B": "http://8.8.4.4:53", "C": "http://kc.corp:1"}
    )
    assert [(d.host, d.kind, d.path) for d in read_dependencies(config)] == [
        ("hooks.example.com", "external", ""),
        ("8.8.4.4", "external", ""),
        ("kc.corp", "external", ""),
    ]


def test_alias_with_dots_extra_host_and_link_are_inside():
    config = project(
        environment={"A": "http://users.api:1", "B": "http://old.box:2", "C": "http://c.ache:3"},
        extra_hosts=["old.box=10.0.0.9"],
        links=["redis:c.ache"],
    )
    config["services"]["users"]["networks"] = {"default": {"aliases": ["users.api"]}}
    assert {d.kind for d in read_dependencies(config)} == {"call"}


def test_same_target_is_listed_once_with_the_detailed_origin():
    config = project(
        environment={"USERS_ADDR": "users:8000", "USERS_URL": "http://users:8000/v1", "USERS_HOST": "users"},
        command=["users:8000"],
    )
    assert [(d.name, d.scheme, d.path, d.key) for d in read_dependencies(config)] == [
        ("gateway → users:8000", "http", "/v1", "USERS_URL")
    ]


def test_unnamed_port_is_taken_from_the_image_of_a_known_product():
    config = project(environment={"STORE_HOST": "db"})
    config["services"]["db"]["image"] = "docker.io/library/postgres:16@sha256:00"
    assert targets(config) == [("db", 5432, "")]


NGINX = """
upstream shop { server users:8000 weight=2; server orders; server gone:1 down; keepalive 8; }
server {
  resolver 127.0.0.11;
  location /shop/ { proxy_pass http://shop/api/; }
  location /db { set $up db; proxy_pass http://$up:9000/x; }
  # proxy_pass http://comment:1;
  location /php { fastcgi_pass kc:9000; }
  location / { proxy_pass http://127.0.0.1:3000; }
}
"""


def mount(source, target):
    return {"type": "bind", "source": source, "target": target}


def test_nginx_file_gives_its_upstreams_with_file_and_line():
    config = project(volumes=[mount("/srv/shop/nginx/edge.conf", "/etc/nginx/conf.d/edge.conf")])
    found = read_dependencies(config, {"/srv/shop/nginx/edge.conf": NGINX}, project_dir="/srv/shop")
    assert [(d.target, d.scheme, d.path, d.origin, d.key, d.line) for d in found] == [
        ("users:8000", "http", "/api/", "./nginx/edge.conf:2", "/srv/shop/nginx/edge.conf", 2),
        ("orders:80", "http", "/api/", "./nginx/edge.conf:2", "/srv/shop/nginx/edge.conf", 2),
        ("db:9000", "http", "", "./nginx/edge.conf:6", "/srv/shop/nginx/edge.conf", 6),
        ("kc:9000", "fastcgi", "", "./nginx/edge.conf:8", "/srv/shop/nginx/edge.conf", 8),
        ("127.0.0.1:3000", "http", "", "./nginx/edge.conf:9", "/srv/shop/nginx/edge.conf", 9),
    ]


def test_template_names_the_variable_to_change():
    config = project(
        environment={"UP": "users"},
        volumes=[mount("/s/default.conf.template", "/etc/nginx/templates/default.conf.template")],
    )
    found = read_dependencies(
        config, {"/s/default.conf.template": "server { location / { proxy_pass http://${UP}:8000; } }"}
    )
    assert [(d.target, d.key, d.origin) for d in found] == [("users:8000", "UP", "environment UP")]


def test_directory_and_inline_config_are_read_too():
    config = project(
        volumes=[mount("/s/conf", "/etc/nginx/conf.d")],
        configs=[{"source": "edge", "target": "/etc/nginx/conf.d/edge.conf"}],
    )
    config["configs"] = {"edge": {"content": "server { location / { proxy_pass http://orders:2; } }"}}
    files = {
        "/s/conf/a.conf": "server { location / { proxy_pass http://users:1; } }",
        "/s/confusion": "proxy_pass http://x:1;",
    }
    assert [d.target for d in read_dependencies(config, files)] == ["users:1", "orders:2"]


OTHER_FILES = {
    "haproxy": (
        "/usr/local/etc/haproxy/haproxy.cfg",
        "backend b\n  server u1 users:8000 check\n  server u2 10.0.0.9:1\n",
        ["users:8000", "10.0.0.9:1"],
    ),
    "caddy": (
        "/etc/caddy/Caddyfile",
        ":80 {\n  reverse_proxy /a/* users:8000 http://orders:9\n}\n",
        ["users:8000", "orders:9"],
    ),
    "apache": (
        "/usr/local/apache2/conf/httpd.conf",
        "ProxyPass /a http://users:8000/\n# ProxyPass /b http://orders:1/\n",
        ["users:8000"],
    ),
    "haproxy words": (
        "/usr/local/etc/haproxy/haproxy.cfg",
        "backend b\n  server-template u 2 users:8000 resolvers docker\n  server s unix@/run/x.sock\n"
        '  server q "orders":9\n  server own 127.0.0.1:81\n',
        ["users:8000", "orders:9", "127.0.0.1:81"],
    ),
    "caddy block": (
        "/etc/caddy/Caddyfile",
        "x.example.com {\n  reverse_proxy {\n    to users:8000 h2c://orders:9\n  }\n  php_fastcgi db:9000\n"
        "  forward_auth kc:9091 {\n    uri /verify\n  }\n  reverse_proxy unix//run/x.sock\n}\n",
        ["users:8000", "orders:9", "db:9000", "kc:9091"],
    ),
    "apache rewrites": (
        "/usr/local/apache2/conf/httpd.conf",
        "<VirtualHost *:80>\nRewriteRule ^/a/(.*) http://users:8000/$1 [P,L]\nRewriteRule ^ http://orders:1/ [R=301,L]\n"
        'SetHandler "proxy:fcgi://db:9000"\nProxyPassReverse /a http://kc:1/\n',
        ["users:8000", "db:9000"],
    ),
    "traefik": ("/etc/traefik/dynamic.yml", 'servers:\n  - url: "http://users:8000"\n', ["users:8000"]),
    "traefik with a name that nobody has": (
        "/etc/traefik/dynamic.yml",
        "http:\n  services:\n    u:\n      loadBalancer:\n        servers:\n        - url: http://user\n"
        "  middlewares:\n    a:\n      forwardAuth:\n        address: http://auth:9091/verify\n    b:\n      redirectRegex:\n"
        "        replacement: https://example.com\nentryPoints:\n  web:\n    address: users:80\n",
        ["user:80", "auth:9091"],
    ),
    "traefik toml": (
        "/etc/traefik/dynamic.toml",
        '[http.services.u.loadBalancer]\n  [[http.services.u.loadBalancer.servers]]\n    url = "http://user:8000"\n'
        '[tcp.services]\n  [[tcp.services.d.loadBalancer.servers]]\n    address = "db:5432"\n',
        ["user:8000", "db:5432"],
    ),
    "kong": (
        "/kong/kong.yml",
        "services:\n- name: u\n  url: http://user:8000/x\n- name: o\n  host: orders\n  port: 9000\n  routes:\n"
        "  - paths: [/users]\n",
        ["user:8000", "orders:9000"],
    ),
    "envoy": (
        "/etc/envoy/envoy.yaml",
        "- socket_address: { address: 0.0.0.0, port_value: 80 }\n"
        "- socket_address:\n    address: usr\n    port_value: 8000\n",
        ["usr:8000"],
    ),
    "envoy, who listens and who is called": (
        "/etc/envoy/envoy.yaml",
        "admin:\n  address:\n    socket_address: { address: 127.0.0.1, port_value: 9901 }\nstatic_resources:\n"
        "  listeners:\n  - address:\n      socket_address:\n        address: gateway\n        port_value: 80\n"
        "    route_config:\n      virtual_hosts:\n      - domains: ['users:80']\n  clusters:\n"
        "  - endpoint:\n      address:\n        socket_address:\n          address: users\n          port_value: 8000\n"
        "  - endpoint: { address: { socket_address: { port_value: 9, address: 127.0.0.1 } } }\n"
        "  - remote_jwks:\n      http_uri:\n        uri: http://kc:8080/certs\n",
        ["users:8000", "127.0.0.1:9", "kc:8080"],
    ),
    "prometheus": ("/etc/prometheus/prometheus.yml", "- targets: ['users:9100', 'localhost:9090']\n", ["users:9100"]),
    "prometheus, one a line": (
        "/etc/prometheus/prometheus.yml",
        "- targets:\n  - 'users:9100'\n  - user:9100\nremote_write:\n- url: http://orders:9090/x\n",
        ["users:9100", "user:9100", "orders:9090"],
    ),
    "opentelemetry": (
        "/etc/otelcol/config.yaml",
        "receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: users:4317\n  redis:\n    endpoint: redis:6379\n"
        "exporters:\n  otlp:\n    endpoint: orders:4317\n",
        ["redis:6379", "orders:4317"],
    ),
    "settings in code": (
        "/etc/sentry/sentry.conf.py",
        'DATABASES = {\n    "default": {\n        "HOST": "db",\n        "PORT": "5432",\n    }\n}\n'
        'CACHES = {"default": {"LOCATION": ["redis:11211"]}}\nallowed = "http://docs:1"\n',
        ["db:5432", "redis:11211"],
    ),
    "postfix": ("/etc/postfix/main.cf", "smtpd_milters = inet:users:9900\nmyhostname = orders\n", ["users:9900"]),
    "clickhouse": (
        "/etc/clickhouse-server/config.d/cluster.xml",
        "<zookeeper><node index='1'>\n  <host>zoo1</host>\n  <port>2181</port>\n</node></zookeeper>\n",
        ["zoo1:2181"],
    ),
    "application": (
        "/app/config.yml",
        "listen: users:80\nservice: users\nself: http://gateway:80\nbind:\n  address: orders:1\n"
        "docs: http://swagger-ui:8080\nfleet.hosts: [http://fleet:8220]\ndb:\n  url: postgres://databse:5432/x\n"
        "api:\n  url: http://localhost:9000/v1\n",
        ["databse:5432", "localhost:9000"],
    ),
    "logstash": (
        "/usr/share/logstash/pipeline/x.config",
        'elasticsearch {\n hosts => ["es01:9200"]\n}\n',
        ["es01:9200"],
    ),
    "spring": (
        "/config/application.yml",
        "url: jdbc:postgresql://db:5432/x\nhelp: https://example.com/doc\n",
        ["db:5432"],
    ),
}


@pytest.mark.parametrize("case", OTHER_FILES)
def test_configuration_file_of_another_program(case):
    target, text, expected = OTHER_FILES[case]
    config = project(volumes=[mount("/s/file", target)])
    assert [d.target for d in read_dependencies(config, {"/s/file": text})] == expected


def test_gateway_that_passes_to_itself_is_read():
    config = project(volumes=[mount("/s/file", "/etc/haproxy/haproxy.cfg")])
    found = read_dependencies(config, {"/s/file": "backend b\n  server self gateway:80\n"})
    assert [d.target for d in found] == ["gateway:80"]


REFERENCES = {
    "nginx template": ("/etc/nginx/templates/x.conf.template", "location / { proxy_pass http://${UP}:8000; }"),
    "haproxy": ("/usr/local/etc/haproxy/haproxy.cfg", 'backend b\n  server s "${UP}":8000\n'),
    "caddy": ("/etc/caddy/Caddyfile", ":80 {\n  reverse_proxy {$UP}:8000\n}\n"),
    "caddy at run time": ("/etc/caddy/Caddyfile", ":80 {\n  reverse_proxy {env.UP}:8000\n}\n"),
    "opentelemetry": ("/etc/otelcol/config.yaml", "exporters:\n  otlp:\n    endpoint: ${env:UP}:8000\n"),
    "grafana": ("/etc/grafana/provisioning/datasources/x.yml", "datasources:\n- url: http://$UP:8000\n"),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_file_that_refers_to_a_variable_names_the_variable(case):
    target, text = REFERENCES[case]
    config = project(environment={"UP": "users"}, volumes=[mount("/s/file", target)])
    found = read_dependencies(config, {"/s/file": text})
    assert [(d.target, d.key, d.origin, d.line) for d in found] == [("users:8000", "UP", "environment UP", 0)]


def test_reference_without_a_value_keeps_its_default():
    config = project(volumes=[mount("/s/file", "/etc/caddy/Caddyfile")])
    found = read_dependencies(config, {"/s/file": ":80 {\n  reverse_proxy {$UP:orders}:{$PORT:9}\n}\n"})
    assert [(d.target, d.line) for d in found] == [("orders:9", 2)]


def test_port_beside_a_host_gives_way_to_the_port_of_the_file_that_uses_the_host():
    environment = {"ES_HOST": "es01", "ES_PORT": "1200"}
    volumes = [mount("/s/file", "/conf/service.yaml.template")]
    files = {"/s/file": "es:\n  hosts: 'http://${ES_HOST:-es}:9200'\n"}
    assert targets(project(environment=environment)) == [("es01", 1200, "")]
    assert targets(project(environment=environment, volumes=volumes), files=files) == [("es01", 9200, "http")]


@pytest.mark.parametrize("case", list(OTHER_FILES))
def test_what_a_file_says_has_file_key_and_line(case):
    target, text, expected = OTHER_FILES[case]
    config = project(volumes=[mount("/srv/shop/x/file", target)])
    found = read_dependencies(config, {"/srv/shop/x/file": text}, project_dir="/srv/shop")
    lines = text.splitlines()
    for dependency in found:
        assert dependency.key == "/srv/shop/x/file"
        assert dependency.origin == f"./x/file:{dependency.line}"
        assert dependency.host in lines[dependency.line - 1]


def test_examples_backups_and_compose_files_are_no_configuration():
    config = project(
        volumes=[
            mount("/s", "/etc/app"),
            mount("/srv/docker-compose.yml", "/app/docker-compose.yml"),
            mount("/srv/package.json", "/app/package.json"),
        ]
    )
    text = "url: http://users:8000\n"
    names = ("app.yml", "app.example.yml", "app.yml.bak", "sample-app.yml", "users.json.txt", "compose.override.yaml")
    found = read_dependencies(config, {f"/s/{name}": text for name in names} | {"/srv/docker-compose.yml": text})
    assert [d.origin for d in found] == ["/s/app.yml:1"]


def test_only_configuration_files_are_worth_reading():
    config = project(
        volumes=[
            mount("/s/edge.conf", "/etc/nginx/conf.d/edge.conf"),
            mount("/s/nginx", "/etc/nginx/conf.d"),
            mount("/s/haproxy", "/usr/local/etc/haproxy"),
            mount("/s/app.yml", "/app/app.yml"),
            mount("/var/run/docker.sock", "/var/run/docker.sock"),
            mount("/s/resolv.conf", "/etc/resolv.conf"),
            mount("/s/src", "/app"),
            mount("/s/init.sql", "/docker-entrypoint-initdb.d/init.sql"),
            mount("/s/loki", "/etc/loki"),
            mount("/s/conf", "/opt/app/conf"),
            mount("/etc", "/etc"),
            mount("/s/certs", "/etc/ssl/private"),
            {"type": "volume", "source": "data", "target": "/etc/nginx/conf.d"},
        ],
        configs=[{"source": "c"}],
    )
    config["configs"] = {"c": {"file": "/s/c.conf"}}
    assert config_files_to_read(config) == (
        "/s/edge.conf",
        "/s/nginx",
        "/s/haproxy",
        "/s/app.yml",
        "/s/loki",
        "/s/conf",
        "/s/c.conf",
    )


def test_operator_adds_and_leaves_out():
    config = project(environment={"ROUTES": "http://users:8000,http://orders:8000", "X": "https://api.example.com"})
    declared = [
        "gateway -> http://kc:8080/auth",
        {"consumer": "users", "host": "db", "port": 5432},
        "gateway → api.example.com:443",
    ]
    found = read_dependencies(config, declared=declared, ignore=["gateway -> orders:8000"])
    assert [(d.name, d.kind, d.path, d.origin) for d in found] == [
        ("gateway → users:8000", "call", "", "environment ROUTES"),
        ("gateway → api.example.com:443", "call", "", "environment X"),
        ("gateway → kc:8080", "call", "/auth", "declared"),
        ("users → db:5432", "call", "", "declared"),
    ]
    for ignore in ("orders", "orders:8000", "gateway → orders", "gateway->orders:8000"):
        assert "orders" not in [d.host for d in read_dependencies(config, ignore=[ignore])]


@pytest.mark.parametrize(
    "entry",
    ["users", "gateway -> ", "-> users:1", "nobody -> users:1", {"consumer": "gateway"}, {"host": "users"}, 5,
     {"consumer": "gateway", "host": "users", "prt": 1}, {"consumer": "gateway", "host": "users", "port": "x"},
     {"consumer": "gateway", "host": "users", "path": "x"}],
)  # fmt: skip
def test_bad_declaration_is_named(entry):
    with pytest.raises(ValueError, match="Dependency ") as error:
        read_dependencies(project(), declared=[entry])
    assert str(entry) in str(error.value)


@pytest.mark.parametrize("entry", ["", "a -> ", None, "a b c"])
def test_bad_ignore_is_named(entry):
    with pytest.raises(ValueError, match="Ignored dependency"):
        read_dependencies(project(), ignore=[entry])


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_redacted_configuration_has_the_same_dependencies(case):
    config = project(environment=ENVIRONMENTS[case][0])
    assert read_dependencies(redact_config(config)) == read_dependencies(config)


def test_no_secret_reaches_a_dependency():
    config = project(
        environment={
            "A": "postgres://u:s3cret@db/x?password=s3cret",
            "B_TOKEN": "s3cret:8000",
            "C": "http://s3cret@users:1/p",
        },
        command=["app", "--password", "s3cret", "--url=http://u:s3cret@orders:1/?token=s3cret"],
    )
    found = read_dependencies(config, declared=["gateway -> http://u:s3cret@kc:1/x"])
    assert len(found) == 4
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        True,
        [],
        {},
        "",
        "x",
        [None, 5, {}],
        {"a": None, 5: [1]},
        "://",
        "http://[",
        "@:",
        "a=b=c",
        "${",
        "'",
        "\x00",
    ],
)
def test_odd_shapes_do_not_crash(value):
    keys = ("environment", "command", "entrypoint", "depends_on", "links", "extra_hosts", "healthcheck", "networks",
            "ports", "expose", "volumes", "configs", "hostname")  # fmt: skip
    for key in keys:
        config = project(**{key: value})
        read_dependencies(config, {"/x": str(value)})
        config_files_to_read(config)
    read_dependencies(
        {"services": {"a": value, "b": {"environment": {"X_HOST": value}, "healthcheck": {"test": value}}}}
    )
    read_dependencies({"services": value, "configs": value, "networks": value, "name": value})
