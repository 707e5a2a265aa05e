"""What the server refuses, and what it tells a browser not to do."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from importlib.resources import files

import pytest
from served_site import Served

from liface.serve.guard import host_of, is_loopback

STATIC = files("liface.serve") / "static"
OWN = [path for path in STATIC.iterdir() if path.name.endswith((".js", ".css", ".html", ".svg"))]


@pytest.mark.parametrize("path", ["", "api/nouns", "static/app.js", "static/report.css", "nothing", "api/records/none"])
def test_every_answer_keeps_others_out(site, path):
    headers = site.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers and "access-control-allow-origin" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading(site, method):
    answer = site.get("api/nouns", method=method)
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD"


def test_heads_have_no_body(site):
    for path in ("", "static/app.js"):
        answer = site.get(path, method="HEAD")
        assert answer.status == 200 and answer.body == b""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", ""])
def test_a_foreign_name_is_refused(site, host):
    answer = site.get("api/rows/interfaces", Host=host)
    assert answer.status == 421 and "does not answer to the name" in answer.error


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765", "192.168.1.4"])
def test_addresses_and_localhost_pass(site, host):
    assert site.get("api/nouns", Host=host).status == 200


def test_a_name_that_was_given_passes(filled):
    with Served(filled, names=["Lab.Example."]) as site:
        assert site.get("api/nouns", Host="lab.example:80").status == 200
        assert site.get("api/nouns", Host="other.example").status == 421


def test_names_are_cut_from_the_host_header():
    assert host_of("[2001:db8::1]:80") == "2001:db8::1" and host_of("Lab.Example.:80") == "lab.example"


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.0.2", False), ("lab.example", False)],
)  # fmt: skip
def test_only_this_machine_reaches_a_loopback_address(host, alone):
    assert is_loopback(host) is alone


def test_requests_with_a_body_are_refused(site):
    answer = site.get("api/nouns", data=b"x" * 100)
    assert answer.status == 413


def test_an_endless_query_or_head_is_refused(site):
    assert site.get("api/rows/interfaces?where=" + "x" * 30_000).status in (400, 414)
    assert site.get("api/nouns", X_Long="x" * 60_000).status in (400, 431)


def test_paths_do_not_lead_out_of_the_static_files(site):
    for path in ("static/../app.py", "static/..%2fapp.py", "static/%2e%2e/api.py", "static//etc/passwd"):
        assert site.get(path).status == 404, path


def test_a_defect_is_one_line_without_a_traceback(filled, monkeypatch, caplog):
    from liface.serve import campaigns

    def broken(*_):
        raise ZeroDivisionError("as if\nin two lines")

    monkeypatch.setattr(campaigns, "campaign_list", broken)
    with Served(filled) as site:
        answer = site.get("api/campaigns")
        assert answer.status == 500 and answer.error == "internal error (ZeroDivisionError: as if)"
        assert "content-security-policy" in answer.headers
        assert site.get("api/nouns").status == 200
    (said,) = [entry for entry in caplog.records if entry.name == "liface.serve.guard"]
    assert "ZeroDivisionError: as if" in said.getMessage() and not said.exc_info


def test_a_damaged_record_is_told_and_the_rest_goes_on(tmp_path):
    import sqlite3

    import database_factories as make

    from liface.database import Database

    path = tmp_path / "damaged.db"
    with Database(path) as database:
        record_id = database.add_result(make.surface())
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE surfaces SET document = X'00'")
    raw.close()
    with Served(path) as site:
        answer = site.get(f"api/records/{record_id}")
        assert answer.status == 503 and "stored bytes are damaged" in answer.error
        assert site.json("api/rows/surfaces")["total"] == 1


def test_many_at_once_are_all_answered(site):
    statuses = []
    ask = [threading.Thread(target=lambda: statuses.append(site.get("api/rows/interfaces").status)) for _ in range(24)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join(60)
    assert statuses == [200] * 24


def test_a_client_that_leaves_does_no_harm(site):
    host, port = site.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"GET /api/rows/interfaces HTTP/1.1\r\nHost: localhost\r\n")
    assert site.get("api/nouns").status == 200


def test_own_files_ask_nobody_else_and_hold_nothing_inline():
    assert {"index.html", "app.js", "page.css"} <= {path.name for path in OWN}
    links = {"https://doi.org/", "https://www.optimade.org/optimade/api-filtering", "http://www.w3.org/2000/svg"}
    for path in OWN:
        text = path.read_text("utf-8")
        found = set(re.findall(r"https?://[^\s\"'`)$]*", text))
        assert found <= links, path.name
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), path.name
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_vendored_files_are_those_that_were_published():
    listed = json.loads((STATIC / "vendor" / "vendored.json").read_text("utf-8"))
    named = {entry[key] for entry in listed for key in ("file", "licence_file", "banner_file")}
    assert {path.name for path in (STATIC / "vendor").iterdir()} == named | {"vendored.json"}
    for entry in listed:
        content = (STATIC / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
        banner = (STATIC / "vendor" / entry["banner_file"]).read_text("utf-8")
        assert f"{entry['name']} v{entry['version']}" in banner
        assert "BSD-3-Clause" in (STATIC / "vendor" / entry["licence_file"]).read_text("utf-8")


def test_every_static_file_is_packaged():
    import tomllib
    from fnmatch import fnmatch
    from pathlib import Path

    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    globs = settings["tool"]["setuptools"]["package-data"]["liface"]
    root = Path(str(STATIC))
    for path in root.rglob("*"):
        if path.is_file():
            assert any(fnmatch(f"serve/static/{path.relative_to(root)}", glob) for glob in globs), path.name
