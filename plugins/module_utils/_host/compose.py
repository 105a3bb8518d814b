# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Compose v2, through its command line: the effective configuration, and bringing services to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import ComposeError
from .._core.parsing.inspect import LABEL_CONFIG_FILES, LABEL_WORKING_DIR
from .._core.redact import redact_text
from .._core.remediation.persist import OVERRIDE_FILE

DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
OVERRIDE_NAMES = tuple(f.replace("compose.y", "compose.override.y") for f in DEFAULT_FILES)


@dataclass(frozen=True)
class Project:
    """Where a Compose project's configuration lies.

    ``files`` are absolute, the operator's own, in order; ``override`` is the path of our own file, which
    may not exist yet. ``source`` is the project directory.
    """

    name: str
    source: str
    files: tuple[str, ...]
    override: str
    profiles: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()

    def effective_files(self) -> tuple[str, ...]:
        """The operator's files and, where it exists, ours."""
        return self.files + ((self.override,) if os.path.exists(self.override) else ())


def default_files(source: str) -> tuple[str, ...]:
    """The files that ``docker compose`` without ``-f`` would take in that directory; empty where there are none."""
    first = next((f for f in DEFAULT_FILES if os.path.isfile(os.path.join(source, f))), "")
    if not first:
        return ()
    second = next((f for f in OVERRIDE_NAMES if os.path.isfile(os.path.join(source, f))), "")
    return tuple(os.path.join(source, f) for f in (first, second) if f)


