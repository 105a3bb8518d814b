# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal document: what one run found, tried and proved, from which every report is rendered.

A journal is plain JSON::

    journal    = {schema, collection, versions: {ansible_core, python}, run_id, started_at, finished_at, mode, playbook,
                  status, hosts: [host]}
    host       = {host, project, project_src, status, inputs: {name: value}, python, engine: {version, compose_version},
                  before: diagnosis, plan: plan, attempts: [attempt], after: diagnosis | null, validation: validation | null,
                  local: local | null, budget: {seconds, spent_s, reason} | null, compose_command, error, tuning: tuning}
    diagnosis  = {healthy, walks: [Walk], findings: [Finding], checks: [CheckResult], notes: [text], topology,
                  unread: {what: reason}, duration_ms}
    topology   = {services: [{name, state, health, exit_code, replicas, running, networks: [name], image}],
                  networks: [{name, driver, internal, project}], providers: {host: service}}
    plan       = {items: [{remediation, invasiveness, reversible, restarts: [text], downtime, findings: [code],
                  reason, refusals: [text], steps: [step]}], skipped: [{remediation, reason}]}
    attempt    = {id, run_id, number, remediation, findings: [code], verdict, reason, steps: [step],
                  gate: {promised: [code], mended: [code], regressed: [text], still_broken: [text], waited_s} | null,
                  looks: [{when, at, passing, failing: [text]}], files: [path],
                  confirm: {until, timer, confirmed_at} | null,
                  undo: {verified, differences: [text], objects: [{kind, name, outcome, error}], steps: [step], started_at,
                  duration_s} | null, commit: {id, reason, files: [path], left_out: [text]}, left: [text],
                  direct_checks: [direct check], started_at, duration_s}
    direct check = {consumer, provider, container, address, port, tcp, status}
    step       = {action, object, cause, outcome, started_at, duration_ms, error}
    local      = {state, folder, services: [{name, status, pid, address, ports: [{port, wanted, target}], url, log, origin, reason,
                  restarts}], refused: [{service, reason}], notes: [text], comparable, warning, validation, seconds, reason}
    validation = {checks: [CheckResult], load: load | null}
    load       = {requests, failures, rps, p50_ms, p95_ms, max_ms, errors: [{name, count, error}], duration_s,
                  users, outcome, reason}

Walk, Finding and CheckResult are ``to_data()`` of the model's dataclasses. Times are ISO 8601 in UTC.
Keys may be added within one ``schema``; docs/journal.md describes each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Optional

from ..model import CheckResult, Finding, Walk, from_data, to_data
from .experiments import tuning_problems

SCHEMA = 1
MODES = ("diagnose", "plan", "apply", "confirm", "roll_back")
STATUSES = ("failed", "not_mended", "undone", "mended", "planned", "diagnosed", "healthy")
VERDICTS = ("kept", "undone", "refused", "failed", "planned", "unchanged")


def overall_status(hosts: Sequence[Mapping[str, Any]]) -> str:
    """The worst status of the hosts, in the order of STATUSES.

    A host with an error, or with a status outside the closed set (``unreachable``), counts as ``failed``. So does
    a run without hosts: nothing was looked at.
    """
    ranks = [0 if host.get("error") else _rank(str(host.get("status", ""))) for host in hosts]
    return STATUSES[min(ranks, default=0)]


def _rank(status: str) -> int:
    return STATUSES.index(status) if status in STATUSES else 0


