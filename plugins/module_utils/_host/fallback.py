# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of containers that cannot be entered: by ``docker exec``, or from a helper container in their network.

Both ask with what tools there are, so they see less than the prober: IPv4 only, no echoes, no request with headers or a
body, and of a failed name lookup not always why. What they cannot ask stays unknown.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from .._core.errors import EngineError
from .._core.model import Container, Layer, Outcome, Probe
from .._core.parsing.exec_answers import NO_TOOL, SEPARATOR, Answer, addresses, error, parse_answers, response
from .._core.parsing.resolver_files import (
    hosts_addresses,
    is_address,
    parse_hosts,
    parse_proc_net_route,
    parse_proc_net_sockets,
)
from .._core.parsing.urls import is_loopback
from .engine import Engine
from .prober import HttpJob, Job, NameJob, Prober, TcpJob, unknown

EXEC, HELPER, NONE = "exec", "helper", "none"
# how long after its questions' own time a container may take to start the script and to hand its answers over
_SPARE_S = 10
_HELPER_LIVES_S = 120
_AT_ONCE = 8
_MOST_IMAGES = 3
_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/proc/net/route")
_SOCKETS = ("tcp", "tcp6", "udp", "udp6")

# NETFIX_QUESTIONS has one question a line: number, name|port|http, and two words for it, "-" for none.
# A read-only root file system has no room for here-documents, so everything goes through pipes.
_ASK = r"""
has() { command -v "$1" >/dev/null 2>&1; }
bounded() { "$@"; }
if has timeout; then bounded() { timeout "$NETFIX_LIMIT" "$@"; }; fi
tell() { # NUMBER TOOL COMMAND...
    number=$1 tool=$2
    shift 2
    said=$(bounded "$@" 2>&1 </dev/null)
    printf '\002%s %s %s\n%.3000s\n' "$number" "$tool" "$?" "$said"
}
# small ones know neither -z nor -v, and say so
dial='said=$(nc -z -v -w "$2" "$0" "$1" 2>&1)
code=$?
case $said in *option*) said=$(nc -w "$2" "$0" "$1" 2>&1 </dev/null); code=$? ;; esac
printf %s "$said"
exit $code'
lookup='import socket, sys
for a in dict.fromkeys(i[4][0] for i in socket.getaddrinfo(sys.argv[1], None, socket.AF_INET, socket.SOCK_STREAM)): print(a)'
knock='import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))'
fetch='import http.client, ssl, sys
from urllib.parse import urlsplit
u, address, limit = urlsplit(sys.argv[1]), sys.argv[2], float(sys.argv[3])
address = u.hostname if address == "-" else address
if u.scheme == "https": c = http.client.HTTPSConnection(address, u.port, timeout=limit, context=ssl._create_unverified_context())
else: c = http.client.HTTPConnection(address, u.port, timeout=limit)
c.request("GET", (u.path or "/") + ("?" + u.query if u.query else ""), headers={"Host": u.netloc})
r = c.getresponse()
print("HTTP/1.1 %d\nServer: %s\n\n%s" % (r.status, r.getheader("Server") or "", r.read(2000).decode("utf-8", "replace")))'
name() { # NUMBER HOST NAMESERVER
    if [ "$3" != - ]; then
        if has nslookup; then tell "$1" nslookup nslookup "$2" "$3"; else tell "$1" - true; fi
    elif has getent; then
        tell "$1" getent sh -c 'getent ahostsv4 "$0"; code=$?; [ $code != 1 ] || { getent hosts "$0"; code=$?; }; exit $code' "$2"
    elif has python3; then tell "$1" python3 python3 -c "$lookup" "$2"
    elif has nslookup; then tell "$1" nslookup nslookup "$2"
    else tell "$1" - true; fi
}
port() { # NUMBER ADDRESS PORT
    if has bash; then tell "$1" bash bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3"
    elif has python3; then tell "$1" python3 python3 -c "$knock" "$2" "$3" "$NETFIX_LIMIT"
    elif has nc; then tell "$1" nc sh -c "$dial" "$2" "$3" "$NETFIX_LIMIT"
    else tell "$1" - true; fi
}
http() { # NUMBER URL ADDRESS
    connect=
    if [ "$3" != - ]; then connect="--connect-to ::$3:"; fi
    if has curl; then tell "$1" curl curl -sSik --noproxy '*' -m "$NETFIX_LIMIT" $connect "$2"
    elif has python3; then tell "$1" python3 python3 -c "$fetch" "$2" "$3" "$NETFIX_LIMIT"
    else tell "$1" - true; fi
}
printf '%s\n' "$NETFIX_QUESTIONS" | {
    while read -r number kind one two; do "$kind" "$number" "$one" "$two" & done
    wait
}
"""
_SHOW = r"""for file in $NETFIX_QUESTIONS; do printf '\002%s\n' "$file"; cat "$file" 2>/dev/null; done"""


