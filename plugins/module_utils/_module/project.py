# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that look at a whole project share: their options, and what these become."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any, Optional

from .._core.diagnosis.diagnose import Diagnosis
from .._core.errors import NetfixError
from .._core.model import Snapshot, to_data
from .._core.redact import redact_finding, redact_snapshot, redact_walk
from .._core.remediation.planning import REMEDIATIONS, Plan
from .._core.report.topology import topology
from .._host.attempts import Attempts
from .._host.compose import Compose, find_project, project_name
from .._host.gather import Gatherer
from .._host.questions import parse_checks
from .._host.silent_engine import open_engine
from .._host.wanted import Wanted

# https://docs.docker.com/compose/how-tos/project-name/; it also names a folder of ours
PROJECT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*\Z")
ROUTE_SPEC = {
    "gateway": {"type": "str", "required": True},
    "variable": {"type": "str", "required": True},
    "prefix": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "scheme": {"type": "str", "default": "http"},
}
CHECK_SPEC = {
    "name": {"type": "str"},
    "url": {"type": "str", "required": True},
    "method": {"type": "str", "default": "GET"},
    "source": {"type": "str", "default": "host"},
    "headers": {"type": "dict", "default": {}},
    "json": {"type": "raw"},
    "statuses": {"type": "list", "elements": "int", "default": []},
}


def project_spec() -> dict[str, Any]:
    """Options that say which project is meant."""
    return {
        "project_src": {"type": "path"},
        "project_name": {"type": "str"},
        "files": {"type": "list", "elements": "path", "default": []},
        "profiles": {"type": "list", "elements": "str", "default": []},
        "env_files": {"type": "list", "elements": "path", "default": []},
        "docker_host": {"type": "str"},
    }


def gathering_spec() -> dict[str, Any]:
    """Options that say what to look at."""
    return {
        "dependencies": {"type": "list", "elements": "raw", "default": []},
        "ignore": {"type": "list", "elements": "str", "default": []},
        "separations": {"type": "list", "elements": "str", "default": []},
        "checks": {"type": "list", "elements": "dict", "default": [], "options": CHECK_SPEC},
        "routes": {"type": "list", "elements": "dict", "default": [], "options": ROUTE_SPEC},
        "probe_timeout": {"type": "float", "default": 1.0},
        "probe_external": {"type": "bool", "default": False},
        "fallback": {"type": "str", "choices": ["none", "exec", "helper"], "default": "exec"},
        "log_seconds": {"type": "int", "default": 900},
        "state_dir": {"type": "path"},
    }


def open_gatherer(
    params: dict[str, Any], rehearsed: bool = False, secrets: Optional[set[str]] = None
) -> Gatherer:
    """The gatherer of the project that the options name, its configuration already being read.

    With ``rehearsed`` it makes nothing on the host, as in check mode. What it finds to be secret is added to ``secrets``.

    Raises NetfixError where the project cannot be told, or an option is wrong.
    """
    engine = open_engine(params.get("docker_host") or "")
    source = os.path.realpath(params["project_src"]) if params.get("project_src") else ""
    name = params.get("project_name") or ""
    files = tuple(params.get("files") or ())
    if not source and not name:
        raise NetfixError("Say which project: project_src (its directory) or project_name (of its containers).")
    if name and not PROJECT_NAME.match(name):
        raise NetfixError(f"project_name {name!r} is none: Compose takes lower-case letters, digits, '_' and '-'.")
    if not name:
        name = engine.project_in(source) or project_name(source, files, engine.docker_host)
    labels = engine.labels_of(name)
    project = find_project(
        labels, source, name, files, params.get("profiles") or (), params.get("env_files") or (), engine.projects()
    )
    if params.get("probe_timeout", 1.0) <= 0:
        raise NetfixError(f"probe_timeout must be above 0 seconds; found {params['probe_timeout']}.")
    wanted = Wanted(
        dependencies=params.get("dependencies") or (),
        ignore=params.get("ignore") or (),
        separations=params.get("separations") or (),
        checks=parse_checks(params.get("checks") or ()),
        routes=params.get("routes") or (),
        timeout_s=params.get("probe_timeout", 1.0),
        probe_external=bool(params.get("probe_external")),
        log_seconds=params.get("log_seconds", 900),
        # a rehearsal makes nothing, not even a helper
        fallback="exec" if rehearsed and params.get("fallback") == "helper" else params.get("fallback", "exec"),
    )
    gatherer = Gatherer(engine, Compose(project, engine.docker_host), wanted, set() if secrets is None else secrets)
    gatherer.start()
    return gatherer


def open_attempts(params: dict[str, Any], project: str) -> Attempts:
    """Where the project's attempts are kept: for root under /var/lib, else under the user's own state folder."""
    return Attempts(state_dir(params), project)


def state_dir(params: dict[str, Any]) -> str:
    """The folder for all projects' attempts."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    default = "/var/lib/netfix" if os.geteuid() == 0 else os.path.join(home, "netfix")
    return str(params.get("state_dir") or default)


def compose_command(compose: Compose) -> str:
    """The command that brings the project to its configuration, as an operator would type it."""
    return shlex.join(compose.command("up", "-d"))


def told_diagnosis(snapshot: Snapshot, diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as modules return it, without secrets."""
    clean = redact_snapshot(snapshot)
    return {
        "healthy": diagnosis.healthy,
        "unknown": diagnosis.unknown,
        "walks": to_data(tuple(map(redact_walk, diagnosis.walks))),
        "findings": [to_data(redact_finding(f)) for f in diagnosis.findings],
        "checks": to_data(clean.checks),
        "notes": list(clean.notes),
        "unread": dict(clean.unread),
        "topology": topology(clean),
    }


def told_plan(plan: Plan) -> dict[str, Any]:
    """A plan as modules return it."""
    return {
        "items": [
            {
                "remediation": item.remediation,
                "findings": [f.code for f in item.findings],
                "reason": item.reason,
                "invasiveness": REMEDIATIONS[item.remediation].invasiveness,
                "reversible": REMEDIATIONS[item.remediation].reversible,
                "restarts": [REMEDIATIONS[item.remediation].restarts],
                "downtime": REMEDIATIONS[item.remediation].downtime,
                "refusals": [],
                "steps": [],
            }
            for item in plan.items
        ],
        "skipped": [{"remediation": s.remediation, "reason": s.reason} for s in plan.skipped],
    }
