# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One inventory: three hosts with a different fault each, a healthy one, and one that cannot be reached."""

from __future__ import annotations

import re
import shutil

import pytest
from hosts.inventory import FOLDER, PROJECT, Inventory

pytestmark = pytest.mark.docker
FAULTS = {"porto": "wrong_port", "braga": "links_to_other_network", "faro": "orphan_holds_alias", "evora": ""}
REMEDIATIONS = {"porto": ["correct_upstreams"], "braga": ["reconnect_endpoints"], "faro": ["detach_intruders"], "evora": []}
BROKEN = [name for name, fault in FAULTS.items() if fault]
MENDED = {**dict.fromkeys(BROKEN, "mended"), "evora": "healthy", "lost": "failed"}
REACHED = "shops:!lost"
PLAYS = re.compile(r"^PLAY \[Find out", re.MULTILINE)
DELEGATED = """\
- name: A host that looks at another one's project
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Look
      vertice.netfix.network_diagnosis_info:
        project_src: /srv/lab
      delegate_to: "{{ item }}"
      loop: [braga, evora]
      register: looked

    - name: Mend
      vertice.netfix.remediation:
        name: reconnect_endpoints
        project_src: /srv/lab
        run_id: delegated
      delegate_to: braga
      register: mended

    - name: Take it back
      vertice.netfix.remediation:
        run_id: delegated
        state: absent
      delegate_to: braga
      register: taken_back

    - name: See what was found and done
      ansible.builtin.assert:
        that:
          - looked.results | map(attribute='healthy') == [false, true]
          - mended.attempt.verdict == 'kept' and mended.after.healthy
          - taken_back.rolled_back | map(attribute='undo.verified') == [true]
"""


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    if not shutil.which("ssh-keygen"):
        pytest.skip("needs an SSH client")
    made = Inventory(tmp_path_factory.mktemp("hosts"), FAULTS)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def broken(inventory):
    """The hosts with their faults showing."""
    for name in BROKEN:
        inventory.hosts[name].lab("symptom")
    return inventory


def roll_back(inventory, run_id, *words, **variables):
    """Every host is as it was before that run."""
    undone = inventory.play("roll_back", *words, netfix_run_id=run_id, **variables)
    for name in BROKEN:
        inventory.hosts[name].lab("symptom")
        assert "compose.netfix.yml" not in inventory.hosts[name].shell(f"ls {FOLDER}")
    return undone


def test_one_run_mends_what_is_broken_and_reports_all_and_is_taken_back_as_a_whole(broken):
    mended = broken.play("fix_network", netfix_run_id="first")
    assert mended.status == MENDED, mended.said
    assert {h["host"]: [a["remediation"] for a in h["attempts"]] for h in mended.journal["hosts"] if h["host"] != "lost"} == (
        REMEDIATIONS
    )
    assert mended.changed["evora"] == 0 and all(mended.changed[name] for name in BROKEN)
    for host in broken.hosts.values():
        host.lab("healthy")
    # the one that could not be reached is told of, with the reason, and fails the run
    assert mended.code == 2 and [mended.recap[n][2] for n in (*BROKEN, "evora")] == [0] * 4 and mended.recap["lost"][2] == 1
    assert "Connection refused" in mended.host("lost")["error"]
    assert mended.journal["status"] == "failed" and len(mended.journals) == 1
    assert mended.said.count("── Summary · run first ─") == 1 and mended.said.count("netfix: failed (lost)") == 1

    again = broken.play("fix_network", "--limit", REACHED)
    assert again.code == 0 and set(again.status.values()) == {"healthy"}, again.said
    assert again.changed == dict.fromkeys(FAULTS, 0)

    undone = roll_back(broken, "first", "--limit", REACHED)
    assert undone.code == 0 and undone.status == dict.fromkeys(FAULTS, "undone"), undone.said
    assert [a["undo"]["verified"] for name in BROKEN for a in undone.host(name)["attempts"]] == [True] * 3
    assert undone.host("evora")["attempts"] == [] and undone.changed["evora"] == 0

    twice = broken.play("roll_back", "--limit", REACHED, netfix_run_id="first")
    assert twice.code == 0 and twice.changed == dict.fromkeys(FAULTS, 0), twice.said


def test_one_after_another_gives_one_summary_too_and_nobody_waits_in_vain(broken):
    few = ("--limit", "lost,porto,evora")
    mended = broken.play("fix_network", *few, netfix_serial=1)
    assert mended.code == 2 and mended.status == {name: MENDED[name] for name in ("lost", "porto", "evora")}, mended.said
    # the first one is lost, and the others had their turn all the same
    assert len(PLAYS.findall(mended.said)) == 3 and mended.said.count("── Summary · run ") == 1
    undone = roll_back(broken, mended.journal["run_id"], *few, netfix_serial=2)
    assert undone.code == 2 and undone.status == {"lost": "failed", "porto": "undone", "evora": "undone"}, undone.said


def test_a_run_that_no_host_knows_is_an_error(inventory):
    undone = inventory.play("roll_back", "--limit", REACHED, netfix_run_id="typo")
    assert undone.code == 2 and set(undone.status.values()) == {"failed"}, undone.said
    assert "has no run 'typo'" in undone.host("porto")["error"]


def test_a_limit_leaves_the_others_alone_and_out_of_the_report(broken):
    mended = broken.play("fix_network", "--limit", "faro", netfix_run_id="limited")
    assert mended.code == 0 and mended.status == {"faro": "mended"}, mended.said
    broken.hosts["porto"].lab("symptom")
    assert roll_back(broken, "limited", "--limit", "faro").code == 0


def test_a_play_of_ones_own_delegates(broken, tmp_path):
    own = tmp_path / "own.yml"
    own.write_text(DELEGATED)
    played = broken.play(own)
    assert played.code == 0, played.said
    broken.hosts["braga"].lab("symptom")


def test_a_user_of_the_docker_group_mends_without_root_what_he_may_write(broken):
    porto = broken.hosts["porto"]
    words = ("--limit", "porto", "-e", "ansible_user=deployer", "-e", "ansible_become=false")
    refused = broken.play("fix_network", *words)
    assert refused.code == 2 and "Let deployer write there, or run the play with become: true" in refused.words, refused.said
    porto.lab("symptom")

    porto.shell(f"chown deployer: {FOLDER}")
    mended = broken.play("fix_network", *words, netfix_run_id="deployer")
    porto.lab("healthy")
    told = mended.host("porto")
    assert mended.code == 0 and told["status"] == "mended", mended.said
    assert any("asked by docker exec" in note for note in told["before"]["notes"])
    assert told["after"]["unread"] == {"the host's firewall rules": "root is needed (become: true)"}
    assert porto.shell(f"stat -c '%U %a' /home/deployer/.local/state/netfix/{PROJECT}/deployer-*.json").split() == ["deployer", "600"]
    undone = broken.play("roll_back", *words, netfix_run_id="deployer")
    assert undone.code == 0, undone.said
    porto.lab("symptom")
