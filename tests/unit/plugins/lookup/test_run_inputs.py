# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar
from ansible_collections.vertice.netfix.plugins.lookup.run_inputs import LookupModule

PASSWORD = "only for this test"


@pytest.fixture
def told(tmp_path):
    """Gives what is told of the variables that a file sets."""

    def tell(text):
        loader = DataLoader()
        loader.set_vault_secrets([("default", VaultSecret(PASSWORD.encode()))])
        (tmp_path / "vars.yml").write_text(text)
        variables = loader.load_from_file(str(tmp_path / "vars.yml"), trusted_as_template=True)
        lookup = LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables))
        (found,) = lookup.run([], variables)
        return found

    return tell


def test_only_what_somebody_set_for_a_run_is_told(told):
    text = "{netfix_mode: plan, netfix_gate_timeout: 5, other: 1, netfix_host: {}, netfix_run_id: r, netfix_playbook: p}"
    assert told(text) == {"netfix_gate_timeout": 5, "netfix_mode": "plan"}


def test_values_are_those_that_the_run_sees(told):
    text = "{base: http://web, netfix_checks: [{url: '{{ base }}/users', statuses: [200]}]}"
    assert told(text) == {"netfix_checks": [{"url": "http://web/users", "statuses": [200]}]}


def test_secrets_are_masked(told):
    text = "{netfix_checks: [{url: 'http://u:hunter2@web/', headers: {Authorization: Bearer hunter2hunter2}}]}"
    assert "hunter2" not in json.dumps(told(text))


def test_what_is_encrypted_is_a_secret_whatever_its_name(told):
    vaulted = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt("hunter2").decode()
    text = "netfix_checks:\n  - json:\n      query: !vault |\n" + "".join(f"        {line}\n" for line in vaulted.splitlines())
    assert told(text) == {"netfix_checks": [{"json": {"query": "***"}}]}


def test_a_variable_that_cannot_be_filled_in_stops_nothing(told):
    found = told("{netfix_checks: '{{ nobody_set_it }}', netfix_mode: plan}")
    assert found["netfix_mode"] == "plan" and "cannot be told" in found["netfix_checks"]
