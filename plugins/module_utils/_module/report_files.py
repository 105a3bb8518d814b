# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a report on the controller."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._core.report.final.report import Rendered, render_final


def write(path: Path, text: str) -> str:
    """Writes a file as a whole or not at all, and gives its path."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            # Half a surrogate pair is no UTF-8, but its escape is what JSON would write for it.
            file.write(text.encode("utf-8", "backslashreplace"))
            os.fchmod(file.fileno(), 0o640)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return str(path)


def short(path: str) -> str:
    """The path from the working directory where it lies below it: that is what one types next."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def final_reports(
    journal: Mapping[str, Any],
    languages: Sequence[str],
    title: str,
    name: str,
    network: Mapping[str, Any] | None = None,
) -> dict[str, tuple[Rendered, dict[str, str]]]:
    """For each language the report and its files, text by name: first the page, then the Markdown, then its plots.

    The first language has the name as it is, the others have it with their own in it. Raises ValueError where something
    in the journal is not what it should be.
    """
    found = {}
    for number, language in enumerate(dict.fromkeys(languages)):
        stem = f"{name}.{language}" if number else name
        rendered = render_final(journal, language, title, stem, network)
        found[language] = (rendered, {f"{stem}.html": rendered.html, f"{stem}.md": rendered.markdown, **rendered.plots})
    return found
