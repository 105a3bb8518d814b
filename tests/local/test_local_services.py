# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small projects of one image without a running container: what the module promises, one by one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from local.project import eventually, lives, processes_with

pytestmark = pytest.mark.docker

# answers with what it asks of the peer that its path names; both listen on the same port
SERVER = """\
import http.server, os, urllib.request
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "ask":
            text = urllib.request.urlopen(f"http://{rest}/who", timeout=10).read()
        elif kind == "write":
            open("/" + rest, "a").write("written"); text = b"written"
        elif kind == "read":
            text = open("/" + rest, "rb").read()
        else:
            text = os.environ["NAME"].encode()
        self.send_response(200); self.end_headers(); self.wfile.write(text)
    def log_message(self, *words): print("asked", self.path, flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Answer).serve_forever()
"""
# the head of a 64-bit program for the Motorola 68000, which no such host has; see elf(5)
FOREIGN = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x04\x00" + bytes(44)
COMPOSE = """\
x-part: &part
  image: netfix-part:latest
  pull_policy: never
  command: [python3, /srv/server.py]
  stop_grace_period: 2s
services:
  front:
    <<: *part
    environment: {{NAME: front}}
    volumes: ["./server.py:/srv/server.py:ro", "./files:/files", "data:/data"]
    ports: ["127.0.0.1:{port}:8000"]
    depends_on: {{back_service: {{condition: service_healthy}}, lost: {{condition: service_started}}}}
  back_service:
    <<: *part
    environment: {{NAME: back}}
    volumes: ["./server.py:/srv/server.py:ro"]
    healthcheck:
      test: [CMD, python3, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/')"]
      interval: 2s
  lost:
    image: netfix-no-such-image:1
    command: [serve]
  broken:
    <<: *part
    command: [no-such-program]
  foreign:
    <<: *part
    command: [/srv/foreign]
    volumes: ["./foreign:/srv/foreign:ro"]
volumes:
  data: {{name: "{volume}"}}
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def shop(project):
    project.port = free_port()
    project.volume = f"{project.name}-data"
    (project.folder / "server.py").write_text(SERVER)
    (project.folder / "files").mkdir()
    (project.folder / "files" / "operators").write_text("as it was")
    program = project.folder / "foreign"
    program.write_bytes(FOREIGN)
    program.chmod(0o755)
    project.write(COMPOSE.format(port=project.port, volume=project.volume))
    return project


def get(url, path):
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def test_what_can_run_runs_and_the_rest_is_named_with_the_reason(shop):
    result = shop.module(check=True)
    assert result["changed"] and [s["status"] for s in result["services"]] == ["planned", "planned"]
    assert not shop.state_dir.exists()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", shop.port))
        taken.listen()
        result = shop.module()
    assert {s["name"]: s["status"] for s in result["services"]} == {"front": "running", "back_service": "healthy"}
    reasons = {r["service"]: r["reason"] for r in result["refused"]}
    assert "netfix-no-such-image:1" in reasons["lost"] and "docker save" in reasons["lost"]
    assert "no-such-program" in reasons["broken"] and "build it anew" in reasons["broken"]
    assert "/srv/foreign is a program for another architecture" in reasons["foreign"]
    front = shop.service(result, "front")
    assert front["ports"][0]["wanted"] == shop.port and front["ports"][0]["port"] != shop.port

    # names are as in the project, on the port that both use
    assert get(front["url"], "/ask/back_service:8000") == "back"
    assert get(front["url"], f"/ask/{shop.name}-back_service-1:8000") == "back"
    # what it writes is not the operator's
    get(front["url"], "/write/files/operators")
    assert get(front["url"], "/read/files/operators") == "as it waswritten"
    assert (shop.folder / "files" / "operators").read_text() == "as it was"
    # what it prints is in its log
    assert "asked /ask/back_service:8000" in (shop.state_dir / ".local" / shop.name / "logs" / "front.log").read_text()

    again = shop.module()
    assert not again["changed"] and again["services"] == result["services"]

    assert shop.module(state="absent")["changed"]
    assert shop.left() == [] and not any(lives(s["pid"]) for s in result["services"])
    assert not shop.module(state="absent")["changed"]


def test_a_volume_is_copied_and_stays_as_it_was(shop):
    subprocess.run(["docker", "volume", "create", shop.volume], check=True, capture_output=True)
    try:
        found = subprocess.run(
            ["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", shop.volume],
            check=True,
            capture_output=True,
            text=True,
        )
        kept = os.path.join(found.stdout.strip(), "row")
        with open(kept, "w", encoding="utf-8") as file:
            file.write("one")
        front = shop.service(shop.module(), "front")
        assert get(front["url"], "/read/data/row") == "one"
        get(front["url"], "/write/data/row")
        assert get(front["url"], "/read/data/row") == "onewritten"
        with open(kept, encoding="utf-8") as file:
            assert file.read() == "one"
    finally:
        subprocess.run(["docker", "volume", "rm", "-f", shop.volume], check=True, capture_output=True)


def test_a_service_that_ended_starts_again_and_the_others_stay(shop):
    first = shop.module()
    front, back = (shop.service(first, name) for name in ("front", "back_service"))
    os.kill(front["pid"], signal.SIGKILL)
    eventually(lambda: not lives(front["pid"]), "the service ends")
    status = shop.state_dir / ".local" / shop.name / "status.json"
    eventually(lambda: "failed" in status.read_text(), "its end is noticed")
    second = shop.module()
    assert second["changed"] and shop.service(second, "back_service")["pid"] == back["pid"]
    assert get(shop.service(second, "front")["url"], "/ask/back_service:8000") == "back"


def test_what_the_configuration_changes_is_started_anew_and_the_rest_stays(shop):
    first = shop.module()
    text = (shop.folder / "compose.yml").read_text()
    shop.write(text.replace("NAME: front", "NAME: other"))
    second = shop.module()
    assert second["changed"]
    assert shop.service(second, "back_service")["pid"] == shop.service(first, "back_service")["pid"]
    assert get(shop.service(second, "front")["url"], "/who") == "other"
    assert get(shop.service(second, "front")["url"], "/ask/back_service:8000") == "back"


def test_with_its_supervisor_every_service_ends_and_the_next_run_starts_them(shop):
    first = shop.module()
    who = json.loads((shop.state_dir / ".local" / shop.name / "supervisor.json").read_text())
    os.kill(who["pid"], signal.SIGKILL)
    eventually(lambda: not any(lives(s["pid"]) for s in first["services"]), "the services end")
    eventually(lambda: not processes_with(str(shop.state_dir)), "nothing of the supervisor is left")
    second = shop.module()
    assert second["changed"] and get(shop.service(second, "front")["url"], "/who") == "front"


def test_a_number_that_another_process_has_by_now_is_not_signalled(shop):
    """The supervisor is dead, and its number belongs to somebody else."""
    shop.module()
    path = shop.state_dir / ".local" / shop.name / "supervisor.json"
    who = json.loads(path.read_text())
    os.kill(who["pid"], signal.SIGKILL)
    eventually(lambda: not processes_with(str(shop.state_dir)), "the supervisor ends")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            path.write_text(json.dumps({**who, "pid": stranger.pid}))
            shop.module(state="absent")
            time.sleep(0.5)
            assert stranger.poll() is None and shop.left() == []
        finally:
            stranger.kill()


def test_a_service_that_ends_at_once_fails_the_module_with_its_last_words(project):
    project.write(
        "services:\n  job:\n    image: netfix-part:latest\n"
        "    command: [python3, -c, 'print(\"the disk is full\"); raise SystemExit(3)']\n"
    )
    result = project.module(fails=True)
    assert "job is failed: it ended with 3" in result["msg"] and "the disk is full" in result["msg"]


def test_a_job_that_ends_well_lets_others_start(project):
    project.write(
        "services:\n  job:\n    image: netfix-part:latest\n    command: [python3, -c, pass]\n"
        "  web:\n    image: netfix-part:latest\n    command: [python3, -m, http.server]\n"
        "    depends_on: {job: {condition: service_completed_successfully}}\n"
    )
    result = project.module()
    assert {s["name"]: s["status"] for s in result["services"]} == {"job": "completed", "web": "running"}
    assert result["healthy"] and not project.module()["changed"]
