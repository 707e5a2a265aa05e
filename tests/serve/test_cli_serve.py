"""``liface serve`` as a person starts and ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from liface.cli import serve as cli_serve
from liface.serve.server import DEFAULT_PORT, address_of, listen
from liface.testing.cli import run_cli


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LIFACE_DB", "LIFACE_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_serving(monkeypatch):
    """Everything but the waiting for requests; the application that would have answered."""
    seen = []
    monkeypatch.setattr("liface.serve.server.run", lambda app, listening, open_browser=False: seen.append(open_browser))
    return seen


def test_it_serves_until_it_is_told_to_stop(filled):
    started = subprocess.Popen(
        [sys.executable, "-m", "liface", "serve", "--db", str(filled), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        address = started.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=60) as page:
            assert b"<title>liface</title>" in page.read()
        before = filled.read_bytes()
    finally:
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert started.returncode == 0 and out == ""
    assert "only for reading" in err and err.rstrip().endswith("stopped") and "Traceback" not in err
    assert filled.read_bytes() == before


def test_a_database_must_be_there():
    run_cli(["serve", "--db", "none.db"], 3, err="no database at .*none.db")


def test_something_else_than_a_database_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database")
    run_cli(["serve", "--db", "notes.txt"], 3, err="is not a database")


def test_a_port_that_is_taken_is_told(filled, no_serving):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run_cli(["serve", "--db", filled, "--port", port], 2, err=f"port {port}: another program listens there")
    assert not no_serving


def test_without_a_port_another_is_taken_where_the_usual_one_is_not_free():
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        ports = {sock.getsockname()[1] for sock in (first, second)}
        assert len(ports) == 2 and DEFAULT_PORT not in {second.getsockname()[1]}
        assert address_of(second) == f"http://127.0.0.1:{second.getsockname()[1]}/"


def test_hosts_that_are_not_here_are_told(filled, no_serving):
    run_cli(["serve", "--db", filled, "--host", "203.0.113.7"], 2, err="no address of this machine")
    run_cli(["serve", "--db", filled, "--host", "no.such.host.invalid"], 2, err="no such host|cannot listen")
    run_cli(["serve", "--db", filled, "--host", ""], 2, err="--host is empty")
    assert not no_serving


def test_others_reach_it_only_on_demand_and_with_a_warning(filled, no_serving):
    alone = run_cli(["serve", "--db", filled, "--port", 0])
    assert "warning" not in alone.err
    shared = run_cli(["serve", "--db", filled, "--port", 0, "--host", "0.0.0.0", "--open"])
    assert "warning: everybody who reaches 0.0.0.0 can read" in shared.err
    assert shared.out.startswith("http://127.0.0.1:")
    assert no_serving == [False, True]


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_extra_is_named(filled, monkeypatch, package):
    real = cli_serve.find_spec
    monkeypatch.setattr(cli_serve, "find_spec", lambda name: None if name == package else real(name))
    run_cli(["serve", "--db", filled], 2, err=rf"{package} is not installed; run: pip install 'liface\[serve\]'")


def test_the_command_line_does_not_load_the_server():
    code = "import sys, liface.cli.app; print([m for m in ('fastapi', 'uvicorn', 'starlette') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
