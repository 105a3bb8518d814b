# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import open_case
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization import cache, indexes, workers
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.wish import Wish
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.databases import (
    DatabaseState,
    Index,
    Place,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.situation import Situation
from unit.builders import shop, state_of

DATABASE = DatabaseState(Place("db", "shop-db-1", "shop", "shop"))


def situation(**api):
    snapshot = shop()
    services = snapshot.config["services"]
    snapshot = replace(snapshot, config={**snapshot.config, "services": {**services, "api": {**services["api"], **api}}})
    return Situation(open_case(snapshot), (), state_of(snapshot))


def actions(proposal):
    return [s.action.value for s in proposal.steps]


@pytest.mark.parametrize(
    "was, now",
    [("off", "on"), ("false", "true"), ("False", "True"), ("0", "1"), ("NO", "YES"), ("disabled", "enabled")],
)
def test_a_services_own_switch_is_turned_in_its_own_words(was, now):
    proposal = cache.propose(situation(environment={"USE_REDIS": was, "REDIS_URL": "redis://redis", "DEBUG": "off"}), Wish("api"))
    assert proposal.patch == {"services": {"api": {"environment": {"USE_REDIS": now}}}}
    assert actions(proposal)[:2] == ["write_override", "recreate"]


def test_a_cache_that_is_on_is_left_alone():
    assert cache.propose(situation(environment={"CACHE": "on"}), Wish("api")).steps == ()
    wish = Wish("api", environment={"CACHE": "on"})
    assert cache.propose(situation(environment={"CACHE": "on"}), wish).steps == ()


def test_a_service_without_a_switch_is_refused():
    (reason,) = cache.propose(situation(environment={"A": "b"}), Wish("api")).refusals
    assert "'api' has no variable that switches a cache off" in reason
    assert "no service 'apo'" in cache.propose(situation(), Wish("apo", {"CACHE": "on"})).refusals[0]


def test_a_dollar_sign_is_data():
    proposal = workers.propose(situation(command=["serve"]), Wish("api", {"ARGS": "$x"}, ("serve", "--workers", "$N")))
    assert proposal.patch["services"]["api"]["environment"] == {"ARGS": "$$x"}
    assert "$$N" in str(proposal.patch["services"]["api"]["command"])


def test_a_service_that_works_so_already_is_left_alone():
    wish = Wish("api", {"WORKERS": "2"}, ("serve",))
    assert workers.propose(situation(command=["serve"], environment={"WORKERS": "2"}), wish).steps == ()
    assert workers.propose(situation(), Wish("api")).refusals


def test_an_index_is_made_once():
    wish = Wish("db", table="items", columns=("tag",))
    proposal = indexes.propose(situation(), wish, DATABASE)
    assert [s.object for s in proposal.steps] == ["public.netfix_items_tag"] and proposal.database.own == ("public.netfix_items_tag",)
    there = Index("public", "by_tag", "items", "CREATE INDEX by_tag ON public.items USING btree (tag)")
    assert indexes.propose(situation(), wish, replace(DATABASE, indexes={"public.by_tag": there})).steps == ()


def test_what_an_interrupted_build_left_is_dropped_first():
    ruin = Index("public", "netfix_items_tag", "items", "CREATE INDEX netfix_items_tag ON …", valid=False)
    found = replace(DATABASE, indexes={"public.netfix_items_tag": ruin})
    assert actions(indexes.propose(situation(), Wish("db", table="items", columns=("tag",)), found)) == ["drop_index", "create_index"]


def test_a_script_runs_where_its_service_does():
    wish = Wish("api", command=("python3", "x.py"), undo_command=("python3", "x.py", "--drop"))
    proposal = indexes.propose(situation(), wish, DATABASE)
    assert proposal.steps[0].args == {"container": "shop-api-1", "words": ["python3", "x.py"]}
    assert proposal.database.any_new and proposal.database.undo_words == wish.undo_command


def test_without_a_database_or_a_column_there_is_no_index():
    assert "name it with database_service" in indexes.propose(situation(), Wish("api", table="t", columns=("c",))).refusals[0]
    assert "say what to index" in indexes.propose(situation(), Wish("api"), DATABASE).refusals[0]
