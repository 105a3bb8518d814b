# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which optimizations to try: those that the bottlenecks suggest, then what the operator wants tried besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from .catalogue import OPTIMIZATIONS

# what an experiment hands to the module
PARAMETERS = (
    "environment",
    "command",
    "undo_command",
    "table",
    "columns",
    "database_service",
    "database",
    "database_user",
    "statement_timeout",
)


def plan_experiments(
    items: Iterable[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], most: int = 3
) -> list[dict[str, Any]]:
    """The experiments in their order, numbered from 1, each with why it is made and the endpoint that is to judge it.

    ``items`` are bottlenecks, the worst first, of which the first ``most`` count. Where one suggests what the operator
    described in ``wanted``, the operator's description is taken: its service, script or variables are known to be right.
    Raises ValueError for a wish that names no optimization or no service.
    """
    for one in wanted:
        if one.get("name") not in OPTIMIZATIONS or not one.get("service"):
            raise ValueError(f"{dict(one)!r} must have a name out of {', '.join(OPTIMIZATIONS)}, and a service")
    found: list[dict[str, Any]] = []
    left: list[Mapping[str, Any]] = list(wanted)
    for item in [i for i in items if (i.get("optimization") or {}).get("name") in OPTIMIZATIONS][:most]:
        suggested = item["optimization"]
        parameters = suggested.get("parameters") or {}
        service = str(parameters.get("service") or item.get("service") or "")
        wish: Optional[Mapping[str, Any]] = next((w for w in left if _meets(w, suggested["name"], service)), None)
        if wish is not None:
            left.remove(wish)
        made = _experiment(suggested["name"], wish or {**_as_options(parameters), "service": service})
        why = f"{item.get('title') or item.get('code')}"
        found.append({**made, "why": why, "code": str(item.get("code") or ""), "endpoint": str(item.get("endpoint") or "")})
    for asked in left:
        made = _experiment(str(asked["name"]), asked)
        found.append({**made, "why": "asked for", "code": "", "endpoint": str(asked.get("endpoint") or "")})
    unique = [one for number, one in enumerate(found) if _key(one) not in [_key(o) for o in found[:number]]]
    return [{"number": number, **one} for number, one in enumerate(unique, start=1)]


def _meets(wish: Mapping[str, Any], name: str, service: str) -> bool:
    """Whether the operator's wish is what was suggested. A script for indexes may run in another service than the database."""
    return wish["name"] == name and (name == "indexes" or not service or wish["service"] == service)


def _as_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a bottleneck suggests, as the options of the module: a variable with its value, a table with its schema."""
    told = dict(parameters)
    if told.get("variable"):
        told["environment"] = {str(told["variable"]): str(told.get("value"))}
    if told.get("table") and told.get("schema"):
        told["table"] = f"{told['schema']}.{told['table']}"
    columns = told.get("columns") or ()
    told["columns"] = [c if isinstance(c, str) else " ".join(str(part) for part in c) for c in columns]
    return told


def _experiment(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "service": str(given["service"]),
        "parameters": {key: given[key] for key in PARAMETERS if given.get(key)},
    }


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(one["name"]), str(one["service"]), str(one["parameters"])
