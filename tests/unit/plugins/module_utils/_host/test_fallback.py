# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host import fallback
from ansible_collections.vertice.netfix.plugins.module_utils._host.fallback import Fallback
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, NameJob, PingJob, TcpJob
from unit.builders import container

WEB = container("web", "10.1.0.4", pid=11, image_id="sha256:web")
API = container("api", "10.1.0.3", pid=12, image_id="sha256:api")
WHY = "no permission to enter the network namespace: run as root (become: true)"
HOSTS = "\x02/etc/hosts\n10.1.0.99 pinned\n"


class NearProber:
    """Answers for everything that it is asked."""

    def run(self, jobs, timeout_s=1.0, attempts=2):
        return [Probe(j.container, Layer.PORT, "near", Outcome.OK, via="netns") for j in jobs]


class FakeEngine:
    """``says`` is what a container (or the helper beside it) prints, or the error that running something in it raises."""

    def __init__(self, says, is_here=True, images=("sha256:web", "sha256:api")):
        self.says, self.is_here, self.images = says, is_here, images
        self.docker_host = "unix:///var/run/docker.sock" if is_here else "tcp://192.0.2.1:2376"
        self.asked, self.helpers, self.removed = [], [], []

    def execute(self, place, words, environment):
        script = words[-1]
        if "NETFIX_LIMIT" in script:
            self.asked.append((place, environment["NETFIX_QUESTIONS"].splitlines()))
        said = self.says[place]
        if isinstance(said, EngineError):
            raise said
        return said if "NETFIX_LIMIT" in script or not said.startswith("\x02") else HOSTS

    def start_beside(self, container_id, image, words):
        if image not in self.images:
            raise EngineError(f"image {image} has no sh")
        self.helpers.append((container_id, image))
        return f"helper-{container_id}"

    def remove(self, helper):
        self.removed.append(helper)


def asked(engine, jobs, closed=(WEB.name,), mode="exec"):
    with Fallback(NearProber(), engine, (WEB, API), dict.fromkeys(closed, WHY), mode) as prober:
        return prober.run(jobs), prober


NAME, PORT = NameJob(WEB.name, 11, "api"), TcpJob(WEB.name, 11, "10.1.0.3", 8000)
HTTP = HttpJob(WEB.name, 11, "http://api:8000/health", connect="10.1.0.3", statuses=(404,))
SAID = "\x020 getent 0\n10.1.0.3 STREAM api\n\x021 bash 1\nbash: connect: Connection refused\n"


def test_a_container_that_can_be_entered_is_probed_as_ever():
    engine = FakeEngine({})
    (probe,), prober = asked(engine, [PORT], closed=())
    assert probe.via == "netns" and engine.asked == [] and prober.notes() == []


def test_all_questions_to_a_closed_container_are_one_exec():
    engine = FakeEngine({WEB.name: SAID})
    (name, port), prober = asked(engine, [NAME, PORT])
    assert engine.asked == [(WEB.name, ["0 name api -", "1 port 10.1.0.3 8000"])]
    assert (name.outcome, name.answers, name.via) == (Outcome.OK, ("10.1.0.3",), "exec")
    assert (port.outcome, port.error, port.via) == (Outcome.FAILED, "ECONNREFUSED", "exec")
    assert prober.notes() == [f"shop-web-1: asked by docker exec, because {WHY}"]


def test_the_answer_of_an_http_request_is_judged_as_the_prober_does():
    engine = FakeEngine({WEB.name: "\x020 curl 0\nHTTP/1.1 404 Not Found\nServer: api\n\nno"})
    (probe,), _prober = asked(engine, [HTTP])
    assert engine.asked[0][1] == ["0 http http://api:8000/health 10.1.0.3"]
    assert (probe.outcome, probe.status, probe.server, probe.host, probe.port) == (Outcome.OK, 404, "api", "api", 8000)


def test_an_address_in_the_containers_hosts_file_came_from_there():
    engine = FakeEngine({WEB.name: "\x020 getent 0\n10.1.0.99 STREAM pinned\n"})
    (probe,), _prober = asked(engine, [NameJob(WEB.name, 11, "pinned")])
    assert probe.via == "/etc/hosts"


