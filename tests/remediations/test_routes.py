# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins and direct routes on the real engine: what is kept stays through the operator's own down and up, or is undone."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.pins import NETWORK
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import Attempts
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Limits, Transaction
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer

pytestmark = pytest.mark.docker
APP = Path(__file__).parents[2] / "lab" / "reference" / "app"
PROJECT = os.environ.get("LAB_PROJECT", "netfix-routes")
PORT = int(os.environ.get("LAB_GATEWAY_PORT", "18640"))
SUBNET = os.environ.get("LAB_SUBNET", "10.231.40.0/24")
OVERRIDE = "compose.netfix.yml"
PART = {"image": "netfix-lab:latest", "pull_policy": "never", "init": True, "stop_grace_period": "1s"}
# its own resolver does not read /etc/hosts, and asks again for every request
SITE = """\
server {
    listen 8080;
    # dollar signs must come through Compose as they are
    resolver 127.0.0.11 valid=1s;
    location /users { set $upstream users; proxy_pass http://$upstream:8000; }
    location /orders { proxy_pass http://orders:8000; }
}
"""
NGINX = "events {}\nhttp {\naccess_log /dev/stdout;\nerror_log /dev/stderr;\n%s}\n"
PYTHON = {"command": ["python3", "/srv/app/gateway.py"], "volumes": [f"{APP}:/srv/app:ro"]}
ROUTES = {"ROUTES": "/users=http://users:8000,/orders=http://orders:8000"}
GATEWAYS = {
    "environment": {**PYTHON, "environment": ROUTES},
    "stripping": {**PYTHON, "environment": {**ROUTES, "STRIP": "1"}},
    "file": {
        "command": ["nginx", "-c", "/etc/lab/nginx.conf", "-g", "daemon off;"],
        "volumes": ["./nginx.conf:/etc/lab/nginx.conf:ro"],
    },
    # the image has a site of its own below the mount
    "folder": {"command": ["nginx", "-g", "daemon off;"], "volumes": ["./sites:/etc/nginx/sites-enabled:ro"]},
}


def backend(name, **more):
    app = {"command": ["python3", "/srv/app/backend.py"], "volumes": [f"{APP}:/srv/app:ro"]}
    return {**PART, **app, "environment": {"NAME": name}, **more}


