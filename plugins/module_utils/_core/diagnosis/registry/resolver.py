# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 2, the resolver: kinds of findings about who is asked for names."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "resolver.resolv_conf_bind_mounted",
        "A mounted resolv.conf bypasses Docker's DNS",
        "The container resolves names with a resolv.conf mounted from outside. The embedded DNS at 127.0.0.11 knows "
        "the service, but is never asked.",
        confirm="docker exec <consumer> cat /etc/resolv.conf",
        remediations=("restore_resolver",),
        fault="resolv_conf_bind_mounted",
        references=(
            "https://github.com/bubuntux/nordvpn/issues/267",
            "https://github.com/tailscale/tailscale/issues/18600",
        ),
    ),
    Kind(
        "resolver.bypassed",
        "The container does not ask Docker's DNS",
        "The embedded DNS knows the service, but the container's own resolver configuration (resolv.conf, "
        "nsswitch.conf) asks somebody else.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="Find what rewrites the file at start (entrypoint, VPN or DHCP hook) and remove it.",
    ),
)
