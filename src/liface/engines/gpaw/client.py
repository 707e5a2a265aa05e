"""GPAW in a process of its own, or many: the program behind ``LIFACE_GPAW_COMMAND``.

``mpirun -n 4 python3 client.py SOCKET``. It runs on any Python that has GPAW and ASE; liface need not be there. The
first rank talks to the worker over a Unix socket, one JSON object a line: it says hello with its versions, reads the
structure and its parameters, and answers each set of positions with the numbers of :class:`session.Session`. When the
worker hangs up, or dies, all ranks end.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import queue
import socket
import sys
import threading
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PATIENCE_S = 2.0
RANK_COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
LAUNCHER_MARKS = (*RANK_COUNTS, "PMIX_RANK", "I_MPI_MPIRUN")


def main() -> None:
    """Serve one worker until it hangs up."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    session = _module("session")
    world = _world()
    link = Link(sys.argv[1], world) if world.rank == 0 else None
    try:
        if link is not None:
            link.send(_hello(world))
        _serve(link, session, world)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        if world.size > 1:
            world.abort(1)  # the other ranks may be waiting for this one
        raise


class Link:
    """The first rank's end of the line."""

    def __init__(self, path: str, world: Any):
        self.world = world
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(path)
        except OSError as error:
            raise SystemExit(
                f"no worker at {path} on {platform.node()} ({error}); the first rank must run on the worker's machine"
            ) from error
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.done = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """Return the next message, None when the worker has hung up."""
        line = self.lines.get()
        if line is None:
            self.done.set()
            return None
        return json.loads(line)

    def _listen(self) -> None:
        with self.socket.makefile("r", encoding="utf-8") as stream:
            for line in stream:
                self.lines.put(line)
        self.lines.put(None)
        if not self.done.wait(PATIENCE_S):  # in the middle of a calculation that nobody waits for any more
            if self.world.size > 1:
                self.world.abort(1)
            os._exit(1)


def _serve(link: Link | None, session: Any, world: Any) -> None:
    comm = world if world.size > 1 else None
    current = None
    while True:
        message = _shared(link.receive() if link is not None else None, world)
        if message is None:
            return
        try:
            if "start" in message:
                current = session.Session(message["start"], comm)
                answer: dict[str, Any] = {}
            else:
                assert current is not None
                answer = current.point(message["positions"], message["cell"], message["stress"])
        except session.SessionError as error:
            answer = {"error": error.kind, "message": str(error)}
            if error.kind == "crash":
                traceback.print_exc()
                sys.stderr.flush()
            if error.kind == "crash" and world.size > 1:
                if link is not None:
                    link.send(answer)
                world.abort(1)  # not every rank need have met the same error
        if link is not None:
            link.send(answer)


def _shared(message: Any, world: Any) -> Any:
    from gpaw.mpi import broadcast

    if world.size == 1:
        return message
    return broadcast([message] if world.rank == 0 else None, 0, comm=world)[0]


def _hello(world: Any) -> dict[str, Any]:
    """Return versions and the number of ranks."""
    versions = {"python": platform.python_version()}
    for package in ("gpaw", "gpaw-data", "ase", "numpy", "scipy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return {"versions": versions, "ranks": world.size}


def _world() -> Any:
    """Return the communicator of all ranks.

    Newer versions of GPAW want to be asked for one, and those without MPI refuse to be launched even as one process.
    """
    import gpaw

    if getattr(gpaw, "GPAW_MPI_BACKEND", "") is None:
        from gpaw import cgpaw

        gpaw.GPAW_MPI_BACKEND = "cgpaw" if cgpaw.have_mpi else "serial"
        if not cgpaw.have_mpi:
            _check_alone()
            for name in LAUNCHER_MARKS:
                os.environ.pop(name, None)
    from gpaw.mpi import world

    if world.size == 1:
        _check_alone()
    return world


def _check_alone() -> None:
    """End where a launcher started several processes that do not know of each other."""
    count = max(int(os.environ.get(name) or 1) for name in RANK_COUNTS)
    if count > 1:
        raise SystemExit(f"{count} processes were started, but the GPAW of {sys.executable} was built without MPI")


def _module(name: str) -> Any:
    """Load a module that lies beside this file."""
    found = importlib.util.spec_from_file_location(f"liface_gpaw_{name}", HERE / f"{name}.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
