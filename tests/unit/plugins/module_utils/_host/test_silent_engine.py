# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError, EngineSilent
from ansible_collections.vertice.netfix.plugins.module_utils._host import silent_engine
from ansible_collections.vertice.netfix.plugins.module_utils._host.daemon import Daemon
from ansible_collections.vertice.netfix.plugins.module_utils._host.silent_engine import SilentEngine, open_engine

SILENT = EngineSilent("No Docker Engine listens on unix:///var/run/docker.sock", silence="no socket")
LABELS = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "com.docker.compose.project.working_dir": "/srv/shop",
}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """One container that runs, as this process, one that has ended since, and one whose file is damaged."""
    monkeypatch.setattr(silent_engine, "runs_in", lambda pid, container_id: pid == os.getpid())
    for number, pid in ((1, os.getpid()), (2, 4194304)):
        folder = tmp_path / "containers" / f"id{number}"
        folder.mkdir(parents=True)
        config = {
            "Name": f"/shop-web-{number}",
            "State": {"Running": True, "Pid": pid},
            "Config": {"Labels": LABELS},
            "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": f"10.1.0.{number}", "DNSNames": ["web"]}}},
        }
        (folder / "config.v2.json").write_text(json.dumps(config))
        (folder / "hostconfig.json").write_text(json.dumps({"NetworkMode": "shop_default"}))
    (tmp_path / "containers" / "id3").mkdir()
    (tmp_path / "containers" / "id3" / "config.v2.json").write_text("{")
    return SilentEngine(SILENT, Daemon(state="T", settings={"data-root": str(tmp_path)}))


def test_containers_are_known_from_its_files_and_run_where_their_process_does(engine):
    assert [(c.name, c.state, c.pid) for c in engine.containers("shop")] == [
        ("shop-web-1", "running", os.getpid()),
        ("shop-web-2", "exited", 0),
    ]
    (endpoint,) = engine.containers(names=["id1"])[0].endpoints
    assert (endpoint.network, endpoint.address, endpoint.dns_names) == ("shop_default", "10.1.0.1", ("web",))


def test_the_project_is_found_as_the_engine_would_find_it(engine):
    assert engine.projects() == ["shop"] and engine.project_in("/srv/shop") == "shop" and engine.project_in("/srv") == ""


def test_it_says_why_it_does_not_answer(engine):
    facts = engine.facts()
    assert (facts.silence, facts.process) == ("no socket", "T")


def test_what_it_cannot_tell_is_empty_and_what_it_cannot_do_is_an_error(engine):
    assert engine.networks(["shop_default"]) == [] and engine.subnets() == {} and engine.address_pools() == []
    with pytest.raises(EngineError, match="No Docker Engine listens"):
        engine.restart("shop-web-1")


def test_another_engine_than_the_systems_leaves_nothing_to_look_at(tmp_path):
    with pytest.raises(EngineSilent, match="does not exist"):
        open_engine(f"unix://{tmp_path}/docker.sock")
