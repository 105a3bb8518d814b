# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every remediation on a fault that it mends, in the small reference project."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from deaths.picture import docker
from faults.reference import GATEWAY, PROJECT, fault

NETWORK = f"{PROJECT}_default"
USERS = f"{PROJECT}-users-1"
# what a recreation must not lose: a named volume, and one that only its container knows
DATA = """\
services:
  users: {volumes: ["data:/srv/data", "/srv/scratch"]}
  gateway: {volumes: ["/srv/scratch"]}
volumes: {data: {}}
"""


@dataclass(frozen=True)
class Case:
    """``fault`` is one of the lab's, or what plants one of lab/stack's here.

    With ``once`` a restart mends it for good, and nothing brings it back. By default only those that are ``thorough``
    die before every change; the others go the same ways.
    """

    remediation: str
    fault: object
    forced: bool = False
    once: bool = False
    thorough: bool = False

    def __str__(self):
        return f"{self.remediation}-{getattr(self.fault, '__name__', self.fault)}"

    @property
    def attempt(self):
        """The module's options."""
        return {"name": self.remediation, "run_id": "run", "unlocked_only": not self.forced}

    def plant(self, lab):
        """The project, broken."""
        if isinstance(self.fault, str):
            lab.run("up", self.fault)
            assert self.shows()
            return
        lab.run("up")
        (lab.folder / "compose.override.yml").write_text(DATA)
        docker("compose", "--project-directory", str(lab.folder), "up", "-d")
        self.fault()
        assert self.shows()

    def shows(self, seconds=5):
        """Whether a user sees it."""
        told = (
            fault(self.fault)["symptom_request"]
            if isinstance(self.fault, str)
            else {"path": "/users/1", "expect_status": [502]}
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if status(told["path"]) in told["expect_status"]:
                return True
            time.sleep(0.1)
        return False


def status(path):
    """What the gateway answers."""
    try:
        with urllib.request.urlopen(GATEWAY + path, timeout=8) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def nameless():
    """As in reconnected_without_alias."""
    docker("network", "disconnect", NETWORK, USERS)
    docker("network", "connect", NETWORK, USERS)


def stopped():
    """As in dependency_exited."""
    docker("stop", "--time", "2", USERS)


def rebuilt_naively():
    """As in network_rebuilt_naively."""
    subnet = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", NETWORK)
    members = sorted(docker("ps", "-q", "--filter", f"network={NETWORK}").split())
    for container in members:
        docker("network", "disconnect", NETWORK, container)
    docker("network", "rm", NETWORK)
    docker("network", "create", "--subnet", subnet.replace("/24", "/25"), NETWORK)
    for container in members:
        docker("network", "connect", NETWORK, container)


STARTING = Case("wait_until_ready", "slow_start_race", once=True)
CASES = (
    Case("reconnect_endpoints", nameless, thorough=True),
    Case("reconnect_endpoints", "links_to_other_network"),
    Case("refresh_upstreams", "stale_ip_gateway_cache_python", once=True),
    Case("start_providers", stopped),
    Case("detach_intruders", "orphan_holds_alias"),
    Case("restore_resolver", "nsswitch_without_dns"),
    Case("correct_upstreams", "wrong_port", thorough=True),
    Case("static_hosts", nameless, forced=True),
    Case("direct_routes", nameless, forced=True),
    Case("rebuild_network", rebuilt_naively, thorough=True),
)
