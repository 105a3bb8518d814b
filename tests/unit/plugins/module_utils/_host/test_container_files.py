# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host import container_files
from ansible_collections.vertice.netfix.plugins.module_utils._host.container_files import (
    list_in_root,
    open_below,
    open_below_by_hand,
    read_in_root,
)


@pytest.fixture(params=[open_below, open_below_by_hand], ids=["kernel", "by hand"])
def opened(request: pytest.FixtureRequest) -> Callable[[int, str], int]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A container's root with its own /etc/secret, beside a host file of the same absolute path."""
    below = tmp_path / "root"
    (below / "etc").mkdir(parents=True)
    (below / "run" / "conf").mkdir(parents=True)
    (below / "etc" / "plain").write_text("inside")
    (below / "run" / "conf" / "hosts").write_text("linked inside")
    (tmp_path / "outside").write_text("outside")
    for name, target in {
        "absolute": "/run/conf/hosts",
        "relative": "../run/conf/hosts",
        "through": "/run/linked/hosts",
        "escape": "../../../../../../outside",
        "host": str(tmp_path / "outside"),
        "loop": "loop",
    }.items():
        (below / "etc" / name).symlink_to(target)
    (below / "run" / "linked").symlink_to("conf")
    os.mkfifo(below / "etc" / "fifo")
    descriptor = os.open(below, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/plain", "inside"),
        ("/etc/../etc/./plain", "inside"),
        ("/etc/absolute", "linked inside"),
        ("/etc/relative", "linked inside"),
        ("/etc/through", "linked inside"),
    ],
)
def test_links_are_followed_inside_the_container(
    opened: Callable[[int, str], int], root: int, path: str, text: str
) -> None:
    assert container_files._text(opened(root, path), 100) == text


@pytest.mark.parametrize("path", ["/etc/escape", "/etc/host", "/etc/loop", "/etc/none", "/etc/plain/below"])
def test_nothing_outside_of_the_container_is_opened(opened: Callable[[int, str], int], root: int, path: str) -> None:
    with pytest.raises(OSError):
        opened(root, path)


def test_fifo_neither_blocks_nor_is_read(opened: Callable[[int, str], int], root: int) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        container_files._text(opened(root, "/etc/fifo"), 100)


def test_host_file_is_read_and_cut(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("0123456789")
    assert read_in_root(0, str(tmp_path / "long"), max_bytes=4) == "0123"
    assert read_in_root(0, str(tmp_path / "none")) is None


def test_names_in_a_directory_are_listed(monkeypatch: pytest.MonkeyPatch, root: int) -> None:
    monkeypatch.setattr(container_files, "open_below", lambda _root, path: open_below(root, path))
    assert list_in_root(os.getpid(), "/run") == ("conf", "linked")
    assert list_in_root(os.getpid(), "/run/linked") == ("hosts",)
    assert list_in_root(os.getpid(), "/etc/plain") == list_in_root(os.getpid(), "/none") == ()
