# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 1, the container: kinds of findings about consumers and providers that do not run."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "container.dependency_exited",
        "A provider is not running",
        "The service that others call has stopped. Its name vanishes from the embedded DNS with it, so callers see "
        "'name not known' rather than 'refused'.",
        confirm="docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' <container>",
        remediations=("start_providers",),
        fault="dependency_exited",
        references=("https://docs.docker.com/compose/how-tos/startup-order/",),
    ),
    Kind(
        "container.not_running",
        "A provider cannot run",
        "The provider crashes, is paused, was never created or cannot start. Starting it once more would not last.",
        confirm="docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' <container>",
        why_none="The cause lies in the program or its configuration: read its log and exit code.",
    ),
)
