# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.daemon import parse_config, parse_flags


@pytest.mark.parametrize(
    "line, settings",
    [
        ("--iptables=false --icc=false", {"iptables": "false", "icc": "false"}),
        ("--live-restore -H unix:///x", {"live-restore": "true"}),
        ("-H fd:// --containerd=/run/containerd/containerd.sock", {}),
        ("--data-root /srv/docker --userland-proxy=false", {"data-root": "/srv/docker", "userland-proxy": "false"}),
        ("--config-file /etc/other.json", {"config-file": "/etc/other.json"}),
        ("--live-restore", {"live-restore": "true"}),
    ],
)
def test_settings_of_a_command_line(line, settings):
    assert dict(parse_flags(line.split())) == settings


@pytest.mark.parametrize(
    "text, settings",
    [
        ('{"iptables": false, "data-root": "/srv/Docker"}', {"iptables": "false", "data-root": "/srv/Docker"}),
        ('{"registry-mirrors": ["https://user:secret@mirror"], "live-restore": true}', {"live-restore": "true"}),
        ("[]", {}),
        ("{iptables", {}),
        (None, {}),
    ],
    ids=["chosen", "nothing else is kept", "no object", "no JSON", "no file"],
)
def test_settings_of_a_configuration_file(text, settings):
    assert parse_config(text) == settings
