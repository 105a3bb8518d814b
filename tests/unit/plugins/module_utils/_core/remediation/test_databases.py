# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.databases import (
    LONGEST_NAME,
    DatabaseState,
    Index,
    Place,
    as_checkpoint,
    covering,
    create_statement,
    drop_statement,
    index_name,
    parse_look,
    recreate_statement,
    with_made,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import ProjectState, differences
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.undo import undo_steps

PLACE = Place("postgres", "shop-postgres-1", "kb", "netfix")
KEY = Index("public", "items_pkey", "items", "CREATE UNIQUE INDEX items_pkey ON public.items USING btree (id)")
OURS = Index(
    "public", "netfix_items_tag_score", "items",
    "CREATE INDEX netfix_items_tag_score ON public.items USING btree (tag, score DESC)",
)  # fmt: skip
NAME = "public.netfix_items_tag_score"


def state(*indexes, **fields):
    found = {f"{i.schema}.{i.name}": i for i in indexes}
    return ProjectState("shop", database=DatabaseState(PLACE, found, **fields))


def steps(now, saved):
    return [(s.action.value, s.object) for s in undo_steps(now, saved, "compose.netfix.yml")]


def test_what_the_database_printed_becomes_its_state():
    # postgresql-17, psql -XqAt
    text = json.dumps({"indexes": [to_data(KEY)], "running": 1})
    found = parse_look(text, DatabaseState(PLACE, own=(NAME,)))
    assert found == DatabaseState(PLACE, {"public.items_pkey": KEY}, own=(NAME,), running=1)


def test_a_checkpoint_is_read_as_it_was_written():
    saved = state(KEY, own=(NAME,), undo_container="shop-api-1", undo_words=("python3", "x.py", "--drop"))
    assert from_data(ProjectState, to_data(saved)) == saved


def test_an_index_of_ours_is_dropped_and_nothing_else():
    saved, now = state(KEY, own=(NAME,)), state(KEY, OURS, replace(OURS, name="someone_elses"))
    assert steps(now, saved) == [("drop_index", NAME)]
    assert [d.object for d in differences(saved, now)] == [f"index {NAME}"]
    assert steps(state(KEY, replace(OURS, name="someone_elses")), saved) == []


def test_an_interrupted_build_is_ended_before_what_it_left_is_dropped():
    saved = state(KEY, own=(NAME,))
    now = state(KEY, replace(OURS, valid=False), running=1)
    assert steps(now, saved) == [("end_statements", "kb in shop-postgres-1")]
    assert "database statements" in [d.object for d in differences(saved, now)]
    assert steps(state(KEY, replace(OURS, valid=False)), saved) == [("drop_index", NAME)]


def test_a_script_that_takes_too_much_is_made_good():
    saved = state(KEY, OURS, any_new=True, undo_container="shop-api-1", undo_words=("drop.sh",))
    assert steps(state(KEY), saved) == [("create_index", NAME)]
    more = replace(OURS, name="from_script")
    assert steps(state(KEY, OURS, more), saved) == [("run_script", "drop.sh in shop-api-1"), ("drop_index", "public.from_script")]


def test_what_a_script_made_is_known_by_name_once_it_is_kept():
    saved = state(KEY, any_new=True).database
    kept = with_made(saved, state(KEY, OURS).database)
    assert kept.own == (NAME,) and not kept.any_new
    assert kept.surplus(state(KEY, OURS, replace(OURS, name="later")).database) == [NAME]


def test_what_an_interrupted_build_left_is_no_part_of_the_checkpoint():
    found = state(KEY, replace(OURS, valid=False), own=(NAME,)).database
    assert list(as_checkpoint(found).indexes) == ["public.items_pkey"]


@pytest.mark.parametrize(
    "columns, covered",
    [
        (["tag", "score DESC"], True),
        (["tag"], True),
        (["tag ASC"], True),
        (["score DESC"], False),
        (["tag", "score"], False),
    ],
)
def test_an_index_that_begins_with_the_columns_is_enough(columns, covered):
    assert bool(covering("items", columns, [KEY, OURS])) is covered


def test_an_index_of_another_table_or_one_that_nothing_can_use_is_not_enough():
    assert covering("other.items", ["tag"], [OURS]) is None
    assert covering("items", ["tag"], [replace(OURS, valid=False)]) is None


def test_statements_quote_every_name():
    assert create_statement("items", ["tag", "score desc"]) == (
        'CREATE INDEX CONCURRENTLY "netfix_items_tag_score" ON "public"."items" ("tag", "score" DESC)'
    )
    hostile = create_statement('shop.i"; DROP TABLE x', ["a\") --"])
    assert '"shop"."i""; DROP TABLE x"' in hostile and '"a"") --"' in hostile
    assert drop_statement(replace(OURS, name='x"')) == 'DROP INDEX CONCURRENTLY IF EXISTS "public"."x"""'
    assert recreate_statement(KEY).startswith("CREATE UNIQUE INDEX CONCURRENTLY items_pkey ON")


def test_a_long_name_is_cut_and_stays_its_own():
    one, other = (index_name("a_table_of_some_length", [f"{c}{'x' * 50}"]) for c in "ab")
    assert len(one) <= LONGEST_NAME and one[:30] == other[:30] and one != other
