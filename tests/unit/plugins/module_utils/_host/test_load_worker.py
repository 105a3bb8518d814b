# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import time

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.module_utils._host.load_worker import _groups, start_worker, stop_worker
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load

WAIT_S = 60


@pytest.fixture
def locust(tmp_path):
    """A Locust that says how it was started, and waits."""
    path = tmp_path / "locust"
    path.write_text('#!/bin/sh\necho "$@" "$TOKEN"\nexec sleep 600\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "worker"
    yield path
    if (path / "worker.json").exists():
        stop_worker(str(path))


def start(locust, folder, seconds=WAIT_S):
    load = Load(host="", locustfile="x", executable=locust, workers=2, environment={"TOKEN": "abc"})
    start_worker(load, "# nothing\n", str(folder), "192.0.2.1", seconds)


def wait_for(condition):
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_runs_until_it_is_ended_and_leaves_nothing(locust, folder):
    start(locust, folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    log = folder / "locust.log"
    wait_for(lambda: log.exists() and log.read_text())
    told = stop_worker(str(folder))
    assert "--worker --master-host=192.0.2.1 --master-port=5557 abc" in told
    assert not folder.exists() and not _groups(str(folder))
    assert stop_worker(str(folder)) is None


def test_it_ends_by_itself_when_its_time_is_over(locust, folder):
    start(locust, folder, seconds=0.1)
    wait_for(lambda: not folder.exists() and not _groups(str(folder)))


def test_a_folder_that_is_there_already_is_refused(locust, folder):
    folder.mkdir()
    with pytest.raises(LoadError, match="cannot be made: File exists"):
        start(locust, folder)


def test_a_folder_that_is_no_workers_is_left_alone(folder, tmp_path):
    other = tmp_path / "precious"
    other.mkdir()
    with pytest.raises(LoadError, match="is no folder of a load worker"):
        stop_worker(str(other))
    assert other.exists()
