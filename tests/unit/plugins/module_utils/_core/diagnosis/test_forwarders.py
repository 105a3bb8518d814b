# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Confidence, LogEvent, Severity
from unit.builders import (
    NETWORK,
    call,
    codes,
    network,
    propose,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

RESOLV_CONF = "search corp.example\nnameserver 127.0.0.11\noptions ndots:1\n"
DEAD = "resolver.upstream_dns_dead_external_only"
SLOW = "resolver.first_nameserver_dead_slow"


def astray(address="192.0.2.7", error="", **web):
    """web's libc appends its search domain, and somebody answers for that name."""
    settings = {"resolv_conf": RESOLV_CONF, "dns_options": ("ndots:1",), **web}
    found = replace(resolved("shop-web-1", "api", address), resolved_name="api.corp.example")
    return with_probes(
        with_container(shop(), "web", **settings),
        found,
        resolved("shop-web-1", "api", "10.1.0.3", nameserver="127.0.0.11"),
        tcp("shop-web-1", address, 8000, error),
    )


@pytest.mark.parametrize("error", ["", "ECONNREFUSED", "timeout"])
def test_a_search_domain_that_answers_is_named_whether_or_not_its_address_does(error):
    (finding,) = diagnose(astray(error=error)).findings
    assert finding.code == "resolver.search_domain_wildcard_ndots"
    told = " ".join(finding.evidence)
    assert "api.corp.example" in told and "192.0.2.7" in told and "ndots:1" in told


def test_a_wildcard_that_leads_to_another_container_names_it():
    (finding,) = diagnose(astray("10.1.0.2")).findings
    assert finding.code == "resolver.search_domain_wildcard_ndots"
    assert "container shop-db-1 has it" in " ".join(finding.evidence)


def test_ndots_is_taken_out_and_other_options_stay():
    snapshot = with_config(astray(), "web", dns_opt=["ndots:1", "timeout:2"])
    proposal = propose(snapshot, "restore_resolver")
    assert proposal.patch["services"]["web"]["dns_opt"]["__value__"] == ["timeout:2"]


def test_ndots_that_compose_did_not_set_is_not_promised_to_be_mended():
    (finding,) = diagnose(astray(dns_options=())).findings
    assert finding.remediations == () and "'api.'" in finding.advice


def test_a_search_domain_for_a_name_that_no_service_has_is_meant():
    snapshot = replace(shop(), dependencies=(call("web", "ldap", 389),), checks=())
    snapshot = with_probes(
        snapshot,
        replace(resolved("shop-web-1", "ldap", "192.0.2.7"), resolved_name="ldap.corp.example"),
        tcp("shop-web-1", "192.0.2.7", 389),
    )
    assert codes(snapshot) == []


# forwarders


def outside(*probes, events=(), **web):
    """web calls a partner besides."""
    snapshot = with_container(shop(), "web", **{"resolv_conf": "nameserver 127.0.0.11\n", **web})
    partner = call("web", "api.partner.example", 443, kind="external")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, partner), log_events=tuple(events))
    return with_probes(snapshot, *probes)


def silence(error="SERVFAIL", latency_ms=4001.0):
    return replace(unresolved("shop-web-1", "api.partner.example", error), latency_ms=latency_ms)


def told(line):
    return LogEvent("web", "shop-web-1", "resolution", line, host="api.partner.example")


def test_names_outside_that_were_not_asked_are_no_finding():
    assert codes(outside()) == []


@pytest.mark.parametrize("probe", [silence(), silence("timeout", 13000.0)])
def test_silence_about_a_name_outside_is_a_warning_and_names_the_forwarder(probe):
    (finding,) = diagnose(outside(probe, dns=("10.1.0.53",))).findings
    assert (finding.code, finding.severity, finding.confidence) == (DEAD, Severity.WARNING, Confidence.CERTAIN)
    assert "10.1.0.53" in finding.advice and finding.breaks == ("web → api.partner.example:443",)


@pytest.mark.parametrize(
    "probe",
    [
        silence("NXDOMAIN"),
        silence("SERVFAIL", 12.0),
        replace(resolved("shop-web-1", "api.partner.example", "192.0.2.7"), latency_ms=40.0),
    ],
)
def test_an_answer_that_came_at_once_says_that_the_forwarder_lives(probe):
    assert codes(outside(probe)) == []


def test_internal_networks_are_meant_to_lead_nowhere():
    assert DEAD not in codes(replace(outside(silence()), networks=(network(NETWORK, internal=True),)))


def test_a_late_answer_is_slow_and_not_dead():
    late = replace(resolved("shop-web-1", "api.partner.example", "192.0.2.7"), latency_ms=4010.0)
    (finding,) = diagnose(outside(late)).findings
    assert (finding.code, finding.severity) == (SLOW, Severity.WARNING)
    assert "time getent hosts api.partner.example" in finding.confirm


def test_the_log_alone_makes_it_possible():
    events = [told("http://api.partner.example: [Errno -3] Temporary failure in name resolution")]
    (finding,) = diagnose(outside(events=events)).findings
    assert (finding.code, finding.confidence) == (DEAD, Confidence.POSSIBLE)
    assert any("Temporary failure" in line for line in finding.evidence)


def test_a_log_that_says_no_such_name_accuses_nobody():
    assert codes(outside(events=[told("http://api.partner.example: [Errno -2] Name or service not known")])) == []


def test_an_old_line_of_the_log_counts_for_nothing_where_the_name_resolves_now():
    events = [told("getaddrinfo EAI_AGAIN api.partner.example")]
    answered = resolved("shop-web-1", "api.partner.example", "192.0.2.7")
    assert codes(outside(answered, events=events)) == []


def test_a_misspelt_name_comes_first_where_a_dead_forwarder_delays_it():
    snapshot = with_container(shop(), "api", dns=("10.1.0.53",))
    snapshot = replace(snapshot, dependencies=(call("web", "apii", 8000), call("web", "db", 5432)))
    snapshot = with_config(snapshot, "web", environment={"API_URL": "http://apii:8000"})
    waited = replace(unresolved("shop-web-1", "apii", "timeout"), latency_ms=2001.0)
    snapshot = with_probes(
        snapshot, waited, resolved("shop-web-1", "db", "10.1.0.2"), tcp("shop-web-1", "10.1.0.2", 5432)
    )
    assert codes(snapshot) == ["name.service_renamed_typo", DEAD]


def test_a_resolver_that_answers_nothing_at_all_is_no_dead_forwarder():
    waited = unresolved("shop-web-1", "api", "timeout")
    assert DEAD not in codes(with_probes(shop(), waited))
