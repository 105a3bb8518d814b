# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of docker save, made by hand: what they hold is known, and no engine takes part."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.model import Image
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.images import Images

pytestmark = pytest.mark.docker


def layer(*entries):
    """A layer: (name, content) for files, (name, None) for folders, (name, ("link", to)) and ("hard", to)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.mode, member.uid, member.gid = 0o755, 1234, 1234
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, tuple):
                member.type = tarfile.SYMTYPE if content[0] == "link" else tarfile.LNKTYPE
                member.linkname = content[1]
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def save(path, name, *layers):
    config = json.dumps(
        {"architecture": "amd64", "config": {"Cmd": ["serve"], "Env": ["A=b"], "User": "4711"}}
    ).encode()
    files = {"config.json": config}
    files.update({f"blobs/sha256/{hashlib.sha256(one).hexdigest()}": one for one in layers})
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": [n for n in files if n.startswith("blobs")]}]
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def unpacked(tmp_path, *layers):
    save(tmp_path / "shop.tar", "shop:1", *layers)
    found = Images(str(tmp_path / "images"), None, str(tmp_path / "none"), [str(tmp_path)]).find("shop:1")
    assert isinstance(found, Image), found
    return found, tmp_path / "images" / found.layers[0].rsplit("/", 1)[-1]


def names(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))


def test_an_archive_gives_the_file_system_and_the_configuration(tmp_path):
    image, root = unpacked(tmp_path, layer(("bin", None), ("bin/serve", b"#!"), ("run", ("link", "bin/serve"))))
    assert (image.origin, image.command, image.environment, image.user) == ("archive", ("serve",), ("A=b",), "4711")
    assert names(root) == ["bin", "bin/serve", "run"]
    assert (root / "bin/serve").stat().st_uid == 1234 and (root / "bin/serve").stat().st_mode & 0o777 == 0o755


def test_a_whiteout_takes_away_what_lies_below(tmp_path):
    below = layer(("etc", None), ("etc/old", b"1"), ("etc/kept", b"1"), ("tree", None), ("tree/leaf", b"1"))
    above = layer(("etc", None), ("etc/.wh.old", b""), (".wh.tree", b""))
    assert names(unpacked(tmp_path, below, above)[1]) == ["etc", "etc/kept"]


def test_an_opaque_folder_holds_only_what_its_own_layer_says(tmp_path):
    below = layer(("data", None), ("data/old", b"1"), ("data/deep", None), ("data/deep/old", b"1"))
    above = layer(("data", None), ("data/new", b"2"), ("data/.wh..wh..opq", b""), ("data/late", b"3"))
    assert names(unpacked(tmp_path, below, above)[1]) == ["data", "data/late", "data/new"]


def test_a_file_may_take_the_place_of_a_folder_and_the_other_way_round(tmp_path):
    below = layer(("a", None), ("a/in", b"1"), ("b", b"1"), ("c", ("link", "b")))
    above = layer(("a", b"2"), ("b", None), ("b/in", b"2"), ("c", b"3"), ("d", ("hard", "c")))
    root = unpacked(tmp_path, below, above)[1]
    assert names(root) == ["a", "b", "b/in", "c", "d"]
    assert (root / "c").read_bytes() == b"3" and (root / "d").stat().st_ino == (root / "c").stat().st_ino


def test_nothing_is_written_outside_of_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    root = unpacked(tmp_path, layer(("../../planted", b"x"), (f"{outside}/planted", b"x")))[1]
    assert (root / "planted").exists() and not (tmp_path / "planted").exists() and list(outside.iterdir()) == []


def test_no_link_leads_out_of_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    save(tmp_path / "shop.tar", "shop:1", layer(("up", ("link", str(outside))), ("up/planted", b"x")))
    found = Images(str(tmp_path / "images"), None, str(tmp_path / "none"), [str(tmp_path)]).find("shop:1")
    assert "could not be unpacked" in found and list(outside.iterdir()) == []


def test_a_damaged_archive_is_said_and_leaves_nothing_half_done(tmp_path):
    save(tmp_path / "shop.tar", "shop:1", b"no tar at all")
    images = Images(str(tmp_path / "images"), None, str(tmp_path / "none"), [str(tmp_path / "shop.tar")])
    found = images.find("shop:1")
    assert "could not be unpacked" in found and not any((tmp_path / "images").iterdir())


def test_an_image_that_is_nowhere_is_said_with_what_would_help(tmp_path):
    found = Images(str(tmp_path / "images"), None, str(tmp_path / "none")).find("shop:2")
    assert "shop:2" in found and "docker save shop:2" in found and "netfix_local_archives" in found
