# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.criteria import criteria
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.facts import facts_of
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.recommendations import recommendations
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.words import Words

ENGLISH = Words("en")


def judged(journal, text):
    """The mark and the evidence of the criterion that begins so."""
    found = criteria(facts_of(journal["hosts"][0], journal), ENGLISH)
    one = next(c for c in found if said(c.text).startswith(text))
    return one.mark, said(one.evidence)


def said(line):
    return "".join(span.text for span in line)


def advised(journal):
    blocks = recommendations(facts_of(journal["hosts"][0], journal), ENGLISH)
    return [(said(what), said(why)) for what, why in getattr(blocks[-1], "items", ())]


def tuning(journal):
    return journal["hosts"][0]["tuning"]


def fail_check(journal):
    check = journal["hosts"][0]["validation"]["checks"][2]
    check.update(outcome="failed", status=502)


def forget_checks(journal):
    journal["hosts"][0]["validation"] = None
    for moment in ("before", "after"):
        journal["hosts"][0][moment]["checks"] = []


def fail_walk(journal, **values):
    journal["hosts"][0]["after"]["walks"][0].update(values)


@pytest.mark.parametrize(
    ("change", "criterion", "mark", "evidence"),
    [
        (lambda j: None, "The gateway answers", "✓", "All 11 checks pass."),
        (fail_check, "The gateway answers", "✗", "These fail: health of the gateway."),
        (forget_checks, "The gateway answers", "–", "No check asks the gateway from outside."),
        (
            lambda j: fail_walk(j, outcome="failed", layer="name"),
            "All services resolve",
            "✗",
            "These fail: ",
        ),
        (lambda j: fail_walk(j, outcome="failed", layer="port"), "All services resolve", "✓", "All 8"),
        (lambda j: fail_walk(j, outcome="failed", layer="port"), "All services reach", "✗", "These fail: "),
        (lambda j: fail_walk(j, outcome="unknown"), "All services reach", "–", "1 dependency could not be probed."),
        (lambda j: None, "Every attempt is a commit", "–", "Commits were not asked for."),
        (
            lambda j: j["hosts"][0]["attempts"][0].update(commit={"id": "0123456789abcdef", "reason": ""}),
            "Every attempt is a commit",
            "✓",
            "Commits: 0123456789.",
        ),
        (lambda j: None, "The load test of the plan", "–", "But it ran with less than the plan: 20 s."),
        (
            lambda j: tuning(j)["settings"].update(seconds=120),
            "The load test of the plan",
            "✓",
            "9,578 requests, 0 failures.",
        ),
        (
            lambda j: tuning(j)["baseline"]["runs"][0]["whole"].update(failures=4),
            "The load test of the plan",
            "✗",
            "9,578 requests, 4 failures.",
        ),
        (
            lambda j: tuning(j)["baseline"].update(runs=tuning(j)["baseline"]["runs"][:3]),
            "A baseline",
            "✗",
            "3 usable runs",
        ),
        (lambda j: tuning(j).update(baseline=None), "A baseline", "–", "The journal holds no baseline."),
        (
            lambda j: tuning(j)["baseline"]["runs"][1].update(generator_cpu=0.9),
            "The figures are the server's",
            "✗",
            "In 1 run the generator was the limit",
        ),
        (
            lambda j: tuning(j)["baseline"]["runs"][1].update(containers={}),
            "What the containers used",
            "✗",
            "15 of 16 runs",
        ),
        (lambda j: tuning(j).update(profiles=[]), "The critical services", "–", "No profile was taken."),
        (
            lambda j: tuning(j)["bottlenecks"].update(items=tuning(j)["bottlenecks"]["items"][:2]),
            "The top three",
            "✗",
            "Only 2 were found: Missing index, Hot read without a cache.",
        ),
        (
            lambda j: tuning(j)["bottlenecks"]["items"][0].update(evidence=[]),
            "The top three",
            "✗",
            "1 of them rests on fewer than two sources.",
        ),
        (lambda j: tuning(j).update(experiments=[]), "The Redis cache", "–", "No experiment with it"),
        (
            lambda j: tuning(j)["experiments"][1].update(decision="refused", reason="no Redis"),
            "The Redis cache",
            "✗",
            "It was not measured: no Redis",
        ),
        (
            lambda j: tuning(j)["experiments"][0]["answers"].update(differing=["/items?tag=1"]),
            "What is kept does not change",
            "✗",
            "The answers of 1 kept optimization differ.",
        ),
        (lambda j: tuning(j).update(final=None), "Before and after", "–", "There is no comparison in the journal."),
        (
            lambda j: tuning(j)["final"]["comparison"].update(verdict="not comparable", reason="other images"),
            "Before and after",
            "–",
            "other images",
        ),
        (
            lambda j: tuning(j)["final"]["comparison"]["primary"].update(verdict="no difference shown"),
            "The system is measurably faster",
            "✗",
            "no difference shown",
        ),
        (
            lambda j: tuning(j)["experiments"][2].update(undo_verified=None),
            "What did not help",
            "✗",
            "1 undo is not verified.",
        ),
        (lambda j: None, "No volume", "✓", "none removes a volume. Contents were not compared."),
        (
            lambda j: tuning(j)["experiments"][2]["steps"].append({"text": "remove volume vertice_data"}),
            "No volume",
            "✗",
            "A step removes one: remove volume vertice_data",
        ),
    ],
)
def test_a_criterion_is_decided_by_what_the_journal_holds(tuned, change, criterion, mark, evidence):
    change(tuned)
    found, told = judged(tuned, criterion)
    assert found == mark
    assert evidence in told


def test_without_a_diagnosis_nothing_about_the_network_is_met(tuned):
    tuned["hosts"][0].update(before=None, after=None, validation=None, attempts=[])
    for criterion in ("The gateway", "All health checks", "All services resolve", "All services reach", "The cause of"):
        assert judged(tuned, criterion)[0] == "–"


def test_what_was_kept_is_not_advised_again_but_to_be_made_permanent(tuned):
    told = [what for what, _why in advised(tuned)]
    assert not [what for what in told if what.startswith(("Missing index", "Hot read"))]
    assert [what for what in told if what.startswith("Make it permanent")] == [
        "Make it permanent in your own repository: database index (items (tag)).",
        "Make it permanent in your own repository: Redis cache (maximus_core_service).",
    ]


def test_a_bottleneck_that_stayed_is_advised_with_its_share_and_with_what_was_tried(tuned):
    told = dict(advised(tuned))
    what = "CPU-bound function (maximus_core_service). Make the function cheaper, or call it less often."
    assert told[what] == "6% of all waiting; what was tried against it ended as undone (no difference shown)."


def test_failed_requests_come_first_among_the_recommendations_of_the_load(tuned):
    run = tuning(tuned)["baseline"]["runs"][0]
    run["whole"]["failures"] = 7
    run["errors"] = {"503 Service Unavailable": 6, "timed out": 1}
    told = [one for one in advised(tuned) if not one[0].startswith("Carry")]
    assert told[0][0] == "Find out first why requests fail."
    assert "the most frequent error is 503 Service Unavailable" in told[0][1]


def test_figures_without_docker_are_advised_to_be_measured_with_it(tuned):
    tuned["hosts"][0]["local"] = {"services": []}
    assert advised(tuned)[0][0] == "Mend Docker, and repeat the load tests there."
