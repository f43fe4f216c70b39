"""How does the gateway log? structlog and the standard library through one formatter, one line an event, no secrets."""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
SECRET_NAMES = re.compile(r"authorization|api[-_]?key|secret|password|cookie|(?:^|[-_])token$", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"""
    (?P<kept>\bBearer\s+|\bBasic\s+|://[^\s/:@]*:)(?=[^\s"'])[^\s"'@]+   # authorization headers; passwords in URLs
    | \b(?:sk|pk|rk|gsk|xai|pplx|fw|csk|nvapi|hf|tgp|r8)[-_][A-Za-z0-9_-]{12,}
    | \bAIza[A-Za-z0-9_-]{20,}
    | \bAKIA[A-Z0-9]{12,}
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def scrub(text: str) -> str:
    """The text with everything that has the shape of a secret masked."""
    return SECRET_SHAPES.sub(lambda match: (match["kept"] or "") + MASK, text)


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


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
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
            "line": {"()": "structlog.stdlib.ProcessorFormatter", "processors": render, "foreign_pre_chain": SHARED},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
        },
    }


RENDERERS: dict[str, list[Processor]] = {
    "console": [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, pad_event_to=0)],
    "json": [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()],
}
