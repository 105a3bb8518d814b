# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that systemd runs takes back by itself what nobody confirmed, in a unit that no login and no controller holds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import pytest
from hosts.inventory import PROJECT, SYSTEMD, Inventory

pytestmark = pytest.mark.docker
NAME, FAULT = "lagos", "links_to_other_network"
STATE = f"/var/lib/netfix/{PROJECT}"
CONFIRM_S = 20
HELD = f"""\
- name: A change that is never confirmed
  hosts: {NAME}
  gather_facts: false
  tasks:
    - name: Mend
      vertice.netfix.remediation:
        name: reconnect_endpoints
        project_src: /srv/lab
        run_id: cut-off
        confirm_timeout: {CONFIRM_S}

    - name: Hang
      ansible.builtin.pause:
        seconds: 600
"""


@pytest.fixture
def inventory(tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("needs an SSH client")
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        # they outlive it, and with them the engine hears of no OOM kill any more
        pytest.skip("needs cgroup v2: systemd in a container mounts further hierarchies of version 1 on this host")
    made = Inventory(tmp_path, {NAME: FAULT}, SYSTEMD)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def eventually(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


def attempt(host):
    """The attempt of the run that hangs, as the host keeps it; nothing before there is one."""
    text = host.shell(f"cat {STATE}/cut-off-*.json 2>/dev/null || :")
    return json.loads(text) if text else {}


def test_systemd_undoes_it_when_the_controller_is_dead_and_the_next_run_tells_of_it(inventory, tmp_path):
    host = inventory.hosts[NAME]
    own = tmp_path / "held.yml"
    own.write_text(HELD)
    with open(tmp_path / "said", "wb") as said:
        controller = inventory.begin(own, said)
    try:
        eventually(lambda: attempt(host).get("phase") == "awaiting" or controller.poll() is not None)
    finally:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()
    timer = attempt(host)["confirm"]["timer"]
    assert timer.startswith("systemd unit netfix-"), timer
    unit = timer.rpartition(" ")[2]
    shown = host.shell(f"systemctl show -p ActiveState -p ControlGroup {unit}")
    assert f"/system.slice/{unit}.service" in shown and "ActiveState=active" in shown
    # whoever was logged in is not any more
    host.shell("pkill -KILL -u admin || :")
    eventually(lambda: attempt(host)["phase"] == "undone")
    found = attempt(host)
    assert found["undo"]["verified"] and found["reason"].startswith("undone by the timer on this host")
    host.lab("symptom")
    eventually(lambda: host.shell(f"systemctl list-units --all --no-legend '{unit}*'; ls -d {STATE}/timer-* 2>/dev/null || :") == "")
    mended = inventory.play("fix_network", "--limit", NAME)
    assert mended.code == 0 and mended.status == {NAME: "mended"}, mended.said
    assert "undone since an earlier run: cut-off-01-reconnect_endpoints" in mended.words
