# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our override file as data: what a remediation adds to the effective configuration.

Compose merges override files into the operator's: mappings key by key, most lists by appending. Where a value must
go instead, the tags ``!override`` and ``!reset`` say so: https://docs.docker.com/reference/compose-file/merge/
Here a tagged value is ``{TAG: "override", VALUE: …}``, so that plans stay plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TAG = "__tag__"
VALUE = "__value__"


def override(value: Any) -> dict[str, Any]:
    """A value that replaces what the operator's files say instead of being merged with it."""
    return {TAG: "override", VALUE: value}


def reset() -> dict[str, Any]:
    """The absence of a value that the operator's files set."""
    return {TAG: "reset", VALUE: None}


def is_tagged(value: Any) -> bool:
    """Whether a value carries one of Compose's merge tags."""
    return isinstance(value, Mapping) and TAG in value


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The override data with a patch laid over it; tagged values and lists of the patch replace those of the base."""
    result = dict(base)
    for key, value in patch.items():
        present = result.get(key)
        if (
            isinstance(value, Mapping)
            and not is_tagged(value)
            and isinstance(present, Mapping)
            and not is_tagged(present)
        ):
            result[key] = merge(present, value)
        else:
            result[key] = value
    return result


def appended(present: Any, entry: str) -> Any:
    """A list of the override data with one more entry. A tag stays; what was reset is replaced by the entry."""
    items = (present[VALUE] if is_tagged(present) else present) or ()
    longer = list(dict.fromkeys([*items, entry]))
    return override(longer) if is_tagged(present) else longer


def escape(value: str) -> str:
    """A literal for a Compose file: a single dollar sign would be interpolated."""
    return value.replace("$", "$$")


def service_patch(service: str, **fields: Any) -> dict[str, Any]:
    """A patch of one service."""
    return {"services": {service: fields}}
