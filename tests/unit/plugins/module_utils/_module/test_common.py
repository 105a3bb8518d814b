# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded


class Ended(Exception):
    """A module's end, with what it returned."""


class Module:
    """As far as guarded() knows AnsibleModule."""

    def __init__(self, **params):
        self.params, self.no_log_values = params, set()

    def exit_json(self, **result):
        raise Ended({"failed": False, **result})

    def fail_json(self, **result):
        raise Ended({"failed": True, **result})


def ended(module, work):
    with pytest.raises(Ended) as end:
        guarded(module, work)
    return end.value.args[0]


def raises(error):
    def work():
        raise error

    return work


def test_secrets_among_the_options_are_hidden_by_ansible():
    module = Module(checks=[{"url": "http://me:tr0ub4dor@h/"}], project_src="/srv/shop", docker_host=None)
    assert ended(module, lambda: {"changed": True}) == {"failed": False, "changed": True}
    assert "tr0ub4dor" in module.no_log_values and not any("srv" in value for value in module.no_log_values)


@pytest.mark.parametrize("error", [NetfixError("http://me:tr0ub4dor@h/ is gone"), KeyError("password=tr0ub4dor")])
def test_no_error_tells_a_secret(error):
    result = ended(Module(), raises(error))
    assert result["failed"] and "***" in result["msg"] and "tr0ub4dor" not in str(result)


def test_a_defect_is_told_as_one_with_its_place():
    result = ended(Module(), raises(ValueError("odd")))
    assert result["msg"] == "An internal error, please report it: ValueError('odd')" and "raise error" in result["exception"]
