# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.configuration import (
    changed_parts,
    fingerprint,
)

CONFIG = {
    "name": "shop",
    "services": {"api": {"image": "api", "environment": {"PASSWORD": "hunter2"}}, "db": {"image": "db"}},
    "networks": {"default": {"name": "shop_default"}},
}


def changes(**sections):
    return changed_parts(fingerprint(CONFIG), fingerprint({**CONFIG, **sections}))


def test_the_same_configuration_in_another_order_is_the_same():
    other = {"networks": CONFIG["networks"], "services": dict(reversed(CONFIG["services"].items())), "name": "shop"}
    assert changed_parts(fingerprint(CONFIG), fingerprint(other)) == []


def test_what_was_edited_added_and_removed_is_named():
    services = {"api": {**CONFIG["services"]["api"], "command": "x"}, "web": {}}
    assert changes(services=services) == ["service api was edited", "service db was removed", "service web was added"]


def test_a_network_counts_as_well():
    assert changes(networks={"default": {"name": "shop_default", "internal": True}}) == ["network default was edited"]


def test_a_fingerprint_holds_no_value():
    assert "hunter2" not in str(fingerprint(CONFIG))
