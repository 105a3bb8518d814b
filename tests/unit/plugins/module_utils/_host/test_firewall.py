# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's firewall through programs that only pretend: the machine's own is never touched."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_state import HostState
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.steps import change_rules, set_sysctl
from ansible_collections.vertice.netfix.plugins.module_utils._host import firewall
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor

SAVED = "# a comment\n*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j MARK\nCOMMIT\n*filter\n:FORWARD DROP [12:720]\n-A FORWARD -j X\nCOMMIT\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that holds the only programs there are, and a kernel without switches."""
    monkeypatch.setattr(firewall, "PROGRAMS", str(tmp_path))
    monkeypatch.setattr(firewall, "SWITCHES", tmp_path / "sys")
    (tmp_path / "sys" / "net" / "ipv4" / "conf" / "tun0").mkdir(parents=True)
    (tmp_path / "sys" / "net" / "ipv4" / "conf" / "tun0" / "forwarding").write_text("1\n")
    (tmp_path / "sys" / "net" / "ipv4" / "ip_forward").write_text("0\n")
    (tmp_path / "saved").write_text(SAVED)

    def add(name, script):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    add("iptables-save", f"cat {tmp_path}/saved")
    add("iptables-restore", f'echo "$@" >{tmp_path}/words; cat >{tmp_path}/restored')
    add.folder = tmp_path
    return add


@pytest.fixture
def engine():
    return SimpleNamespace(in_swarm=lambda: False, networks=list, containers=list)


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_rules_are_read_without_counters_and_of_two_tables_only(programs):
    state = firewall.read_state(HostState(switches={"net.ipv4.ip_forward": "1"}, added={"nat": ("-N X",)}))
    assert state.tables == {"filter": (":FORWARD DROP", "-A FORWARD -j X"), "nat": ()}
    assert state.switches == {"net.ipv4.ip_forward": "0"} and state.added == {"nat": ("-N X",)}


def test_a_table_is_changed_at_once_and_nothing_in_it_is_flushed(programs):
    Executor(None, None).run(change_rules("nat", ["-N X", "-A X -j RETURN"], "because"))
    assert (programs.folder / "restored").read_text() == "*nat\n-N X\n-A X -j RETURN\nCOMMIT\n"
    assert "--noflush" in (programs.folder / "words").read_text()


def test_a_switch_is_set(programs):
    Executor(None, None).run(set_sysctl("net.ipv4.ip_forward", "1", "because"))
    assert (programs.folder / "sys" / "net" / "ipv4" / "ip_forward").read_text() == "1\n"


def test_a_switch_that_the_kernel_does_not_have_is_told(programs):
    with pytest.raises(TransactionError, match=r"sysctl net\.ipv4\.nothing"):
        firewall.read_state(HostState(switches={"net.ipv4.nothing": ""}))


def test_what_the_program_says_is_told(programs):
    programs("iptables-restore", "echo 'line 2 failed' >&2; exit 1")
    with pytest.raises(TransactionError, match="iptables-restore failed: line 2 failed"):
        firewall.change("filter", ["-N X"])


def test_the_host_is_asked_for_all_that_matters(programs, engine, as_root):
    facts = firewall.host_facts(engine, True)
    assert facts.allowed and facts.obstacle == "" and "lo" in facts.interfaces
    assert facts.forwarding == ("tun0",) and facts.state.switches == {"net.ipv4.ip_forward": "0"}
    assert facts.state.tables["filter"] == (":FORWARD DROP", "-A FORWARD -j X")


def test_interfaces_that_forward_are_no_matter_where_the_host_does(programs, engine, as_root):
    (programs.folder / "sys" / "net" / "ipv4" / "ip_forward").write_text("1\n")
    assert firewall.host_facts(engine, True).forwarding == ()


@pytest.mark.parametrize("missing", ["iptables-save", "iptables-restore"])
def test_a_program_that_is_missing_is_named(programs, engine, as_root, missing):
    (programs.folder / missing).unlink()
    assert f"{missing} is not installed" in firewall.host_facts(engine, True).obstacle


def test_without_root_nothing_is_asked(programs, engine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    facts = firewall.host_facts(engine, True)
    assert "become: true" in facts.obstacle and facts.state.tables == {}
