# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.recreation import (
    LABEL_IMAGE,
    Image,
    Source,
    obstacles,
)

API = Container(
    id="a", name="shop-api-1", service="api", image="shop-api", image_id="sha256:1", config_hash="h",
    environment={"PATH": "/bin", "DB": "db:5432"},
)  # fmt: skip
SOURCE = Source(
    services={"api": {"environment": {"DB": "db:5432", "UNSET": None}}},
    hashes={"api": "h"},
    images={"shop-api": Image("sha256:1", {"PATH": "/bin", "DB": "localhost"})},
    injected={},
)
PROXY = {"HTTP_PROXY": "http://corpproxy:3128", "http_proxy": "http://corpproxy:3128"}


def told(container=API, **fields):
    return "; ".join(obstacles([container], replace(SOURCE, **fields)))


def test_what_compose_would_make_again_as_it_is_can_be_recreated():
    assert told() == ""


def test_a_container_that_its_files_do_not_describe_is_named():
    assert told(hashes={"api": "other"}).startswith("container shop-api-1 does not run the configuration")


def test_a_container_whose_image_is_gone_is_named():
    assert "image shop-api, which the engine does not have any more" in told(images={})


@pytest.mark.parametrize("labels, image_id", [({}, "sha256:0"), ({LABEL_IMAGE: "sha256:0"}, "sha256:1")])
def test_a_container_whose_image_has_another_name_by_now_is_named_with_the_way_out(labels, image_id):
    reason = told(replace(API, labels=labels, image_id=image_id))
    assert "runs another image than shop-api names by now" in reason and "docker tag sha256:0 shop-api" in reason


def test_variables_that_another_client_gave_it_are_named_without_their_values():
    reason = told(replace(API, environment={**API.environment, **PROXY}))
    assert "has other variables" in reason and "(HTTP_PROXY, http_proxy)" in reason and "corpproxy" not in reason


def test_variables_that_this_client_would_give_it_are_named():
    assert "(HTTP_PROXY, http_proxy)" in told(injected=PROXY)


def test_variables_that_this_client_gives_every_container_are_no_obstacle():
    assert told(replace(API, environment={**API.environment, **PROXY}), injected=PROXY) == ""


def test_a_variable_of_the_image_that_was_changed_by_hand_is_named():
    assert "(PATH)" in told(replace(API, environment={"PATH": "/usr/bin", "DB": "db:5432"}))


def test_what_the_configuration_sets_beats_what_the_client_would_give():
    configured = {"api": {"environment": {"DB": "", **{name: "" for name in PROXY}}}}
    assert told(services=configured, injected=PROXY) == ""


def test_every_container_is_told_for_itself():
    assert len(obstacles([API, replace(API, name="shop-api-2")], replace(SOURCE, images={}))) == 2
