# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Compose could make a container again as it is: what cannot be made again could not be undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model import Container

# Compose recreates a container whose image is not the one of this label any more
LABEL_IMAGE = "com.docker.compose.image"
ADVICE = "bring it up to date (docker compose up -d), or set force"


@dataclass(frozen=True)
class Image:
    """An image of the engine: its id, and the variables that it sets."""

    id: str
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What Compose makes containers from.

    ``services`` are those of the effective configuration, ``hashes`` their config hashes, ``images`` those of the engine
    by the names that containers call them, and ``injected`` the variables that the Docker client here gives to every
    container.
    """

    services: Mapping[str, Any]
    hashes: Mapping[str, str]
    images: Mapping[str, Image]
    injected: Mapping[str, str]


def obstacles(containers: Iterable[Container], source: Source) -> list[str]:
    """Why these containers, recreated, could not be brought back as they are: one sentence for each that could not."""
    told = [(c.name, _obstacle(c, source)) for c in containers]
    return [f"container {name} {reason}" for name, reason in told if reason]


def _obstacle(container: Container, source: Source) -> str:
    if container.config_hash != source.hashes.get(container.service):
        return (
            "does not run the configuration that the Compose files describe, so recreating it could not be undone; " + ADVICE
        )
    image = source.images.get(container.image)
    if image is None:
        return (
            f"was made from image {container.image}, which the engine does not have any more, so it cannot be recreated; "
            "pull, build or tag it again, or set force"
        )
    made_from = container.labels.get(LABEL_IMAGE) or container.image_id
    if image.id != made_from:
        return (
            f"runs another image than {container.image} names by now, so recreating it would change the program; "
            f"tag the old one again (docker tag {made_from} {container.image}), {ADVICE}"
        )
    names = _unexplained(container, source, image)
    if names:
        return (
            f"has other variables than Compose would give it here ({', '.join(names)}), so recreating it could not be undone. "
            "Mostly they are proxies of another Docker client's configuration: run as the user who made the container, "
            f"correct the proxies in ~/.docker/config.json, {ADVICE}"
        )
    return ""


def _unexplained(container: Container, source: Source, image: Image) -> list[str]:
    """The names of variables that would come, go or change. The configuration's own are under its hash."""
    configured = (source.services.get(container.service) or {}).get("environment") or {}
    given = {**image.environment, **source.injected}
    return sorted(
        name
        for name in {*container.environment, *given} - set(configured)
        if container.environment.get(name) != given.get(name)
    )
