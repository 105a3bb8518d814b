# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One load from several machines: a master and two workers, reached by SSH, and the server that they ask."""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hosts.inventory import IMAGE, PREFIX, ROOT, Host, Inventory, run

pytestmark = pytest.mark.docker
NETWORK = f"{PREFIX}-load"
NAMES = ("master", "first", "second")
WORKERS = NAMES[1:]
LOCUST = f"{sys.prefix}/bin/locust"
RESULTS = "/tmp/load"
USER = """\
import os, socket
from locust import HttpUser, constant, task

class User(HttpUser):
    wait_time = constant(0.05)
    asked = 0

    @task
    def one(self):
        User.asked += 1
        if User.asked == 20 and socket.gethostname() == os.environ.get("DIES"):
            os._exit(1)
        self.client.get("/" + socket.gethostname())
"""
PLAY = """\
- name: Load
  hosts: master
  gather_facts: false
  tasks:
    - name: Put it under load
      block:
        - name: Load
          ansible.builtin.include_role:
            name: vertice.netfix.load_test
      always:
        - name: Keep the result
          ansible.builtin.copy:
            content: "{{ load_test_result | default({}) | to_json }}"
            dest: /tmp/result.json
            mode: "0644"
"""


class Machine(Host):
    """A host with Python and Locust of this machine, and no engine."""

    def __init__(self, name):
        super().__init__(name, "")
        self.container = f"{NETWORK}-{name}"

    def start(self, public_key, image=None):
        """Bring it up with its SSH server."""
        folders = dict.fromkeys((sys.prefix, sys.base_prefix))
        mounts = [word for folder in folders for word in ("-v", f"{folder}:{folder}:ro")]
        line = ("docker", "run", "-d", "--name", self.container, "--hostname", self.name, "--network", NETWORK, "--init", *mounts)
        run(*line, "--entrypoint", "sleep", IMAGE, "infinity")
        # Locust runs as the user of the play
        self.shell("cat >/etc/ssh/accepted; ssh-keygen -q -A; chmod a+rx /root; /usr/sbin/sshd", public_key)

    def address(self):
        """Where the others reach it."""
        return run("docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.container).decode().strip()

    def left(self):
        """What of a load is still there."""
        return self.shell("pgrep -fa '[l]ocust' || :; ls -d /tmp/netfix-worker-* 2>/dev/null || :")


class Machines(Inventory):
    """The three of them."""

    def __init__(self, folder):
        super().__init__(folder, {})
        self.hosts = {name: Machine(name) for name in NAMES}

    def start(self):
        """Bring all of them up, and the server."""
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        run("docker", "network", "create", "--internal", NETWORK)
        public_key = self.key.with_suffix(".pub").read_bytes()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: host.start(public_key), self.hosts.values()))
        told = {name: {"ansible_host": host.address()} for name, host in self.hosts.items()}
        keys = {name: host.shell("cat /etc/ssh/ssh_host_ed25519_key.pub") for name, host in self.hosts.items()}
        self.known.write_text("".join(f"{told[name]['ansible_host']} {key}" for name, key in keys.items()))
        common = {
            "ansible_user": "admin",
            "ansible_become": True,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known} -o IdentitiesOnly=yes",
        }
        workers = {"load_workers": {"hosts": {name: {} for name in WORKERS}}}
        self.file.write_text(yaml.safe_dump({"all": {"hosts": told, "vars": common, "children": workers}}, sort_keys=False))
        (self.folder / "load.yml").write_text(PLAY)
        server = (ROOT / "tests" / "adapters" / "server.py").read_bytes()
        master = self.hosts["master"]
        master.shell("cat >/tmp/server.py", server)
        master.shell("nohup python3 /tmp/server.py 0.0.0.0 >/tmp/port 2>&1 </dev/null & until [ -s /tmp/port ]; do sleep 0.1; done")
        master.shell("cat >/tmp/locustfile.py", USER.encode())
        self.url = f"http://{master.address()}:{master.shell('cat /tmp/port').strip()}"

    def stop(self):
        """Remove them all."""
        for host in self.hosts.values():
            run("docker", "rm", "-f", "-v", host.container, check=False)
        run("docker", "network", "rm", NETWORK, check=False)

    def load(self, **options):
        """A load from the two workers; what was played, and the module's result."""
        given = {
            "load_test_host": self.url,
            "load_test_locustfile": "/tmp/locustfile.py",
            "load_test_users": 4,
            "load_test_spawn_rate": 4,
            "load_test_run_time": 4,
            "load_test_locust": LOCUST,
            "load_test_results": RESULTS,
            "load_test_workers": "load_workers",
            # how well this machine keeps up is not what is tested
            "load_test_late_limit": 60000,
            **options,
        }
        played = self.play(self.folder / "load.yml", **given)
        assert {name: host.left() for name, host in self.hosts.items()} == dict.fromkeys(NAMES, ""), played.said
        return played, json.loads(self.hosts["master"].shell("cat /tmp/result.json"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    if not shutil.which("ssh-keygen") or not Path(LOCUST).exists():
        pytest.skip("needs an SSH client and Locust")
    if sys.base_prefix == "/usr":
        pytest.skip("needs a Python that can be mounted into a container without covering the container's own")
    made = Machines(tmp_path_factory.mktemp("load"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_samples_of_all_workers_are_one_run_and_the_next_run_has_them_again(machines):
    played, result = machines.load(load_test_repeats=2, load_test_arrival_rate=20)
    assert played.code == 0 and len(result["runs"]) == 2, played.said
    for run_told in result["runs"]:
        # each of them asks for a path of its own
        assert set(run_told["endpoints"]) == {"GET /first", "GET /second"}, result
        counts = [run_told["endpoints"][name]["requests"] for name in run_told["endpoints"]]
        assert all(counts) and sum(counts) == run_told["whole"]["requests"] and run_told["whole"]["failures"] == 0
    kept = machines.hosts["master"].shell(f"ls {RESULTS} {RESULTS}/run-2")
    assert "samples-1.bin" in kept and "histograms.json" in kept and "progress\n" not in kept.partition(f"{RESULTS}/run-2")[0]


def test_a_worker_that_dies_spoils_the_run_and_nothing_is_left(machines):
    played, result = machines.load(load_test_environment={"DIES": "second"}, load_test_processes=2)
    assert played.code == 2 and "was lost in run 1" in result["msg"], played.said
