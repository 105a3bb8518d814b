# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is, in one small file beside the project's attempts, for whoever waits for it on another connection.

It holds no secret, and is only there while the run lasts. A file that cannot be written stops nothing: a full disk must
not be the reason why something is not undone.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

FILE = "progress"


@dataclass
class Progress:
    """Tells in ``folder`` how far the run is that ``about`` describes; nobody, without a folder."""

    folder: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, attempt: Mapping[str, Any], stage: str, left_s: Optional[float] = None, **more: Any) -> None:
        """Where an attempt is now: a stage of _core/report/progress.py, which says what ``more`` it knows."""
        now = time.time()
        self.say(
            number=attempt["number"],
            remediation=attempt["remediation"],
            stage=stage,
            at=now,
            until=None if left_s is None else now + left_s,
            **more,
        )

    def say(self, **told: Any) -> None:
        """Anything that whoever waits understands."""
        if not self.folder:
            return
        # a folder that only its owner may write to: nobody can have planted a link at the other name
        new = f"{self._path}.new"
        with contextlib.suppress(OSError):
            with open(new, "w", encoding="utf-8", opener=_private) as file:
                file.write(json.dumps({**self.about, **told}) + "\n")
            os.replace(new, self._path)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.folder:
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, FILE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
