# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference project with hostile text wherever Compose and the engine admit it, and a canary in each secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = os.environ.get("LAB_PROJECT", "netfix-sec")
PORT = int(os.environ.get("LAB_GATEWAY_PORT", "18671"))
SUBNET = os.environ.get("LAB_SUBNET", "10.231.71.0/24")
GATEWAY = f"http://127.0.0.1:{PORT}"
# a shell, a template, a terminal, a browser, a Markdown table, a path: each would take something of it for its own
TEMPLATE, RENDERED = "{{ 70007*70001 }}", str(70007 * 70001)
HOSTILE = f"$(touch PWNED) `touch PWNED` {TEMPLATE} {{% raw %}} \x1b[31mred \u202e <script>alert(1)</script> a|b ]]> ../../x"
FOLDER_NAME = f"it's \"a\" $(touch PWNED) {TEMPLATE} <b>"
# says what is in a file, and stays
SAY = "import time\nprint(open('/srv/app/said').read(), flush=True)\ntime.sleep(10000)\n"


class Canaries(dict):
    """One secret for each place, made when it is first asked for."""

    def __missing__(self, place):
        self[place] = f"Canary7{len(self)}x{place.title().replace('_', '')}Q9"
        return self[place]


def escaped(value):
    """The value as a Compose file writes it, where a dollar begins a variable."""
    if isinstance(value, dict):
        return {key: escaped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [escaped(one) for one in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


class Shop:
    """One copy of the project below a folder; ``canaries`` by the place where they lie."""

    def __init__(self, folder):
        self.work = folder / "work"
        self.folder = self.work / FOLDER_NAME
        self.state = folder / "state"
        self.canaries = Canaries()

    def configuration(self):
        """What compose.yml says. The gateway calls a port on which nobody listens."""
        secret = self.canaries
        part = {
            "image": "netfix-lab:latest", "pull_policy": "never", "init": True, "stop_grace_period": "1s",
            "volumes": ["./app:/srv/app:ro"],
        }  # fmt: skip
        user = f"shop:{secret['userinfo']}@"
        gateway = {
            **part,
            "command": ["python3", "/srv/app/gateway.py"],
            "environment": {
                "ROUTES": f"/users=http://{user}users:8080,/orders=http://orders:8000",
                "HOSTILE": HOSTILE,
                "HOSTILE_URL": f"http://orders:8000/{HOSTILE}",
                "API_KEY": secret["variable"],
                "DB_PASSWORD": f"{secret['dollar']}$x'y",
                "WEBHOOK_URL": f"https://hooks.invalid/{secret['webhook_path']}",
            },
            "ports": [f"127.0.0.1:{PORT}:8080"],
        }
        users = {
            **part,
            "command": ["python3", "/srv/app/backend.py", "--password", secret["argument"], f"--api-token={secret['flag']}"],
            "environment": {"NAME": "users"},
            "env_file": ["secret.env"],
            "labels": {"shop.auth.token": secret["label"], "shop.hostile": HOSTILE},
            "healthcheck": {
                "test": ["CMD", "python3", "-c", "pass", f"--password={secret['healthcheck']}"], "interval": "1s",
            },
            "networks": {"default": {"aliases": ["people", "a$(touch PWNED)", TEMPLATE, "<script>alert(1)</script>"]}},
        }  # fmt: skip
        orders = {
            **part,
            "build": {"context": ".", "args": {"BUILD_TOKEN": secret["build_argument"]}},
            "command": ["python3", "/srv/app/backend.py"],
            "environment": {"NAME": "orders"},
        }
        edge = {
            **part,
            "command": ["python3", "/srv/app/say.py"],
            "environment": {"LOCUST_WEB_PASSWORD": secret["locust"]},
            "volumes": ["./app:/srv/app:ro", "./edge.conf:/etc/nginx/conf.d/default.conf:ro", "./app.yml:/etc/app/app.yml:ro"],
        }
        return {
            "services": {"gateway": gateway, "users": users, "orders": orders, "edge": edge},
            "networks": {
                "default": {"ipam": {"config": [{"subnet": SUBNET}]}, "labels": {"net.password": secret["network_label"]}}
            },
        }

    def write(self):
        """All files of the project."""
        secret = self.canaries
        self.folder.mkdir(parents=True)
        shutil.copytree(ROOT / "lab" / "reference" / "app", self.folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "app" / "say.py").write_text(SAY)
        (self.folder / "app" / "said").write_text(
            f"ERROR getaddrinfo ENOTFOUND users {HOSTILE}\n"
            f"ERROR connect ECONNREFUSED http://shop:{secret['userinfo']}@users:8080/ with {secret['variable']}\n"
            f"ERROR getaddrinfo ENOTFOUND users: login failed with {secret['env_file']}\n"
        )
        (self.folder / "compose.yml").write_text(yaml.safe_dump(escaped(self.configuration())))
        (self.folder / "secret.env").write_text(f"SESSION_SECRET={secret['env_file']}\n")
        (self.folder / ".env").write_text(f"UNUSED_TOKEN={secret['dot_env']}\n")
        (self.folder / "edge.conf").write_text(
            "server { listen 80; location / {\n"
            f"  proxy_set_header Authorization 'Basic {secret['nginx_header']}';\n"
            f"  proxy_pass http://proxy:{secret['nginx_url']}@users:8080/;\n}} }}\n"
        )
        (self.folder / "app.yml").write_text(
            f"database:\n  url: postgres://app:{secret['mounted_url']}@users:8080/db\n  password: {secret['mounted']}\n"
        )

    def compose(self, *words):
        """One command of Compose."""
        line = ["docker", "compose", "--project-directory", str(self.folder), "-p", PROJECT, *words]
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def up(self):
        """The broken project, as it always begins."""
        for name in ("compose.netfix.yml", "compose.netfix.yml.new"):
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        self.compose("up", "-d")

    def down(self):
        """Nothing of it is left."""
        subprocess.run(
            ["docker", "compose", "-p", PROJECT, "down", "--timeout", "2"], cwd="/", capture_output=True, check=False
        )

    def variables(self):
        """What the operator says; !unsafe is how he says that a text is none of his templates."""
        secret = self.canaries
        return {
            "netfix_project_name": PROJECT,
            "netfix_state_dir": str(self.state),
            "netfix_checks": [
                {"name": f"users {HOSTILE}", "url": f"{GATEWAY}/users/1?token={secret['check_query']}"},
                {
                    "name": "orders",
                    "url": f"http://me:{secret['check_userinfo']}@127.0.0.1:{PORT}/orders/1",
                    "headers": {"Authorization": f"Bearer {secret['check_header']}", "X-Api-Key": secret["check_key"]},
                    "json": {"password": secret["check_json"]},
                },
            ],
            "netfix_routes": [
                {"gateway": "gateway", "variable": "ROUTES", "prefix": "/users", "service": "users", "port": 8000},
                {"gateway": "gateway", "variable": "ROUTES", "prefix": "/orders", "service": "orders", "port": 8000},
            ],
        }

    def play(self, playbook, *words, **more):
        """Run a playbook as an operator does who wants to see everything; exit code and all that was printed."""
        said = self.work / "netfix.json"
        said.write_text(json.dumps(_unsafe({**self.variables(), **more})))
        path = playbook if isinstance(playbook, Path) else ROOT / "playbooks" / f"{playbook}.yml"
        program = Path(sys.executable).with_name("ansible-playbook")
        line = [program, path, "-e", f"@{said}", *words]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DISPLAY_OK_HOSTS": "1"}
        done = subprocess.run(
            line, cwd=self.work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        said.unlink()
        return done.returncode, done.stdout + done.stderr


def _unsafe(value):
    """The value in the JSON form of Ansible's !unsafe."""
    if isinstance(value, dict):
        return {key: _unsafe(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_unsafe(one) for one in value]
    return {"__ansible_unsafe": value} if isinstance(value, str) else value
