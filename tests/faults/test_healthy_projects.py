# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Healthy projects of the kinds that a careless diagnosis takes for broken: nothing is found, nothing is unknown."""

from __future__ import annotations

import subprocess
import time
import urllib.request

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer
from faults.reference import ROOT

pytestmark = pytest.mark.docker
SHARED = "netfix-healthy-shared"


def run(*words, check=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def up():
    """Brings a project of lab/healthy up; its options for the gatherer."""
    made = []

    def bring(name, *words, file=""):
        folder, project = ROOT / "lab" / "healthy" / name, f"netfix-healthy-{name.replace('_', '-')}{file.partition('.')[0]}"
        command = ("docker", "compose", "--project-directory", folder, "-p", project)
        command += ("-f", folder / file) if file else ()
        made.append(command)
        run(*command, "up", "-d", *words)
        return {"project_src": str(folder), "project_name": project}

    yield bring
    for command in made:
        run(*command, "--profile", "*", "down", "--timeout", "2", check=False)


@pytest.fixture
def shared_network():
    run("docker", "network", "create", SHARED)
    yield
    run("docker", "network", "rm", SHARED)


def answers(url):
    """Waits, 20 s at most, until the URL answers 200: a container that runs need not listen yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def nothing_is_wrong(**options):
    snapshot = open_gatherer(options).snapshot()
    found = diagnose(snapshot)
    assert [f"{f.code}: {f.summary}" for f in found.findings] == []
    assert [(w.dependency.name, w.detail) for w in found.walks if w.outcome is not Outcome.OK] == []
    assert found.unknown == 0 and snapshot.notes == ()
    return {w.dependency.name for w in found.walks}


@pytest.mark.usefixtures("shared_network")
def test_separate_networks_jobs_profiles_replicas_and_several_files(up):
    project = up("shop")
    url = "http://127.0.0.1:18450/api/1"
    assert answers(url)
    walked = nothing_is_wrong(
        **project, checks=[{"url": url}], separations=["web -> cache:6379"], dependencies=["worker -> api:8000"]
    )
    assert {"web → api:8000", "api → cache:6379", "worker → cache:6379", "web → cache:6379"} <= walked


@pytest.mark.usefixtures("shared_network")
def test_a_service_of_another_project_on_a_common_external_network(up):
    project = up("neighbours")
    up("neighbours", file="other.yml")
    urls = [f"http://127.0.0.1:18453/{path}/1" for path in ("users", "orders")]
    assert all(answers(url) for url in urls)
    walked = nothing_is_wrong(**project, checks=[{"url": url} for url in urls])
    assert {"gateway → users:8000", "gateway → orders:8000"} <= walked


@pytest.mark.usefixtures("shared_network")
def test_a_profile_that_was_enabled_is_no_orphan(up):
    project = up("shop")
    run("docker", "compose", "--project-directory", project["project_src"], "-p", project["project_name"],
        "--profile", "debug", "up", "-d")  # fmt: skip
    assert answers("http://127.0.0.1:18450/api/1")
    nothing_is_wrong(**project)


def test_ipv6_the_hosts_network_and_unusual_spellings(up):
    project = up("dual_stack")
    urls = [f"http://127.0.0.1:18451/{path}/1" for path in ("users", "users/scoped", "orders", "host")]
    assert all(answers(url) for url in urls)
    walked = nothing_is_wrong(**project, checks=[{"url": url} for url in urls])
    scoped = f"users.{project['project_name']}_default:8000"
    assert {"gateway → Users.:8000", "gateway → orders-api:8000", f"gateway → {scoped}"} <= walked
