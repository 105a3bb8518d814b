# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import random

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Check,
    CheckResult,
    Container,
    Dependency,
    Layer,
    LogEvent,
    Network,
    Nginx,
    NginxLocation,
    NginxServer,
    Outcome,
    Probe,
    Snapshot,
    Walk,
    to_data,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dependencies import read_dependencies
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import (
    is_secret_name,
    redact_config,
    redact_environment,
    redact_options,
    redact_snapshot,
    redact_text,
    redact_walk,
    secrets_in_config,
)

TEXTS = {
    "postgres://u:p@ss/w@db:5432/x": "postgres://***@db:5432/x",
    "http://users:8000/@me": "http://users:8000/@me",
    "https://key@sentry.io/1": "https://***@sentry.io/1",
    "redis://:pw@r:1/0,redis://:pw2@q": "redis://***@r:1/0,redis://***@q",
    "amqp://u:p@h1,u:p@h2/v": "amqp://***@h1,***@h2/v",
    "guest:guest@rabbit:5672": "***@rabbit:5672",
    "u:p@tcp(db:3306)/x": "***@tcp(db:3306)/x",
    "jdbc:oracle:thin:scott/tiger@db:1521:XE": "jdbc:oracle:thin:***@db:1521:XE",
    "jdbc:oracle:thin:@db:1521:XE": "jdbc:oracle:thin:@db:1521:XE",
    "host=db password='a b' port=5": "host=db password='***' port=5",
    "Server=db;Password=x;User Id=y": "Server=db;Password=***;User Id=y",
    "app --password s3 --db-host db": "app --password *** --db-host db",
    "app --auth-url http://auth:1 --token-ttl 5": "app --auth-url http://auth:1 --token-ttl 5",
    '{"password": "x", "url": "http://u:p@h"}': '{"password": "***", "url": "http://***@h"}',
    "http://a?token=abc&x=1": "http://a?token=***&x=1",
    "Authorization: Bearer abcdefghijk": "Authorization: Bearer ***",
    "sh -c 'REDIS_PASSWORD=x redis-server'": "sh -c 'REDIS_PASSWORD=*** redis-server'",
    "error: invalid token: abc": "error: invalid token: ***",
    "/token=http://t:1,/auth=auth:8000": "/token=http://t:1,/auth=auth:8000",
    "auth:8000 refused, primary key: id": "auth:8000 refused, primary key: id",
    'server at "db" (172.18.0.2), port 5432 failed': 'server at "db" (172.18.0.2), port 5432 failed',
    "password=\npassword=true": "password=\npassword=true",
    "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----": "-----BEGIN RSA PRIVATE KEY-----***"
    "-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_keeps_hosts_and_loses_secrets(text):
    assert redact_text(text) == TEXTS[text]
    assert redact_text(TEXTS[text]) == TEXTS[text]


@pytest.mark.parametrize(
    "name",
    "DB_PASSWORD PGPASSWORD MYSQL_ROOT_PASSWORD API_TOKEN JWT_SECRET AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID apiKey "
    "NEO4J_AUTH "
    "PRIVATE_KEY CREDENTIALS requirepass SLACK_WEBHOOK_URL ENCRYPTION_KEY db.password --redis-pass x-api-key".split(),
)
def test_name_of_a_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "AUTH_SERVICE_URL AUTH_HOST TOKEN_TTL PRIVATE_KEY_PATH POSTGRES_HOST_AUTH_METHOD PASSWORD_FILE KEYCLOAK_HOST "
    "ROUTES PWD DB_HOST MONKEY PASSENGER AUTHOR GF_AUTH_ANONYMOUS_ENABLED SECRET_NAME".split(),
)
def test_name_of_no_secret(name):
    assert not is_secret_name(name)


