# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from deaths.host import Host
from faults import fixtures

lab = fixtures.lab


@pytest.fixture
def host(lab, tmp_path):
    made = Host(lab, tmp_path)
    yield made
    made.turnstile.close()
    print(f"\ndeaths: {dict(made.deaths)}")
