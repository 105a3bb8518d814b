# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._host.gather import names_in


def test_a_mounted_folder_is_known_with_all_that_the_container_sees_in_it(tmp_path):
    (tmp_path / "sites" / "deep").mkdir(parents=True)
    (tmp_path / "sites" / "deep" / "a.conf").touch()
    (tmp_path / "key.pem").touch()
    (tmp_path / "live").symlink_to(tmp_path / "sites")
    (tmp_path / "link.conf").symlink_to("key.pem")
    assert names_in(str(tmp_path)) == ("key.pem", "link.conf", "live", "sites/deep/a.conf")


def test_a_folder_without_end_is_not_read_to_its_end(tmp_path):
    for number in range(120):
        (tmp_path / str(number)).touch()
    assert len(names_in(str(tmp_path))) == 100
