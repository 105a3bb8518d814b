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
from ansible_collections.vertice.netfix.plugins.modules import dns_probe


class FakeEngine:
    docker_host = "unix:///var/run/docker.sock"

    def __init__(self, *containers: Container) -> None:
        self._containers = list(containers)

    def containers(self, project: str | None = None, names: Sequence[str] | None = None) -> list[Container]:
        return [c for c in self._containers if (c.name in names if names is not None else c.project == project)]

    def projects(self) -> list[str]:
        return sorted({c.project for c in self._containers})


class FakeProber:
    """Every name resolves, but those that begin with "no"."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []

    def run(self, jobs: Sequence[Any], *_limits: Any) -> list[Probe]:
        self.jobs += jobs
        return [self._answer(job) for job in jobs]

    def _answer(self, job: Any) -> Probe:
        if job.host.startswith("no"):
            return Probe(job.container, Layer.NAME, job.host, Outcome.FAILED, error="NXDOMAIN", via="127.0.0.11")
        return Probe(
            job.container,
            Layer.NAME,
            job.host,
            Outcome.OK,
            answers=("10.0.0.2",),
            via=job.nameserver or "127.0.0.11",
            nameserver=job.nameserver,
            ttl=600,
        )


@pytest.fixture(autouse=True)
def processes_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_sources, "runs_in", lambda pid, _id: pid < 900)


SHOP = (
    Container("1" * 64, "shop-web-1", "web", "shop", pid=11),
    Container("2" * 64, "shop-api-1", "api", "shop", pid=12),
    Container("3" * 64, "shop-db-1", "db", "shop", state="exited"),
    Container("4" * 64, "shop-far-1", "far", "shop", pid=901),
)


def probe(prober: FakeProber, **params: Any) -> dict[str, Any]:
    defaults = {
        "project_name": None,
        "containers": [],
        "names": [],
        "nameservers": [],
        "record_types": ["A"],
        "timeout": 1.0,
        "attempts": 2,
    }
    return dns_probe.run({**defaults, **params}, FakeEngine(*SHOP), prober)  # type: ignore[arg-type]


def test_running_containers_are_asked_for_all_services_stopped_ones_too() -> None:
    result = probe(FakeProber(), project_name="shop")
    assert {r["container"] for r in result["results"]} == {"shop-web-1", "shop-api-1", "shop-far-1"}
    assert {r["name"] for r in result["results"]} == {"web", "api", "db", "far"}


def test_container_that_cannot_be_entered_is_unknown_and_counts_as_failed() -> None:
    prober = FakeProber()
    result = probe(prober, containers=["shop-db-1", "shop-far-1", "shop-web-1"], names=["api"])
    assert [r["outcome"] for r in result["results"]] == ["unknown", "unknown", "ok"]
    assert "exited" in result["results"][0]["error"]
    assert "not on this host" in result["results"][1]["error"]
    assert result["failed_count"] == 2
    assert [job.pid for job in prober.jobs] == [11]


def test_each_nameserver_has_a_result_of_its_own() -> None:
    result = probe(FakeProber(), containers=["shop-web-1"], names=["api"], nameservers=["127.0.0.11", "10.0.0.53"])
    assert [r["nameserver"] for r in result["results"]] == ["127.0.0.11", "10.0.0.53"]


def test_missing_name_shows_its_response_code() -> None:
    (entry,) = probe(FakeProber(), containers=["shop-web-1"], names=["nobody"])["results"]
    assert (entry["outcome"], entry["error"], entry["rcode"]) == ("failed", "NXDOMAIN", "NXDOMAIN")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"project_name": "shpo"}, "Projects with containers: shop"),
        ({"containers": ["nix"]}, "'nix' does not exist"),
        ({"project_name": "shop", "timeout": 0}, "timeout"),
    ],
)
def test_wrong_options_say_what_was_found(params: dict[str, Any], message: str) -> None:
    with pytest.raises(NetfixError, match=message):
        probe(FakeProber(), **params)
