# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import MappingProxyType

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import ComposeError
from ansible_collections.vertice.netfix.plugins.module_utils._host.compose import (
    Compose,
    Project,
    default_files,
    explain,
    find_project,
    warnings,
)

# docker-26.1.5-compose-2.26.1-config
WARNED = (
    'time="2026-11-22T14:00:00Z" level=warning msg="The \\"GATEWAY_ROUTES\\" variable is not set. '
    'Defaulting to a blank string."\n'
)


def write(folder, *names):
    for name in names:
        (folder / name).write_text("services: {}\n")
    return [str(folder / n) for n in names]


def labelled(folder, *files):
    return {
        "com.docker.compose.project.working_dir": str(folder),
        "com.docker.compose.project.config_files": ",".join(files),
    }


def find(labels=MappingProxyType({}), source="", name="shop", files=(), env_files=()):
    return find_project(labels, str(source), name, files, (), env_files, ["shop", "other"])


@pytest.mark.parametrize(
    "present, taken",
    [
        (["compose.yml"], ["compose.yml"]),
        (["compose.yaml", "compose.yml"], ["compose.yaml"]),
        (["docker-compose.yml", "docker-compose.override.yml"], ["docker-compose.yml", "docker-compose.override.yml"]),
        (["compose.yml", "compose.override.yml"], ["compose.yml", "compose.override.yml"]),
        (["other.yml"], []),
    ],
)
def test_the_files_are_those_that_compose_itself_would_take(tmp_path, present, taken):
    write(tmp_path, *present)
    assert default_files(str(tmp_path)) == tuple(str(tmp_path / t) for t in taken)


def test_a_project_is_found_by_its_directory(tmp_path):
    (file,) = write(tmp_path, "compose.yml")
    project = find(source=tmp_path)
    assert project.files == (file,) and project.override == str(tmp_path / "compose.netfix.yml")


def test_a_project_is_found_by_the_labels_of_its_containers(tmp_path):
    first, second = write(tmp_path, "stack.yml", "more.yml")
    assert find(labelled(tmp_path, first, second)).files == (first, second)


def test_our_own_file_is_never_taken_for_one_of_the_operators(tmp_path):
    file, ours = write(tmp_path, "compose.yml", "compose.netfix.yml")
    project = find(labelled(tmp_path, file, ours))
    assert project.files == (file,) and project.effective_files() == (file, ours)


def test_an_override_file_that_was_added_since_the_start_counts(tmp_path):
    file, added = write(tmp_path, "compose.yml", "compose.override.yml")
    assert find(labelled(tmp_path, file)).files == (file, added)


def test_files_that_the_operator_names_beat_the_labels(tmp_path):
    write(tmp_path, "compose.yml", "stack.yml")
    project = find(labelled(tmp_path, str(tmp_path / "compose.yml")), tmp_path, files=("stack.yml",))
    assert project.files == (str(tmp_path / "stack.yml"),)


def test_labels_of_files_that_are_gone_do_not_count(tmp_path):
    (file,) = write(tmp_path, "compose.yml")
    assert find(labelled(tmp_path, str(tmp_path / "gone.yml"))).files == (file,)


def test_a_project_that_has_no_containers_is_named_with_those_that_have():
    with pytest.raises(ComposeError, match=r"'shop' has containers.*shop, other.*project_src"):
        find()


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ComposeError, match="does not exist on this host"):
        find(source=tmp_path / "missing")


def test_a_directory_without_a_compose_file_is_told_with_what_was_looked_for(tmp_path):
    with pytest.raises(ComposeError, match=r"compose\.yaml, compose\.yml"):
        find(source=tmp_path)


@pytest.mark.parametrize("more", [{"files": ("gone.yml",)}, {"env_files": ("gone.env",)}])
def test_a_named_file_that_is_not_there_is_told(tmp_path, more):
    write(tmp_path, "compose.yml")
    with pytest.raises(ComposeError, match=r"gone\.\w+ does not exist"):
        find(source=tmp_path, **more)


