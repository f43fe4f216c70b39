"""How is a proxy started? With an address, or a file of cylestio-perimeter's shape; no database is asked for."""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_project import addresses
from gateway_project.lifespan import Lifespan
from gateway_project.management.commands.serve import configure, listen, port_number
from gateway_project.proxy.config import LEVELS, ProxyConfig, load
from gateway_project.proxy.hooks import hooks_of
from gateway_project.proxy.logs import logging_of
from gateway_project.proxy.own_paths import own_paths
from gateway_project.proxy.yaml_file import BadFile
from gateway_project.server import DrainingServer

log = structlog.stdlib.get_logger("gateway.proxy")


class Command(BaseCommand):
    help = "Passes requests on to one upstream, under the eyes of interceptors. Needs no database."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", help="address of the upstream, as in https://api.openai.com")
        parser.add_argument("--type", help="whose API it has: openai or anthropic")
        parser.add_argument("--api-key", help="key for requests that bring none; others see it among the processes")
        parser.add_argument("--port", type=port_number, help="port to listen on (4000); 0: any")
        parser.add_argument("--host", help="address to listen on (127.0.0.1)")
        parser.add_argument("--log-level", help=f"one of {', '.join(LEVELS)} (INFO)")
        parser.add_argument("--config", type=Path, help="YAML file with all of this, and with interceptors")

    def handle(self, *, config: Path | None, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        try:
            wanted = load(config, options, os.environ)
            upstream = wanted.upstream()
            settings.GATEWAY_HOOKS, settings.GATEWAY_EVENTS = hooks_of(wanted), []
            logging.config.dictConfig(logging_of(wanted.logging))
        except BadFile as error:
            raise CommandError(f"{f'{config}: ' if config else ''}{error}.") from None
        except ImproperlyConfigured as error:
            raise CommandError(f"{error}.") from None
        refuse_open(wanted)
        for warning in wanted.warnings():
            log.warning(warning)
        if options["api_key"]:
            log.warning("the key is on the command line, where others see it: put it into a variable, and its name into a file")
        self._serve(wanted, upstream)

    def _serve(self, wanted: ProxyConfig, upstream: Any) -> None:
        from gateway_project.proxy.running import ProxyRunning  # after the settings and the log have their values
        from openai_api.proxy.consumer import ProxyConsumer

        server = wanted.server
        try:
            running = ProxyRunning(upstream)
        except ImproperlyConfigured as error:
            raise CommandError(f"{error}.") from None
        consumer = ProxyConsumer(running.gateway, upstream, running.entry, own_paths(wanted))
        application = Application(consumer, Lifespan(running.start, running.stop))
        with listen(server.host, server.port) as listener:
            url = addresses.base_url(server.host, listener.getsockname()[1])
            self.stdout.write(f"Signalbox passes on {url} to {upstream.base_url}; Ctrl-C stops it.")
            self.stdout.flush()
            served_by = configure(1, application)
            served_by.date_header = False  # the upstream has its own
            served = DrainingServer(served_by, lambda: running)
            served.run(sockets=[listener])
        if not served.started:
            raise CommandError("The proxy did not start; the log above says why.")


class Application:
    """The ASGI application: requests, and the start and the stop of the server."""

    def __init__(self, consumer: Any, lifespan: Any) -> None:
        self._consumer = consumer
        self._lifespan = lifespan

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        await (self._lifespan if scope["type"] == "lifespan" else self._consumer)(scope, receive, send)


def refuse_open(wanted: ProxyConfig) -> None:
    """Whoever reaches a proxy with a key uses that key."""
    host = wanted.server.host
    if not wanted.upstream().key or settings.GATEWAY_ALLOW_OPEN or addresses.is_loopback(host):
        return
    raise CommandError(
        f"Anybody who reaches {host} could use the key that is configured. Listen on 127.0.0.1, let clients send their own keys, "
        "or set GATEWAY_ALLOW_OPEN=1."
    )


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
