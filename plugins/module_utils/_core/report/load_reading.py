# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to tell of one set of runs, or of two and their comparison: rows of words for every kind of report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional

from ..performance.baselines import Noise
from ..performance.comparison import CONDITIONS, Change, Comparison, RunSet, Verdict
from ..performance.runs import Run
from ..performance.statistics import interval, median
from ..performance.usage import Usage, per_request
from .load_scales import milliseconds, number
from .text import count

METRICS = ("p50", "p95", "p99", "rps", "failure_ratio")
LABELS = {"rps": "requests/s", "failure_ratio": "failures"}
WHOLE = "all requests"
TONES = {
    Verdict.IMPROVED: "good",
    Verdict.REGRESSED: "bad",
    Verdict.NO_DIFFERENCE: "idle",
    Verdict.NOT_COMPARABLE: "warn",
    Verdict.NOT_MEASURED: "warn",
}
SAME = "~"
# what a verdict of a row needs besides
WHY = {"a gain is void": "gain is void", "the change is too small": "too small to matter"}
MEBIBYTE = 1 << 20


class Row(NamedTuple):
    """One metric of one endpoint (WHOLE for all). ``change``, ``p`` and ``verdict`` are empty where nothing is compared."""

    endpoint: str
    metric: str
    before: str
    after: str = ""
    change: str = ""
    p: str = ""
    verdict: str = ""
    tone: str = "idle"
    decides: bool = False


class Use(NamedTuple):
    """What one container used, the medians over runs: CPU by request, cores, and memory at its peak, before → after."""

    container: str
    cpu_a_request: str
    cores: str
    memory_peak: str
    throttled: str


@dataclass(frozen=True)
class LoadReading:
    """A report's parts. ``lead`` is the one sentence, ``model`` says what the times are counted from."""

    verdict: str
    tone: str
    lead: str
    model: str
    rows: tuple[Row, ...]
    uses: tuple[Use, ...]
    notes: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]

    def titles(self) -> list[str]:
        """The columns that the rows fill: those of a comparison, of two sets side by side, or of one alone."""
        if any(row.verdict for row in self.rows):
            return ["metric", "before", "after", "change", "p", "verdict"]
        return ["metric", "before", "after"] if any(row.after for row in self.rows) else ["metric", "median"]

    def endpoints(self) -> list[str]:
        """The names of what has rows, the whole first."""
        return list(dict.fromkeys(row.endpoint for row in self.rows))


def read_comparison(before: RunSet, after: RunSet, comparison: Comparison) -> LoadReading:
    """Two sets and what came of comparing them."""
    primary = comparison.primary
    decides = (primary.metric, primary.endpoint) if primary else ("", "")
    changes = sorted(comparison.changes, key=lambda c: (c.endpoint, _place(c.metric)))
    rows = [_change_row(before, after, c, decides) for c in changes]
    rows = rows or [
        Row(_name(e), _label(m), _told(before, m, e), _told(after, m, e)) for e, m in _known((before, after))
    ]
    return LoadReading(
        verdict=comparison.verdict.value,
        tone=TONES[comparison.verdict],
        lead=_lead(comparison),
        model=_model((before, after)),
        rows=tuple(rows),
        uses=tuple(_uses(before, after)),
        notes=(*comparison.notes, *_taken_anew((before, after))),
        conditions=tuple(_conditions(before, after)),
    )


def read_baseline(runs: RunSet, noise: Optional[Noise] = None) -> LoadReading:
    """One set, and how much its runs differ."""
    rows = [Row(_name(e), _label(m), _told(runs, m, e)) for e, m in _known((runs,))]
    return LoadReading(
        verdict=count(len(runs.runs), "run"),
        tone="idle",
        lead=_noise(noise) if noise else "",
        model=_model((runs,)),
        rows=tuple(rows),
        uses=tuple(_uses(runs)),
        notes=tuple(_taken_anew((runs,))),
        conditions=tuple(_conditions(runs)),
    )


def _known(sides: Sequence[RunSet]) -> list[tuple[str, str]]:
    endpoints = sorted({name for side in sides for run in side.runs for name in run.endpoints})
    return [(endpoint, metric) for endpoint in ("", *endpoints) for metric in METRICS]


def _place(metric: str) -> int:
    return METRICS.index(metric) if metric in METRICS else -1


def _name(endpoint: str) -> str:
    return endpoint or WHOLE


def _label(metric: str) -> str:
    return LABELS.get(metric, metric)


def _values(side: RunSet, metric: str, endpoint: str) -> list[float]:
    figures = [run.figures(endpoint) for run in side.runs]
    return [value for value in (f.value(metric) if f and f.requests else None for f in figures) if value is not None]


def _told(side: RunSet, metric: str, endpoint: str) -> str:
    """The median over runs, and half of its interval as a share of it, as benchstat writes it."""
    values = _values(side, metric, endpoint)
    if not values:
        return "-"
    middle = median(values)
    if metric == "failure_ratio":
        return f"{middle:.2%}"
    text = number(middle) if metric in ("rps", "requests", "failures") else milliseconds(middle)
    low, high = interval(values)
    return f"{text} ± {(high - low) / 2 / middle:.0%}" if middle and len(values) > 1 else text


