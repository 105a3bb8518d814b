# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do large packets arrive as well? Asked only where something hints at it: two echoes for each pair."""

from __future__ import annotations

from .._core.diagnosis.answers import checked_service
from .._core.diagnosis.case import Case
from .._core.diagnosis.paths import narrow_ends
from .._core.model import Container, Layer, Outcome, Probe
from .prober import Job, PingJob, Prober
from .wanted import Wanted

GATEWAY_TIMEOUT = 504


def ask_sizes(prober: Prober, case: Case, wanted: Wanted) -> list[Probe]:
    """A small echo, and one as large as both ends' interfaces allow, from consumers to the providers they reach.

    Asked where an interface's other end takes smaller packets, and where answers are waited for in vain.
    """
    jobs: dict[tuple[str, str], list[Job]] = {}
    waiting = _waiting(case)
    for probe in case.snapshot.probes:
        if probe.layer is not Layer.PORT or probe.outcome is not Outcome.OK or ":" in probe.host:
            continue
        consumer, provider = case.container(probe.container), case.owner(probe.host)
        if consumer is None or provider is None or not consumer.pid:
            continue
        if consumer.service in waiting or narrow_ends(case, consumer) or narrow_ends(case, provider):
            size = min(_largest(consumer), _largest(provider))
            small = PingJob(consumer.name, consumer.pid, probe.host)
            large = [PingJob(consumer.name, consumer.pid, probe.host, size=size)] if size else []
            jobs[consumer.name, probe.host] = [small, *large]
    wanted_jobs = [job for pair in jobs.values() for job in pair]
    return prober.run(wanted_jobs, timeout_s=wanted.timeout_s, attempts=wanted.attempts)


def _waiting(case: Case) -> set[str]:
    """Services behind a check that got no answer in time, and those that got none over an open port."""
    found = {
        p.container for p in case.snapshot.probes if p.layer is Layer.PROTOCOL and p.error in ("timeout", "no_response")
    }
    services = {c.service for c in case.snapshot.containers if c.name in found}
    for result in case.open_checks():
        if result.status == GATEWAY_TIMEOUT or result.error in ("timeout", "no_response"):
            services |= case.downstream(checked_service(case, result))
    return services


def _largest(container: Container) -> int:
    return max((i.mtu for i in container.interfaces), default=0)
