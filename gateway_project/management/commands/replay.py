"""How are recordings replayed? `replay PATH` shows them to the interceptors of a file, and asks nobody anything."""

from __future__ import annotations

import logging.config
import math
import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_project.proxy.config import load
from gateway_project.proxy.hooks import hooks_of
from gateway_project.proxy.logs import logging_of
from gateway_project.proxy.replaying import Pace, Replay
from gateway_project.proxy.yaml_file import BadFile
from openai_api.hooks.specs import BuiltHook, HookSpecError, build_all, observes, specs_of
from providers.recordings.reading import NoRecording, files_of

ALONE = [{"hook": "printer"}]
"""What looks at a recording without a file."""
RECORDER = "http_recorder"
"""It would record the recording."""


def seconds(text: str) -> float:
    """A number that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ArgumentTypeError("must be a number, 0 or more")
    return value


class Command(BaseCommand):
    help = "Shows recorded exchanges to interceptors, without a network."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a file of a recording, or a folder with files recording_NNN.jsonl")
        parser.add_argument("--config", type=Path, help="YAML file as the proxy has it; without one they are printed")
        parser.add_argument("--speed", type=seconds, default=0.0, help="1: as fast as recorded, 2: twice as fast, 0: at once (0)")
        parser.add_argument("--delay", type=seconds, default=0.0, help="seconds between two exchanges (0)")

    def handle(self, *, path: Path, config: Path | None, speed: float, delay: float, **options: Any) -> None:
        try:
            files = files_of(path)
        except NoRecording as error:
            raise CommandError(f"{path}: {error}") from None
        replay = Replay(self._hooks(config), settings.GATEWAY_SESSION_IDLE_S)
        replay.run(files, Pace(speed, delay))
        self.stderr.write(
            f"Replayed {replay.shown} exchanges from {len(files)} file{'s' * (len(files) != 1)}; "
            f"{replay.unanswered} without an answer, {replay.reading.damaged} damaged lines, "
            f"{replay.reading.unpaired} answers without a request."
        )
        if replay.failures:
            raise CommandError(f"Interceptors have failed {replay.failures} times; the log above says how.")

    def _hooks(self, config: Path | None) -> list[BuiltHook]:
        try:
            setting = ALONE
            if config is not None:
                wanted = load(config, {}, os.environ)
                logging.config.dictConfig(logging_of(wanted.logging))
                setting = [hook for hook in hooks_of(wanted) if hook["hook"] != RECORDER]
                for warning in wanted.warnings():
                    self.stderr.write(f"{config}: {warning}.")
            return build_all(specs_of(setting), observes)
        except BadFile as error:
            raise CommandError(f"{config}: {error}.") from None
        except HookSpecError as error:
            raise CommandError(f"{error}.") from None
