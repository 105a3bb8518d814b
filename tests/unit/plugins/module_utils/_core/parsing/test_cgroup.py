# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 1 as read on Debian 12 with Docker 26.1.5, version 2 as the kernel's documentation shows it."""

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.cgroup import (
    Reading,
    cgroup_paths,
    network_bytes,
    read_api,
    read_v1,
    read_v2,
)

NETWORK = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    1321      24    0    0    0     0          0         0     1321      24    0    0    0     0       0          0
  eth0:    8186      90    0    0    0     0          0         0     6521      75    0    0    0     0       0          0
  eth1:    1000      10    0    0    0     0          0         0      500       5    0    0    0     0       0          0
"""
V1 = {
    "cpuacct.usage": "1500000000\n",
    "cpu.stat": "nr_periods 40\nnr_throttled 12\nthrottled_time 2500000000\nnr_bursts 0\nburst_time 0\n",
    "memory.usage_in_bytes": "10485760\n",
    "memory.stat": "cache 4096\ninactive_file 4096\ntotal_cache 1048576\ntotal_inactive_file 1048576\ntotal_active_file 0\n",
    "blkio.throttle.io_service_bytes_recursive": "254:0 Read 8192\n254:0 Write 4096\n254:0 Total 12288\n254:16 Read 1\nTotal 12289\n",
    "pids.current": "7\n",
}
V2 = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 12\nthrottled_usec 2500000\n",
    "memory.current": "10485760\n",
    "memory.stat": "anon 4096\nfile 2097152\ninactive_file 1048576\nactive_file 0\n",
    "io.stat": "254:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n254:16 rbytes=1 wbytes=0 rios=1 wios=0\n",
    "pids.current": "7\n",
}
# as Engine 26.1.5 answers /containers/<id>/stats?stream=false&one-shot=true with control groups of version 1, shortened
API = {
    "pids_stats": {"current": 7},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 254, "minor": 0, "op": "Read", "value": 8192},
            {"major": 254, "minor": 0, "op": "Write", "value": 4096},
            {"major": 254, "minor": 0, "op": "Total", "value": 12288},
            {"major": 254, "minor": 16, "op": "read", "value": 1},
        ]
    },
    "cpu_stats": {
        "cpu_usage": {"total_usage": 1500000000, "usage_in_kernelmode": 1, "usage_in_usermode": 2},
        "throttling_data": {"periods": 40, "throttled_periods": 12, "throttled_time": 2500000000},
    },
    "memory_stats": {"usage": 10485760, "stats": {"inactive_file": 4096, "total_inactive_file": 1048576}},
    "networks": {"eth0": {"rx_bytes": 8186, "tx_bytes": 6521}, "eth1": {"rx_bytes": 1000, "tx_bytes": 500}},
}
EXPECTED = Reading(
    cpu_s=1.5, periods=40, throttled_periods=12, throttled_s=2.5, memory=10485760 - 1048576, pids=7, read=8193, written=4096,
    received=9186, sent=7021,
)  # fmt: skip


def test_both_versions_say_the_same():
    assert read_v1(V1, NETWORK) == EXPECTED
    assert read_v2(V2, NETWORK) == EXPECTED


def test_the_engine_says_the_same_as_the_files():
    assert read_api(API) == EXPECTED


def test_a_container_that_does_not_run_has_no_reading():
    stopped = {"pids_stats": {}, "cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}, "networks": None}
    assert read_api(stopped) is None


def test_what_is_not_there_counts_nothing():
    assert read_v1({}, "") == read_v2({}, "") == Reading()


def test_loopback_is_no_network():
    assert network_bytes(NETWORK) == (9186, 7021)


def test_the_paths_of_a_process():
    told = cgroup_paths("8:pids:/docker/09fa\n2:cpu,cpuacct:/docker/09fa\n0::/system.slice/docker-09fa.scope\n")
    assert told == {
        "pids": "/docker/09fa",
        "cpu": "/docker/09fa",
        "cpuacct": "/docker/09fa",
        "": "/system.slice/docker-09fa.scope",
    }
