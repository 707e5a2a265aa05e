"""`python -m mongo_standin`: serve until told to stop; the first line on stdout is the port."""

from __future__ import annotations

import argparse
import logging
import sys

from .server import Server, end_with_parent


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description="MongoDB stand-in for tests; not a database.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:PASSWORD", help="ask for this user")
    parser.add_argument("--parent", type=int, help="end when this process, our parent, ends")
    given = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    passwords = dict(user.split(":", 1) for user in given.user)
    if given.parent:
        end_with_parent(given.parent)
    with Server(given.port, passwords) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
