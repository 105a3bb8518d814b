# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container, Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host import probe_sources
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, PingJob, TcpJob
from ansible_collections.vertice.netfix.plugins.modules import service_probe


class FakeEngine:
    docker_host = "unix:///var/run/docker.sock"
    all = (
        Container("1" * 64, "shop-web-1", "web", "shop", pid=11),
        Container("2" * 64, "shop-web-2", "web", "shop", pid=12),
        Container("3" * 64, "lone", pid=0, state="exited"),
    )

    def containers(self, project: str | None = None, names: Sequence[str] | None = None) -> list[Container]:
        return [c for c in self.all if (c.name in names if names is not None else c.project == project)]

    def projects(self) -> list[str]:
        return ["shop"]


class FakeProber:
    def __init__(self) -> None:
        self.jobs: list[Any] = []

    def run(self, jobs: Sequence[Any], *_limits: Any) -> list[Probe]:
        self.jobs = list(jobs)
        return [Probe(j.container, Layer.PORT, "", Outcome.OK, answers=("10.0.0.2",), status=200) for j in jobs]


@pytest.fixture(autouse=True)
def processes_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_sources, "runs_in", lambda _pid, _id: True)


def probe(prober: FakeProber, *targets: dict[str, Any], project: str | None = "shop") -> dict[str, Any]:
    defaults = {key: option.get("default") for key, option in service_probe.TARGET_SPEC.items()}
    params = {"project_name": project, "targets": [{**defaults, **t} for t in targets], "timeout": 2.0}
    return service_probe.run(params, FakeEngine(), prober)  # type: ignore[arg-type]


def test_service_probes_from_all_its_containers_and_host_from_the_host() -> None:
    prober = FakeProber()
    result = probe(prober, {"from": "web", "tcp": "db:5432"}, {"url": "http://127.0.0.1:8080/"})
    assert [r["from"] for r in result["results"]] == ["shop-web-1", "shop-web-2", "host"]
    assert prober.jobs == [
        TcpJob("shop-web-1", 11, "db", 5432),
        TcpJob("shop-web-2", 12, "db", 5432),
        HttpJob("host", 0, "http://127.0.0.1:8080/"),
    ]


def test_targets_become_jobs_of_their_kind() -> None:
    prober = FakeProber()
    probe(
        prober,
        {"url": "http://db/", "method": "post", "headers": {"X-Count": 1}, "json": {"a": 1}, "statuses": [201]},
        {"tcp": "[fd00::2]:80"},
        {"ping": "db"},
    )
    post = HttpJob("host", 0, "http://db/", "POST", {"X-Count": "1"}, {"a": 1}, statuses=(201,))
    assert prober.jobs == [post, TcpJob("host", 0, "fd00::2", 80), PingJob("host", 0, "db")]


def test_stopped_container_is_never_probed_from_the_host_instead() -> None:
    prober = FakeProber()
    result = probe(prober, {"from": "lone", "tcp": "db:5432"}, project=None)
    assert prober.jobs == []
    assert (result["results"][0]["outcome"], result["failed_count"]) == ("unknown", 1)
    assert "exited" in result["results"][0]["error"]


@pytest.mark.parametrize("tcp", ["db", "db:http", "db:0", ":80", "db:70000"])
def test_tcp_without_a_port_is_refused(tcp: str) -> None:
    with pytest.raises(NetfixError, match="host:port"):
        probe(FakeProber(), {"tcp": tcp})


def test_unknown_source_is_refused() -> None:
    with pytest.raises(NetfixError, match="'wbe' does not exist"):
        probe(FakeProber(), {"from": "wbe", "tcp": "db:1"})
