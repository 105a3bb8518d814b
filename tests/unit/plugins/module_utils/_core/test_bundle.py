# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core import bundle
from ansible_collections.vertice.netfix.plugins.module_utils._core.bundle import SNAPSHOT, as_text, pack, read_snapshot
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from unit.builders import RECORDED, recorded


def packed(snapshot, **more):
    return pack({SNAPSHOT: as_text(to_data(snapshot)), **more}, "netfix-shop", 1_700_000_000)


@pytest.mark.parametrize("name", RECORDED)
def test_a_bundle_gives_the_same_findings_as_the_host(name):
    snapshot = recorded(name)
    assert diagnose(read_snapshot(packed(snapshot))) == diagnose(snapshot)


def test_a_snapshot_that_was_kept_as_json_is_read_as_well():
    snapshot = recorded("icc_disabled")
    assert read_snapshot(json.dumps(to_data(snapshot)).encode()) == snapshot


def test_the_same_evidence_makes_the_same_archive():
    assert packed(recorded("healthy")) == packed(recorded("healthy"))


def test_people_can_unpack_it_with_tar():
    with tarfile.open(fileobj=io.BytesIO(packed(recorded("healthy"), **{"logs/web.txt": "caf\u00e9\n"}))) as archive:
        assert archive.getnames() == ["netfix-shop/logs/web.txt", f"netfix-shop/{SNAPSHOT}"]
        assert archive.extractfile("netfix-shop/logs/web.txt").read().decode() == "caf\u00e9\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "neither a bundle nor a snapshot"),
        (b"hello", "neither a bundle nor a snapshot"),
        (b"[]", "names no project"),
        (b'{"project": "shop", "version": 9}', "version 9"),
        (b'{"project": "shop", "containers": [5]}', "no snapshot that can be read"),
        (gzip.compress(b"hello"), "no bundle that can be read"),
        (gzip.compress(b"hello" * 1000)[:30], "no bundle that can be read"),
        (pack({"logs/web.txt": ""}, "x", 0), f"without {SNAPSHOT}"),
    ],
    ids=["empty", "text", "a list", "another version", "nonsense", "no archive", "cut off", "no snapshot"],
)
def test_what_is_no_bundle_is_told_by_its_name(data, said):
    with pytest.raises(NetfixError, match=said) as caught:
        read_snapshot(data, "evidence.tar.gz")
    assert "evidence.tar.gz" in caught.value.message


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(bundle, "_MOST_BYTES", 1000)
    with pytest.raises(NetfixError, match="larger than a bundle can be"):
        read_snapshot(gzip.compress(b"0" * 2000))
