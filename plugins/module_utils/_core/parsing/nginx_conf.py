# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx configuration: its directives with line numbers, and the upstreams that they call.

The syntax: https://nginx.org/en/docs/beginners_guide.html#conf_structure
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .urls import DEFAULT_PORTS, Place, find_host_ports, find_urls, is_host

_TOKEN = re.compile(
    r"#[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]|(?:\\.|\$\{\w+\}|[^\s{};\"'\\])(?:\$\{\w+\}|[^\s{};])*|"
    r"\s+|.",
    re.DOTALL,
)
_PASSES = {
    "proxy_pass": "http", "fastcgi_pass": "fastcgi", "uwsgi_pass": "uwsgi", "scgi_pass": "scgi", "grpc_pass": "grpc",
    "memcached_pass": "memcached",
}  # fmt: skip
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Directive:
    """One directive: ``name args;`` in ``line``, inside the blocks of ``context`` (``server``, ``location /x``).

    ``starts`` says where in the text each argument begins, quotes left out. ``block`` is true where ``{`` follows.
    """

    name: str
    args: tuple[str, ...]
    line: int
    context: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    block: bool = False

    @property
    def inside(self) -> str:
        """The name of the block that holds it, empty at the top level."""
        return self.context[-1].split(" ", 1)[0] if self.context else ""


@dataclass(frozen=True)
class Upstream:
    """One host that nginx calls: its place in the text, and the directive and line that name it."""

    place: Place
    line: int
    directive: str


def nginx_directives(text: str) -> tuple[Directive, ...]:
    """All directives of the text in order. Lua blocks are skipped; a broken end is read as far as it goes."""
    found: list[Directive] = []
    context: list[str] = []
    words: list[tuple[str, int]] = []
    line = word_line = 1
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        token = match.group() if match else text[position]
        if token in ("{", "}", ";"):
            if words:
                name, args = words[0][0], tuple(w for w, _unused in words[1:])
                starts = tuple(s for _unused, s in words[1:])
                found.append(Directive(name, args, word_line, tuple(context), starts, token == "{"))
            if token == "{":
                if words and words[0][0].endswith("_by_lua_block"):
                    end = _closing_brace(text, position)
                    line += text.count("\n", position, end)
                    position = end
                    words = []
                    continue
                context.append(" ".join(w for w, _unused in words))
            elif token == "}" and context:
                context.pop()
            words = []
        elif not token.isspace() and not token.startswith("#"):
            word_line = word_line if words else line
            quoted = len(token) > 1 and token[0] in "\"'" and token[-1] == token[0]
            words.append((token[1:-1], position + 1) if quoted else (token, position))
        line += token.count("\n")
        position += len(token)
    return tuple(found)


def nginx_upstreams(text: str) -> tuple[Upstream, ...]:
    """Every host that the configuration passes requests to, servers of upstream blocks and variables resolved."""
    directives = nginx_directives(text)
    groups = {d.args[0]: d for d in directives if d.name == "upstream" and d.block and d.args}
    variables = _variables(directives)
    users = _passes_of_groups(directives, groups, variables)
    found: list[Upstream] = []
    for directive in directives:
        if (
            directive.name == "server"
            and directive.inside == "upstream"
            and directive.args
            and "down" not in directive.args
        ):
            group = directive.context[-1].split(" ", 1)[-1]
            scheme, path = users.get(group, ("", ""))
            for place in _hosts_of_argument(text, directive, 0, "" if scheme == "stream" else scheme or "http"):
                shown = dataclasses.replace(place, scheme="" if scheme == "stream" else scheme, path=path)
                found.append(Upstream(shown, directive.line, "server"))
        elif directive.name in _PASSES and directive.args:
            found.extend(u for u in _pass(text, directive, variables) if u.place.host not in groups)
    return tuple(dict.fromkeys(found))


