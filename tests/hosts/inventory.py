# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several managed hosts, each with an engine and the reference project of its own, and the inventory that names them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PREFIX = os.environ.get("LAB_PROJECT", "netfix-hosts")
IMAGE, PART = "netfix-managed:latest", "netfix-part:latest"
PROJECT, FOLDER = "shop", "/srv/lab"
# a host of its own process, and one that systemd runs
PLAIN, SYSTEMD = (), ("--tmpfs", "/run", "--tmpfs", "/tmp", "--entrypoint", "/sbin/init")
SERVERS = {
    PLAIN: "/usr/sbin/sshd; nested-host start",
    # it starts both by itself, the SSH server in vain without its keys
    SYSTEMD: "timeout 60 sh -c 'until docker version; do sleep 0.2; done' >/dev/null 2>&1; systemctl reset-failed; systemctl start ssh",
}
# nobody listens there
UNREACHABLE = {"ansible_host": "127.0.0.1", "ansible_port": 1}
RECAP = re.compile(r"^(\S+)\s+: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


def run(*words, given=None, check=True):
    """Standard output of a command; AssertionError with what it said where it fails."""
    done = subprocess.run([str(w) for w in words], input=given, capture_output=True, check=False)
    assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


class Host:
    """One managed host, with a fault planted or none. ``runs`` is what keeps it going."""

    def __init__(self, name, fault, runs=PLAIN):
        self.name, self.fault, self.runs, self.container = name, fault, runs, f"{PREFIX}-{name}"

    def shell(self, script, given=None):
        """What a root shell on the host prints."""
        return run("docker", "exec", "-i", "-e", "LAB_STACK=reference", self.container, "sh", "-euc", script, given=given).decode()

    def lab(self, action):
        """One action of scripts/lab with the host's project and fault."""
        return self.shell(f"/netfix/scripts/lab {action} {FOLDER} {PROJECT} {self.fault}")

    def start(self, public_key, image):
        """Bring up the host, its engine, its SSH server and its project."""
        run(
            "docker", "run", "-d", "--name", self.container, "--hostname", self.name, "--privileged", "--network", PREFIX,
            "-v", f"{ROOT}:/netfix:ro", *self.runs, IMAGE,
        )  # fmt: skip
        self.shell(f"cat >/etc/ssh/accepted; ssh-keygen -q -A; {SERVERS[self.runs]}", public_key)
        self.shell(f"docker load -q >/dev/null; docker tag {PART} netfix-lab:latest", image)
        self.lab("up")
        self.lab("symptom" if self.fault else "healthy")

    def address(self):
        """Where the machine reaches it."""
        line = ("docker", "inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{PREFIX}").IPAddress}}}}')
        return run(*line, self.container).decode().strip()


class Inventory:
    """The hosts, and how Ansible is told of them. Everything it needs lies in ``folder``."""

    def __init__(self, folder, faults, runs=PLAIN):
        self.folder = folder
        self.hosts = {name: Host(name, fault, runs) for name, fault in faults.items()}
        self.file, self.key, self.known = folder / "hosts.yml", folder / "key", folder / "known_hosts"

    def start(self):
        """Bring all hosts up, at once."""
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        # no way out of it: what a test breaks stays there
        run("docker", "network", "create", "--internal", PREFIX)
        public_key, image = self.key.with_suffix(".pub").read_bytes(), run("docker", "save", PART)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: host.start(public_key, image), self.hosts.values()))
        addresses = {name: host.address() for name, host in self.hosts.items()}
        keys = {name: host.shell("cat /etc/ssh/ssh_host_ed25519_key.pub") for name, host in self.hosts.items()}
        self.known.write_text("".join(f"{addresses[name]} {key}" for name, key in keys.items()))
        told = {name: {"ansible_host": address} for name, address in addresses.items()}
        common = {
            "ansible_user": "admin",
            "ansible_become": True,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known} -o IdentitiesOnly=yes",
            "netfix_project_src": FOLDER,
            "netfix_validate_load": False,
        }
        shops = {"hosts": {"lost": UNREACHABLE, **told}, "vars": common}
        self.file.write_text(yaml.safe_dump({"all": {"children": {"shops": shops}}}, sort_keys=False))

    def stop(self):
        """Remove them all."""
        for host in self.hosts.values():
            run("docker", "rm", "-f", "-v", host.container, check=False)
        run("docker", "network", "rm", PREFIX, check=False)

    def play(self, playbook, *words, **variables):
        """Run a playbook of ours, or the file of that path, on the inventory."""
        line, place = self._line(playbook, *words, **variables)
        done = subprocess.run(line, **place, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return Played(done, self.folder)

    def begin(self, playbook, said, *words, **variables):
        """The same as a process, with all that it starts in a group of its own; it tells the open file ``said``."""
        line, place = self._line(playbook, *words, **variables)
        return subprocess.Popen(line, **place, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)

    def _line(self, playbook, *words, **variables):
        path = playbook if isinstance(playbook, Path) else ROOT / "playbooks" / f"{playbook}.yml"
        program = Path(sys.executable).with_name("ansible-playbook")
        options = {"lab_gateway_port": 18000, **variables}
        line = [program, "-i", self.file, path, "-e", f"@{ROOT}/lab/reference/netfix.yml", "-e", json.dumps(options), *words]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_PIPELINING": "true",
        }
        return line, {"cwd": self.folder, "env": environment}


class Played:
    """A run of a playbook: its exit code, what it said, and what its recap and its journals tell."""

    def __init__(self, done, folder):
        self.code, self.said = done.returncode, done.stdout + done.stderr
        self.words = " ".join(self.said.split())
        self.recap = {name: tuple(map(int, counts)) for name, *counts in RECAP.findall(done.stdout)}
        self.journals = sorted(folder.glob("netfix-report/*/journal.json"), key=os.path.getmtime)

    @property
    def journal(self):
        """The newest journal."""
        return json.loads(self.journals[-1].read_text())

    @property
    def status(self):
        """Each host's status in it."""
        return {host["host"]: host["status"] for host in self.journal["hosts"]}

    @property
    def changed(self):
        """The number of changed tasks of each host."""
        return {name: counts[0] for name, counts in self.recap.items()}

    def host(self, name):
        """A host's part of the newest journal."""
        return next(host for host in self.journal["hosts"] if host["host"] == name)
