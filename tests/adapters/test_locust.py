# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Locust against a small server of our own on loopback, which can be told to hang."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import (
    Load,
    locust_version,
    read_parts,
    run_load,
)

LOCUST = shutil.which("locust") or os.path.join(os.path.dirname(sys.executable), "locust")
pytestmark = pytest.mark.skipif(not os.path.exists(LOCUST), reason="needs Locust")
ROOT = Path(__file__).parents[2]
USER = """\
from locust import HttpUser, constant, task

class User(HttpUser):
    wait_time = constant(0.05)

    @task
    def one(self):
        self.client.get("/one")
"""


class Server:
    """A server in a process of its own, so that it can be stopped for a while as a process is."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("server.py")], stdout=subprocess.PIPE, text=True
        )
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def hang(self, begin, seconds):
        """Hang for a while, in a thread; the list gets from when to when."""
        known = []

        def hang():
            time.sleep(begin)
            self.process.send_signal(signal.SIGSTOP)
            known.append(time.time())
            time.sleep(seconds)
            known.append(time.time())
            self.process.send_signal(signal.SIGCONT)

        threading.Thread(target=hang, daemon=True).start()
        return known

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def load(server, **options):
    given = {"users": 2, "spawn_rate": 2.0, "run_time_s": 2.0, "warm_up_s": 1.0, "executable": LOCUST, **options}
    if "locustfile" not in given and "endpoints" not in given:
        given["endpoints"] = ({"path": "/one"},)
    return Load(host=server if isinstance(server, str) else server.url, **given)


def nothing_runs(folder):
    """Whether no process was left that works in that folder."""
    found = [
        Path(f"/proc/{p}/cmdline").read_bytes()
        for p in os.listdir("/proc")
        if p.isdigit() and os.path.exists(f"/proc/{p}/cmdline")
    ]
    return not any(str(folder).encode() in line for line in found)


def run(load, folder, number=1, watch=lambda _progress: False):
    try:
        return run_load(load, str(folder), number, watch)
    finally:
        assert nothing_runs(folder)


def test_a_run_keeps_what_locust_and_we_tell_of_it(server, tmp_path):
    (tmp_path / "locustfile.py").write_text(USER)
    seen = []
    told = run(load(server, locustfile=str(tmp_path / "locustfile.py")), tmp_path / "results", watch=seen.append)
    assert told.whole.requests and told.whole.failures == 0 and list(told.endpoints) == ["GET /one"]
    assert told.whole.schedule_ms is None and 0 < told.whole.latency_ms["p50"] < told.whole.latency_ms["max"]
    assert told.whole.rps == pytest.approx(told.whole.requests / told.seconds, rel=0.01) and seen[0].of_s == 3.0
    kept = tmp_path / "results" / "run-1"
    assert {"locust.html", "locust_stats.csv", "locust.json", "histograms.json"} <= set(os.listdir(kept))
    histogram = json.loads((kept / "histograms.json").read_text())["GET /one"]["latency"]
    assert sum(histogram.values()) == told.whole.requests
    locusts = json.loads((kept / "locust.json").read_text())
    assert sum(e["num_requests"] for e in locusts) >= told.whole.requests


def test_endpoints_are_asked_as_often_as_they_weigh_and_judged_by_their_statuses(server, tmp_path):
    told = run(
        load(
            server,
            endpoints=(
                {"path": "/one", "weight": 5},
                {"path": "/missing", "name": "expected", "statuses": [404]},
                {"path": "/missing", "name": "not expected"},
            ),
            arrival_rate=100.0,
            run_time_s=3.0,
        ),
        tmp_path,
    )
    shares = {name: f.requests / told.whole.requests for name, f in told.endpoints.items()}
    assert shares["GET /one"] > shares["GET expected"] > 0
    assert told.endpoints["GET expected"].failures == 0 and told.endpoints["GET not expected"].failure_ratio == 1.0
    assert any("HTTP 404, expected below 400" in text for text in told.errors)


def test_a_server_that_hangs_for_a_second_shows_against_the_schedule(server, tmp_path):
    rate = 100.0
    known = []

    def hang(progress):
        if progress.whole.requests and not known:
            known.append(server.hang(begin=0.0, seconds=1.0))

    told = run(load(server, users=120, spawn_rate=120.0, arrival_rate=rate, run_time_s=11.0), tmp_path, watch=hang)
    begin, end = known[0]
    samples = [
        (told.measured_from - 1.0 + s.scheduled_s, s.answered_s - s.scheduled_s)
        for part in read_parts(str(tmp_path / "run-1"))
        for s in part.samples(told.measured_from - 1.0)
    ]
    # whatever else the machine does: who was meant to ask before the last tenth of it waited for longer than that
    waited = [took for at, took in samples if begin < at < end - 0.1]
    assert waited and all(took > 0.1 for took in waited)
    assert len(waited) == pytest.approx((end - begin - 0.1) * rate, rel=0.1, abs=2)
    kept = json.loads((tmp_path / "run-1" / "histograms.json").read_text())["GET /one"]
    assert sum(n for us, n in kept["schedule"].items() if int(us) > 100_000) >= len(waited)
    assert told.whole.schedule_ms["p95"] > 100


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"locustfile": "broken"}, "Locust ended with"),
        ({"locustfile": "silent"}, "sent no request"),
        ({"executable": "/nowhere/locust"}, "cannot be started as '/nowhere/locust'"),
    ],
)
def test_what_measured_nothing_says_why_and_leaves_nothing(server, tmp_path, options, expected):
    (tmp_path / "broken").write_text("import nothing_of_that_name\n")
    (tmp_path / "silent").write_text(USER.replace('self.client.get("/one")', "pass"))
    if "locustfile" in options:
        options = {"locustfile": str(tmp_path / options["locustfile"])}
        (Path(options["locustfile"]).with_suffix(".py")).write_text(Path(options["locustfile"]).read_text())
        options["locustfile"] += ".py"
    with pytest.raises(LoadError, match=expected):
        run(load(server, **options), tmp_path / "results")
    assert os.listdir(tmp_path / "results") == []


def test_a_host_that_cannot_be_reached_says_how(tmp_path):
    with pytest.raises(
        LoadError, match="None of the .* requests of run 1 to http://127.0.0.1:1 succeeded; most often: .*refused"
    ):
        run(load("http://127.0.0.1:1"), tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_leaves_no_result(server, tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(LoadError, match="No space left on device"):
            run(load(server), tmp_path)
        assert os.listdir(tmp_path) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_locust_that_somebody_kills_gives_no_result(server, tmp_path):
    def kill(progress):
        if progress.elapsed_s > 1.5:
            subprocess.run(["pkill", "-KILL", "-f", str(tmp_path / "run-1.new")], check=True)

    with pytest.raises(LoadError, match="was ended by signal 9"):
        run(load(server, run_time_s=30.0), tmp_path, watch=kill)
    assert os.listdir(tmp_path) == []


def test_nothing_keeps_running_when_the_run_is_told_to_end(server, tmp_path):
    def interrupt(progress):
        if progress.elapsed_s > 1.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(load(server, run_time_s=30.0), tmp_path, watch=interrupt)
    assert os.listdir(tmp_path) == []


def test_a_result_that_is_there_stays_when_the_next_one_fails(server, tmp_path):
    run(load(server), tmp_path)
    with pytest.raises(LoadError):
        run(load(server, executable="/nowhere/locust"), tmp_path)
    assert os.listdir(tmp_path) == ["run-1"]
    assert json.loads((tmp_path / "run-1" / "histograms.json").read_text())


def test_two_processes_are_one_run(server, tmp_path):
    told = run(load(server, users=4, processes=2, arrival_rate=40.0), tmp_path)
    parts = read_parts(str(tmp_path / "run-1"))
    assert len(parts) == 2 and all(part.columns["ok"] for part in parts) and told.whole.schedule_ms


def test_whoever_watches_may_end_it_early_and_keeps_what_was_measured(server, tmp_path):
    seen = []

    def enough(progress):
        seen.append(progress)
        return sum(bool(p.endpoints) for p in seen) > 2

    told = run(load(server, run_time_s=60.0), tmp_path, watch=enough)
    assert 0 < told.whole.requests and told.seconds < 40
    assert (
        "users, " in seen[-1].text and seen[-1].users == 2 and seen[-1].endpoints["GET /one"].value("p95") is not None
    )


def test_its_version_is_known_or_it_cannot_be_run():
    assert locust_version(LOCUST).partition(".")[0].isdigit() and locust_version("/nowhere/locust") is None


class Module:
    """The module under way on this machine, as Ansible runs it."""

    def __init__(self, folder, url, **options):
        self.folder = folder
        given = {
            "host": url,
            "locust": LOCUST,
            "users": 2,
            "run_time": 4,
            "late_limit": 60000,
            "arrival_rate": 20,
            "results": str(folder / "results"),
        }
        words = json.dumps({"endpoints": [{"path": "/one"}], **given, **options})
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_REMOTE_TMP": str(folder / "tmp"),
        }
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("ansible"), "localhost", "-m", "vertice.netfix.load_test", "-a", words],
            cwd=ROOT,
            env={**environment, "ANSIBLE_FORCE_COLOR": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def signal(self, number):
        """Send it to the module once it sends requests."""
        self.wait_for(lambda: "0 failures" in self.progress)
        (module,) = self.found(lambda words: len(words) > 1 and words[1].endswith(b"AnsiballZ_load_test.py"))
        os.kill(module, number)

    @property
    def progress(self):
        path = self.folder / "results" / "progress"
        return path.read_text() if path.exists() else ""

    def found(self, fits):
        """Processes of this run whose command line does."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = path.read_bytes()
            except OSError:
                continue
            if str(self.folder).encode() in text and fits(text.split(b"\0")):
                found.append(int(path.parent.name))
        return found

    @staticmethod
    def wait_for(condition):
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.05)

    def end(self):
        """What was said."""
        return self.process.communicate(timeout=120)[0]


