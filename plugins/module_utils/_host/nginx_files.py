# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that the nginx in a container really reads: not what the project says is mounted, but what is there.

``nginx -T`` would tell as well, but runs a program in the container, and needs every upstream's name to resolve.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase

from .._core.model import Container, Nginx
from .._core.parsing.nginx_routes import nginx_includes, nginx_servers
from .container_files import list_in_root, named_in, read_in_root

# where the usual builds look: nginx.org and the distributions, OpenResty, Bitnami, from source
_MAIN = (
    "/etc/nginx/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
    "/opt/bitnami/nginx/conf/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
)
_MASTER = re.compile(r"nginx: master process (.*)")
_MOST_PROCESSES = 100
_MOST_FILES = 100


def read_nginx(container: Container) -> Nginx | None:
    """What the container's nginx reads; None where none runs in it, or nothing can be read."""
    command = _master(container)
    if command is None:
        return None
    given = re.search(r"(?:^|\s)-c\s*(\S+)", command)
    prefix = re.search(r"(?:^|\s)-p\s*(\S+)", command)
    places = (
        [posixpath.join(prefix.group(1) if prefix else "/etc/nginx", given.group(1))]
        if given
        else [*([posixpath.join(prefix.group(1), "conf/nginx.conf")] if prefix else []), *_MAIN]
    )
    main = next((p for p in places if read_in_root(container.pid, p) is not None), "")
    if not main:
        return None
    texts: dict[str, str] = {}
    patterns: list[str] = []
    todo = [main]
    while todo and len(texts) < _MOST_FILES:
        path = todo.pop(0)
        text = read_in_root(container.pid, path) if path not in texts else None
        if text is not None:
            texts[path] = text
            named = nginx_includes(main, text)
            patterns += [n for n in named if n not in patterns]
            todo += [p for n in named for p in _expand(container.pid, n)]
    return Nginx(container.name, tuple(texts), tuple(patterns), nginx_servers(main, texts))


def _master(container: Container) -> str | None:
    """The command line of the nginx master process in the container, None where there is none.

    A container that shares the host's process ids sees those of others as well.
    """
    numbers = sorted(int(n) for n in list_in_root(container.pid, "/proc") if n.isdigit())
    for number in numbers[:_MOST_PROCESSES]:
        title = _MASTER.match((read_in_root(container.pid, f"/proc/{number}/cmdline", 4096) or "").replace("\0", " "))
        if title and named_in(read_in_root(container.pid, f"/proc/{number}/cgroup") or "", container.id):
            return title.group(1)
    return None


def _expand(pid: int, pattern: str) -> list[str]:
    """The paths that a pattern means in the container."""
    found = ["/"]
    for part in pattern.strip("/").split("/"):
        if re.search(r"[*?\[]", part):
            found = [
                posixpath.join(base, name)
                for base in found
                for name in list_in_root(pid, base)
                if fnmatchcase(name, part) and not name.startswith(".")
            ]
        else:
            found = [posixpath.join(base, part) for base in found]
    return found