@dataclass
class Fallback:
    """A prober for all containers: those that are ``closed`` (name → why) are asked by other means, if ``mode`` allows.

    ``mode`` is ``none``, ``exec``, or ``helper`` where containers that exec cannot ask may be asked from a container of
    one of the project's images that is made for it. Inside its ``with`` block ``containers`` hold what exec shows of the
    closed ones, and helpers live; they are removed at its end.
    """

    prober: Prober
    engine: Engine
    containers: Sequence[Container]
    closed: Mapping[str, str]
    mode: str = EXEC
    _why_not: dict[str, str] = field(default_factory=dict)
    _used: dict[str, str] = field(default_factory=dict)
    _helpers: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Fallback:
        if self.closed and self.mode != NONE:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                self.containers = tuple(pool.map(self._shown, self.containers))
        return self

    def __exit__(self, *_exc: object) -> None:
        for helper in filter(None, self._helpers.values()):
            try:
                self.engine.remove(helper)
            except EngineError:
                # it ends by itself, and goes then
                continue

    def run(self, jobs: Sequence[Job], timeout_s: float = 1.0, attempts: int = 2) -> list[Probe]:
        """One probe for each job, in their order, as Prober.run() gives them."""
        direct = [j for j in jobs if not self._is_closed(j)]
        found = dict(zip(direct, self.prober.run(direct, timeout_s=timeout_s, attempts=attempts)))
        apart: dict[str, list[Job]] = {}
        for job in dict.fromkeys(j for j in jobs if self._is_closed(j)):
            apart.setdefault(job.container, []).append(job)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for answers in pool.map(lambda item: self._ask(*item, timeout_s * attempts), apart.items()):
                found.update(answers)
        return [found[job] for job in jobs]

    def notes(self) -> list[str]:
        """How the closed containers were asked, and why so: one line for each way and reason."""
        groups: dict[tuple[str, str], list[str]] = {}
        for name, reason in self.closed.items():
            way = self._used.get(name, "")
            why_not = "" if way else self._why_not.get(name, "")
            groups.setdefault((way, "; ".join(filter(None, (reason, why_not)))), []).append(name)
        ways = {EXEC: "asked by docker exec", HELPER: "asked from a helper container", "": "not asked"}
        return [f"{', '.join(names)}: {ways[way]}, because {reason}" for (way, reason), names in groups.items()]

    def _is_closed(self, job: Job) -> bool:
        # on another host "localhost" would be somebody else
        elsewhere = not self.engine.is_here and isinstance(job, HttpJob) and is_loopback(urlsplit(job.url).hostname or "")
        return job.container in self.closed if job.container else elsewhere

    def _ask(self, name: str, jobs: Sequence[Job], seconds: float) -> dict[Job, Probe]:
        if not name:
            reason = f"the engine {self.engine.docker_host} runs on another host: what its loopback answers is not seen from here"
            return {job: unknown(job, reason) for job in jobs}
        found: dict[Job, Probe] = {j: _itself(j) for j in jobs if isinstance(j, NameJob) and is_address(j.host)}
        left = [j for j in jobs if j not in found and _question(j)]
        if left and self.mode != NONE:
            found.update(self._asked_by(EXEC, name, name, left, seconds))
            left = [j for j in left if j not in found]
        helper = self._helper(name) if left and self.mode == HELPER else ""
        if helper:
            found.update(self._asked_by(HELPER, name, helper, left, seconds))
        return {**{job: unknown(job, self._reason(name)) for job in jobs}, **found}

    def _reason(self, name: str) -> str:
        no_tool = "docker exec finds no tool for this there" if name in self._used else ""
        return "; ".join(filter(None, (self.closed[name], self._why_not.get(name, no_tool))))

    def _asked_by(self, via: str, name: str, place: str, jobs: Sequence[Job], seconds: float) -> dict[Job, Probe]:
        """The probes of those questions that were answered."""
        questions = "\n".join(_question(job, number) for number, job in enumerate(jobs))
        answers = parse_answers(self._run(name, place, _ASK, questions, seconds))
        container = next(c for c in self.containers if c.name == name)
        hosts = parse_hosts(container.hosts or "")
        probes = {jobs[number]: _probe(jobs[number], answer, via, hosts) for number, answer in answers.items()}
        found = {job: probe for job, probe in probes.items() if probe.outcome is not Outcome.UNKNOWN}
        if found:
            self._used[name] = via
        return found

    def _run(self, name: str, place: str, script: str, questions: str, seconds: float) -> str:
        """What the script prints there; nothing, and why is remembered, where it cannot be run or does not end in time."""
        # a program takes a moment to start before it can ask
        limit = math.ceil(seconds) + 1
        heard: list[str] = []

        def run() -> None:
            environment = {"NETFIX_QUESTIONS": questions, "NETFIX_LIMIT": str(limit)}
            try:
                heard.append(self.engine.execute(place, ["sh", "-c", script], environment))
            except EngineError as exc:
                heard.append(exc.message)

        # an engine that never answers is not waited for
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(limit + _SPARE_S)
        said = heard[0] if heard else f"docker exec did not end within {limit + _SPARE_S} s"
        if said.startswith(SEPARATOR):
            return said
        self._why_not[name] = " ".join(said.split())[:300]
        return ""

    def _helper(self, name: str) -> str:
        """The helper container beside that one, made where there is none yet; empty where none can be made."""
        with self._lock:
            if name not in self._helpers:
                self._helpers[name] = ""
                closed = next(c for c in self.containers if c.name == name)
                for image in self._images():
                    try:
                        words = ["sh", "-c", f"sleep {_HELPER_LIVES_S}"]
                        self._helpers[name] = self.engine.start_beside(closed.id, image, words)
                        break
                    except EngineError as exc:
                        self._why_not[name] = exc.message
            return self._helpers[name]

    def _images(self) -> list[str]:
        """The project's images, those first in which exec found tools."""
        ordered = sorted(self.containers, key=lambda c: self._used.get(c.name) != EXEC)
        return list(dict.fromkeys(c.image_id for c in ordered if c.image_id))[:_MOST_IMAGES]

    def _shown(self, container: Container) -> Container:
        if container.name not in self.closed:
            return container
        paths = [*_FILES, *(f"/proc/net/{name}" for name in _SOCKETS)]
        said = self._run(container.name, container.name, _SHOW, " ".join(paths), 1)
        texts = {path: text for block in said.split(SEPARATOR)[1:] for path, _sep, text in [block.partition("\n")]}
        if said:
            self._used[container.name] = EXEC
        sockets = {name: text for name in _SOCKETS if (text := texts.get(f"/proc/net/{name}"))}
        return replace(
            container,
            resolv_conf=texts.get("/etc/resolv.conf") or None,
            hosts=texts.get("/etc/hosts") or None,
            nsswitch=texts.get("/etc/nsswitch.conf") or None,
            sockets=tuple(s for name, text in sockets.items() for s in parse_proc_net_sockets(text, name[:3])) if sockets else None,
            default_route=parse_proc_net_route(texts.get("/proc/net/route", "")),
        )