def test_environment_masks_values_and_keeps_hosts():
    assert redact_environment(
        {
            "DB_PASSWORD": "x",
            "AUTH_SERVICE_URL": "http://u:p@auth:8000/x",
            "JWT_SECRET": "http://u:p@auth:1/y",
            "SLACK_WEBHOOK_URL": "https://hooks.example.com/services/T/B",
            "API_TOKEN": "",
            "AUTH": "true",
            "DSN": "postgres://u:p@db/x",
            "N": None,
            "PIN_TOKEN": 5,
        }
    ) == {
        "DB_PASSWORD": "***",
        "AUTH_SERVICE_URL": "http://***@auth:8000/x",
        "JWT_SECRET": "http://auth:1",
        "SLACK_WEBHOOK_URL": "https://hooks.example.com",
        "API_TOKEN": "",
        "AUTH": "true",
        "DSN": "postgres://***@db/x",
        "N": None,
        "PIN_TOKEN": "***",
    }


CONFIG = {
    "name": "shop",
    "services": {
        "api": {
            "environment": {"URL": "postgres://u:s3cret@db/x", "DB_PASSWORD": "s3cret", "AUTH_URL": "http://db:1/p"},
            "command": ["app", "--password", "s3cret", "--token=s3cret", "http://u:s3cret@db:8000/x"],
            "entrypoint": "run --api-key s3cret --host db:1",
            "labels": {"traefik.http.middlewares.a.basicauth.users": "admin:s3cret", "com.example.x": "1"},
            "build": {"context": "/x", "args": {"NPM_TOKEN": "s3cret", "N": "1"}},
            "healthcheck": {"test": ["CMD-SHELL", "curl -u u:s3cret@x http://u:s3cret@db:2/x?token=s3cret"]},
            "configs": [{"source": "c", "target": "/etc/nginx/conf.d/c.conf"}],
            "depends_on": {"db": {"condition": "service_started"}},
            "networks": {"default": {"aliases": ["token"]}},
        },
        "db": {"image": "postgres"},
        "odd": None,
    },
    "configs": {"c": {"content": "# password=s3cret\nserver { location / { proxy_pass http://db:3; } }\n"}},
    "secrets": {"s": {"content": "s3cret"}, "f": {"file": "/run/x"}},
    "networks": {"default": {"name": "shop_default", "ipam": {"config": [{"subnet": "10.1.0.0/24"}]}}},
}


def test_config_has_no_secret_left_and_the_same_dependencies():
    before = copy.deepcopy(CONFIG)
    clean = redact_config(CONFIG)
    assert CONFIG == before
    assert "s3cret" not in json.dumps(clean)
    assert list(clean) == list(CONFIG)
    assert clean["networks"] == CONFIG["networks"]
    assert clean["services"]["api"]["networks"] == CONFIG["services"]["api"]["networks"]
    assert read_dependencies(clean) == read_dependencies(CONFIG)
    assert {d.target for d in read_dependencies(CONFIG)} == {"db:5432", "db:1", "db:8000", "db:2", "db:3"}


def test_snapshot_leaves_the_host_without_secrets():
    container = Container(
        "1", "api-1", environment={"A_TOKEN": "s3cret", "U": "http://u:s3cret@db:1"}, labels={"auth": "s3cret"},
        command=("app", "--password=s3cret"), entrypoint=("x", "--secret", "s3cret"), health_output="token=s3cret",
        hosts="127.0.0.1 localhost\n", resolv_conf="nameserver 127.0.0.11\n",
    )  # fmt: skip
    check = Check(
        "c", "http://u:s3cret@api/x", headers={"Authorization": "s3cret", "X": "1"}, json_body={"password": "s3cret"}
    )
    said = Probe("api-1", Layer.PROTOCOL, "http://u:s3cret@api", Outcome.FAILED, body="token=s3cret")
    snapshot = Snapshot(
        "shop", config=CONFIG, containers=(container,), strangers=(container,),
        log_events=(LogEvent("api", "api-1", "refused", "http://u:s3cret@db password=s3cret"),),
        checks=(CheckResult(check, Outcome.OK, 0, "", "", "token=s3cret", 0, said, (said,), (said,)),), notes=("url http://u:s3cret@x",),
    )  # fmt: skip
    clean = redact_snapshot(snapshot)
    assert "s3cret" not in json.dumps(to_data(clean))
    assert clean.containers[0].hosts == container.hosts
    assert clean.containers[0].resolv_conf == container.resolv_conf
    assert redact_snapshot(clean) == clean


