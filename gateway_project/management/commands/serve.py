"""How is the gateway served? By uvicorn on uvloop and httptools, one process for each worker."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import sys
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

from gateway_project import addresses, private_files, quickstart
from gateway_project.http_protocol import GuardedHttpProtocol
from gateway_project.log_stream import line_of
from gateway_project.recorder_keeper import Keeper
from gateway_project.recording import RUN_DIR, runs_apart
from gateway_project.server import LAST_WORDS_S, DrainingServer
from gateway_project.supervisor import Supervisor
from gateway_project.websocket_protocol import PING_S, GuardedWebSocketProtocol

APPLICATION = "gateway_project.asgi"
log = structlog.stdlib.get_logger("gateway.serve")


def port_number(text: str) -> int:
    """A port between 0 (any free one) and 65535."""
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def worker_count(text: str) -> int:
    """At least one worker."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


class Command(BaseCommand):
    help = "Serves the gateway: the data path, the admin and the health pages."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="address to listen on (HOST, %(default)s)")
        parser.add_argument(
            "--port", type=port_number, default=settings.PORT, help="port to listen on (PORT, %(default)s); 0: any"
        )
        parser.add_argument(
            "--workers", type=worker_count, default=settings.WEB_CONCURRENCY, help="processes (WEB_CONCURRENCY, %(default)s)"
        )
        parser.add_argument(
            "--role",
            choices=("all", "data", "control"),
            default=settings.GATEWAY_ROLE,
            help="data: no admin, control: no inference (GATEWAY_ROLE, %(default)s)",
        )

    def handle(self, *, host: str, port: int, workers: int, role: str, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        os.environ["GATEWAY_ROLE"] = settings.GATEWAY_ROLE = role
        settings.WEB_CONCURRENCY = workers
        os.environ["WEB_CONCURRENCY"] = str(workers)  # each worker knows how many there are
        refuse_open(host)
        require_migrations()
        private_files.keep_secret_key()
        with meeting_place(), listen(host, port) as listener, recorder_process(), publication_process():
            import_module(APPLICATION)  # what cannot be imported fails here, once, and not in every worker for ever
            url = addresses.base_url(host, listener.getsockname()[1])
            allow_host(host)
            self.say(f"Signalbox serves on {url} with {workers} worker{'s' if workers > 1 else ''}; Ctrl-C stops it.")
            connection.close()
            run(configure(workers), listener)

    def say(self, text: str) -> None:
        """Tells the operator in the form of the log, whatever its level: who starts a server waits for this line."""
        handlers = logging.getLogger().handlers
        self.stdout.write(line_of(handlers[0], text, "gateway.serve", logging.INFO) if handlers else text)
        self.stdout.flush()


def refuse_open(host: str) -> None:
    """An address that others reach is refused while authentication is off, unless that is said to be wanted."""
    if settings.GATEWAY_AUTHENTICATION or settings.GATEWAY_ALLOW_OPEN or addresses.is_loopback(host):
        return
    raise CommandError(
        f"GATEWAY_AUTHENTICATION is off, so anybody who reaches {host or '0.0.0.0'} could use the provider keys. "  # noqa: S104
        "Listen on 127.0.0.1, turn authentication on, or set GATEWAY_ALLOW_OPEN=1."
    )


def require_migrations() -> None:
    """Workers that start on an old, a newer or an empty database would fail one by one; on one that is away they wait for it."""
    try:
        newer, pending = quickstart.unknown_migrations(), quickstart.pending_migrations()
    except (OperationalError, InterfaceError) as error:
        if connection.vendor != "postgresql":
            raise
        log.warning("the database cannot be asked for its migrations", error=type(error).__name__)
        return
    if newer:
        raise CommandError(quickstart.newer_database(newer))
    if pending:
        raise CommandError("The database is not up to date: run `manage.py quickstart` (or `manage.py migrate`) first.")


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers share. Raises `CommandError` that says what to do."""
    try:
        return addresses.listen(host, port)
    except PermissionError:
        raise CommandError(f"Port {port} needs more rights than this user has: choose one above 1023 with --port.") from None
    except socket.gaierror:
        raise CommandError(f"{host!r} is not an address of this machine.") from None
    except OSError as err:
        in_use = f"Port {port} of {host} is in use: stop what uses it, or choose another with --port or PORT."
        raise CommandError(in_use if "in use" in str(err) else f"Cannot listen on {host} port {port}: {err.strerror}.") from None


def allow_host(host: str) -> None:
    """The admin answers under the address given with --host too, here and in the workers."""
    os.environ["HOST"] = host
    name = f"[{host}]" if ":" in host else host
    if name not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append(name)


def configure(workers: int, application: Any = f"{APPLICATION}:application") -> uvicorn.Config:
    """uvicorn's settings: forwarded headers and the access log are the application's own business."""
    return uvicorn.Config(
        application,
        workers=workers,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http=GuardedHttpProtocol,
        ws=GuardedWebSocketProtocol,
        ws_max_size=settings.GATEWAY_MAX_BODY_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=max(PING_S, settings.GATEWAY_STALL_TIMEOUT_S),
        ws_per_message_deflate=False,  # the protocol has its own, with bounds
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=math.ceil(settings.GATEWAY_DRAIN_S + LAST_WORDS_S),
    )


@contextmanager
def meeting_place() -> Iterator[None]:
    """A folder for the processes of this server, whose settings say from here on whether one of them is the recorder."""
    with tempfile.TemporaryDirectory(prefix="signalbox-") as folder:
        mode = "process" if runs_apart(Path(folder)) else "thread"
        if settings.GATEWAY_RECORDER == "process" != mode:
            log.warning("recorder runs as a thread: the temporary directory has too long a path for a socket", folder=folder)
        os.environ[RUN_DIR] = folder
        os.environ["GATEWAY_RECORDER"] = settings.GATEWAY_RECORDER = mode
        yield


def recorder_process() -> AbstractContextManager[object]:
    """Runs the recorder beside the workers and ends it after them, if it is a process; it starts while they do."""
    return Keeper() if settings.GATEWAY_RECORDER == "process" else nullcontext()


def publication_process() -> AbstractContextManager[object]:
    """Reads beside the workers what is published in Redis, if that is wanted."""
    return Keeper("publication") if settings.GATEWAY_REDIS_PUBLICATION else nullcontext()


def run(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM, which both end the process with status 0 once the requests are through."""
    if config.workers > 1:
        started = Supervisor(config, listener).run()
    else:
        server = DrainingServer(config)
        server.run(sockets=[listener])
        started = server.started
    if not started:
        raise CommandError("The gateway did not start; the log above says why.")


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
