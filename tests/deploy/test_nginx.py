"""The reverse proxy's example, in a real nginx: who gets to Prefect's page, who to its API, and what the world sees."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.certificates import own_certificate
from tests.deploy.installation import DEPLOY
from tests.real_mail import free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
OPERATORS, WORLD = "prefect.qorgan.internal", "answers.qorgan.example"
OUR_HOST = "127.0.0.2"
"""Stands for a host of our own network; the tests' other requests come from elsewhere."""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

AROUND = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log;
events {{}}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
{example}
}}
"""


class Behind(BaseHTTPRequestHandler):
    """A server behind the proxy: it says which one it is and remembers what it was asked."""

    name = ""
    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.path, dict(self.headers)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.name.encode())

    do_POST = do_GET  # noqa: N815 - the library looks for this name

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@dataclass
class Proxy:
    """A running nginx with the example as it is shipped, but for names, addresses and ports."""

    home: Path
    port: int
    asked: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)

    def ask(
        self, host: str, path: str, *, by: str | None = None, from_host: str = "127.0.0.1", body: bytes | None = None
    ) -> httpx.Response:
        trusted = ssl.create_default_context(cafile=str(self.home / f"{host.partition('.')[0]}.pem"))
        if by is not None:
            trusted.load_cert_chain(self.home / f"{by}.pem", self.home / f"{by}.key")
        with httpx.Client(transport=httpx.HTTPTransport(verify=trusted, local_address=from_host)) as client:
            return client.request(
                "GET" if body is None else "POST", f"https://127.0.0.1:{self.port}{path}", content=body,
                headers={"Host": host}, extensions={"sni_hostname": host},
            )  # fmt: skip

    def logged(self) -> str:
        return (self.home / "access.log").read_text()


def behind(name: str) -> tuple[ThreadingHTTPServer, list[tuple[str, dict[str, str]]]]:
    asked: list[tuple[str, dict[str, str]]] = []
    handler = type(name, (Behind,), {"name": name, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, asked


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("nginx")
    for stem, name in (("prefect", OPERATORS), ("answers", WORLD), ("people-ca", "Officer"), ("stranger", "Officer")):
        own_certificate(home, stem, name)
    found = Proxy(home, free_port())
    (prefect, found.asked["prefect"]), (page, found.asked["page"]) = behind("prefect"), behind("page")
    example = (DEPLOY / "nginx.conf").read_text()
    for shipped, here in (
        ("one.qorgan.internal:4200", f"127.0.0.1:{free_port()}"),  # down
        ("two.qorgan.internal:4200", f"127.0.0.1:{prefect.server_port}"),
        ("three.qorgan.internal:8086", f"127.0.0.1:{page.server_port}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{found.port} ssl"),
        ("10.20.0.0/24", f"{OUR_HOST}/32"),
        ("/etc/ssl/qorgan/", f"{home}/"),
        ("/etc/nginx/qorgan-proxy.conf", str(DEPLOY / "nginx-proxy.conf")),
    ):
        assert shipped in example
        example = example.replace(shipped, here)
    (home / "nginx.conf").write_text(AROUND.format(home=home, example=example))
    command = [str(NGINX), "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert (tested.returncode, "warn" in tested.stderr) == (0, False), tested.stderr
    nginx = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 30
        while not _listens(found.port):
            assert nginx.poll() is None, (home / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found
    finally:
        nginx.terminate()
        nginx.wait()
        for server in (prefect, page):
            server.shutdown()
            server.server_close()


def test_an_operator_with_a_certificate_sees_the_page_though_one_server_is_down(proxy: Proxy) -> None:
    answers = [proxy.ask(OPERATORS, "/dashboard", by="people-ca") for _ in range(4)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "prefect")] * 4


@pytest.mark.parametrize("path", ["/", "/dashboard", "/api/flow_runs/filter", "/people"])
def test_nobody_without_a_certificate_gets_to_prefect_from_elsewhere(proxy: Proxy, path: str) -> None:
    before = len(proxy.asked["prefect"])
    assert proxy.ask(OPERATORS, path).status_code in (401, 403, 404)
    assert proxy.ask(OPERATORS, path, by="stranger").status_code in (400, 404)
    assert len(proxy.asked["prefect"]) == before


def test_our_own_hosts_reach_the_api_without_a_certificate_and_no_page(proxy: Proxy) -> None:
    assert proxy.ask(OPERATORS, "/api/health", from_host=OUR_HOST).text == "prefect"
    assert proxy.ask(OPERATORS, "/", from_host=OUR_HOST).status_code == 401


def test_prefect_hears_who_asked_and_that_it_was_by_tls(proxy: Proxy) -> None:
    assert proxy.ask(OPERATORS, "/api/health", by="people-ca").status_code == 200
    path, headers = proxy.asked["prefect"][-1]
    assert path == "/api/health"
    told = {name: headers[name] for name in ("Host", "X-Forwarded-For", "X-Forwarded-Proto")}
    assert told == {"Host": OPERATORS, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}


def test_the_world_sees_the_acknowledgement_page_and_nothing_else(proxy: Proxy) -> None:
    before = len(proxy.asked["page"])
    assert proxy.ask(WORLD, "/acknowledge/signed-link").text == "page"
    for path in ("/", "/api/health", "/dashboard", "/acknowledge/../api/health"):
        assert proxy.ask(WORLD, path).status_code == 404
    assert [path for path, _ in proxy.asked["page"][before:]] == ["/acknowledge/signed-link"]


def test_a_signed_link_is_written_to_no_log(proxy: Proxy) -> None:
    assert proxy.ask(WORLD, "/acknowledge/canary-link").text == "page"
    assert proxy.ask(WORLD, "/after").status_code == 404
    assert "/after" in proxy.logged()
    assert "canary-link" not in proxy.logged()


def test_what_is_too_large_or_too_much_for_the_page_does_not_get_there(proxy: Proxy) -> None:
    before = len(proxy.asked["page"])
    assert proxy.ask(WORLD, "/acknowledge/x", body=b"x" * 17_000).status_code == 413
    assert len(proxy.asked["page"]) == before
    with ThreadPoolExecutor(20) as crowd:
        asked = [crowd.submit(proxy.ask, WORLD, "/acknowledge/x", body=b"yes") for _ in range(20)]
    answers = Counter(one.result().status_code for one in asked)
    assert set(answers) == {200, 503}
    assert len(proxy.asked["page"]) == before + answers[200]
