# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests an nginx passes on, and to whom: its files put together as it puts them together.

nginx_conf.py reads one text by itself; this reads the configuration that results from ``include``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Optional

from ..model import NginxLocation, NginxServer
from ..redact import redact_text
from .nginx_conf import Directive, nginx_directives

_DEPTH = 8
_PASS = re.compile(r"\w+_pass")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:$/]+)(?=:|$|\$)")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass
class _Block:
    """One block of the configuration and what stands in it; ``where`` is file:line."""

    name: str = ""
    args: tuple[str, ...] = ()
    where: str = ""
    outer: Optional[_Block] = None
    blocks: list[_Block] = field(default_factory=list)
    values: list[tuple[Directive, str]] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[_Block]:
        """The blocks of those names directly in it."""
        return (b for b in self.blocks if b.name in names)

    def value(self, name: str) -> Optional[Directive]:
        """The directive of that name here, or in the nearest block around that has one."""
        found = next((d for d, _unused in self.values if d.name == name), None)
        return found or (self.outer.value(name) if self.outer else None)


def nginx_includes(main: str, text: str) -> tuple[str, ...]:
    """The absolute paths, with their wildcards, that a file's include directives name; ``main`` is the first file."""
    named = (d.args[0] for d in nginx_directives(text) if d.name == "include" and len(d.args) == 1)
    return tuple(dict.fromkeys(_absolute(main, name) for name in named))


def nginx_servers(main: str, texts: Mapping[str, str]) -> tuple[NginxServer, ...]:
    """The server blocks of the configuration that begins with the file ``main``; ``texts`` are its files by path.

    Files that are not there are left out, as what stands in Lua blocks is. Passwords in URLs are masked.
    """
    root = _Block()
    _add(root, main, main, texts, 0)
    blocks = [b for part in root.all("http", "stream") for b in part.all("server")]
    taken: set[str] = set()
    servers = []
    for block in blocks:
        listen = _listens(block)
        ports = {_port(args[0]) for args in listen}
        others = (a for b in blocks if b is not block for a in _listens(b))
        marked = any("default_server" in args and _port(args[0]) in ports for args in others)
        servers.append(
            NginxServer(
                listen=tuple(args[0] for args in listen),
                names=tuple(n for d, _unused in block.values if d.name == "server_name" for n in d.args),
                # the marked one, else the first: https://nginx.org/en/docs/http/request_processing.html
                default=any("default_server" in args for args in listen) or (not marked and not ports <= taken),
                locations=tuple(_locations(block, _groups(root))),
                where=block.where,
            )
        )
        taken |= ports
    return tuple(servers)


def _listens(block: _Block) -> list[tuple[str, ...]]:
    return [d.args for d, _unused in block.values if d.name == "listen" and d.args] or [("80",)]


def _add(block: _Block, path: str, main: str, texts: Mapping[str, str], depth: int) -> None:
    """What the file says, in the place of the include directive that names it."""
    stack = [block]
    for directive in nginx_directives(texts.get(path, "")):
        where = f"{path}:{directive.line}"
        del stack[len(directive.context) + 1 :]
        if directive.block:
            inner = _Block(directive.name, directive.args, where, stack[-1])
            stack[-1].blocks.append(inner)
            stack.append(inner)
        elif directive.name == "include" and len(directive.args) == 1 and depth < _DEPTH:
            pattern = _absolute(main, directive.args[0])
            for name in sorted(t for t in texts if _matches(t, pattern)):
                _add(stack[-1], name, main, texts, depth + 1)
        else:
            stack[-1].values.append((directive, where))


def _locations(block: _Block, groups: Mapping[str, tuple[str, ...]]) -> Iterator[NginxLocation]:
    """Those of a server, nested ones too; a stream server is one itself."""
    path = " ".join(block.args) if block.name == "location" else ""
    passes, where = _pass(block)
    if block.name == "location" or passes:
        resolver = block.value("resolver")
        yield NginxLocation(
            path=path,
            passes=redact_text(passes),
            hosts=_hosts(block, passes, groups),
            resolver=tuple(a for a in resolver.args if "=" not in a) if resolver and passes else (),
            where=where or block.where,
        )
    for inner in block.all("location"):
        yield from _locations(inner, groups)


def _pass(block: _Block) -> tuple[str, str]:
    """The first place that the block, or a condition in it, passes requests to, and where that stands."""
    found = next(((d.args[0], w) for d, w in block.values if _PASS.fullmatch(d.name) and d.args), ("", ""))
    return found if found[0] else next((p for b in block.all("if", "limit_except") if (p := _pass(b))[0]), ("", ""))


def _hosts(block: _Block, passes: str, groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    authority = passes.partition("://")[2] or passes
    authority = _VARIABLE.sub(lambda m: _variable(block, m.group(1)) or m.group(), authority)
    host = _host(authority.rpartition("://")[2] or authority)
    return groups.get(host, (host,) if host else ())


def _variable(block: Optional[_Block], name: str) -> str:
    """The value that ``set`` gives to a variable in the nearest block, empty where none does."""
    while block is not None:
        for directive, _unused in block.values:
            if directive.name == "set" and len(directive.args) == 2 and directive.args[0].strip("${}") == name:
                return directive.args[1]
        block = block.outer
    return ""


def _groups(root: _Block) -> dict[str, tuple[str, ...]]:
    """The hosts of every upstream group."""
    groups = (b for part in root.all("http", "stream") for b in part.all("upstream") if b.args)
    return {g.args[0]: tuple(dict.fromkeys(filter(None, map(_host, _members(g))))) for g in groups}


def _members(group: _Block) -> list[str]:
    return [d.args[0] for d, _unused in group.values if d.name == "server" and d.args and "down" not in d.args]


def _host(authority: str) -> str:
    """The host of ``user@host:port/path``, empty for a socket and for what only a variable knows."""
    host = _HOST.match(authority.split("/", 1)[0].rpartition("@")[2])
    return host.group(1).strip("[]") if host and not authority.startswith("unix:") else ""


def _port(listen: str) -> str:
    return listen.rpartition(":")[2] if re.search(r"(?:^|:)\d+$", listen) else "80"


def _absolute(main: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(main), path))


def _matches(path: str, pattern: str) -> bool:
    """As glob(3): a wildcard matches no slash and no dot at the beginning."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(p, w) and not (p.startswith(".") and not w.startswith(".")) for p, w in zip(parts, wanted)
    )