def worst_first(hosts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The hosts, those that need a person first; otherwise in their own order."""
    return sorted(hosts, key=lambda host: _rank(overall_status([host])))


def make_journal(
    run_id: str,
    mode: str,
    hosts: Sequence[Mapping[str, Any]],
    started_at: str,
    finished_at: str,
    playbook: str = "",
    collection: str = "",
    versions: Optional[Mapping[str, str]] = None,
) -> dict[str, Any]:
    """The journal of one run, with its overall status and each host's own out of STATUSES.

    It shares nothing with the ``hosts`` given.
    """
    return {
        "schema": SCHEMA,
        "collection": collection,
        "versions": dict(versions or {}),
        "run_id": run_id,
        "started_at": started_at,
        "finished_at": finished_at,
        "mode": mode,
        "playbook": playbook,
        "status": overall_status(hosts),
        "hosts": [_settled(host) for host in hosts],
    }


def _settled(host: Mapping[str, Any]) -> dict[str, Any]:
    """The host with a status out of STATUSES; another word for its state (``unreachable``) becomes its error."""
    given = str(host.get("status") or "no status")
    error = str(host.get("error") or "") or ("" if given in STATUSES else given)
    return {**to_data(dict(host)), "status": overall_status([host]), "error": error}


def elapsed_s(started_at: str, finished_at: str) -> Optional[float]:
    """Seconds between two ISO 8601 times; None where one of them is missing or unreadable."""
    try:
        # fromisoformat() knows the "Z" suffix since Python 3.11 only.
        start, end = (datetime.fromisoformat(time.replace("Z", "+00:00")) for time in (started_at, finished_at))
        return max((end - start).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def diagnosis_problems(diagnosis: object, where: str) -> list[str]:
    """What keeps ``diagnosis`` from being rendered, one sentence each; empty when it is in order."""
    if not isinstance(diagnosis, Mapping):
        return [f"{where} must be a dictionary with 'walks' and 'findings', got {_kind(diagnosis)}"]
    problems = [f"{where} has no '{key}'" for key in ("healthy", "walks", "findings") if key not in diagnosis]
    for key, cls in (("walks", Walk), ("findings", Finding), ("checks", CheckResult)):
        problems += _entry_problems(diagnosis.get(key, []), cls, f"{where}.{key}")
    return problems + _topology_problems(diagnosis.get("topology") or {}, f"{where}.topology")


def _topology_problems(topology: object, where: str) -> list[str]:
    problems = _with_names(topology, "services", "name", where) if topology else []
    problems += _with_names(topology, "networks", "name", where) if topology else []
    for service in [] if problems or not isinstance(topology, Mapping) else topology.get("services", []):
        numbers = [service.get(key, 0) for key in ("exit_code", "replicas", "running")]
        if not all(isinstance(number, int) for number in numbers):
            problems.append(f"{where}: the numbers of service {service['name']!r} are not all whole numbers")
    return problems


def plan_problems(plan: object, where: str) -> list[str]:
    """What keeps ``plan`` from being rendered; empty when it is in order."""
    return _with_names(plan, "items", "remediation", where) + _with_names(plan, "skipped", "remediation", where, False)


def progress_problems(progress: object, where: str) -> list[str]:
    """What keeps a line of progress from being rendered; empty when it is in order."""
    return (
        [] if isinstance(progress, Mapping) and progress.get("text") else [f"{where} must be a dictionary with 'text'"]
    )


def attempt_problems(attempt: object, where: str) -> list[str]:
    """What keeps ``attempt`` from being rendered; empty when it is in order."""
    if not isinstance(attempt, Mapping):
        return [f"{where} must be a dictionary with 'remediation' and 'verdict', got {_kind(attempt)}"]
    problems = [] if attempt.get("remediation") else [f"{where} has no 'remediation'"]
    if attempt.get("verdict") not in VERDICTS:
        problems.append(f"{where}.verdict is {attempt.get('verdict')!r}; expected one of {', '.join(VERDICTS)}")
    return problems + _with_names(attempt, "steps", "action", where, False)


def runs_problems(known: object, where: str) -> list[str]:
    """What keeps a list of runs from being rendered; empty when it is in order."""
    return _with_names(known, "runs", "run_id", where)


def validation_problems(validation: object, where: str) -> list[str]:
    """What keeps ``validation`` from being rendered; empty when it is in order."""
    if not isinstance(validation, Mapping):
        return [f"{where} must be a dictionary with 'checks', got {_kind(validation)}"]
    problems = _entry_problems(validation.get("checks", []), CheckResult, f"{where}.checks")
    load = validation.get("load")
    if load is not None and not isinstance(load, Mapping):
        problems.append(f"{where}.load must be a dictionary or null, got {_kind(load)}")
    return problems


def local_problems(local: object, where: str) -> list[str]:
    """What keeps services without Docker from being rendered; empty when it is in order."""
    problems = _with_names(local, "services", "name", where) + _with_names(local, "refused", "service", where, False)
    validation = local.get("validation") if isinstance(local, Mapping) else None
    return problems + (validation_problems(validation, f"{where}.validation") if validation else [])


def host_problems(host: object, where: str) -> list[str]:
    """What keeps one host of a journal from being rendered; empty when it is in order."""
    if not isinstance(host, Mapping):
        return [f"{where} must be a dictionary, got {_kind(host)}"]
    problems = [] if host.get("host") else [f"{where} has no 'host'"]
    status = host.get("status")
    if status not in STATUSES and not host.get("error"):
        problems.append(f"{where}.status is {status!r}; expected one of {', '.join(STATUSES)}, or an 'error'")
    for key, check in (
        ("before", diagnosis_problems),
        ("after", diagnosis_problems),
        ("plan", plan_problems),
        ("validation", validation_problems),
        ("local", local_problems),
    ):
        if host.get(key):
            problems += check(host[key], f"{where}.{key}")
    if host.get("tuning"):
        problems += tuning_problems(host["tuning"], f"{where}.tuning")
    for number, attempt in enumerate(host.get("attempts") or []):
        problems += attempt_problems(attempt, f"{where}.attempts[{number}]")
    return problems


def _entry_problems(entries: object, cls: type, where: str) -> list[str]:
    if not isinstance(entries, (list, tuple)):
        return [f"{where} must be a list, got {_kind(entries)}"]
    problems = []
    for number, entry in enumerate(entries):
        try:
            from_data(cls, entry)
        except ValueError as exc:
            problems.append(f"{where}[{number}] is {exc}")
    return problems


def _with_names(data: object, key: str, name: str, where: str, required: bool = True) -> list[str]:
    if not isinstance(data, Mapping):
        return [f"{where} must be a dictionary with '{key}', got {_kind(data)}"] if required else []
    entries = data.get(key, None if required else [])
    if not isinstance(entries, (list, tuple)):
        return [f"{where}.{key} must be a list, got {_kind(entries)}"]
    return [
        f"{where}.{key}[{number}] has no '{name}'"
        for number, entry in enumerate(entries)
        if not isinstance(entry, Mapping) or not entry.get(name)
    ]


def _kind(value: object) -> str:
    kinds = ((type(None), "nothing"), (str, "text"), (Mapping, "a dictionary"), ((list, tuple), "a list"))
    return next((word for cls, word in kinds if isinstance(value, cls)), type(value).__name__)