def _change_row(before: RunSet, after: RunSet, change: Change, decides: tuple[str, str]) -> Row:
    return Row(
        endpoint=_name(change.endpoint),
        metric=_label(change.metric),
        before=_told(before, change.metric, change.endpoint),
        after=_told(after, change.metric, change.endpoint),
        change=_difference(change),
        p="" if change.p_value is None else f"{change.p_value:.3f}",
        verdict=change.verdict.value + next((f", {told}" for why, told in WHY.items() if change.reason.startswith(why)), ""),
        tone=TONES[change.verdict],
        decides=(change.metric, change.endpoint) == decides,
    )


def _difference(change: Change) -> str:
    """By how much it changed, with the interval; SAME where that cannot be told from none."""
    if change.before is None or change.after is None:
        return SAME
    if change.metric == "failure_ratio":
        return SAME if change.verdict is Verdict.NO_DIFFERENCE else f"{(change.after - change.before) * 100:+.2f} points"
    if change.effect is None or change.effect.low <= 1 <= change.effect.high:
        return SAME
    low, high = ((bound - 1) * 100 for bound in (change.effect.low, change.effect.high))
    return f"{change.effect.percent:+.0f}% ({low:+.0f} to {high:+.0f})"


def _lead(comparison: Comparison) -> str:
    primary = comparison.primary
    if primary is None or primary.before is None or primary.after is None:
        return comparison.reason
    what = f"{_label(primary.metric)} of {_name(primary.endpoint)}"
    if primary.verdict in (Verdict.IMPROVED, Verdict.REGRESSED) and primary.effect and comparison.reason.startswith("p ="):
        return f"{what} {primary.verdict.value}: {_difference(primary)}, {comparison.reason}"
    return f"{what}: {comparison.reason}"


def _noise(noise: Noise) -> str:
    if noise.spread is None:
        return "Too few runs to tell how much equal ones differ."
    what = f"{_label(noise.metric)} of {_name(noise.endpoint)}"
    parts = [f"Equal runs differ by {noise.spread:.1%} in {what}"]
    if noise.halves is not None:
        parts.append(f"every other run by {noise.halves:+.1%} from the rest")
    if noise.smallest_shown is not None:
        parts.append(f"{noise.runs} runs a side would show a change of {noise.smallest_shown:.0%} nine times in ten")
    if noise.runs_needed:
        parts.append("runs a side for " + ", ".join(f"{p} %: {n}" for p, n in noise.runs_needed.items()))
    return "; ".join(parts) + "."


def _model(sides: Iterable[RunSet]) -> str:
    runs = [run for side in sides for run in side.runs]
    if any(run.whole.schedule_ms is not None for run in runs):
        return (
            "Times run from the moment at which a request was meant to be sent (open model): a server that hangs is not let "
            "off for the requests that it kept waiting. Locust's own figures run from sending (closed model)."
        )
    return (
        "Times run from sending to the answer (closed model), as Locust counts them: a server that hangs is let off for the "
        "requests that its users did not send meanwhile. Set an arrival rate to have them count."
    )


def _taken_anew(sides: Sequence[RunSet]) -> list[str]:
    told = []
    for side in sides:
        times = sum(run.retaken for run in side.runs)
        if times:
            told.append(f"{side.name}: {count(times, 'run')} taken anew, because something else held the generator up")
    return told


def _uses(before: RunSet, after: Optional[RunSet] = None) -> list[Use]:
    sides = [before] if after is None else [before, after]
    names = sorted({name for side in sides for run in side.runs for name in run.containers})
    return [
        Use(
            name,
            cpu_a_request=_used(sides, name, _cpu_ms, "{:.3g} ms"),
            cores=_used(sides, name, lambda _run, used: used.cpu, "{:.2f}"),
            memory_peak=_used(sides, name, lambda _run, used: used.memory_peak / MEBIBYTE, "{:.0f} MiB"),
            throttled=_used(sides, name, lambda _run, used: used.throttled_s, "{:.2g} s"),
        )
        for name in names
    ]


def _cpu_ms(run: Run, used: Usage) -> Optional[float]:
    cost = per_request(used, run.whole.requests)
    return cost.cpu_ms if cost else None


def _used(sides: Sequence[RunSet], name: str, value: Callable[[Run, Usage], Optional[float]], form: str) -> str:
    told = []
    for side in sides:
        found = [value(run, run.containers[name]) for run in side.runs if name in run.containers]
        known = [v for v in found if v is not None]
        told.append(form.format(median(known)) if known else "-")
    return " → ".join(told)


def _conditions(before: RunSet, after: Optional[RunSet] = None) -> list[tuple[str, str]]:
    told = []
    for name in CONDITIONS:
        was = before.fingerprint.get(name, "")
        now = was if after is None else after.fingerprint.get(name, "")
        if was or now:
            told.append((name.replace("_", " "), was if was == now else f"{was or '-'}, then {now or '-'}"))
    runs = f"{len(before.runs)}" if after is None else f"{len(before.runs)} and {len(after.runs)}"
    return [("runs", runs), *told]