@pytest.mark.parametrize(
    "job",
    [
        PingJob(WEB.name, 11, "10.1.0.3"),
        HttpJob(WEB.name, 11, "http://api/", headers={"Authorization": "Bearer hunter2"}),
        HttpJob(WEB.name, 11, "http://api/", method="POST", json_body={"password": "hunter2"}),
        NameJob(WEB.name, 11, "two words"),
    ],
    ids=["echo", "headers", "body", "no name"],
)
def test_what_no_tool_is_asked_stays_unknown_and_never_reaches_the_container(job):
    engine = FakeEngine({WEB.name: SAID})
    (probe,), _prober = asked(engine, [job])
    assert probe.outcome is Outcome.UNKNOWN and WHY in probe.error and engine.asked == []


@pytest.mark.parametrize(
    "says, reason",
    [
        ({WEB.name: "OCI runtime exec failed: \"sh\": executable file not found"}, "executable file not found"),
        ({WEB.name: EngineError("Container shop-web-1 is not running", status=409)}, "is not running"),
        ({WEB.name: "\x020 - 0\n\n\x021 nc 1\nnc: unrecognized option: z\n"}, "finds no tool"),
    ],
    ids=["no shell", "it died in between", "no tool"],
)
def test_what_exec_cannot_ask_is_unknown_with_the_reason(says, reason):
    probes, _prober = asked(FakeEngine(says), [NAME, PORT])
    assert {p.outcome for p in probes} == {Outcome.UNKNOWN} and all(reason in p.error for p in probes)


def test_an_exec_that_never_ends_is_not_waited_for(monkeypatch):
    never = threading.Event()

    class Stuck(FakeEngine):
        def execute(self, place, words, environment):
            never.wait()

    monkeypatch.setattr(fallback, "_SPARE_S", -0.9)
    (probe,), _prober = asked(Stuck({}), [PORT])
    never.set()
    assert probe.outcome is Outcome.UNKNOWN and "did not end" in probe.error


def test_nothing_is_run_in_containers_where_that_is_not_wanted():
    engine = FakeEngine({WEB.name: SAID})
    (probe,), prober = asked(engine, [PORT], mode="none")
    assert probe.outcome is Outcome.UNKNOWN and engine.asked == []
    assert prober.notes() == [f"shop-web-1: not asked, because {WHY}"]


NO_SHELL = "exec: \"sh\": executable file not found"


def test_a_helper_asks_for_a_container_without_a_shell_and_is_removed():
    engine = FakeEngine({WEB.name: NO_SHELL, "helper-id-web-1": SAID}, images=("sha256:api",))
    probes, prober = asked(engine, [NAME, PORT], mode="helper")
    assert [p.via for p in probes] == ["helper", "helper"]
    assert engine.helpers == [("id-web-1", "sha256:api")] and engine.removed == ["helper-id-web-1"]
    assert prober.notes() == [f"shop-web-1: asked from a helper container, because {WHY}"]


def test_a_helper_is_only_made_where_it_was_asked_for():
    engine = FakeEngine({WEB.name: NO_SHELL})
    probes, _prober = asked(engine, [NAME])
    assert probes[0].outcome is Outcome.UNKNOWN and engine.helpers == []


def test_where_exec_answers_no_helper_is_made():
    engine = FakeEngine({WEB.name: SAID})
    asked(engine, [NAME, PORT], mode="helper")
    assert engine.helpers == []


def test_the_loopback_of_another_host_is_not_asked_from_here():
    engine = FakeEngine({}, is_here=False)
    here, there = HttpJob("", 0, "http://127.0.0.1:8080/"), HttpJob("", 0, "http://192.0.2.1:8080/")
    (loopback, other), _prober = asked(engine, [here, there], closed=())
    assert loopback.outcome is Outcome.UNKNOWN and "runs on another host" in loopback.error
    assert other.outcome is Outcome.OK