def test_a_command_could_be_typed_by_an_operator(tmp_path):
    file, ours = write(tmp_path, "compose.yml", "compose.netfix.yml")
    project = Project("shop", str(tmp_path), (file,), ours, ("debug",), (".env.prod",))
    head = ["docker", "compose", "--project-directory", str(tmp_path), "--project-name", "shop", "--file", file]
    tail = ["--profile", "debug", "--env-file", ".env.prod", "up", "-d"]
    assert Compose(project).command("up", "-d") == [*head, "--file", ours, *tail]
    assert Compose(project).command("up", "-d", override=False) == [*head, *tail]


def test_the_operators_environment_does_not_change_which_project_is_meant(monkeypatch):
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yml")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    environment = Compose(Project("shop", "/srv", (), "/srv/x"), "unix:///run/d.sock")._env
    assert not {"COMPOSE_FILE", "COMPOSE_PROJECT_NAME"} & set(environment)
    assert environment["DOCKER_HOST"] == "unix:///run/d.sock"


def test_warnings_are_read_from_what_compose_prints():
    assert warnings(WARNED * 2) == ('The "GATEWAY_ROUTES" variable is not set. Defaulting to a blank string.',)


@pytest.mark.parametrize(
    "stderr, reason",
    [
        (" Container a  Creating\n Container a  Created\nError response from daemon: no such image\n", "no such image"),
        (WARNED + "services.api Additional property imagee is not allowed\n", "imagee is not allowed"),
        ("", "gave no reason"),
    ],
)
def test_a_failure_is_explained_without_progress_and_warnings(stderr, reason):
    text = explain(stderr)
    assert reason in text and "level=warning" not in text and "Created" not in text


def test_only_services_with_another_count_are_scaled(monkeypatch):
    ran = []

    def run(_self, *words):
        ran.append(words)
        return "api\ndb\n" if words[0] == "config" else ""

    monkeypatch.setattr(Compose, "run", run)
    Compose(Project("shop", "/srv", (), "/srv/x")).up("api", {"api": 3, "db": 1, "web": 2})
    assert ran[-1][-3:] == ("--scale", "api=3", "api")
    assert "--pull" in ran[-1] and "--no-build" in ran[-1]


def test_a_missing_docker_command_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    compose = Compose(Project("shop", str(tmp_path), (), str(tmp_path / "x")))
    compose._env["PATH"] = str(tmp_path)
    with pytest.raises(ComposeError, match="Install the Docker CLI"):
        compose.run("ps")


def injected(tmp_path, monkeypatch, text, docker_host=""):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return Compose(Project("shop", str(tmp_path), (), ""), docker_host).injected()


@pytest.mark.parametrize("text", [None, "{}", '{"proxies": {}}', '{"proxies": {"default": {"httpProxy": ""}}}'])
def test_a_client_without_proxies_injects_nothing(tmp_path, monkeypatch, text):
    assert injected(tmp_path, monkeypatch, text) == {}


def test_a_clients_proxies_are_injected_in_both_spellings(tmp_path, monkeypatch):
    text = '{"proxies": {"default": {"httpProxy": "http://p:3128", "noProxy": "localhost"}}}'
    assert injected(tmp_path, monkeypatch, text) == {
        "HTTP_PROXY": "http://p:3128", "http_proxy": "http://p:3128", "NO_PROXY": "localhost", "no_proxy": "localhost"
    }  # fmt: skip


def test_the_proxies_for_one_engine_go_before_those_for_all(tmp_path, monkeypatch):
    text = '{"proxies": {"default": {"httpProxy": "http://p"}, "tcp://far:2375": {"allProxy": "http://q"}}}'
    assert injected(tmp_path, monkeypatch, text, "tcp://far:2375") == {"ALL_PROXY": "http://q", "all_proxy": "http://q"}


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_clients_configuration_that_cannot_be_read_is_named(tmp_path, monkeypatch, text):
    with pytest.raises(ComposeError, match=f"configuration in {tmp_path} cannot be read"):
        injected(tmp_path, monkeypatch, text)
