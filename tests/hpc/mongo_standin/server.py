"""The server: one thread per connection on the loopback address."""

from __future__ import annotations

import logging
import os
import socketserver
import threading
import time
from typing import Any

from .commands import Commands
from .protocol import ProtocolError, read_request, send_reply
from .scram import Conversation, Users

_log = logging.getLogger(__name__)


class Server(socketserver.ThreadingTCPServer):
    """Listens on the loopback address; port 0 takes a free one."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, passwords: dict[str, str] | None = None):
        self.commands = Commands(Users(passwords or {}))
        super().__init__(("127.0.0.1", port), _Connection)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        commands = self.server.commands
        who = Conversation(commands.users)
        commands.connections += 1
        try:
            while request := read_request(self.request):
                reply: dict[str, Any] = commands.answer(request, who)
                if request.wants_reply:
                    send_reply(self.request, request, reply)
        except ProtocolError:
            _log.exception("connection closed")
        except OSError:
            pass  # the client went away
        finally:
            commands.connections -= 1


def end_with_parent(parent: int) -> None:
    """End this process as soon as the process that started it has ended, however that happened."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
