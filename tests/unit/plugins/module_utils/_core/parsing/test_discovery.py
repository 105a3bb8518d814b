# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dependencies import read_dependencies

HTTP = "traefik.http.services.u.loadbalancer.server"
RULE = "traefik.http.routers.u.rule"


def project(labels, traefik=None, **users):
    gateway = {"image": "traefik:v3.1", "command": ["--providers.docker=true"], **(traefik or {})}
    return {"name": "shop", "services": {"edge": gateway, "users": {"image": "x", "labels": labels, **users}}}


def found(config, files=None):
    return [
        (d.host, d.port, d.scheme, d.origin)
        for d in read_dependencies(config, files)
        if d.consumer == "edge" and d.kind == "call"
    ]


LABELS = {
    "port": ({RULE: "Host(`x`)", f"{HTTP}.port": "8000"}, [("users", 8000, "http", f"label {HTTP}.port of users")]),
    "scheme": (
        {f"{HTTP}.port": "8443", f"{HTTP}.scheme": "https"},
        [("users", 8443, "https", f"label {HTTP}.port of users")],
    ),
    "url": ({f"{HTTP}.url": "http://users:81/x"}, [("users", 81, "http", f"label {HTTP}.url of users")]),
    "another host's url": ({f"{HTTP}.url": "http://db:81"}, [("db", 81, "http", f"label {HTTP}.url of users")]),
    "camel case": (
        {"traefik.http.services.u.loadBalancer.server.port": "1"},
        [("users", 1, "http", "label traefik.http.services.u.loadBalancer.server.port of users")],
    ),
    "two services": (
        {f"{HTTP}.port": "1", "traefik.http.services.v.loadbalancer.server.port": "2"},
        [
            ("users", 1, "http", f"label {HTTP}.port of users"),
            ("users", 2, "http", "label traefik.http.services.v.loadbalancer.server.port of users"),
        ],
    ),
    "tcp": (
        {"traefik.tcp.services.d.loadbalancer.server.port": "5432"},
        [("users", 5432, "", "label traefik.tcp.services.d.loadbalancer.server.port of users")],
    ),
    "udp is not a connection": ({"traefik.udp.services.d.loadbalancer.server.port": "53"}, []),
    "router alone": ({RULE: "Host(`x`)"}, [("users", 0, "", f"label {RULE} of users")]),
    "enabled alone": ({"traefik.enable": "true"}, [("users", 0, "", "label traefik.enable of users")]),
    "of a list": ([f"{HTTP}.port=8000"], [("users", 8000, "http", f"label {HTTP}.port of users")]),
    "disabled": ({"traefik.enable": "false", f"{HTTP}.port": "8000"}, []),
    "router to Traefik's own service": ({RULE: "Host(`x`)", "traefik.http.routers.u.service": "api@internal"}, []),
    "router to a service of a file": ({RULE: "Host(`x`)", "traefik.http.routers.u.service": "users@file"}, []),
    "router to a service of a label": (
        {RULE: "Host(`x`)", "traefik.http.routers.u.service": "u@docker"},
        [("users", 0, "", f"label {RULE} of users")],
    ),
    "forward auth": (
        {"traefik.http.middlewares.a.forwardauth.address": "http://auth:9091/verify"},
        [("auth", 9091, "http", "label traefik.http.middlewares.a.forwardauth.address of users")],
    ),
    "version 1": (
        {"traefik.frontend.rule": "Host:x", "traefik.port": "8000"},
        [("users", 8000, "http", "label traefik.port of users")],
    ),
    "no number": ({f"{HTTP}.port": "${PORT}"}, [("users", 0, "", f"label {HTTP}.port of users")]),
    "other labels": ({"com.example.x": "traefik"}, []),
}


@pytest.mark.parametrize("case", LABELS)
def test_traefik_calls_what_labels_say(case):
    labels, expected = LABELS[case]
    assert found(project(labels)) == expected