def _pass(text: str, directive: Directive, variables: dict[str, list[tuple[Directive, int]]]) -> Iterator[Upstream]:
    scheme = "" if _is_stream(directive) else _PASSES[directive.name]
    argument = directive.args[0]
    authority = argument.split("://", 1)[-1].split("/", 1)[0]
    used = [a or b for a, b in _VARIABLE.findall(authority)]
    if not used:
        for place in _hosts_of_argument(text, directive, 0, scheme):
            yield Upstream(place, directive.line, directive.name)
        return
    given = re.match(r"(?:(\w+)|\$\{?(\w+)\}?)://", argument)
    if given:
        scheme = given.group(1) or _value_for(directive, given.group(2), variables) or scheme
    port = re.fullmatch(r":(\d{1,5})", _VARIABLE.sub("", authority))
    number = port.group(1) if port else _value_for(directive, used[1], variables) if len(used) > 1 else ""
    for setter, index in _setters(directive, used[0], variables):
        for place in _hosts_of_argument(text, setter, index, scheme):
            if number.isdigit() and not place.port_end and place.form != "url":
                place = dataclasses.replace(place, port=min(int(number), 65535), form="bare")
            yield Upstream(place, setter.line, setter.name)


def _setters(
    directive: Directive, name: str, variables: dict[str, list[tuple[Directive, int]]]
) -> list[tuple[Directive, int]]:
    """Who gives the variable its value for this directive: the innermost block that does, else whoever does."""
    found = variables.get(name, [])
    around = [s for s in found if s[0].context == directive.context[: len(s[0].context)] and s[0].name == "set"]
    inner = max((len(s[0].context) for s in around), default=0)
    return [s for s in around if len(s[0].context) == inner] or found


def _value_for(directive: Directive, name: str, variables: dict[str, list[tuple[Directive, int]]]) -> str:
    return next((setter.args[index] for setter, index in _setters(directive, name, variables)), "")


def _hosts_of_argument(text: str, directive: Directive, index: int, scheme: str) -> Iterator[Place]:
    """The host of one argument, with its place in the whole text."""
    argument, start = directive.args[index], directive.starts[index]
    if argument.startswith("unix:") or "://unix:" in argument:
        return
    places = list(find_urls(argument)) or [dataclasses.replace(p, scheme=scheme) for p in find_host_ports(argument)][:1]
    bare = argument.split("/", 1)[0]
    if not places and is_host(bare):
        places = [
            Place(bare, DEFAULT_PORTS.get(scheme, 0), 0, len(bare), scheme, argument[len(bare) :], 0, 0, "host_port")
        ]
    for place in places:
        path = "" if "$" in argument[place.end :].split("/", 1)[0] else place.path
        yield dataclasses.replace(place, path=path).moved(start)


def _variables(directives: tuple[Directive, ...]) -> dict[str, list[tuple[Directive, int]]]:
    """For each variable, where its possible values stand: ``set $x value;`` and the lines of ``map ... $x {}``."""
    values: dict[str, list[tuple[Directive, int]]] = {}
    for directive in directives:
        if directive.name == "set" and len(directive.args) == 2:
            values.setdefault(directive.args[0].lstrip("$"), []).append((directive, 1))
        elif directive.inside == "map" and len(directive.args) == 1:
            values.setdefault(directive.context[-1].split()[-1].lstrip("$"), []).append((directive, 0))
    return values


def _passes_of_groups(
    directives: tuple[Directive, ...],
    groups: dict[str, Directive],
    variables: dict[str, list[tuple[Directive, int]]],
) -> dict[str, tuple[str, str]]:
    """Scheme and path with which each upstream group is first passed to; the path is empty where there are several."""
    users: dict[str, tuple[str, str]] = {}
    for directive in directives:
        if directive.name not in _PASSES or not directive.args:
            continue
        texts = [directive.args[0]]
        for name in _VARIABLE.findall(directive.args[0]):
            texts += [_VARIABLE.sub(d.args[i], directive.args[0], 1) for d, i in variables.get(name[0] or name[1], [])]
        for argument in texts:
            scheme, separator, rest = argument.rpartition("://")
            group, slash, path = rest.partition("/")
            if group in groups:
                kind = "stream" if _is_stream(directive) else scheme if separator else _PASSES[directive.name]
                path = slash + path.split("$", 1)[0] if kind in ("http", "https") else ""
                users[group] = (kind, path if users.get(group, (kind, path))[1] == path else "")
    return users


def _is_stream(directive: Directive) -> bool:
    return directive.name == "proxy_pass" and (
        "stream" in directive.context or (directive.inside == "server" and "://" not in directive.args[0])
    )


def _closing_brace(text: str, start: int) -> int:
    """The position behind the brace that closes the one at ``start``."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match.group() == "{" else -1
        if not depth:
            return match.end()
    return len(text)
