# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import (
    redact_config,
    redact_environment,
    redact_options,
    redact_text,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.secrets import (
    hideable,
    mask_secrets,
    names_used,
    secrets_in,
)


@pytest.mark.parametrize(
    ("variable", "value", "found"),
    [
        ("API_KEY", "tr0ub4dor", {"tr0ub4dor"}),
        ("DATABASE_URL", "postgres://app:tr0ub4dor@db/shop", {"app:tr0ub4dor", "tr0ub4dor"}),
        ("DATABASE_URL", "postgres://app:tr0ub%40dor@db/shop", {"app:tr0ub%40dor", "tr0ub%40dor", "app:tr0ub@dor", "tr0ub@dor"}),
        ("AUTH_HEADER", "x", set()),
        ("DB_PASSWORD", "123456789", set()),
        ("DB_HOST", "db", set()),
        ("SLACK_WEBHOOK", "https://hooks.invalid/services/T0CanaryB1", {"T0CanaryB1"}),
        ("SIGNING_KEY", "-----BEGIN\nMIIEvQIBADAN\n-----END", {"-----BEGIN\nMIIEvQIBADAN\n-----END", "MIIEvQIBADAN", "-----BEGIN", "-----END"}),
    ],
)
def test_what_redaction_takes_out_is_known_as_a_secret(variable, value, found):
    raw = {variable: value}
    assert secrets_in(raw, redact_environment(raw)) == found


def test_secrets_are_found_in_a_whole_configuration_and_in_options():
    config = {"services": {"db": {"command": ["serve", "--password", "tr0ub4dor"], "environment": {"A_TOKEN": "c0rrectH0rse"}}}}
    assert secrets_in(config, redact_config(config)) == {"tr0ub4dor", "c0rrectH0rse"}
    options = {"checks": [{"url": "http://me:batteryStaple@h/", "headers": {"Authorization": "Bearer abcDEF123456"}}]}
    assert {"batteryStaple", "abcDEF123456"} <= secrets_in(options, redact_options(options))


def test_a_secret_is_masked_where_nothing_tells_what_it_is():
    line = "login failed for tr0ub4dor (tr0ub4dor-2)"
    assert redact_text(line) == line
    assert mask_secrets(line, {"tr0ub4dor", "tr0ub4dor-2"}) == "login failed for *** (***)"


def test_a_password_that_names_something_here_stays_readable():
    aliases = {"default": {"aliases": ["warehouse"]}}
    config = {"services": {"postgres": {"image": "registry/frontend:1", "networks": aliases}}, "networks": {"backbone": None}}
    secrets = {"postgres", "frontend", "backbone", "warehouse", "protocol", "reconnect_endpoints", "docker", "tr0ub4dor"}
    assert hideable(secrets, names_used(config)) == {"tr0ub4dor"}
