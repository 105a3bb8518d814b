# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs of a lab in this process, as the role repair does them, and what an operator may expect of each."""

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS, make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import Attempts
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Limits, Transaction
from faults.reference import PROJECT

RUN = "run"
# as in roles/repair/defaults
MAX_ATTEMPTS = 8


class Repair:
    """Transactions on one broken lab; their checkpoints lie in ``state``."""

    def __init__(self, lab, state):
        self._lab = lab
        self._state = str(state)

    def transaction(self, gate_timeout_s=20.0):
        """One, as a call of the module remediation opens it."""
        gatherer = self._lab.gatherer()
        executor = Executor(gatherer.engine, gatherer.compose)
        attempts = Attempts(self._state, gatherer.compose.project.name)
        return Transaction(gatherer, executor, attempts, Limits(gate_timeout_s=gate_timeout_s))

    def state(self):
        """All that a remediation may change, as it is now."""
        return self.transaction().executor.state()

    def attempts(self, diagnosis):
        """The attempts of the role repair on what was diagnosed, in order; the last one holds how it looks now."""
        made, tried = [], []
        while not diagnosis.healthy and len(made) < MAX_ATTEMPTS:
            plan = make_plan(diagnosis.findings, tried=tried)
            if not plan.items:
                break
            name = plan.items[0].remediation
            made.append(self.transaction().attempt(name, RUN, len(made) + 1))
            tried += [] if made[-1]["verdict"] == "kept" else [name]
            diagnosis = made[-1]["after"][1]
        return made

    def running(self):
        """Which containers run since when: what an ``up`` that does nothing leaves as it is."""
        engine = self.transaction().gatherer.engine
        found = engine.inspect_containers(PROJECT)
        return {c["Name"]: (c["Id"], c["State"]["Status"], c["State"]["StartedAt"]) for c in found}


def told(findings):
    """Findings in a line each, for a failed assertion."""
    return [f"{f.code}: {f.summary}" for f in findings]


def assert_mended(lab, repair, diagnosis, expected):
    """Mended by the remediations that fault.yml names; ``up`` has nothing to do; what they changed can be taken back."""
    name = expected["remediation"]
    wanted = [(n, "unchanged" if n == "wait_until_ready" else "kept") for n in (name, expected.get("then")) if n]
    before = repair.state()
    made = repair.attempts(diagnosis)
    # on a busy machine a service that was recreated may still be starting
    went = [(a["remediation"], a["verdict"]) for a in made if a["verdict"] != "unchanged" or name == "wait_until_ready"]
    assert went == wanted, [f"{a['remediation']} {a['verdict']}: {a['reason']}" for a in made]
    assert made[-1]["after"][1].healthy, told(made[-1]["after"][1].findings)
    lab.run("healthy")

    running = repair.running()
    compose = repair.transaction().executor.compose
    compose.run("config", "--quiet")
    compose.run("up", "--detach")
    assert repair.running() == running, "docker compose up -d changed containers after the repair"

    again = repair.transaction().attempt(name, "again", 1)
    assert (again["verdict"], again["reason"]) == ("unchanged", "nothing is broken")
    assert repair.running() == running

    if name == "wait_until_ready":
        return
    assert [a["remediation"] for a in repair.transaction().roll_back(RUN)] == [r for r, _verdict in reversed(went)]
    assert [str(d) for d in differences(before, repair.state()) if not d.dynamic] == []
    assert repair.transaction().roll_back(RUN) == []
    if expected.get("rollback_restores_symptom", REMEDIATIONS[name].reversible == "full"):
        lab.run("symptom", expected["id"])


def assert_advised(diagnosis):
    """Nothing pretends to mend it, and every finding says what the operator should do, and how to see that it is so."""
    assert [item.remediation for item in make_plan(diagnosis.findings).items] == []
    assert [f.code for f in diagnosis.findings if not f.advice] == []
    assert [f.code for f in diagnosis.findings if not f.confirm] == []
