# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import marshal
import struct
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import ProfileError
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.cprofile import (
    Key,
    cprofile_functions,
    read_pstats,
)

# "python3 -m cProfile -o FILE native.py": burn(), which sums a generator, light() and a sleep, twenty times each
FIXTURES = Path(__file__).parents[4] / "fixtures" / "profiles"
RECORDED = [FIXTURES / f"cprofile-python-{version}.pstats" for version in ("3.11.7", "3.13.5")]


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_a_file_of_cprofile_is_read_as_marshal_reads_it(path):
    data = path.read_bytes()
    entries = read_pstats(data)
    expected = marshal.loads(data)
    assert {tuple(k): (e.calls.calls, e.calls.own_s, e.calls.total_s) for k, e in entries.items()} == {
        k: v[1:4] for k, v in expected.items()
    }
    assert {tuple(k): {tuple(c) for c in e.callers} for k, e in entries.items()} == {
        k: set(v[4]) for k, v in expected.items()
    }


@pytest.mark.parametrize("version", [2, 3, 4])
def test_every_version_of_the_format_is_read(version):
    data = {("ä.py", 2**40, "f"): (1, 1, 0.25, 0.5, {("~", 0, "<built-in method x>"): (1, 1, 0.0, 0.0)})}
    assert read_pstats(marshal.dumps(data, version))[Key("ä.py", 2**40, "f")].calls.total_s == 0.5


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_the_function_that_burns_comes_first_and_sleep_is_nobodys_time(path):
    found = cprofile_functions(read_pstats(path.read_bytes()))
    assert {f.function for f in found[:2]} == {"burn", "<genexpr>"}
    assert found[-1].own < 0.01 and next(f for f in found if f.function == "main").own < 0.01
    assert {f.file for f in found} <= {"native.py", "<frozen importlib._bootstrap>"}
    assert sum(f.own for f in found) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not a profile",
        marshal.dumps({"a": 1}),
        marshal.dumps([1]),
        marshal.dumps({("a", 1, "f"): (1, 1, 0.1)}),
        b"(" + struct.pack("<i", 2**31 - 1),
        b"z\xff",
        b"r" + struct.pack("<i", 5),
        b")\x01" * 60 + b"i\x00\x00\x00\x00",
    ],
)
def test_what_cprofile_did_not_write_is_refused(data):
    with pytest.raises(ProfileError):
        read_pstats(data)
