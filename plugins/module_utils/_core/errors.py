# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every error that the collection raises on purpose.

::

    NetfixError
    ├── EngineError            the Docker Engine refused, or did not answer
    │   └── EngineSilent       it answers nothing at all
    ├── DatabaseError          a database or the operator's script for it refused
    ├── ComposeError           Docker Compose refused, or there is no such project
    ├── DnsMessageError        _core/parsing/dns_message.py
    ├── LoadError              a load test could not be run, or measured nothing
    ├── ProfileError           a profile cannot be taken or read
    ├── LocalError             services cannot run without Docker
    ├── TransactionError       a checkpoint, lock or undo is not as it must be
    └── NamespaceError         _host/netns.py
        ├── NoPermission
        ├── ProcessGone
        └── NotSupported
"""

from __future__ import annotations

from typing import Any


class NetfixError(Exception):
    """An error whose message tells an operator what was expected, what was found and what to do next.

    ``details`` are JSON-ready facts that a failed module returns beside the message.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details


class EngineError(NetfixError):
    """The Docker Engine refused a request or did not answer; ``details`` may hold the HTTP ``status``."""


class EngineSilent(EngineError):
    """The Docker Engine answers nothing at all; ``details`` hold the ``silence`` of model.Engine."""


class DatabaseError(NetfixError):
    """A database refused a statement or could not be asked, or the operator's script for it failed."""


class ComposeError(NetfixError):
    """Docker Compose refused a configuration, is missing, or no project fits."""


class LoadError(NetfixError):
    """A load test could not be run, or measured nothing that a result could be taken from."""


class ProfileError(NetfixError):
    """A profile cannot be taken, or a file that should hold one cannot be read."""


class LocalError(NetfixError):
    """Services cannot be run, or stopped, without Docker."""


class TransactionError(NetfixError):
    """A checkpoint, lock, override file or undo is not as it must be."""
