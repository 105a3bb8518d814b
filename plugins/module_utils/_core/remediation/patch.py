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
# names of the inline configs that we add begin so
INLINE = "netfix-"


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
    """The override data with a patch laid over it; tagged values and lists of the patch replace those of the base.

    None beside a mapping takes nothing away: ``networks: {default: null}`` only says that the network is used.
    """
    result = dict(base)
    for key, value in patch.items():
        present = result.get(key)
        if value is None and isinstance(present, Mapping):
            continue
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


def items_of(patch: Mapping[str, Any], service: str, field: str, otherwise: Any) -> list[Any]:
    """A list of a service as the patch leaves it; ``otherwise`` is what the effective configuration has."""
    patched = (patch.get("services") or {}).get(service) or {}
    present = patched.get(field, otherwise)
    return list((present[VALUE] if is_tagged(present) else present) or ())


def replaced(items: list[Any]) -> dict[str, Any]:
    """The list in place of the one that the operator's files have."""
    return override(items) if items else reset()


def without_unused_configs(data: Mapping[str, Any]) -> dict[str, Any]:
    """The override data without the inline configs of ours that no service of it uses any more."""
    services = data.get("services") or {}
    used = {u.get("source") for s in services for u in items_of(data, s, "configs", ())}
    configs = {k: v for k, v in (data.get("configs") or {}).items() if not k.startswith(INLINE) or k in used}
    rest = {k: v for k, v in data.items() if k != "configs"}
    return {**rest, "configs": configs} if configs else rest


def escape(value: str) -> str:
    """A literal for a Compose file: a single dollar sign would be interpolated."""
    return value.replace("$", "$$")


def unescape(value: str) -> str:
    """The literal that a Compose file means."""
    return value.replace("$$", "$")


def service_patch(service: str, **fields: Any) -> dict[str, Any]:
    """A patch of one service."""
    return {"services": {service: fields}}
