# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/journal.schema.json, and a journal held against it."""

from __future__ import annotations

import json

import pytest
from unit.builders import ROOT


def journal_schema():
    return json.loads((ROOT / "docs" / "journal.schema.json").read_text(encoding="utf-8"))


def undescribed(journal):
    """What in a journal does not fit the schema, or is not described there."""
    jsonschema = pytest.importorskip("jsonschema")
    errors = jsonschema.Draft202012Validator(closed(journal_schema())).iter_errors(journal)
    return [f"{error.json_path}: {error.message}" for error in errors]


def closed(schema):
    """The schema with nothing allowed that it does not describe."""
    if isinstance(schema, list):
        return [closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: closed(value) for key, value in schema.items()}
    return {**strict, "additionalProperties": False} if "properties" in schema and "type" in schema else strict