def _itself(job: NameJob) -> Probe:
    return Probe(job.container, Layer.NAME, job.host, Outcome.OK, answers=(job.host,), nameserver=job.nameserver)


def _question(job: Job, number: int = 0) -> str:
    """The job as a line of NETFIX_QUESTIONS, empty where no tool can be asked for it."""
    if isinstance(job, NameJob):
        words: Iterable[str] = ("name", job.host, job.nameserver or "-")
    elif isinstance(job, TcpJob):
        words = ("port", job.host, str(job.port))
    elif isinstance(job, HttpJob) and job.method == "GET" and not job.headers and job.json_body is None:
        words = ("http", job.url, job.connect or "-")
    else:
        return ""
    words = [str(number), *words]
    return " ".join(words) if not any(len(w.split()) != 1 for w in words) else ""


def _probe(job: Job, answer: Answer, via: str, hosts: Mapping[str, tuple[str, ...]]) -> Probe:
    """What one answer says; unknown where it says nothing."""
    code = error(answer)
    if answer.tool == NO_TOOL:
        return unknown(job, "no tool for it in the container")
    if isinstance(job, NameJob):
        found = addresses(answer)
        # that file is asked first: an address in it came from there
        asked = "/etc/hosts" if found and not job.nameserver and set(found) <= set(hosts_addresses(hosts, job.host)) else via
        if found:
            return Probe(job.container, Layer.NAME, job.host, Outcome.OK, answers=found, via=asked, nameserver=job.nameserver)
        return Probe(
            job.container, Layer.NAME, job.host, Outcome.FAILED, error=code or "no_answer", via=via, nameserver=job.nameserver
        )
    if isinstance(job, TcpJob):
        if code is None:
            return unknown(job, answer.text[:200])
        outcome = Outcome.FAILED if code else Outcome.OK
        return Probe(job.container, Layer.PORT, job.host, outcome, job.port, error=code, answers=(job.host,), via=via)
    if isinstance(job, HttpJob):
        return _of_http(job, answer, code, via)
    return unknown(job, "not asked")


def _of_http(job: HttpJob, answer: Answer, code: str | None, via: str) -> Probe:
    parts = urlsplit(job.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    got = response(answer)
    if not got.status and code is None:
        return unknown(job, answer.text[:200])
    accepted = got.status in job.statuses if job.statuses else 0 < got.status < 400
    failed = f"http_{got.status}" if got.status else code or "no_answer"
    return Probe(
        job.container,
        Layer.PROTOCOL,
        parts.hostname or "",
        Outcome.OK if accepted else Outcome.FAILED,
        port,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        "" if accepted else failed,
        (job.connect,) if job.connect else (),
        via=via,
        status=got.status,
        server=got.server,
        body=got.body,
    )
