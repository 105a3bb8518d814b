# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of Debian's packages stand in for the images that cannot be read: here in the lab's image, which has them."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.servers import SERVERS
from local.project import eventually

pytestmark = pytest.mark.docker
IMAGE, NAME = "netfix-lab:latest", f"{os.environ.get('LAB_PROJECT', 'netfix-local')}-server"
# the package's configuration brings a site of its own
DEBIAN = "mkdir -p /etc/nginx/sites-enabled; echo 'server { listen 80 default_server; return 404; }' >/etc/nginx/sites-enabled/default; "
SITE = "echo 'server { listen 80; server_name shop; return 200 ours; }' >/etc/nginx/conf.d/default.conf; "


def inside(*words):
    done = subprocess.run(["docker", "exec", NAME, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@contextmanager
def running(server, *options, command=None, before=""):
    """A container in which the stand-in's entry point runs, after ``before``."""
    shell, _c, script, name = SERVERS[server].entrypoint
    words = command or SERVERS[server].command
    subprocess.run(
        ["docker", "run", "-d", "--name", NAME, *options, "--entrypoint", shell, IMAGE, "-c", before + script, name, *words],
        capture_output=True, check=True,
    )  # fmt: skip
    try:
        yield
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", NAME], capture_output=True, check=True)


def test_postgres_takes_over_what_the_images_user_owned(tmp_path):
    told = ("-e", "POSTGRES_USER=shop", "-e", "POSTGRES_PASSWORD=s3cret", "-e", "POSTGRES_DB=orders")
    place = ("-v", f"{tmp_path}:/var/lib/postgresql/data")
    ask = ("env", "PGPASSWORD=s3cret", "psql", "-h", "127.0.0.1", "-U", "shop", "-d", "orders", "-Atc")
    with running("postgres", *told, *place):
        eventually(lambda: inside(*ask, "SELECT 1") == "1", "PostgreSQL answers")
        assert inside("pg_isready", "-U", "shop").endswith("accepting connections")
        inside(*ask, "CREATE TABLE items AS SELECT generate_series(1, 1000)")
        inside(*ask, "CHECKPOINT")
    # as a copy of the image's volume
    subprocess.run(["chown", "-R", "999:999", str(tmp_path)], check=True)
    with running("postgres", *told, *place):
        eventually(lambda: inside(*ask, "SELECT count(*) FROM items") == "1000", "its rows are there")
        assert inside("env", "PGPASSWORD=wrong", *ask[2:], "SELECT 1") == ""


@pytest.mark.parametrize("command", [None, ("redis-server", "--appendonly", "yes"), ("--maxmemory", "20mb")])
def test_redis_answers_other_services(command):
    with running("redis", "--tmpfs", "/data", command=command):
        address = subprocess.check_output(
            ["docker", "inspect", "-f", "{{.NetworkSettings.IPAddress}}", NAME], text=True
        ).strip()
        # by that address, and not as from the same host's loopback: protected mode would refuse
        eventually(lambda: inside("redis-cli", "-h", address, "SET", "k", "v") == "OK", "Redis takes a value")
        assert inside("redis-cli", "CONFIG", "GET", "dir").split() == ["dir", "/data"]


def test_nginx_serves_the_operators_sites_and_not_that_of_its_package():
    asked = ("curl", "-s", "-w", "%{http_code}", "-H", "Host: shop.example", "http://127.0.0.1/any")
    with running("nginx", before=DEBIAN + SITE, command=("sh", "-c", "nginx -g 'daemon off;'")):
        eventually(lambda: inside(*asked).endswith("404"), "the package's configuration answers 404")
    with running("nginx", before=DEBIAN + SITE):
        eventually(lambda: inside(*asked) == "ours200", "the operator's site answers")
