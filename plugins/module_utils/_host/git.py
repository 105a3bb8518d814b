# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits of single files in the operator's Git repository, as its owner, who finds everything else as it was.

Nothing is forced: an operation in progress, an unknown identity, an ignored file or a hook that refuses are reasons not to
commit, and are told. What is staged stays staged, and is not committed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .._core.errors import NetfixError
from .._core.redact import redact_text, secrets_in_config
from .._core.remediation.patch import VALUE, is_tagged
from .files import parse_override, read_text

TIMEOUT_S = 60.0  # of one command, the operator's hooks included
END_S = 5.0
IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer": "a cherry-pick or revert",
    "BISECT_LOG": "a bisect",
}
INTERPOLATED = re.compile(r"\$\{?\w+\}?")


class NotCommitted(NetfixError):
    """Why there is no commit."""


@dataclass
class Repository:
    """The repository that a folder lies in. ``owner`` is the user to whom it belongs, None where that is us."""

    folder: str
    owner: Optional[int] = None
    left_out: list[str] = field(default_factory=list)

    def commit(self, files: Sequence[str], message: str, rehearse: bool = False) -> dict[str, Any]:
        """Commit these files and nothing else, or an empty commit where none is to be; what came of it.

        ``{id, reason, files, left_out}``: the commit, or why there is none; names relative to the folder of those that
        belong into it; sentences about those that were left out. ``rehearse`` commits nothing, and needs no reason.
        """
        chosen: list[str] = []
        try:
            self._see_ready()
            chosen = [name for name in map(self._relative, files) if self._fit(name)]
            return self._told("" if rehearse else self._commit(chosen, message), "", chosen)
        except NetfixError as exc:
            return self._told("", str(exc), chosen)

    def _told(self, commit: str, reason: str, files: Sequence[str]) -> dict[str, Any]:
        return {"id": commit, "reason": reason, "files": list(files), "left_out": list(self.left_out)}

    def _see_ready(self) -> None:
        """Raises NotCommitted where the repository is in no state to commit."""
        if self._said("rev-parse", "--is-inside-work-tree") != "true":
            raise NotCommitted(f"the Git repository of {self.folder} has no files of its own (it is bare)")
        paths = self._said("rev-parse", *(word for name in IN_PROGRESS for word in ("--git-path", name)))
        for path, what in zip(paths.splitlines(), IN_PROGRESS.values()):
            if os.path.exists(os.path.join(self.folder, path)):
                raise NotCommitted(f"{what} is in progress in the Git repository; end it first")
        if self._said("ls-files", "--unmerged"):
            raise NotCommitted("the Git repository has conflicts that are not resolved")
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            if self._run("var", who).returncode:
                raise NotCommitted(
                    f"Git does not know who commits; as {self._name()}: git config --global user.name …; "
                    "git config --global user.email …"
                )
        if self._run("symbolic-ref", "--quiet", "HEAD").returncode:
            self.left_out.append("HEAD is detached: the commit is on no branch")

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.folder)

    def _fit(self, name: str) -> bool:
        """Whether a file is to be committed; why not goes to ``left_out``."""
        path = os.path.join(self.folder, name)
        top = self._said("rev-parse", "--show-toplevel")
        if os.path.commonpath([top, os.path.realpath(os.path.dirname(path))]) != top:
            self.left_out.append(f"{path} lies outside the Git repository")
            return False
        if not self._known(name):
            # it takes no literal pathspec, but what begins like a path is one
            if self._run("--no-literal-pathspecs", "check-ignore", "--quiet", "--", f"./{name}").returncode == 0:
                self.left_out.append(f"{name} is ignored by Git")
                return False
            if not os.path.lexists(path):
                return False
        secret = next(self._new_secrets(path, top), "")
        if secret:
            self.left_out.append(f"{name} holds a secret at {secret} that no committed file holds")
        return not secret

    def _new_secrets(self, path: str, top: str) -> Iterator[str]:
        """Places in a file of ours that hold a secret which nothing in HEAD holds."""
        data = _untagged(parse_override(read_text(path), path))
        for place, secrets in secrets_in_config(data).items():
            lines = [line for secret in secrets if not INTERPOLATED.fullmatch(secret) for line in secret.splitlines()]
            # on standard input: a command line is for everybody to read
            search = ("-C", top, "grep", "--quiet", "--fixed-strings", "--word-regexp", "-f", "-", "HEAD")
            if any(line.strip() and self._run(*search, text=line + "\n").returncode for line in lines):
                yield place

    def _known(self, name: str) -> bool:
        return self._run("ls-files", "--error-unmatch", "--", name).returncode == 0

    def _commit(self, names: Sequence[str], message: str) -> str:
        """The id of the new commit. Raises NotCommitted, with the index as it was."""
        new = [name for name in names if not self._known(name)]
        if new:
            self._said("add", "--", *new)
        try:
            self._said(
                "commit", "--quiet", "--allow-empty", "--cleanup=whitespace", "--file=-", "--only", "--", *names, text=message
            )
        except NotCommitted:
            if new:
                self._run("rm", "--cached", "--quiet", "--force", "--", *new)
            raise
        return self._said("rev-parse", "HEAD")

    def _said(self, *words: str, text: str = "") -> str:
        """What Git printed. Raises NotCommitted with its last words where it failed."""
        done = self._run(*words, text=text)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            why = redact_text(lines[-1][:300]) if lines else f"exit code {done.returncode}"
            raise NotCommitted(f"git {next(w for w in words if w in COMMANDS)} failed: {why}")
        return done.stdout.strip("\n")

    def _run(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        identity: dict[str, Any] = {}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in IDENTITY}
        environment.update(GIT_TERMINAL_PROMPT="0", GIT_EDITOR="true", GIT_LITERAL_PATHSPECS="1", LC_ALL="C")
        if self.owner is not None:
            entry = _entry(self.owner)
            identity = {"user": self.owner, "group": os.lstat(self.folder).st_gid, "extra_groups": []}
            if entry:
                groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
                identity.update(group=entry.pw_gid, extra_groups=groups)
            environment.update(HOME=entry.pw_dir if entry else "/", USER=self._name(), LOGNAME=self._name())
            environment.pop("XDG_CONFIG_HOME", None)
        command = ["git", "-C", self.folder, "-c", "user.useConfigOnly=true", "-c", "i18n.commitEncoding=utf-8", *words]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                encoding="utf-8", errors="replace", env=environment, cwd="/", start_new_session=True, **identity,
            )  # fmt: skip
        except FileNotFoundError:
            raise NotCommitted("the program git is not installed on the managed host") from None
        except OSError as exc:
            raise NotCommitted(f"git cannot be run as {self._name()}: {exc.strerror or exc}") from exc
        try:
            out, err = process.communicate(text, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # a git that is asked to end takes its lock files along
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(process.pid, number)
                    process.communicate(timeout=END_S)
            raise NotCommitted(f"git did not end within {TIMEOUT_S:.0f} s; does a hook wait for something?") from None
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _name(self) -> str:
        uid = os.geteuid() if self.owner is None else self.owner
        entry = _entry(uid)
        return entry.pw_name if entry else f"user {uid}"


IDENTITY = frozenset(
    {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE"}
)
COMMANDS = frozenset({"rev-parse", "ls-files", "add", "commit"})


def commit(folder: str, files: Sequence[str], message: str, rehearse: bool = False) -> dict[str, Any]:
    """Commit these files in the repository that ``folder`` lies in; what came of it, as Repository.commit() says it."""
    found = _repository_of(folder)
    if found is None:
        reason = f"{folder} lies in no Git repository"
        return {"id": "", "reason": reason, "files": [], "left_out": []}
    uid = os.lstat(found).st_uid
    # root neither needs Git's leave to enter, nor leaves objects there that the owner could not remove
    owner = uid if os.geteuid() == 0 and uid != 0 else None
    return Repository(folder, owner).commit(files, message, rehearse)


def _repository_of(folder: str) -> Optional[str]:
    """The ``.git`` above a folder, or the folder itself where it is a bare repository."""
    if all(os.path.exists(os.path.join(folder, name)) for name in ("HEAD", "objects", "refs")):
        return folder
    while True:
        path = os.path.join(folder, ".git")
        if os.path.lexists(path):
            return path
        folder, above = os.path.dirname(folder), folder
        if folder == above:
            return None


def _entry(uid: int) -> Optional[pwd.struct_passwd]:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _untagged(data: Any) -> Any:
    """Data of our override file without Compose's merge tags."""
    if is_tagged(data):
        return _untagged(data[VALUE])
    if isinstance(data, dict):
        return {key: _untagged(value) for key, value in data.items()}
    return [_untagged(value) for value in data] if isinstance(data, list) else data
