# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import http.server
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from adapters.sandbox import Running, Sandbox
from adapters.standin import StandIn
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._host.netns import Namespace
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import (
    HttpJob,
    NameJob,
    PingJob,
    Prober,
    TcpJob,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing import guard
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.neighbours import Neighbours

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def web(sandbox: Sandbox, network: str, stand_in: StandIn) -> Running:
    return sandbox.container("web", network, ("pair",), dns=[stand_in.address])


@pytest.fixture(scope="module")
def api(sandbox: Sandbox, network: str, stand_in: StandIn) -> Running:
    return sandbox.container("api", network, ("pair",), dns=[stand_in.address], extra_hosts={"pinned": "10.1.2.3"})


@pytest.fixture
def prober() -> Iterator[Prober]:
    with Prober() as made:
        yield made


def test_name_of_a_neighbour_is_answered_by_the_embedded_dns(prober: Prober, web: Running, api: Running) -> None:
    (probe,) = prober.run([NameJob(web.name, web.pid, "API")])
    assert (probe.layer, probe.outcome, probe.answers) == (Layer.NAME, Outcome.OK, (api.address,))
    assert (probe.via, probe.ttl) == ("127.0.0.11", 600)
    assert probe.latency_ms > 0


def test_all_holders_of_an_alias_are_answers(prober: Prober, web: Running, api: Running) -> None:
    (probe,) = prober.run([NameJob(web.name, web.pid, "pair")])
    assert sorted(probe.answers) == sorted((web.address, api.address))


def test_hosts_file_wins_over_dns_unless_a_nameserver_is_named(prober: Prober, api: Running) -> None:
    own, asked = prober.run(
        [NameJob(api.name, api.pid, "pinned"), NameJob(api.name, api.pid, "pinned", nameserver="127.0.0.11")]
    )
    assert (own.answers, own.via) == (("10.1.2.3",), "/etc/hosts")
    assert (asked.outcome, asked.error, asked.nameserver) == (Outcome.FAILED, "NXDOMAIN", "127.0.0.11")


def test_missing_name_is_nxdomain(prober: Prober, web: Running) -> None:
    (probe,) = prober.run([NameJob(web.name, web.pid, "users")])
    assert (probe.outcome, probe.error, probe.via) == (Outcome.FAILED, "NXDOMAIN", "127.0.0.11")


def test_name_without_an_address_of_the_family_is_no_answer(prober: Prober, web: Running, api: Running) -> None:
    (probe,) = prober.run([NameJob(web.name, web.pid, "api", types=("AAAA",))])
    assert (probe.outcome, probe.error) == (Outcome.FAILED, "no_answer")


def test_forwarder_without_answer_is_timeout_and_keeps_no_other_name_waiting(
    prober: Prober, web: Running, api: Running, stand_in: StandIn
) -> None:
    missing = [f"silent-{i}" for i in range(100)]
    stand_in.silent.update(missing)
    jobs = [NameJob(c.name, c.pid, name) for c in (web, api) for name in missing]
    probes = prober.run([*jobs, NameJob(web.name, web.pid, "api")], timeout_s=0.5, attempts=2)
    assert {(p.outcome, p.error) for p in probes[:-1]} == {(Outcome.FAILED, "timeout")}
    assert probes[-1].outcome is Outcome.OK


def test_dead_nameserver_is_asked_for_each_name_so_many_times_and_no_more(
    prober: Prober, web: Running, stand_in: StandIn
) -> None:
    names = [f"dead-{i}.example" for i in range(80)]
    stand_in.silent.update(names)
    probes = prober.run([NameJob(web.name, web.pid, name, stand_in.address) for name in names], 0.2, 2)
    assert {(p.error, p.via) for p in probes} == {("timeout", stand_in.address)}
    assert {stand_in.asked.count(name) for name in names} == {2}


def test_container_without_ipv6_asks_for_ipv4_addresses_alone(prober: Prober, web: Running, stand_in: StandIn) -> None:
    stand_in.zone["both.example", "A"], stand_in.zone["both.example", "AAAA"] = ["192.0.2.9"], ["2001:db8::9"]
    (probe,) = prober.run([NameJob(web.name, web.pid, "both.example")])
    assert probe.answers == ("192.0.2.9",)
    assert stand_in.asked.count("both.example") == 1


def test_name_that_has_ipv6_addresses_only_is_answered_as_getaddrinfo_would(
    prober: Prober, web: Running, stand_in: StandIn
) -> None:
    stand_in.zone["six.example", "AAAA"] = ["2001:db8::6"]
    name, port = prober.run([NameJob(web.name, web.pid, "six.example"), TcpJob(web.name, web.pid, "six.example", 1)])
    assert name.answers == ("2001:db8::6",)
    assert (port.outcome, port.answers) == (Outcome.FAILED, ("2001:db8::6",))


def test_container_with_ipv6_has_both_families(prober: Prober, sandbox: Sandbox) -> None:
    from docker.types import IPAMConfig, IPAMPool

    prefix = f"fd00:{secrets.randbelow(65536):x}:{secrets.randbelow(65535) + 1:x}::"
    pools = [IPAMPool(subnet=f"{prefix}/64")]
    dual = sandbox.network("dual", enable_ipv6=True, ipam=IPAMConfig(pool_configs=pools))
    one, other = (sandbox.container(name, dual) for name in ("dualone", "dualother"))
    name, port = prober.run([NameJob(one.name, one.pid, "dualother"), TcpJob(one.name, one.pid, "dualother", 8000)])
    assert len(name.answers) == 2
    assert name.answers[0].startswith("fd00:") and name.answers[1] == other.address
    assert (port.outcome, port.answers) == (Outcome.OK, name.answers[:1])


def test_same_question_is_asked_once(prober: Prober, web: Running, stand_in: StandIn) -> None:
    name = "once.example"
    stand_in.zone[name, "A"] = ["192.0.2.7"]
    probes = prober.run([NameJob(web.name, web.pid, name)] * 20 + [TcpJob(web.name, web.pid, name, 1)], 0.2, 1)
    assert {p.answers for p in probes[:20]} == {("192.0.2.7",)}
    assert stand_in.asked.count(name) == 1


def test_wildcard_of_a_search_domain_is_told_by_the_resolved_name(
    sandbox: Sandbox, prober: Prober, network: str, stand_in: StandIn
) -> None:
    stand_in.zone["users.corp.example", "A"] = ["192.0.2.8"]
    caught = sandbox.container(
        "caught", network, dns=[stand_in.address], dns_search=["corp.example"], dns_opt=["ndots:1"]
    )
    (probe,) = prober.run([NameJob(caught.name, caught.pid, "users")])
    assert (probe.answers, probe.resolved_name) == (("192.0.2.8",), "users.corp.example")


def test_long_answer_is_fetched_over_tcp(prober: Prober, web: Running, stand_in: StandIn) -> None:
    stand_in.zone["many.example", "A"] = [f"192.0.2.{i}" for i in range(1, 60)]
    stand_in.truncated.add("many.example")
    (probe,) = prober.run([NameJob(web.name, web.pid, "many.example", nameserver=stand_in.address)])
    assert len(probe.answers) == 59


def test_port_is_open_refused_or_without_owner(
    prober: Prober, web: Running, api: Running, sandbox: Sandbox, network: str
) -> None:
    gone = sandbox.container("gone", network)
    sandbox.remove(gone.name)
    opened, refused, unowned = prober.run(
        [
            TcpJob(web.name, web.pid, "api", 8000),
            TcpJob(web.name, web.pid, "api", 8001),
            TcpJob(web.name, web.pid, gone.address, 8000),
        ]
    )
    assert (opened.layer, opened.outcome, opened.answers, opened.via) == (
        Layer.PORT,
        Outcome.OK,
        (api.address,),
        "netns",
    )
    assert (refused.outcome, refused.error) == (Outcome.FAILED, "ECONNREFUSED")
    assert (unowned.outcome, unowned.error) == (Outcome.FAILED, "EHOSTUNREACH")


def test_looking_at_a_port_gives_the_server_nothing_to_accept(
    prober: Prober, sandbox: Sandbox, network: str, web: Running
) -> None:
    with socket.create_server((sandbox.gateway(network), 0)) as server:
        server.setblocking(False)
        address, port = server.getsockname()
        (probe,) = prober.run([TcpJob(web.name, web.pid, address, port)])
        assert probe.outcome is Outcome.OK
        with pytest.raises(BlockingIOError):
            server.accept()


def test_port_of_an_unresolved_name_fails_with_the_names_error(prober: Prober, web: Running) -> None:
    (probe,) = prober.run([TcpJob(web.name, web.pid, "users", 8000)])
    assert (probe.layer, probe.outcome, probe.error) == (Layer.PORT, Outcome.FAILED, "NXDOMAIN")


def test_http_status_and_body_come_from_the_container(prober: Prober, web: Running) -> None:
    (probe,) = prober.run([HttpJob(web.name, web.pid, "http://api:8000/nowhere")])
    assert (probe.layer, probe.outcome, probe.error, probe.status) == (
        Layer.PROTOCOL,
        Outcome.FAILED,
        "http_404",
        404,
    )
    assert probe.path == "/nowhere"
    assert "Not Found" in probe.body
    (accepted,) = prober.run([HttpJob(web.name, web.pid, "http://api:8000/nowhere", statuses=(404,))])
    assert accepted.outcome is Outcome.OK


def test_paused_service_accepts_and_does_not_respond(
    prober: Prober, sandbox: Sandbox, network: str, web: Running
) -> None:
    frozen = sandbox.container("frozen", network)
    sandbox.client.containers.get(frozen.name).pause()
    try:
        port, answer = prober.run(
            [
                TcpJob(web.name, web.pid, "frozen", 8000),
                HttpJob(web.name, web.pid, "http://frozen:8000/", timeout_s=0.3),
            ]
        )
    finally:
        sandbox.client.containers.get(frozen.name).unpause()
    assert port.outcome is Outcome.OK
    assert (answer.outcome, answer.error) == (Outcome.FAILED, "no_response")


def test_ping_reaches_a_neighbour(prober: Prober, web: Running, api: Running) -> None:
    (probe,) = prober.run([PingJob(web.name, web.pid, "api")])
    assert (probe.layer, probe.outcome) == (Layer.ADDRESS, Outcome.OK)


def test_an_echo_as_large_as_the_interface_allows_comes_back_whole(prober: Prober, web: Running, api: Running) -> None:
    whole, too_large = prober.run([PingJob(web.name, web.pid, "api", size=size) for size in (1500, 1600)])
    assert (whole.outcome, whole.size) == (Outcome.OK, 1500)
    assert (too_large.outcome, too_large.error) == (Outcome.FAILED, "EMSGSIZE")


def test_container_that_stopped_is_unknown_and_the_others_are_probed(
    prober: Prober, sandbox: Sandbox, network: str, web: Running
) -> None:
    stopped = sandbox.container("stopped", network)
    sandbox.remove(stopped.name)
    gone, alive = prober.run([NameJob(stopped.name, stopped.pid, "api"), NameJob(web.name, web.pid, "api")])
    assert gone.outcome is Outcome.UNKNOWN
    assert "stopped" in gone.error
    assert alive.outcome is Outcome.OK


def test_nameserver_that_nobody_serves_is_refused(prober: Prober, web: Running) -> None:
    (probe,) = prober.run([NameJob(web.name, web.pid, "api", nameserver="127.0.0.9")])
    assert (probe.outcome, probe.error, probe.via) == (Outcome.FAILED, "ECONNREFUSED", "127.0.0.9")


def test_neighbour_entries_are_given_back(prober: Prober, sandbox: Sandbox, network: str) -> None:
    fresh = [sandbox.container(f"fresh{i}", network) for i in range(3)]
    addresses = {c.address for c in fresh}

    def left() -> list[str]:
        found = []
        for container in fresh:
            with Namespace(container.pid) as namespace:
                table = Neighbours(namespace)
                found += [address for _index, address, _state, _hardware in table.entries() if address in addresses]
                table.close()
        return found

    assert left() == []
    jobs = [TcpJob(a.name, a.pid, b.address, 8000) for a in fresh for b in fresh if a is not b]
    assert {p.error for p in prober.run(jobs)} == {""}
    assert left() == []


def test_in_a_crowd_neighbours_are_introduced_by_the_hardware_address_that_they_gave(
    prober: Prober, sandbox: Sandbox, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = [sandbox.container(f"crowd{i}", network) for i in range(4)]
    introduced: dict[str, bytes] = {}
    introduce = Neighbours.introduce

    def noted(table: Neighbours, address: str, hardware: bytes) -> None:
        introduced[address] = hardware
        introduce(table, address, hardware)

    monkeypatch.setattr(guard, "_CROWD", 4)
    monkeypatch.setattr(Neighbours, "introduce", noted)
    jobs = [TcpJob(a.name, a.pid, b.address, 8000) for a in crowd for b in crowd if a is not b]
    assert {p.error for p in prober.run(jobs)} == {""}
    settings = (sandbox.client.containers.get(c.name).attrs["NetworkSettings"]["Networks"][network] for c in crowd)
    known = {s["IPAddress"]: bytes.fromhex(s["MacAddress"].replace(":", "")) for s in settings}
    assert introduced
    assert introduced.items() <= known.items()


def test_run_leaves_no_garbage_that_only_the_collector_finds(prober: Prober, web: Running, api: Running) -> None:
    jobs = [NameJob(web.name, web.pid, "api"), NameJob(web.name, web.pid, "users"), TcpJob(web.name, web.pid, "api", 1)]
    prober.run(jobs)
    gc.collect()
    prober.run(jobs)
    assert gc.isenabled()
    assert gc.collect() == 0


class Page(http.server.BaseHTTPRequestHandler):
    server_version = "page/1"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Via", "1.1 corpproxy")
        self.end_headers()
        for part in (body, self.headers["Host"].encode()):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_host_posts_json_and_is_told_who_answered(prober: Prober, page: http.server.ThreadingHTTPServer) -> None:
    url = f"http://localhost:{page.server_port}/query"
    (probe,) = prober.run([HttpJob("", 0, url, "POST", {"Host": "shop.example"}, {"query": "hello"})])
    assert (probe.outcome, probe.status, probe.via) == (Outcome.OK, 200, "host")
    assert probe.body == '{"query": "hello"}shop.example'
    assert probe.server.startswith("page/1") and probe.server.endswith("(via 1.1 corpproxy)")


def test_https_to_a_plain_port_is_a_tls_error(prober: Prober, page: http.server.ThreadingHTTPServer) -> None:
    (probe,) = prober.run([HttpJob("", 0, f"https://127.0.0.1:{page.server_port}/")])
    assert (probe.outcome, probe.error) == (Outcome.FAILED, "tls_error")


def test_https_answers_whatever_its_certificate(
    prober: Prober, page: http.server.ThreadingHTTPServer, certificate: tuple[str, str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    page.socket = context.wrap_socket(page.socket, server_side=True)
    url = f"https://localhost:{page.server_port}/query"
    (probe,) = prober.run([HttpJob("", 0, url, "POST", {}, {}, timeout_s=5)])
    assert (probe.outcome, probe.status) == (Outcome.OK, 200)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    import shutil
    import subprocess

    if not shutil.which("openssl"):
        pytest.skip("needs openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other.example", "-days", "1"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key
