# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._host import meters
from ansible_collections.vertice.netfix.plugins.module_utils._host.meters import Meter, Sampler, open_meters
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import Source

STATS = {"pids_stats": {"current": 3}, "cpu_stats": {"cpu_usage": {"total_usage": 2_000_000_000}}}


def silent(_name):
    raise EngineError("no answer")


@pytest.fixture
def unified(tmp_path, monkeypatch):
    """A control group of version 2 that this process seems to be in."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        path = next((line.rstrip().split("::")[1] for line in file if line.startswith("0::")), "/")
    folder = tmp_path / path.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    texts = {
        "cpu.stat": "usage_usec 1500000\nnr_periods 4\nnr_throttled 1\nthrottled_usec 2000\n",
        "memory.current": "8192\n",
        "memory.stat": "inactive_file 4096\n",
        "pids.current": "2\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(meters, "CGROUPS", str(tmp_path))
    return folder


def test_files_of_version_2_stay_open_and_are_read_anew(unified):
    meter = Meter("shop-web-1", os.getpid())
    first = meter.reading()
    (unified / "cpu.stat").write_text("usage_usec 2500000\n")
    assert (first.cpu_s, first.memory, first.pids, first.throttled_periods, first.read) == (1.5, 4096, 2, 1, 0)
    assert meter.reading().cpu_s == 2.5
    meter.close()


def test_a_file_of_more_than_a_page_is_read_to_its_end(unified):
    lines = [f"node_{number} {number}\n" for number in range(1000)]
    (unified / "memory.stat").write_text("".join([*lines, "inactive_file 4096\n"]))
    meter = Meter("shop-web-1", os.getpid())
    assert meter.reading().memory == 4096
    meter.close()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source("shop-web-1", pid=1, reason="the engine runs on another host"), "the engine runs on another host"),
        (Source("shop-web-1", pid=2**22 + 1), "cannot be read from the control group of its process 4194305"),
    ],
)
def test_where_the_files_cannot_be_read_the_engine_is_asked_and_the_reason_told(source, reason):
    (meter,) = open_meters([source], lambda _name: STATS)
    assert reason in meter.reason and (meter.reading().cpu_s, meter.reading().pids) == (2.0, 3)


def test_what_neither_tells_has_no_reading():
    sampler = Sampler(open_meters([Source("shop-web-1", reason="far away")], silent), 10.0)
    with sampler.running():
        pass
    assert set(sampler.readings["shop-web-1"]) == {None}
