# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls rewritten wherever a configuration says them, through the override file alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Engine
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import override, reset
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.upstreams import Target, redirect
from unit.builders import call, propose, recorded, shop, situation, with_config

SITE = """\
upstream pool { server api:8000; }
server {
    server_name api;  # api:8000 in a comment
    location / { proxy_pass http://pool; proxy_set_header Host $host; }
    location /db { proxy_pass http://db:5432; }
}
"""
FILE = {"type": "bind", "source": "/srv/shop/site.conf", "target": "/etc/nginx/conf.d/site.conf", "read_only": True}
FOLDER = {"type": "bind", "source": "/srv/shop/conf.d", "target": "/etc/nginx/conf.d", "read_only": True}
DATA = {"type": "volume", "source": "cache", "target": "/var/cache"}
CALL = call("web", "api", 8000, origin="./site.conf:1", key="/srv/shop/site.conf")
OLD, NEW = Target("api", 8000), Target("10.9.0.2", 9000)


def found(volumes=(FILE, DATA), files=None, folders=None, snapshot=None, **fields):
    """The shop, whose web reads its routes from a mounted file."""
    snapshot = with_config(snapshot or shop(), "web", **{"volumes": list(volumes), "environment": {}, **fields})
    texts = {"/srv/shop/site.conf": SITE} if files is None else files
    return replace(situation(snapshot, "direct_routes"), files=texts, folders=folders or {})


def moved(where, patch=None, dependency=CALL, old=OLD, new=NEW):
    return redirect(where, patch or {}, dependency, old, new)


def inline(change, target="/etc/nginx/conf.d/site.conf"):
    """The text that the patch puts at a path, as Compose would read it."""
    uses = change.patch["services"]["web"]["configs"]["__value__"]
    (name,) = [u["source"] for u in uses if u["target"] == target]
    return change.patch["configs"][name]["content"].replace("$$", "$")


def test_a_mounted_file_is_replaced_by_an_inline_one_with_the_call_changed_alone():
    change = moved(found())
    assert inline(change) == SITE.replace("server api:8000;", "server 10.9.0.2:9000;")
    assert change.services == ("web",) and change.refusals == ()
    assert change.patch["services"]["web"]["volumes"] == override([DATA])


def test_dollar_signs_are_not_interpolated():
    (config,) = moved(found()).patch["configs"].values()
    assert "Host $$host;" in config["content"]


def test_the_name_of_the_inline_file_changes_with_its_text():
    (one,), (other,) = (moved(found(), new=Target(a, 9000)).patch["configs"] for a in ("10.9.0.2", "10.9.0.3"))
    assert one != other and one.startswith("netfix-")


def test_the_only_mount_is_reset():
    assert moved(found([FILE])).patch["services"]["web"]["volumes"] == reset()


def test_two_calls_of_one_file_are_both_changed_and_one_text_is_left():
    where = found()
    first = moved(where)
    both = moved(where, first.patch, call("web", "db", 5432), Target("db", 5432), Target("10.9.0.3", 5432))
    assert "server 10.9.0.2:9000;" in inline(both) and "http://10.9.0.3:5432;" in inline(both)
    assert len(both.patch["services"]["web"]["configs"]["__value__"]) == 1


def test_the_other_files_of_a_mounted_folder_are_mounted_one_by_one():
    files = {"/srv/shop/conf.d/site.conf": SITE, "/srv/shop/conf.d/default.conf": "server { listen 81; }\n"}
    folders = {"/srv/shop/conf.d": ("default.conf", "secret.key", "site.conf")}
    change = moved(found([FOLDER], files, folders))
    volumes = change.patch["services"]["web"]["volumes"]["__value__"]
    assert [(v["source"], v["target"], v["read_only"]) for v in volumes] == [
        (f"/srv/shop/conf.d/{name}", f"/etc/nginx/conf.d/{name}", True) for name in ("default.conf", "secret.key")
    ]
    assert "10.9.0.2:9000" in inline(change) and len(change.patch["configs"]) == 1


def test_what_the_image_has_below_a_mounted_folder_stays_unread():
    change = moved(found([FOLDER], {"/srv/shop/conf.d/site.conf": SITE}, {"/srv/shop/conf.d": ("site.conf",)}))
    beneath = inline(change, "/etc/nginx/conf.d/default.conf")
    # Compose would take an empty text for none
    assert beneath.startswith("#") and beneath.count("\n") == 1
    assert change.patch["services"]["web"]["volumes"] == reset()


