# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's load test: what the system's users ask for, in the proportions in which they ask for it."""

from __future__ import annotations

import random

from locust import HttpUser, between, task

TAGS = 2000
SUBJECTS = ("memory", "colour", "sound", "motion", "language", "attention", "time", "place", "face", "dream")
QUESTIONS = tuple(f"what is known about {first} and {second}" for first in SUBJECTS for second in SUBJECTS)


class Reader(HttpUser):
    """Looks items up, asks a question now and then, and checks that the system is there."""

    wait_time = between(0.05, 0.15)

    @task(4)
    def items(self) -> None:
        tag = f"tag-{random.randrange(TAGS):04d}"
        self.client.get("/api/v1/kb/items", params={"tag": tag}, name="/api/v1/kb/items")

    @task(2)
    def query(self) -> None:
        self.client.post("/api/v1/consciousness/query", json={"query": random.choice(QUESTIONS)})

    @task(1)
    def health(self) -> None:
        self.client.get("/api/v1/health")