def test_redacting_twice_changes_nothing_more():
    random.seed(7)
    pieces = (
        "http:// u:p@ db :80 /x password= --token ' \" , ; @ : = *** [::1] postgres:// tcp( ) auth { } "
        "jdbc:oracle:thin: key: "
        "? & #"
    ).split(" ") + [" ", "\n", "Bearer abcdefgh1"]
    for _unused in range(3000):
        text = "".join(random.choice(pieces) for _unused in range(random.randint(1, 9)))
        once = redact_text(text)
        assert redact_text(once) == once, text
        assert once.count("\n") == text.count("\n")


def test_options_lose_their_secrets_at_any_depth():
    options = {
        "netfix_checks": [{"url": "http://u:p@web/", "headers": {"Authorization": "Bearer abcdefgh1"}, "json": {"token": "x1"}}],
        "netfix_project_src": "/srv/shop",
        "netfix_gate_timeout": 20,
    }
    clean = redact_options(options)
    assert clean["netfix_project_src"] == "/srv/shop" and clean["netfix_gate_timeout"] == 20
    assert clean["netfix_checks"] == [{"url": "http://***@web/", "headers": {"Authorization": "***"}, "json": {"token": "***"}}]


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ({"environment": {"URL": "http://web:80", "DB": "postgres://a:b@db/x"}}, {"services.web.environment.DB": ("a:b",)}),
        ({"environment": {"API_TOKEN": "t1"}}, {"services.web.environment.API_TOKEN": ("t1",)}),
        ({"environment": ["API_TOKEN=t1"]}, {"services.web.environment[0]": ("t1",)}),
        ({"command": ["run", "--password", "t1", "mq://c:d@mq"]}, {
            "services.web.command[2]": ("t1",), "services.web.command[3]": ("c:d",)}),
        ({"environment": {"AUTH_KEY": "redis://:pw@cache:6379/0"}}, {
            "services.web.environment.AUTH_KEY": ("redis://:pw@cache:6379/0",)}),
        ({"environment": {"URL": "***"}, "extra_hosts": ["users:10.0.0.1"]}, {}),
    ],
)  # fmt: skip
def test_the_secrets_of_a_configuration_are_found_where_they_are(service, found):
    assert secrets_in_config({"services": {"web": service}}) == found


def test_networks_bystanders_paths_and_nginx_lose_their_secrets_too():
    snapshot = Snapshot(
        project="shop",
        networks=(Network("n1", "shop_default", labels={"net.password": "tr0ub4dor"}, options={"api.token": "tr0ub4dor"}),),
        bystanders=(Container("c1", "other", environment={"DB_PASSWORD": "tr0ub4dor"}),),
        dependencies=(Dependency("web", "api", 80, path="/v1?token=tr0ub4dor"),),
        nginx=(Nginx("web", servers=(NginxServer(locations=(NginxLocation("/", passes="http://me:tr0ub4dor@api"),)),)),),
        unread={"log of web": "refused: password=tr0ub4dor"},
    )
    clean = json.dumps(to_data(redact_snapshot(snapshot)))
    assert "tr0ub4dor" not in clean and clean.count("***") == 6
    walk = Walk(snapshot.dependencies[0], "web", Layer.PROTOCOL, Outcome.FAILED, detail="GET /?token=tr0ub4dor: 500")
    assert "tr0ub4dor" not in str(redact_walk(walk))