def test_a_folder_of_too_many_files_is_refused_with_what_to_do():
    names = tuple(f"{n}.conf" for n in range(60))
    change = moved(found([FOLDER], {"/srv/shop/conf.d/site.conf": SITE}, {"/srv/shop/conf.d": names}))
    (reason,) = change.refusals
    assert change.services == () and "mount /etc/nginx/conf.d/site.conf as a file of its own" in reason


@pytest.mark.parametrize(
    "where, words",
    [
        (found(read_only=True), "read-only"),
        (
            found(snapshot=replace(shop(), engine=Engine(compose_version="2.20.3"))),
            "Compose 2.20.3 knows no inline configs",
        ),
    ],
    ids=["read_only", "compose"],
)
def test_a_file_that_cannot_be_replaced_is_refused(where, words):
    change = moved(where)
    assert (
        change.patch == {}
        and change.services == ()
        and words in change.refusals[0]
        and "site.conf" in change.refusals[0]
    )


def test_an_inline_file_of_the_operators_is_replaced_as_well():
    snapshot = with_config(shop(), "web", configs=[{"source": "site", "target": "/etc/nginx/conf.d/site.conf"}])
    snapshot = replace(snapshot, config={**snapshot.config, "configs": {"site": {"content": SITE.replace("$", "$$")}}})
    change = moved(found([], {}, snapshot=snapshot))
    assert inline(change) == SITE.replace("server api:8000;", "server 10.9.0.2:9000;")
    assert len(change.patch["services"]["web"]["configs"]["__value__"]) == 1


def test_variable_command_and_file_are_all_changed():
    change = moved(found(command=["proxy", "--to=http://api:8000", "api"], environment={"A": "http://api:8000/x"}))
    service = change.patch["services"]["web"]
    assert service["environment"] == {"A": "http://10.9.0.2:9000/x"}
    # a word that may be anything stays
    assert service["command"] == ["proxy", "--to=http://10.9.0.2:9000", "api"]
    assert "10.9.0.2:9000" in inline(change)


def test_what_names_the_host_nowhere_changes_nothing():
    change = moved(found(files={}))
    assert change.patch == {} and change.services == () and change.refusals == ()


def test_traefiks_own_file_is_rewritten():
    text = "http:\n  services:\n    api:\n      loadBalancer:\n        servers:\n          - url: http://api:8000\n"
    volume = {"type": "bind", "source": "/srv/shop/routes.yml", "target": "/etc/traefik/routes.yml"}
    change = moved(found([volume], {"/srv/shop/routes.yml": text}))
    assert inline(change, "/etc/traefik/routes.yml") == text.replace("api:8000", "10.9.0.2:9000")


@pytest.mark.parametrize(
    "label, value, new",
    [
        ("traefik.http.services.api.loadbalancer.server.port", "8000", "9000"),
        ("traefik.http.services.api.loadbalancer.server.url", "http://api:8000", "http://api:9000"),
    ],
)
def test_traefiks_port_is_corrected_in_the_providers_label(label, value, new):
    dependency = call("web", "api", 8000, origin=f"label {label} of api", key=label)
    change = moved(
        found(snapshot=with_config(shop(), "api", labels={label: value})), None, dependency, new=Target("api", 9000)
    )
    assert change.patch == {"services": {"api": {"labels": {label: new}}}} and change.services == ("api",)


# correct_upstreams, restore_resolver


def test_nginx_is_given_dockers_dns_where_it_asked_somebody_else():
    snapshot = recorded("nginx_resolver_bypasses_docker_dns")
    proposal = propose(snapshot, "correct_upstreams")
    (config,) = proposal.patch["configs"].values()
    assert "resolver 127.0.0.11 valid=10s;" in config["content"] and "$$upstream" in config["content"]
    assert proposal.recreated == ("gateway",)


def test_what_can_be_corrected_is_and_the_rest_is_told():
    snapshot = recorded("service_renamed_typo")
    where = situation(snapshot, "correct_upstreams")
    (finding,) = where.findings
    other = replace(finding, subject={"consumer": "edge", "host": "nobody", "service": "redis"})
    proposal = REMEDIATIONS["correct_upstreams"].propose(replace(where, findings=(other, finding)))
    assert proposal.recreated == ("api_gateway",) and proposal.steps
    (reason,) = proposal.left
    assert "'edge'" in reason


def test_one_bypass_that_compose_did_not_make_keeps_no_other_from_being_removed():
    snapshot = recorded("resolv_conf_bind_mounted")
    where = situation(snapshot, "restore_resolver")
    (finding,) = where.findings
    other = replace(finding, subject={**finding.subject, "service": "edge"})
    proposal = REMEDIATIONS["restore_resolver"].propose(replace(where, findings=(other, finding)))
    assert proposal.recreated == ("api_gateway",) and "'edge'" in proposal.left[0]
