# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab's netfix.yml says, as options of the modules that look at a whole project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PREFIX = "netfix_"


def module_options(folder: Path, project: str, gateway: str, edge: str = "") -> dict[str, Any]:
    """The options for the lab in that folder; ``gateway`` and ``edge`` are the URLs of its gateways."""
    said = yaml.safe_load((folder / "netfix.yml").read_text(encoding="utf-8"))
    wanted = {key[len(PREFIX) :]: value for key, value in said.items() if key.startswith(PREFIX)}
    for check in wanted["checks"]:
        check["url"] = check["url"].replace("{{ lab_gateway }}", gateway).replace("{{ lab_edge }}", edge)
        if "json" in check:
            check["json"] = said["lab_query"]
    return {"project_src": str(folder), "project_name": project, **wanted}
