# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import capture, differences
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.undo import undo_steps
from unit.builders import FIXTURES, inspected

NAME = "netfix-unit-api_gateway-1"


def raw():
    return json.loads((FIXTURES / "inspect" / "healthy.json").read_text(encoding="utf-8"))


def after(change):
    """The differences that a change of the gateway's inspect data makes."""
    data = raw()
    gateway = next(c for c in data["containers"] if c["Name"] == f"/{NAME}")
    change(gateway)
    return [str(d) for d in differences(inspected("healthy"), capture("p", data["containers"], data["networks"], None))]


def label(name, value):
    return lambda c: c["Config"]["Labels"].update({name: value})


def recreated(container):
    """What Compose and the engine write anew on every creation."""
    new = "f" * 64
    container["Config"]["Hostname"] = new[:12]
    container.update(Id=new, Created="2027-01-01T00:00:00Z")
    container["State"].update(Pid=4711, StartedAt="2027-01-01T00:00:01Z")
    container["Config"]["Labels"]["com.docker.compose.replace"] = "old"
    needs = container["Config"]["Labels"]["com.docker.compose.depends_on"].split(",")
    container["Config"]["Labels"]["com.docker.compose.depends_on"] = ",".join(reversed(needs))
    container["Config"]["Env"].reverse()
    for endpoint in container["NetworkSettings"]["Networks"].values():
        endpoint.update(EndpointID="e" * 64, MacAddress="02:42:00:00:00:99")


def test_a_recreated_container_with_the_same_configuration_is_the_same():
    assert after(recreated) == []


@pytest.mark.parametrize(
    "change, told",
    [
        (label("traefik.enable", "true"), "Config.Labels"),
        (label("com.docker.compose.config-hash", "other"), "Config.Labels"),
        (lambda c: c["Config"]["Env"].append("DEBUG=1"), "Config.Env"),
        (lambda c: c["HostConfig"].update(Privileged=True), "HostConfig.Privileged"),
        (lambda c: c["HostConfig"].update(ExtraHosts=["a:10.0.0.1"]), "HostConfig.ExtraHosts"),
        (lambda c: c.update(Image="sha256:other"), "image"),
        (lambda c: c["State"].update(Status="exited"), "state was running, is exited"),
        (lambda c: c["NetworkSettings"]["Networks"].clear(), "existence"),
        (lambda c: next(iter(c["NetworkSettings"]["Networks"].values())).update(Aliases=["x"]), "aliases"),
    ],
)
def test_what_somebody_chose_is_a_difference(change, told):
    assert any(told in d for d in after(change))


def test_capturing_does_not_change_the_inspect_data():
    data = raw()
    kept = copy.deepcopy(data)
    capture("p", data["containers"], data["networks"], None)
    assert data == kept


VOLUME = "060099c47f94d9ce654e22145560dea251ab775efe963f53d6a42099a4e57725"
NAMED = {"Type": "volume", "Source": "shop_db", "Target": "/db"}
# as Engine 26.1.5 and Compose 2.26.1 tell of a container when it is new, and when it has been recreated
NEW = [NAMED, {"Type": "volume", "Target": "/more", "VolumeOptions": {}}]
RECREATED = [{"Type": "volume", "Source": VOLUME, "Target": "/more"}, NAMED]


def mounted(wanted, name=VOLUME):
    mounts = [{"Type": "volume", "Name": name, "Destination": "/more"}, {"Type": "volume", "Name": "shop_db", "Destination": "/db"}]
    raw = {"Name": "/shop-api-1", "Id": "a", "HostConfig": {"Mounts": wanted, "Binds": None}, "Mounts": mounts}
    return capture("shop", [raw], [], None)


def test_an_anonymous_volume_that_a_recreated_container_took_over_is_no_difference():
    assert mounted(NEW) == mounted(RECREATED) and differences(mounted(NEW), mounted(RECREATED)) == []


def test_an_anonymous_volume_that_was_lost_is_a_difference():
    (difference,) = differences(mounted(NEW), mounted(NEW, "1" * 64))
    assert difference.field == "HostConfig.Mounts"


def test_a_volume_that_was_chosen_is_compared():
    other = {**NAMED, "Source": "shop_other"}
    assert differences(mounted(NEW), mounted([other, *NEW[1:]])) != []


@pytest.mark.parametrize(
    "subnet, before, after, same",
    [
        # as Engine 26.1.5 tells of a subnet without a chosen gateway, before it is restarted and after
        (("10.231.10.0/25", ""), "", "10.231.10.1", True),
        (("fd00:1::/64", ""), "", "fd00:1::1", True),
        (("10.231.10.0/24", "10.231.10.128/25"), "", "10.231.10.129", True),
        (("10.231.10.0/25", ""), "", "10.231.10.9", False),
        (("10.231.10.0/25", ""), "10.231.10.9", "10.231.10.1", False),
    ],
)
def test_a_gateway_that_a_restarted_engine_fills_in_is_no_difference(subnet, before, after, same):
    def state(gateway):
        config = {"Subnet": subnet[0], "IPRange": subnet[1], "Gateway": gateway}
        return capture("shop", [], [{"Name": "n", "Id": "1", "IPAM": {"Config": [config]}}], None)

    assert (differences(state(before), state(after)) == []) == same


def test_nothing_and_an_empty_value_are_the_same_to_an_undo_as_well():
    def state(value):
        labels = {"com.docker.compose.service": "api"}
        raw = {"Name": "/shop-api-1", "Id": "a", "Config": {"Labels": labels}, "HostConfig": {"Dns": value}}
        return capture("shop", [raw], [], None)

    assert differences(state(None), state([])) == [] == undo_steps(state([]), state(None), "o.yml")
    assert undo_steps(state(["1.1.1.1"]), state(None), "o.yml") != []
