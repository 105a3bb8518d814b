# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
from socket import inet_aton

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import (
    decode_response,
    encode_query,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.images import names_of
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.relay import answer
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.root import account

NAMES = {"db": inet_aton("10.203.0.2")}
PASSWD = "root:x:0:0:root:/root:/bin/sh\npostgres:x:105:110::/var/lib/postgresql:/bin/sh\n"
GROUP = "root:x:0:\npostgres:x:110:\nssl:x:112:postgres\nextra:x:50:\n"
FILES = {"/etc/passwd": PASSWD, "/etc/group": GROUP}


def ask(name, kind="A"):
    return decode_response(answer(encode_query(7, name, kind), NAMES))


def test_the_nameserver_knows_the_project_and_nobody_else():
    assert ask("db").addresses == ("10.203.0.2",)
    assert ask("DB").addresses == ("10.203.0.2",)
    assert ask("example.org").rcode == "NXDOMAIN"


def test_a_name_without_ipv6_exists_all_the_same():
    found = ask("db", "AAAA")
    assert found.rcode == "NOERROR" and found.addresses == ()


@pytest.mark.parametrize("junk", [b"", b"\0" * 12, b"\xff" * 40])
def test_what_is_no_question_gets_no_answer(junk):
    with pytest.raises((ValueError, IndexError, struct.error)):
        answer(junk, NAMES)


def who(user, more=()):
    found = account(user, more, lambda path: FILES.get(path, ""))
    return found.uid, found.gid, found.groups, found.home


def test_users_are_those_of_the_image():
    assert who("") == (0, 0, (0,), "/root")
    assert who("postgres") == (105, 110, (110, 112), "/var/lib/postgresql")
    assert who("105:extra") == (105, 50, (50,), "/var/lib/postgresql")
    assert who("4711") == (4711, 0, (0,), "/")
    assert who("postgres", ("extra", "7")) == (105, 110, (110, 112, 50, 7), "/var/lib/postgresql")


@pytest.mark.parametrize("user", ["nobody-knows", "root:nobody-knows"])
def test_an_unknown_user_is_said(user):
    with pytest.raises(LookupError, match="nobody-knows"):
        who(user)


def test_an_image_is_found_by_each_of_its_names():
    assert names_of("docker.io/library/redis") == ["docker.io/library/redis:latest", "redis:latest"]
    assert names_of("registry:5000/shop/web") == ["registry:5000/shop/web:latest"]
    assert names_of("web@sha256:1") == ["web@sha256:1"]
