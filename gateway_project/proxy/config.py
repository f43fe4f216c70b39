"""What does the proxy do? Its file, of cylestio-perimeter's shape, with what the command line says in its place.

Of the six things that both can say, the command line counts first, then the file, then the default. A word that nobody knows is
an error, since it may be a typing mistake; what that program had and this one has not is passed over with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from gateway_project.proxy.yaml_file import BadFile, Unset, read
from openai_api.proxy.upstream import Kind, Upstream
from providers.errors import ConfigurationError
from providers.types import Secret, TargetTimeouts

ELSEWHERE = frozenset({"live_trace"})
"""Interceptors that cylestio-perimeter has, and whose place is another here: a session is looked at in the admin."""
PROTECTION = frozenset({"auth", "rate_limit"})
"""Interceptors of its sample that it does not have itself: whoever switches them on relies upon them."""
KEPT = frozenset({"webhook"})
"""Interceptors whose work is kept in the gateway's database until it is done."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SIZE = re.compile(r"\s*([0-9]{1,6})\s*(B|KB|MB|GB)?\s*", re.IGNORECASE)
UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Server(msgspec.Struct, forbid_unknown_fields=True):
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 4000
    host: str = "127.0.0.1"
    workers: Positive = 1


class Llm(msgspec.Struct, forbid_unknown_fields=True):
    base_url: str = ""
    type: str = ""
    api_key: str | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_retries: Annotated[int, msgspec.Meta(ge=0)] = 0


class Interceptor(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    enabled: bool = True
    config: dict[str, Any] | None = None


class Logging(msgspec.Struct, forbid_unknown_fields=True):
    level: str = "INFO"
    format: str = "text"
    file: str | None = None
    max_file_size: str | int = "10MB"
    backup_count: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 5

    def max_bytes(self) -> int:
        """The size at which a new file is begun. Raises `BadFile`."""
        match = SIZE.fullmatch(str(self.max_file_size))
        if match is None:
            raise BadFile("logging.max_file_size is a number with KB, MB or GB")
        return int(match[1]) * UNITS[(match[2] or "B").upper()]


class ProxyConfig(msgspec.Struct, forbid_unknown_fields=True):
    """All that the file may say. `live_trace` is taken, and passed over."""

    server: Server = msgspec.field(default_factory=Server)
    llm: Llm = msgspec.field(default_factory=Llm)
    interceptors: list[Interceptor] = []
    logging: Logging = msgspec.field(default_factory=Logging)
    live_trace: Any = None

    def warnings(self) -> list[str]:
        """What of it has no effect."""
        said = [
            f"interceptor {one.type!r} is not available and is left out" for one in self.interceptors if one.type in ELSEWHERE
        ]
        if self.live_trace is not None:
            said.append("'live_trace' has no effect")
        if self.server.workers != 1:
            said.append("'server.workers' has no effect: the proxy is one process")
        if isinstance(self.llm.api_key, Unset):
            said.append(f"'llm.api_key' is not set, as {self.llm.api_key} is not: clients send their own key")
        return said

    def wanted(self, known: frozenset[str]) -> list[Interceptor]:
        """The interceptors that are switched on. Raises `BadFile` for one that is not `known`; one that is off need not be."""
        wanted = [one for one in self.interceptors if one.enabled and one.type not in ELSEWHERE]
        for one in wanted:
            if one.type in PROTECTION:
                raise BadFile(f"the interceptor {one.type!r} is not available: nothing would protect the proxy in its place")
            if one.type in KEPT:
                raise BadFile(f"the interceptor {one.type!r} needs the gateway's database, and the proxy has none")
            if one.type not in known and ":" not in one.type and "." not in one.type:
                raise BadFile(f"there is no interceptor {one.type!r}; there are {', '.join(sorted(known))}")
        return wanted

    def upstream(self) -> Upstream:
        """Where requests go. Raises `BadFile`."""
        llm = self.llm
        if not llm.base_url or not llm.type:
            raise BadFile("the proxy needs --base-url and --type, or 'base_url' and 'type' of 'llm' in a file (--config)")
        if llm.type not in tuple(Kind):
            raise BadFile(f"the type is {' or '.join(Kind)}, not {llm.type!r}")
        key = Secret(str(llm.api_key)) if llm.api_key and not isinstance(llm.api_key, Unset) else None
        timeouts = TargetTimeouts.of(first_byte=llm.timeout, idle=llm.timeout)
        try:
            return Upstream.of(llm.base_url, Kind(str(llm.type)), key, timeouts)
        except ConfigurationError as error:
            raise BadFile(error.message) from error


def load(path: Path | None, given: Mapping[str, Any], variables: Mapping[str, str]) -> ProxyConfig:
    """The file, if there is one, under what was `given`: `base_url`, `type`, `api_key`, `port`, `host`, `log_level`, None for
    what was not. Raises `BadFile`."""
    found = read(path, variables) if path is not None else {}
    if not isinstance(found, dict):
        raise BadFile("the file is no table")
    check_set(found, "")
    config = _converted({name: value for name, value in found.items() if value is not None})
    config.server = _changed(config.server, given, {"port": "port", "host": "host"})
    config.llm = _changed(config.llm, given, {"base_url": "base_url", "type": "type", "api_key": "api_key"})
    config.logging = _changed(config.logging, given, {"log_level": "level"})
    config.llm.base_url = str(config.llm.base_url).rstrip("/")
    if config.logging.level.upper() not in LEVELS:
        raise BadFile(f"the log level is one of {', '.join(LEVELS)}")
    if config.logging.format not in ("text", "json"):
        raise BadFile("'logging.format' is text or json")
    config.logging.max_bytes()
    return config


def check_set(value: Any, where: str) -> None:
    """Raises `BadFile` for a variable that is not set; a key may be missing, since clients may bring theirs."""
    if isinstance(value, Unset) and where != "llm.api_key":
        raise BadFile(f"{where!r} is {value}, which is not set in the environment")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        check_set(item, f"{where}.{name}".strip("."))


def _converted(found: Mapping[str, Any]) -> ProxyConfig:
    try:
        return msgspec.convert(found, ProxyConfig)
    except msgspec.ValidationError as error:
        raise BadFile(str(error)) from None


def _changed(part: Any, given: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    changes = {field: value for name, field in names.items() if (value := given.get(name)) is not None}
    return msgspec.structs.replace(part, **changes)
