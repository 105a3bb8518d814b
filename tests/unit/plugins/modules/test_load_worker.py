# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.modules import load_worker


@pytest.fixture
def module(tmp_path):
    """A worker that is only checked, with a Locust that tells its version."""
    program = tmp_path / "locust"
    program.write_text("#!/bin/sh\necho locust 2.40.0 from here\n")
    program.chmod(0o755)
    params = {
        "state": "present",
        "folder": str(tmp_path / "worker"),
        "master_host": "192.0.2.1",
        "master_port": 5557,
        "locust": str(program),
        "locust_version": "2.40.0",
        "locustfile": "# nothing",
        "endpoints": None,
        "environment": {},
        "arrival_rate": 0.0,
        "workers": 2,
        "processes": 1,
        "seconds": 1.0,
    }
    return SimpleNamespace(params=params, check_mode=True)


def test_check_mode_starts_nothing(module, tmp_path):
    assert load_worker.run(module) == {"changed": True, "locust_version": "2.40.0"}
    assert not (tmp_path / "worker").exists()


def test_another_version_than_the_masters_is_refused(module):
    module.params["locust_version"] = "2.47.0"
    with pytest.raises(LoadError, match="has version 2.40.0, its master's 2.47.0; install the same one"):
        load_worker.run(module)


def test_a_machine_without_locust_says_so(module):
    module.params["locust"] = "/nowhere/locust"
    with pytest.raises(LoadError, match="Locust does not run as '/nowhere/locust'"):
        load_worker.run(module)
