# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host import git

FILE = "compose.netfix.yml"
MESSAGE = "netfix: static_hosts kept: mended\n\nProblem: é\n"
OVERRIDE = "services:\n  web:\n    environment:\n      URL: http://users:8000\n"

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No identity and no settings but the repository's own."""
    for name in [n for n in os.environ if n.startswith("GIT_")] + ["EMAIL", "XDG_CONFIG_HOME"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def run(folder, *words):
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(folder, identity=True):
    folder.mkdir()
    run(folder, "init", "--quiet", "--initial-branch=main")
    if identity:
        run(folder, "config", "user.name", "Ada")
        run(folder, "config", "user.email", "ada@example.org")
    return folder


@pytest.fixture
def repository(tmp_path):
    """One commit, something staged, something changed and something untracked; and the attempt's new file."""
    folder = made(tmp_path / "shop")
    for name in ("compose.yml", "staged.txt", "changed.txt"):
        (folder / name).write_text("1\n")
    run(folder, "add", ".")
    run(folder, "commit", "--quiet", "-m", "begin")
    (folder / "staged.txt").write_text("2\n")
    run(folder, "add", "staged.txt")
    (folder / "changed.txt").write_text("2\n")
    (folder / "new.txt").write_text("1\n")
    (folder / FILE).write_text(OVERRIDE)
    return folder


REST = "M  staged.txt\n M changed.txt\n?? new.txt\n"


def status(folder):
    """Staged, changed and untracked files, in that order."""
    return "".join(sorted(run(folder, "status", "--porcelain").splitlines(True), key=lambda s: "M ?".find(s[0])))


def commits(folder):
    return int(run(folder, "rev-list", "--count", "HEAD"))


def record(folder, *names, message=MESSAGE, **more):
    return git.commit(str(folder), [str(folder / name) for name in names], message, **more)


def shown(folder):
    return run(folder, "show", "--name-status", "--format=", "HEAD")


def test_only_the_file_of_the_attempt_is_committed_and_what_is_staged_stays_staged(repository):
    told = record(repository, FILE)
    assert told == {"id": run(repository, "rev-parse", "HEAD").strip(), "reason": "", "files": [FILE], "left_out": []}
    assert shown(repository) == f"A\t{FILE}\n" and status(repository) == REST
    assert run(repository, "log", "-1", "--format=%an <%ae>|%B").rstrip("\n") == f"Ada <ada@example.org>|{MESSAGE}".rstrip("\n")


def test_a_changed_file_and_its_removal_are_committed_too(repository):
    record(repository, FILE)
    (repository / FILE).write_text("services: {}\n")
    record(repository, FILE)
    assert shown(repository) == f"M\t{FILE}\n" and status(repository) == REST
    (repository / FILE).unlink()
    assert record(repository, FILE)["files"] == [FILE]
    assert shown(repository) == f"D\t{FILE}\n" and status(repository) == REST


def test_an_attempt_that_left_no_change_is_an_empty_commit(repository):
    assert record(repository)["id"] and shown(repository) == "" and commits(repository) == 2
    record(repository, FILE)
    assert record(repository, FILE)["id"] and shown(repository) == "" and commits(repository) == 4
    (repository / FILE).unlink()
    run(repository, "reset", "--quiet", "--hard", "HEAD~3")
    assert record(repository, FILE)["files"] == [] and shown(repository) == ""


def test_the_first_commit_of_a_repository_is_possible(tmp_path):
    folder = made(tmp_path / "young")
    (folder / FILE).write_text(OVERRIDE)
    assert record(folder, FILE)["id"] and shown(folder) == f"A\t{FILE}\n"


def test_a_folder_inside_the_repository_is_a_project_as_well(repository):
    (repository / "deploy").mkdir()
    (repository / "deploy" / FILE).write_text(OVERRIDE)
    assert record(repository / "deploy", FILE)["files"] == [FILE] and shown(repository) == f"A\tdeploy/{FILE}\n"


@pytest.mark.parametrize("name", ["-rf", "--amend", ":(top)*", "a\nb.yml", "*.txt", "$(touch owned)", "é.yml"])
def test_a_name_is_a_name_and_nothing_else(repository, name):
    (repository / FILE).rename(repository / name)
    assert record(repository, name)["files"] == [name]
    assert run(repository, "show", "-z", "--name-only", "--format=", "HEAD").strip("\0\n") == name
    assert status(repository) == REST and not (repository / "owned").exists()


@pytest.mark.parametrize("message", ["--amend\n", "# no comment\n\n# nor this\n", "$(touch owned) `x`\n"])
def test_a_message_is_text_and_nothing_else(repository, message):
    run(repository, "config", "commit.cleanup", "strip")
    record(repository, message=message)
    assert run(repository, "log", "-1", "--format=%B").strip() == message.strip() and commits(repository) == 2


@pytest.mark.parametrize("name", [FILE, ":(top)*.yml"])
def test_an_ignored_file_is_left_out_and_never_forced(repository, name):
    (repository / ".git" / "info" / "exclude").write_text("*.yml\n")
    (repository / FILE).rename(repository / name)
    told = record(repository, name)
    assert told["id"] and told["files"] == [] and told["left_out"] == [f"{name} is ignored by Git"]
    assert shown(repository) == ""


def test_a_file_elsewhere_is_left_out(repository, tmp_path):
    (tmp_path / FILE).write_text(OVERRIDE)
    told = record(repository, f"../{FILE}")
    assert told["files"] == [] and "lies outside" in told["left_out"][0]


def test_a_rehearsal_says_what_it_would_do_and_does_nothing(repository):
    told = record(repository, FILE, rehearse=True)
    assert (told["id"], told["files"]) == ("", [FILE]) and commits(repository) == 1
    assert f"?? {FILE}\n" in status(repository)


class TestSecrets:
    SECRET = "services:\n  web:\n    environment:\n      DB_URL: postgres://shop:s3cr+et@db:5432/shop\n"

    def test_one_that_the_operator_keeps_out_of_git_stays_out(self, repository):
        (repository / ".env").write_text("DB=shop:s3cr+et\n")
        (repository / FILE).write_text(self.SECRET)
        told = record(repository, FILE)
        assert told["id"] and told["files"] == [] and shown(repository) == ""
        assert told["left_out"] == [f"{FILE} holds a secret at services.web.environment.DB_URL that no committed file holds"]
        assert "s3cr" not in run(repository, "log", "-p", "--all")

    def test_one_that_is_committed_already_is_no_reason(self, repository):
        (repository / "compose.yml").write_text('DB_URL: "postgres://shop:s3cr+et@database:5432/shop"\n')
        run(repository, "commit", "--quiet", "--only", "-m", "as it is", "compose.yml")
        (repository / FILE).write_text(self.SECRET)
        assert record(repository, FILE)["files"] == [FILE]

    @pytest.mark.parametrize("elsewhere", ["xshop:s3cr+et@", "shop:s3cr+ets", "shop:s3crret"])
    def test_nearly_the_same_is_not_the_same(self, repository, elsewhere):
        (repository / "compose.yml").write_text(f"URL: {elsewhere}\n")
        run(repository, "commit", "--quiet", "--only", "-m", "as it is", "compose.yml")
        (repository / FILE).write_text(self.SECRET)
        assert record(repository, FILE)["files"] == []

    def test_one_that_is_only_staged_is_not_committed_yet(self, repository):
        (repository / "staged.txt").write_text("shop:s3cr+et\n")
        run(repository, "add", "staged.txt")
        (repository / FILE).write_text(self.SECRET)
        assert record(repository, FILE)["files"] == []

    @pytest.mark.parametrize(
        "text",
        [
            "services: {web: {environment: !override {API_TOKEN: abc123}}}\n",
            "services: {web: {environment: [API_TOKEN=abc123]}}\n",
            "services: {web: {command: [serve, --token, abc123]}}\n",
            "secrets: {key: {content: abc123}}\n",
        ],
    )
    def test_it_is_found_wherever_it_stands(self, repository, text):
        (repository / FILE).write_text(text)
        assert "holds a secret at" in record(repository, FILE)["left_out"][0]

    def test_a_variable_that_compose_fills_in_is_none(self, repository):
        (repository / FILE).write_text("services: {web: {environment: {API_TOKEN: '${API_TOKEN}'}}}\n")
        assert record(repository, FILE)["files"] == [FILE]


class TestRefusals:
    """Nothing is committed, everything stays as it was, and the reason is told."""

    def refused(self, folder, *names):
        before = (folder / ".git" / "index").read_bytes() if (folder / ".git" / "index").exists() else b""
        told = record(folder, *names)
        assert told["id"] == ""
        after = (folder / ".git" / "index").read_bytes() if (folder / ".git" / "index").exists() else b""
        assert before == after
        return told["reason"]

    def test_no_repository(self, tmp_path):
        (tmp_path / "plain").mkdir()
        assert "lies in no Git repository" in self.refused(tmp_path / "plain", FILE)

    def test_a_bare_one(self, tmp_path):
        run(tmp_path, "init", "--quiet", "--bare", "bare")
        assert "it is bare" in self.refused(tmp_path / "bare", FILE)

    def test_no_identity(self, tmp_path):
        folder = made(tmp_path / "nobody", identity=False)
        (folder / FILE).write_text(OVERRIDE)
        assert "does not know who commits" in self.refused(folder, FILE)
        run(folder, "config", "user.email", "ada@example.org")
        assert "does not know who commits" in self.refused(folder, FILE)

    @pytest.mark.parametrize("kind", ["merge", "rebase", "cherry-pick", "revert"])
    def test_something_in_progress(self, repository, kind):
        run(repository, "commit", "--quiet", "--all", "-m", "clean")
        run(repository, "branch", "other")
        (repository / "changed.txt").write_text("3\n")
        run(repository, "commit", "--quiet", "--all", "-m", "three")
        if kind == "revert":
            (repository / "changed.txt").write_text("4\n")
            run(repository, "commit", "--quiet", "--all", "-m", "four")
            words = ["revert", "--no-edit", "HEAD~1"]
        else:
            run(repository, "checkout", "--quiet", "other")
            (repository / "changed.txt").write_text("5\n")
            run(repository, "commit", "--quiet", "--all", "-m", "five")
            words = [kind, "main"]
        assert subprocess.run(["git", "-C", repository, *words], capture_output=True, check=False).returncode
        assert f"a {kind} is in progress" in self.refused(repository, FILE)

    def test_a_bisect(self, repository):
        run(repository, "bisect", "start")
        assert "a bisect is in progress" in self.refused(repository, FILE)

    def test_conflicts_of_a_stash(self, repository):
        run(repository, "stash", "--quiet")
        (repository / "changed.txt").write_text("3\n")
        run(repository, "commit", "--quiet", "--all", "-m", "three")
        assert subprocess.run(["git", "-C", repository, "stash", "pop"], capture_output=True, check=False).returncode
        assert "conflicts" in self.refused(repository, FILE)

    @pytest.mark.parametrize("hook", ["pre-commit", "commit-msg"])
    @pytest.mark.parametrize("tracked", [False, True])
    def test_a_hook_that_says_no(self, repository, hook, tracked):
        if tracked:
            record(repository, FILE)
            (repository / FILE).write_text("services: {}\n")
        number, before = commits(repository), status(repository)
        path = repository / ".git" / "hooks" / hook
        path.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
        path.chmod(0o755)
        assert record(repository, FILE)["reason"] == "git commit failed: not on a Friday"
        assert commits(repository) == number and status(repository) == before

    def test_a_hook_that_does_not_end(self, repository, monkeypatch):
        monkeypatch.setattr(git, "TIMEOUT_S", 1.0)
        path = repository / ".git" / "hooks" / "pre-commit"
        path.write_text("#!/bin/sh\nsleep 600\n")
        path.chmod(0o755)
        before = status(repository)
        assert "does a hook wait for something" in record(repository, FILE)["reason"]
        assert commits(repository) == 1 and status(repository) == before
        assert not (repository / ".git" / "index.lock").exists()

    def test_no_git(self, repository, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "git is not installed" in self.refused(repository, FILE)


def test_a_detached_head_is_told(repository):
    run(repository, "checkout", "--quiet", "--detach")
    told = record(repository, FILE)
    assert told["id"] and told["left_out"] == ["HEAD is detached: the commit is on no branch"]


def test_what_the_environment_says_of_another_repository_is_not_heard(repository, monkeypatch, tmp_path):
    other = made(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    told = record(repository, FILE)
    monkeypatch.undo()
    assert told["files"] == [FILE] and shown(repository) == f"A\t{FILE}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_root_commits_as_the_owner_and_leaves_nothing_of_its_own(repository, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o011 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12345, 12345)
    told = record(repository, FILE)
    assert told["id"], told
    assert {p.lstat().st_uid for p in repository.rglob("*")} == {12345}
