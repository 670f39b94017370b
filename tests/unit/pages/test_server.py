"""The page server shows pages of its folder, and nothing else."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from quant_pipelines.pages.server import PageServer

PAGE = "<!doctype html><title>12</title>"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "verdict-12.html").write_text(PAGE)
    (folder / "secret.txt").write_text("secret")
    (tmp_path / "outside.html").write_text("secret")
    (folder / "link.html").symlink_to(tmp_path / "outside.html")
    (folder / "deep").mkdir()
    (folder / "deep" / "page.html").write_text("secret")
    with PageServer(folder, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str, method: str = "GET", host: str = ""
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{server.server_address[1]}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def test_page_is_shown_and_may_load_nothing(server: PageServer) -> None:
    status, body, headers = ask(server, "/verdict-12.html")
    assert (status, body) == (200, PAGE)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_head_tells_the_size_alone(server: PageServer) -> None:
    status, body, headers = ask(server, "/verdict-12.html", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, "", str(len(PAGE)))


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt",
        "/../outside.html",
        "/..%2foutside.html",
        "/%2e%2e/outside.html",
        "//outside.html",
        "/link.html",
        "/deep/page.html",
        "/deep",
        "/verdict-13.html",
        "/verdict-12.html/",
        "/VERDICT-12.HTML",
        "/.html",
    ],
)
def test_nothing_else_is_shown(server: PageServer, path: str) -> None:
    status, body, _ = ask(server, path)
    assert status == 404
    assert "secret" not in body


def test_root_is_the_index_and_never_a_listing(server: PageServer) -> None:
    assert ask(server, "/")[1].endswith("No page has been written yet.</p>\n")
    (server.folder / "index.html").write_text("index")
    assert ask(server, "/")[:2] == (200, "index")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_reading_is_answered(server: PageServer, method: str) -> None:
    assert ask(server, "/verdict-12.html", method)[0] == 501


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "example.org:80"])
def test_foreign_host_is_refused(server: PageServer, host: str) -> None:
    assert ask(server, "/verdict-12.html", host=host)[0] == 403


def test_server_listens_on_this_machine_only(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
