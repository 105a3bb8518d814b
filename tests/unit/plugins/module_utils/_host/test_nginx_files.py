# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a container that is not there: a table of paths and texts."""

from __future__ import annotations

import posixpath

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host import nginx_files
from unit.builders import container

SITE = "server { listen 80; location / { proxy_pass http://users:8000; } }"
MASTER = "nginx: master process nginx {}\0\0\0"


@pytest.fixture
def read(monkeypatch):
    def read(files, container_id="c" * 64):
        def names(_pid, path):
            base = path.rstrip("/") + "/"
            return tuple(sorted({f[len(base) :].split("/")[0] for f in files if f.startswith(base)}))

        monkeypatch.setattr(nginx_files, "read_in_root", lambda _pid, path, *_more: files.get(posixpath.normpath(path)))
        monkeypatch.setattr(nginx_files, "list_in_root", names)
        return nginx_files.read_nginx(container("web", "10.1.0.4", id=container_id))

    return read


def running(options="-g daemon off;", **files):
    return {"/proc/1/cmdline": "/sbin/docker-init\0--\0nginx", "/proc/7/cmdline": MASTER.format(options), **files}


def test_the_configuration_is_put_together_from_what_the_container_has(read):
    main = "http { include conf.d/*.conf; include sites/*/x; }"
    files = {"/etc/nginx/nginx.conf": main, "/etc/nginx/conf.d/a.conf": SITE, "/etc/nginx/sites/s/x": SITE}
    found = read(running(**files, **{"/etc/nginx/http.d/a.conf": SITE}))
    assert found.container == "shop-web-1" and len(found.servers) == 2
    assert found.files == ("/etc/nginx/nginx.conf", "/etc/nginx/conf.d/a.conf", "/etc/nginx/sites/s/x")
    assert found.includes == ("/etc/nginx/conf.d/*.conf", "/etc/nginx/sites/*/x")


@pytest.mark.parametrize(
    "options, path",
    [
        ("-c /srv/my.conf", "/srv/my.conf"),
        ("-g daemon off; -c my.conf", "/etc/nginx/my.conf"),
        ("-p /srv -c my.conf", "/srv/my.conf"),
        ("-p /srv", "/srv/conf/nginx.conf"),
        ("", "/usr/local/openresty/nginx/conf/nginx.conf"),
    ],
)
def test_the_main_file_is_the_one_that_the_process_was_started_with(read, options, path):
    assert read(running(options, **{path: "http {}"})).files == (path,)


def test_a_container_without_nginx_has_no_configuration(read):
    assert read({"/proc/1/cmdline": "python3\0gateway.py", "/etc/nginx/nginx.conf": "http {}"}) is None


def test_another_containers_nginx_is_not_taken_for_its_own(read):
    # with "pid: host" a container sees the processes of all
    files = running(**{"/etc/nginx/nginx.conf": "http {}", "/proc/7/cgroup": f"0::/docker/{'d' * 64}"})
    assert read(files) is None
    assert read(files, "d" * 64) is not None


def test_a_configuration_that_cannot_be_read_is_not_taken_for_an_empty_one(read):
    assert read(running()) is None
