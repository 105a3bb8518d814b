# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.model import (
    Health,
    Image,
    Mount,
    Need,
    Published,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.planning import (
    duration_s,
    health_of,
    plan_services,
    stop_order,
)

IMAGE = Image(
    "sha256:1", "layers", ("/layers/a",), "amd64", environment=("PATH=/bin", "MODE=image"), command=("serve",)
)


def plan(services, images=None, machine="x86_64", **more):
    images = {name: IMAGE for name in services} | (images or {})
    return plan_services({"services": services, **more}, images, "shop", machine)


def one(spec, **more):
    return plan({"web": spec}, **more).services[0]


def test_a_service_runs_what_its_image_says():
    service = one({"image": "shop/web"})
    assert service.argv == ("serve",)
    assert service.environment["MODE"] == "image"


def test_the_service_overrides_what_its_image_says():
    service = one({"command": ["other", "--flag"], "environment": {"MODE": "own", "UNSET": None}})
    assert service.argv == ("other", "--flag")
    assert service.environment["MODE"] == "own" and "UNSET" not in service.environment


def test_an_entrypoint_of_its_own_leaves_the_command_of_the_image_out():
    assert one({"entrypoint": ["tool"]}).argv == ("tool",)


def test_a_dollar_that_compose_wrote_twice_is_one():
    assert one({"environment": {"PRICE": "5$$"}}).environment["PRICE"] == "5$"


def test_every_name_leads_to_its_service_and_no_stale_pin_takes_it_away():
    services = plan(
        {
            "db": {"networks": {"back": {"aliases": ["database"]}}, "container_name": "the-db"},
            "web": {"extra_hosts": ["db=10.9.9.9", "pinned=10.9.9.8"], "links": ["db:postgres"]},
        }
    ).services
    db, web = services
    for name in ("db", "database", "the-db", "shop-db-1", "postgres"):
        assert f"{db.address}\t{name}\n" in web.hosts
    assert "10.9.9.8\tpinned" in web.hosts and "10.9.9.9" not in web.hosts


def test_two_services_may_listen_on_the_same_port():
    first, second = plan({"a": {}, "b": {}}).services
    assert first.address != second.address


@pytest.mark.parametrize(
    "spec, words",
    [
        ({"privileged": True}, "privileged"),
        ({"network_mode": "host"}, "network_mode is host"),
        ({"pid": "host"}, "processes or devices"),
        ({"devices": ["/dev/dri"]}, "processes or devices"),
    ],
)
def test_what_would_reach_the_host_is_refused_with_the_reason(spec, words):
    made = plan({"web": spec})
    assert made.services == () and words in made.refused[0].reason


def test_an_image_for_another_architecture_is_refused_with_what_helps():
    made = plan({"web": {"image": "shop/web"}}, machine="aarch64")
    assert (
        "is for amd64, this host is arm64" in made.refused[0].reason
        and "docker compose build" in made.refused[0].reason
    )


def test_a_service_without_image_is_refused_with_the_reason_given():
    assert plan({"web": {}}, {"web": "no image of that name."}).refused[0].reason == "no image of that name."


def test_nobody_waits_for_a_service_that_cannot_run_and_its_name_leads_nowhere():
    made = plan({"db": {"privileged": True}, "web": {"depends_on": {"db": {"condition": "service_healthy"}}}})
    (web,) = made.services
    assert web.needs == () and "'db'" in web.notes[0] and "\tdb\n" not in web.hosts


def test_who_shares_the_network_of_a_refused_service_is_refused():
    made = plan({"vpn": {"privileged": True}, "web": {"network_mode": "service:vpn"}})
    assert [r.service for r in made.refused] == ["vpn", "web"]


def test_who_shares_a_network_has_its_address_and_starts_after_it():
    vpn, web = plan({"vpn": {}, "web": {"network_mode": "service:vpn"}}).services
    assert web.address == vpn.address and web.needs == (Need("vpn"),)


def test_conditions_and_order_come_from_depends_on():
    services = plan({"db": {}, "web": {"depends_on": {"db": {"condition": "service_healthy"}}}}).services
    assert services[1].needs == (Need("db", "service_healthy"),)
    assert stop_order(services) == {"db": {"web"}, "web": set()}


def test_mounts_keep_the_operators_files_and_volumes_untouched():
    service = one(
        {
            "volumes": [
                {"type": "bind", "source": "/srv/conf", "target": "/etc/app", "read_only": True},
                {"type": "bind", "source": "/srv/code", "target": "/srv/app/code"},
                {"type": "volume", "source": "data", "target": "/data"},
                {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"},
            ],
            "tmpfs": "/tmp:size=1m",
            "configs": [{"source": "inline", "target": "/etc/inline"}, {"source": "file"}],
            "secrets": [{"source": "key"}],
        },
        configs={"inline": {"content": "a$$b"}, "file": {"file": "/srv/file"}},
        secrets={"key": {"file": "/srv/key"}},
    )
    assert set(service.mounts) == {
        Mount("bind", "/srv/conf", "/etc/app"),
        Mount("copy", "/srv/code", "/srv/app/code"),
        Mount("volume", "data", "/data"),
        Mount("tmpfs", "", "/tmp"),
        Mount("bind", "/srv/file", "/file"),
        Mount("bind", "/srv/key", "/run/secrets/key"),
    }
    assert service.files == {"/etc/inline": "a$b"} and "docker.sock" in service.notes[0]


def test_only_tcp_ports_are_published():
    service = one(
        {
            "ports": [
                {"target": 80, "published": "8080"},
                {"target": 53, "published": "53", "protocol": "udp"},
                {"target": 81},
            ]
        }
    )
    assert service.published == (Published(8080, 80), Published(0, 81))
    assert "53/udp" in service.notes[0]


def test_a_volume_is_known_by_the_name_that_the_engine_has():
    made = plan({"web": {}}, volumes={"data": {"name": "shop_data"}, "plain": None})
    assert [(v.key, v.name) for v in made.volumes] == [("data", "shop_data"), ("plain", "shop_plain")]


def test_health_checks_of_services_and_images():
    assert health_of({"test": ["CMD", "ping"], "interval": "1m30s", "timeout": "500ms", "retries": 5}) == Health(
        ("ping",), 90.0, 0.5, 5, 0.0
    )
    assert health_of({"Test": ["CMD-SHELL", "a || b"], "Interval": 2_000_000_000}) == Health(
        ("/bin/sh", "-c", "a || b"), 2.0
    )
    assert health_of({"test": ["NONE"]}) is None and health_of({"disable": True}) is None and health_of(None) is None


def test_an_image_s_own_health_check_holds_until_the_service_has_another():
    image = Image("i", "layers", ("/a",), command=("serve",), health=Health(("probe",)))
    assert one({}, images={"web": image}).health == Health(("probe",))
    assert one({"healthcheck": {"interval": "3s"}}, images={"web": image}).health == Health(("probe",), 3.0)
    assert one({"healthcheck": {"disable": True}}, images={"web": image}).health is None


@pytest.mark.parametrize("text, seconds", [("10s", 10.0), ("1h0m0.5s", 3600.5), ("", 7.0), (None, 7.0), (10**9, 1.0)])
def test_durations(text, seconds):
    assert duration_s(text, 7.0) == seconds


def test_a_service_that_is_scaled_to_nothing_is_left_out():
    assert plan({"web": {"scale": 0}, "job": {"deploy": {"replicas": 2}}}).services[0].notes == (
        "one instance runs, whatever the number of replicas",
    )
