# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.vertice.netfix.plugins.module_utils._core.bundle import SNAPSHOT
from ansible_collections.vertice.netfix.plugins.module_utils._host import evidence
from unit.builders import FIXTURES, recorded

SECRET = "hunter2-of-the-shop"


class EngineWithSecrets:
    """Answers with recorded inspect data, into which a secret was put wherever operators put them."""

    def inspect_containers(self, names):
        data = json.loads((FIXTURES / "inspect" / "healthy.json").read_text(encoding="utf-8"))["containers"]
        for container in data:
            container["Config"]["Env"] += [f"DB_PASSWORD={SECRET}", f"DB_URL=postgresql://shop:{SECRET}@db/shop"]
            container["Config"]["Cmd"] = ["serve", "--password", SECRET]
            container["Config"]["Labels"]["traefik.http.middlewares.auth.basicauth.password"] = SECRET
            container["State"]["Health"] = {"Log": [{"Output": f"curl http://admin:{SECRET}@127.0.0.1/ failed"}]}
        return [c for c in data if c["Name"].lstrip("/") in names]

    def inspect_networks(self, names):
        return [{"Name": name, "Options": {"com.example.token": SECRET}} for name in names]

    def logs(self, _container, _lines):
        return [f"2026-11-22T14:00:00Z connecting to redis://:{SECRET}@cache:6379"]


def test_a_bundle_holds_the_evidence_and_no_secret(monkeypatch):
    monkeypatch.setattr(evidence, "outputs", lambda _commands: {})
    snapshot = recorded("healthy")
    files = evidence.collect(EngineWithSecrets(), snapshot, 100)
    container = snapshot.containers[0].name
    expected = {SNAPSHOT, "README.txt", f"inspect/containers/{container}.json", f"logs/{container}.txt"}
    assert expected <= set(files) and f"files/{container}/resolv.conf" in files
    assert json.loads(files[f"inspect/containers/{container}.json"])["Name"] == f"/{container}"
    assert "redis://" in files[f"logs/{container}.txt"]
    assert [name for name, text in files.items() if SECRET in text] == []


def test_a_program_that_is_missing_says_so_in_its_place(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    said = evidence.outputs({"host/x.txt": ("no-such-program-of-ours",)})
    assert "not installed" in said["host/x.txt"]


def test_a_log_in_a_bundle_says_nothing_to_a_terminal(monkeypatch):
    monkeypatch.setattr(evidence, "outputs", lambda _commands: {})
    monkeypatch.setattr(EngineWithSecrets, "logs", lambda *_unused: ["\x1b[31mred\x1b[0m", "next"])
    snapshot = recorded("healthy")
    files = evidence.collect(EngineWithSecrets(), snapshot, 100)
    assert files[f"logs/{snapshot.containers[0].name}.txt"] == "\\x1b[31mred\\x1b[0m\nnext\n"