class Compose:
    """The ``docker compose`` of one project. Every method raises ComposeError with what Compose printed."""

    def __init__(self, project: Project, docker_host: str = "", timeout: float = 120) -> None:
        self.project = project
        self._timeout = timeout
        self._env = dict(os.environ, COMPOSE_ANSI="never", COMPOSE_PROGRESS="plain", COMPOSE_STATUS_STDOUT="0")
        for name in ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "DOCKER_CONTEXT"):
            self._env.pop(name, None)
        if docker_host:
            self._env["DOCKER_HOST"] = docker_host

    def command(self, *words: str, override: bool = True) -> list[str]:
        """The command line, as an operator could type it."""
        project = self.project
        line = ["docker", "compose", "--project-directory", project.source]
        line += ["--project-name", project.name] if project.name else []
        for file in project.effective_files() if override else project.files:
            line += ["--file", file]
        for profile in project.profiles:
            line += ["--profile", profile]
        for file in project.env_files:
            line += ["--env-file", file]
        return line + list(words)

    def start_config(self) -> ConfigReader:
        """Begin to read the effective configuration while the caller does something else."""
        return ConfigReader(self, ("config", "--format", "json"))

    def services_of_all_profiles(self) -> dict[str, tuple[str, ...]]:
        """Every service of the configuration, those of profiles that are not enabled too, with its profiles."""
        config = json.loads(self.run("--profile", "*", "config", "--format", "json"))
        return {name: tuple((spec or {}).get("profiles") or ()) for name, spec in config["services"].items()}

    def hashes(self) -> dict[str, str]:
        """Config hash of every service, as Compose compares it with the label of the running container."""
        out = self.run("config", "--hash", "*")
        return dict(line.split(None, 1) for line in out.splitlines() if len(line.split(None, 1)) == 2)

    def injected(self) -> dict[str, str]:
        """The variables that this Docker client gives to every container that it makes, from its configuration's proxies.

        Source: https://docs.docker.com/engine/cli/proxy/
        """
        folder = self._env.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
        try:
            with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
                proxies = json.load(file).get("proxies") or {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as exc:
            raise ComposeError(f"The Docker client's configuration in {folder} cannot be read: {exc}") from exc
        chosen = proxies.get(self._env.get("DOCKER_HOST")) or proxies.get("default") or {}
        given = {f"{kind.upper()}_PROXY": chosen.get(f"{kind}Proxy") for kind in ("http", "https", "no", "ftp", "all")}
        return {spelt: value for name, value in given.items() if value for spelt in (name, name.lower())}

    def up(self, service: str, replicas: Mapping[str, int]) -> None:
        """Recreate one service's containers if their configuration changed; ``replicas`` keeps every count as it is.

        Its dependencies come along: with ``--no-deps`` Compose 2.26 writes a config hash that the next
        ``docker compose up`` does not recognise, and everything would be recreated once more.
        """
        scaled = {name: count for name, count in replicas.items() if count != 1}
        touched = self.run("config", "--services", service).split() if scaled else ()
        scale = [word for name in touched if name in scaled for word in ("--scale", f"{name}={scaled[name]}")]
        self.run("up", "--detach", "--no-build", "--pull", "never", *scale, service)

    def run(self, *words: str) -> str:
        """Run one command to its end; its standard output. It holds the project's lock as we do, see files.locked()."""
        try:
            done = subprocess.run(
                self.command(*words), env=self._env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=self._timeout, check=False, cwd=self.project.source, close_fds=False,
            )  # fmt: skip
        except FileNotFoundError as exc:
            raise ComposeError(
                "The docker command was not found. Install the Docker CLI with its Compose v2 plugin."
            ) from exc
        except subprocess.TimeoutExpired as exc:
            raise ComposeError(f"docker compose {' '.join(words)} did not end within {self._timeout:.0f} s.") from exc
        if done.returncode != 0:
            raise ComposeError(
                f"docker compose {' '.join(words)} failed for project {self.project.name!r}: {explain(done.stderr)}"
            )
        return done.stdout

    def popen(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """Start one command without waiting for it."""
        try:
            return subprocess.Popen(
                self.command(*words), env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace", cwd=self.project.source,
            )  # fmt: skip
        except FileNotFoundError as exc:
            raise ComposeError(
                "The docker command was not found. Install the Docker CLI with its Compose v2 plugin."
            ) from exc


class ConfigReader:
    """A running ``docker compose config``."""

    def __init__(self, compose: Compose, words: Sequence[str]) -> None:
        self._compose = compose
        self._process = compose.popen(words)

    def result(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The effective configuration, and the warnings that Compose gave on the way."""
        try:
            out, err = self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise ComposeError("docker compose config did not end within 60 s.") from None
        if self._process.returncode != 0:
            if re.search(r"is not a docker command|unknown (shorthand )?flag|unknown command", err):
                raise ComposeError(
                    "Docker Compose v2 is missing (no 'docker compose' command). Install the Compose plugin; docker-compose v1 is not supported."
                )
            project = self._compose.project
            files = ", ".join(project.effective_files())
            raise ComposeError(f"The Compose configuration in {project.source} ({files}) is not valid: {explain(err)}")
        try:
            config = json.loads(out)
        except ValueError as exc:
            raise ComposeError(
                f"docker compose config printed no JSON ({exc}); Compose 2.6 or newer is needed."
            ) from exc
        return config, warnings(err)


def warnings(stderr: str) -> tuple[str, ...]:
    """The messages of Compose's warning lines (``time=… level=warning msg="…"``)."""
    found = re.findall(r'level=warning msg="((?:[^"\\]|\\.)*)"', stderr)
    return tuple(dict.fromkeys(m.replace('\\"', '"') for m in found))


def explain(stderr: str) -> str:
    """What Compose complained about, without its progress lines."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    telling = [
        line for line in lines if re.search(r"error|fail|invalid|not |cannot|unsupported|undefined|yaml", line, re.I)
    ]
    return redact_text("; ".join((telling or lines)[-3:])) or "it gave no reason"


def find_project(
    labels: Mapping[str, str], source: str, name: str, files: Sequence[str], profiles: Sequence[str],
    env_files: Sequence[str], projects: Sequence[str], override_name: str = OVERRIDE_FILE,
) -> Project:  # fmt: skip
    """Where the project's configuration lies, from what the operator said and what a container's labels say.

    ``labels`` are those of one of the project's containers, none where it has none. Raises ComposeError where nothing
    fits.
    """
    source = os.path.abspath(source) if source else str(labels.get(LABEL_WORKING_DIR) or "")
    known = ", ".join(p for p in projects if p) or "none"
    if not source:
        raise ComposeError(
            f"No Compose project {name!r} has containers on this engine (projects found: {known}). Name its directory with project_src."
        )
    if not os.path.isdir(source):
        raise ComposeError(
            f"The project directory {source} does not exist on this host. Projects with containers here: {known}."
        )
    given = tuple(os.path.join(source, f) for f in files)
    labelled = tuple(f for f in str(labels.get(LABEL_CONFIG_FILES) or "").split(",") if f)
    override = os.path.join(source, override_name)
    chosen = given or default_files(source)
    if not given and labelled and all(os.path.isfile(f) for f in labelled) and os.path.dirname(labelled[0]) == source:
        # what the project was really started with beats what a plain "docker compose" would take today,
        # except where that only lacks a file that was added since
        extra = tuple(f for f in chosen if f not in labelled) if set(labelled) - {override} <= set(chosen) else ()
        chosen = tuple(f for f in labelled if f != override) + extra
    if not chosen:
        raise ComposeError(
            f"No Compose file in {source} (looked for {', '.join(DEFAULT_FILES)}). Name it with files, or correct project_src."
        )
    missing = [
        f for f in (*chosen, *env_files) if not os.path.isfile(f if os.path.isabs(f) else os.path.join(source, f))
    ]
    if missing:
        raise ComposeError(f"The Compose file {missing[0]} does not exist.")
    return Project(
        name=name, source=source, files=tuple(f for f in chosen if f != override), override=override,
        profiles=tuple(profiles), env_files=tuple(env_files),
    )  # fmt: skip


def project_name(source: str, files: Sequence[str], docker_host: str = "") -> str:
    """The name that Compose itself gives to the project in that directory. Raises ComposeError as config does."""
    if not os.path.isdir(source):
        raise ComposeError(f"The project directory {source} does not exist on this host.")
    chosen = tuple(os.path.join(source, f) for f in files) or default_files(source)
    if not chosen:
        wanted = ", ".join(DEFAULT_FILES)
        raise ComposeError(
            f"No Compose file in {source} (looked for {wanted}). Name it with files, or correct project_src."
        )
    project = Project(name="", source=source, files=chosen, override=os.path.join(source, OVERRIDE_FILE))
    return str(Compose(project, docker_host).start_config().result()[0].get("name") or "")
