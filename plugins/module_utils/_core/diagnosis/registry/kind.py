# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about every kind of finding."""

from __future__ import annotations

from dataclasses import dataclass

from ...model import Severity


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    ``remediations`` are tried in order of their invasiveness; where there are none, ``why_none`` says what the
    operator must do instead. ``confirm`` shows it by hand; a finding gives the same command with its own names.
    ``fault`` is the folder in ``lab/faults/`` that shows it; empty for the kinds that speak where no rule knows the
    cause.
    """

    code: str
    title: str
    meaning: str
    confirm: str = ""
    remediations: tuple[str, ...] = ()
    why_none: str = ""
    fault: str = ""
    severity: Severity = Severity.ERROR
    references: tuple[str, ...] = ()
