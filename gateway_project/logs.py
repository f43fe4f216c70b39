"""How does the gateway log? structlog and the standard library through one formatter, one line an event, no secrets."""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
TRACEBACKS = ("exception", "stack")
CONTROL = {chr(code): repr(chr(code))[1:-1] for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}
SECRET_NAMES = re.compile(r"authorization|api[-_]?key|secret|password|cookie|(?:^|[-_])token$", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"""
    (?P<kept>\b(?:Bearer|Basic)\s+)[^\s"',]+         # the header Authorization
    | (?P<url>://[^\s/:@]*:)[^\s/@]+(?=@)           # a password in a URL
    | \b(?:sk|pk|rk|gsk|xai|pplx|fw|csk|nvapi|hf|tgp|r8)[-_][A-Za-z0-9_-]{12,}
    | \bAIza[A-Za-z0-9_-]{20,}
    | \bAKIA[A-Z0-9]{12,}
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def scrub(text: str) -> str:
    """The text with everything that has the shape of a secret masked."""
    return SECRET_SHAPES.sub(lambda match: (match["kept"] or match["url"] or "") + MASK, text)


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(str(key), item) for key, item in value.items()}
    if SECRET_NAMES.search(name) and isinstance(value, (str, bytes)):
        return MASK if value else value
    if isinstance(value, (list, tuple)):
        return [_masked("", item) for item in value]
    return scrub(value) if isinstance(value, str) else value


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Masks the values of fields with a secret's name, and secrets by their shape anywhere else."""
    for name, value in event.items():
        event[name] = _masked(name, value)
    return event


def plain_name(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """uvicorn calls its only general logger "uvicorn.error"."""
    if event.get("logger") == "uvicorn.error":
        event["logger"] = "uvicorn"
    return event


def process_id(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Which process says it: workers share one log."""
    event["pid"] = os.getpid()
    return event


def plain_extra(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """uvicorn says some things a second time, for terminals with colors; Django hands out its request as an object."""
    event.pop("color_message", None)
    event.pop("request", None)
    return event


def one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Line breaks in texts are shown as `\\n`, so that nobody can forge a line; tracebacks alone keep theirs."""
    for name, value in event.items():
        if isinstance(value, str) and name not in TRACEBACKS:
            event[name] = "".join(CONTROL.get(character, character) for character in value)
    return event


class _Refusal(logging.Filter):
    """A host that Django refuses is the request's fault, of which anybody can send many: a warning, and no error."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class _Deliberate(logging.Filter):
    """Leaves out what uvicorn says of answers that are not completed, which is how a broken stream of sound is told to the
    client, and of each request that is no HTTP, of which anybody can send many. Of a page that Django refused, the line is
    enough: where in the code that happened tells an operator nothing."""

    SAID = ("ASGI callable returned without completing response.", "Invalid HTTP request received.")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.") and getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return record.msg not in self.SAID


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    plain_name,
    structlog.stdlib.add_log_level,
    process_id,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def logging_config(level: str, style: str) -> dict[str, Any]:
    """Sets structlog up and gives the dictionary for `logging.config`; `style` is "console" or "json"."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, *RENDERERS[style]]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "processors": render,
                "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder(), plain_extra],
            },
        },
        "filters": {"deliberate": {"()": _Deliberate}, "refusal": {"()": _Refusal}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["deliberate"]}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            **{name: {"handlers": [], "propagate": True} for name in ("django", "django.server")},
            "django.security.DisallowedHost": {"filters": ["refusal"]},  # filters hold for the logger that is named alone
            "axes": {"level": "WARNING"},  # `gateway_project.sign_in` says in a line what it says in three
            **{name: {"level": "WARNING"} for name in ("httpx", "httpcore")},  # they tell each request, with its address
            "python_multipart": {"level": "ERROR"},  # it warns of each broken form, which the client is told of
        },
    }


COLORS = sys.stderr.isatty() and "NO_COLOR" not in os.environ
RENDERERS: dict[str, list[Processor]] = {
    "console": [
        one_line,
        structlog.dev.ConsoleRenderer(colors=COLORS, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0),
    ],
    "json": [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()],
}