def test_the_module_says_how_it_goes_and_keeps_secrets(server, tmp_path):
    endpoint = {
        "path": "/missing?token=s3cr3tvalue",
        "name": "/missing",
        "headers": {"Authorization": "Bearer an0thersecret"},
    }
    # it is told of every few seconds
    module = Module(
        tmp_path,
        server.url,
        endpoints=[{"path": "/one", "weight": 5}, endpoint],
        environment={"API_TOKEN": "th1rdsecret"},
        run_time=8,
        thresholds=["rps > 0.1", "p95(GET /one) < 60s", "failure_ratio < 90%"],
    )
    said = module.end()
    assert module.process.returncode == 0, said
    line = r"run 1: (Locust starts|\d+ of 9 s, \d users, [\d.]+ requests/s, p95 (-|\d+ ms), \d+ failures)"
    assert re.search(line, said), said
    assert said.count("holds: true") == 3 and "HTTP 404, expected below 400" in said
    assert not [secret for secret in ("s3cr3tvalue", "an0thersecret", "th1rdsecret") if secret in said], said
    assert module.progress == "" and os.listdir(tmp_path / "results") == ["run-1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_module_ends_locust(server, tmp_path, number):
    module = Module(tmp_path, server.url, run_time=120)
    module.signal(number)
    module.wait_for(lambda: not module.found(lambda words: any(b"--locustfile=" in word for word in words)))
    said = module.end()
    assert module.process.returncode == 2, said
    if number != signal.SIGKILL:
        assert f"The load was told to end ({number.name}). Nothing keeps running" in said
        assert os.listdir(tmp_path / "results") == []
