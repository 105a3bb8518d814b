# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules have in common: the engine's options, and errors that become fail_json."""

from __future__ import annotations

import traceback
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._core.errors import NetfixError
from .._core.redact import redact_options, redact_text
from .._core.secrets import hideable, secrets_in
from .._host import engine as engine_adapter
from .._host import files as files_adapter
from .._host.engine import Engine


def engine_spec() -> dict[str, Any]:
    """The argument spec of the doc fragment ``_engine``."""
    return {"docker_host": {"type": "str"}}


def require_libraries(module: AnsibleModule) -> None:
    """Fails the module where a Python package that the project modules need is missing on the managed host."""
    for name, error in (("docker", engine_adapter.IMPORT_ERROR), ("PyYAML", files_adapter.IMPORT_ERROR)):
        if error:
            module.fail_json(msg=missing_required_lib(name), exception=error)


def engine_from(module: AnsibleModule) -> Engine:
    """The engine that the module's options name. Fails the module where the SDK is missing."""
    if engine_adapter.IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("docker"), exception=engine_adapter.IMPORT_ERROR)
    return Engine(module.params["docker_host"] or "")


def guarded(module: AnsibleModule, work: Callable[[], dict[str, Any]]) -> None:
    """Ends the module with what ``work`` returns, or with our error's message and details.

    Ansible masks what is in ``no_log_values`` in all that it returns and shows, the options included.
    """
    module.no_log_values.update(hideable(secrets_in(module.params, redact_options(module.params)), ()))
    try:
        result = work()
    except NetfixError as exc:
        module.fail_json(msg=redact_text(exc.message), details=exc.details)
    except Exception as exc:  # a defect of ours; its message may quote anything
        told = redact_text("".join(traceback.format_exception(type(exc), exc, exc.__traceback__)))
        module.fail_json(msg=f"An internal error, please report it: {redact_text(repr(exc))}", exception=told)
    module.exit_json(**{"changed": False, **result})