def test_port_without_a_label_is_the_only_one_that_the_service_has():
    labels = {RULE: "Host(`x`)"}
    assert [f[:3] for f in found(project(labels, expose=["8000"]))] == [("users", 8000, "http")]
    assert [f[:3] for f in found(project(labels, ports=[{"target": 8000}, {"target": 9000}]))] == [("users", 0, "")]


@pytest.mark.parametrize(
    "traefik, files",
    [
        ({"command": ["--providers.docker", "--providers.docker.exposedByDefault=false"]}, {}),
        ({"environment": {"TRAEFIK_PROVIDERS_DOCKER_EXPOSEDBYDEFAULT": "false"}}, {}),
        (
            {"command": [], "volumes": [{"type": "bind", "source": "/s/t.yml", "target": "/etc/traefik/traefik.yml"}]},
            {"/s/t.yml": "providers:\n  docker:\n    exposedByDefault: false\n"},
        ),
        (
            {"command": [], "volumes": [{"type": "bind", "source": "/s", "target": "/etc/traefik"}]},
            {"/s/traefik.toml": "[providers.docker]\n  exposedByDefault = false\n"},
        ),
    ],
)
def test_hidden_services_must_be_enabled(traefik, files):
    labels = {f"{HTTP}.port": "8000"}
    assert found(project(labels, traefik), files) == []
    assert len(found(project({**labels, "traefik.enable": "true"}, traefik), files)) == 1


@pytest.mark.parametrize(
    "traefik, reads",
    [
        ({"image": "ghcr.io/traefik/traefik:v3", "command": []}, False),
        ({"command": [], "volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro"]}, True),
        ({"image": "acme/edge", "command": ["--providers.docker"]}, True),
        ({"image": "acme/edge", "command": [], "environment": ["TRAEFIK_PROVIDERS_DOCKER=true"]}, True),
        ({"image": "traefik/whoami", "command": [], "volumes": ["/var/run/docker.sock:/x/docker.sock"]}, False),
        ({"network_mode": "host"}, False),
    ],
)
def test_labels_count_for_a_traefik_that_asks_the_engine_from_inside_a_network(traefik, reads):
    assert bool(found(project({f"{HTTP}.port": "8000"}, traefik))) is reads


def test_traefik_needs_neither_itself_nor_a_service_without_a_name_of_its_own():
    config = project({f"{HTTP}.port": "8000"}, {"labels": {f"{HTTP}.port": "8080"}}, network_mode="service:vpn")
    assert found(config) == []


def test_nginx_proxy_calls_services_with_a_virtual_host():
    services = {
        "edge": {"image": "nginxproxy/nginx-proxy:1.6"},
        "users": {"environment": {"VIRTUAL_HOST": "u.example.com", "VIRTUAL_PORT": "8000"}},
        "orders": {"environment": {"VIRTUAL_HOST": "o.example.com"}, "expose": ["3000"]},
        "files": {"environment": {"VIRTUAL_HOST": "f.example.com", "VIRTUAL_PROTO": "https"}},
        "db": {"expose": ["5432"]},
    }
    assert found({"services": services}) == [
        ("users", 8000, "http", "environment VIRTUAL_PORT of users"),
        ("orders", 3000, "http", "environment VIRTUAL_HOST of orders"),
        ("files", 80, "https", "environment VIRTUAL_HOST of files"),
    ]
    services["edge"]["image"] = "nginx"
    assert found({"services": services}) == []


@pytest.mark.parametrize("value", [None, 5, [], {}, "x", [None, 5], {"traefik.http.routers.": None}])
def test_odd_shapes_do_not_crash(value):
    read_dependencies(project(value, {"labels": value}))
    for part in ("environment", "ports", "expose"):
        read_dependencies(project({RULE: "x"}, {part: value}, **{part: value}))
    read_dependencies(project({}, {"command": value, "volumes": value}))