def answer(path, port=PORT):
    """The status of one request, 0 where none was answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as exc:
        return exc.code
    except OSError:
        return 0


def eventually(path, *statuses, times=1):
    """Waits until so many answers in a row have one of those statuses."""
    end = time.monotonic() + 20
    row = 0
    while row < times:
        found = answer(path)
        row = row + 1 if found in statuses else 0
        assert row or time.monotonic() < end, f"{path} answers {found}, not one of {statuses}"
        time.sleep(0.2)


class Shop:
    """A gateway and two services on a common network; ``users`` loses its name there."""

    def __init__(self, folder, state, gateway):
        self.folder, self.state_dir = folder, state
        (folder / "sites").mkdir(parents=True)
        (folder / "sites" / "shop.conf").write_text(SITE)
        (folder / "sites" / "status.conf").write_text("server { listen 8081; return 204; }\n")
        (folder / "nginx.conf").write_text(NGINX % SITE)
        services = {
            "gateway": {**PART, **GATEWAYS[gateway], "ports": [f"127.0.0.1:{PORT}:8080"]},
            "users": backend("users"),
            "orders": backend("orders", ports=[f"127.0.0.1:{PORT + 1}:8000"]),
        }
        services["gateway"]["depends_on"] = ["users", "orders"]
        default = {"ipam": {"config": [{"subnet": SUBNET}]}}
        (folder / "compose.yml").write_text(yaml.safe_dump({"services": services, "networks": {"default": default}}))

    def docker(self, *words):
        done = subprocess.run(["docker", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def compose(self, *words):
        files = ["-f", "compose.yml", *(["-f", OVERRIDE] if (self.folder / OVERRIDE).exists() else [])]
        return self.docker("compose", "-p", PROJECT, *files, *words)

    def break_it(self):
        self.compose("up", "-d")
        eventually("/users/1", 200)
        users, network = f"{PROJECT}-users-1", f"{PROJECT}_default"
        self.docker("network", "disconnect", network, users)
        self.docker("network", "connect", network, users)
        # nginx keeps what it resolved for a second
        eventually("/users/1", 502, 504, times=8)
        assert answer("/orders/1") == 200

    def transaction(self):
        checks = [{"name": n, "url": f"http://127.0.0.1:{PORT}/{n}/1"} for n in ("users", "orders")]
        gatherer = open_gatherer({"project_src": str(self.folder), "project_name": PROJECT, "checks": checks})
        attempts = Attempts(str(self.state_dir), PROJECT)
        return Transaction(gatherer, Executor(gatherer.engine, gatherer.compose), attempts, Limits(gate_timeout_s=4.0))

    def state(self):
        return self.transaction().executor.state()

    def containers(self):
        return self.docker("ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}").split()


@pytest.fixture
def shop(request, tmp_path):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Shop(tmp_path / "shop", tmp_path / "state", request.param)
    yield made
    made.compose("down", "-t", "0")
    shutil.rmtree(made.folder)


class Requests:
    """A steady probe of what nobody restarts; ``lost`` are the requests that were not answered."""

    def __init__(self, port):
        self.sent, self.lost, self._port, self._end = 0, 0, port, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._end.wait(0.005):
            self.sent += 1
            self.lost += answer("/orders/1", self._port) != 200

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._end.set()
        self._thread.join()


def assert_kept(shop, record):
    assert record["verdict"] == "kept", record["reason"]
    assert {"gateway", "users"} == set(record["restarts"])
    (checked,) = [c for c in record["direct_checks"] if c["provider"] == "users"]
    assert checked["tcp"] == "open" and checked["status"] == 404 and checked["container"] == f"{PROJECT}-users-1"
    assert answer("/users/1") == answer("/orders/1") == 200

    shop.compose("config", "-q")
    running = shop.containers()
    shop.compose("up", "-d")
    assert shop.containers() == running, "docker compose up -d changed something after the repair"
    shop.compose("down", "-t", "1")
    shop.compose("up", "-d")
    eventually("/users/1", 200)
    assert answer("/orders/1") == 200


@pytest.mark.parametrize(
    "shop, name",
    [
        ("environment", "static_hosts"),
        ("environment", "direct_routes"),
        ("file", "direct_routes"),
        ("folder", "direct_routes"),
    ],
    indirect=["shop"],
)
def test_a_kept_change_survives_the_operators_down_and_up_and_can_be_taken_back(shop, name):
    shop.break_it()
    before, files = shop.state(), {p: p.read_bytes() for p in shop.folder.rglob("*") if p.is_file()}
    with Requests(PORT + 1) as steady:
        record = shop.transaction().attempt(name, "run", 1, forced=True)
    assert steady.sent > 20 and steady.lost == 0, (
        f"{steady.lost} of {steady.sent} requests to an untouched service lost"
    )
    assert_kept(shop, record)
    assert {p: p.read_bytes() for p in files} == files

    # down and up have made every container anew
    shop.transaction().roll_back("run")
    assert [str(d) for d in differences(before, shop.state()) if not d.dynamic] == []
    assert not (shop.folder / OVERRIDE).exists()
    assert shop.docker("network", "ls", "-q", "--filter", f"name={PROJECT}_{NETWORK}") == ""
    eventually("/users/1", 502, 504)


@pytest.mark.parametrize("shop", ["stripping"], indirect=True)
def test_pins_cannot_mend_a_gateway_that_asks_for_the_wrong_path_and_are_undone(shop):
    shop.compose("up", "-d")
    eventually("/users/1", 404)
    before = shop.state()
    record = shop.transaction().attempt("static_hosts", "run", 1, forced=True)
    assert record["verdict"] == "undone" and record["undo"]["verified"], record["reason"]
    assert "did not mend protocol.gateway_prefix_stripped_404" in record["reason"]
    assert [str(d) for d in differences(before, shop.state()) if not d.dynamic] == []
    eventually("/users/1", 404)
