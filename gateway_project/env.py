"""How are settings read from the environment? Strictly: a value that is not understood stops the start."""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env, FileAwareMapping

from gateway_project import database_url
from providers.transport.reach import Reach
from providers.types import Secret

T = TypeVar("T")
SWITCHES = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
DATABASE_SCHEMES = (*database_url.SCHEMES, "sqlite")
PROXY_SCHEMES = ("http", "https")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._~-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
"""As a browser, an extension of one or a desktop shell sends it: scheme, host, and a port that is not the scheme's usual one."""
POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    **({"tcp_user_timeout": 4000} if sys.platform == "linux" else {}),
}
"""A server that has vanished is noticed within five seconds; the URL may say otherwise."""
MAIL_SCHEMES = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
"""With the port that is usual for it."""
REDIS_SCHEMES = ("redis", "rediss", "unix")
REDIS_S = 0.5

variables = FileAwareMapping(cache=False)
"""Every variable may also be given as a file: `DATABASE_URL_FILE` names the file that holds `DATABASE_URL`."""


def text(name: str, default: str = "") -> str:
    """The value without surrounding white space; an empty variable counts as absent."""
    try:
        return str(variables.get(name, "")).strip() or default
    except (OSError, UnicodeDecodeError):
        raise ImproperlyConfigured(f"the file named by {name}_FILE cannot be read") from None


def switch(name: str, default: bool) -> bool:
    """On or off. Any other word is an error: a typing mistake must not turn a protection off."""
    word = text(name, "on" if default else "off").lower()
    if word not in SWITCHES:
        raise ImproperlyConfigured(f"{name} must be on or off")
    return SWITCHES[word]


def switch_or(name: str, word: str) -> str:
    """ "on", "off", or the one word besides, which is the default."""
    given = text(name, word).lower()
    if given == word:
        return word
    if given not in SWITCHES:
        raise ImproperlyConfigured(f"{name} must be on, off or {word}")
    return "on" if SWITCHES[given] else "off"


@overload
def number(name: str, default: float, *, least: float = ...) -> float: ...
@overload
def number(name: str, default: None, *, least: float = ...) -> float | None: ...
def number(name: str, default: float | None, *, least: float = 0.001) -> float | None:
    """A number of at least `least`."""
    word = text(name)
    if not word:
        return default
    try:
        value = float(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number") from None
    if not least <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}")
    return value


def count(name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    """A whole number between `least` and `most`."""
    try:
        value = int(text(name, str(default)))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number") from None
    if value < least or (most is not None and value > most):
        raise ImproperlyConfigured(f"{name} must be at least {least}" + (f" and at most {most}" if most is not None else ""))
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of a few words, in lower case."""
    word = text(name, default).lower()
    if word not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}")
    return word


def several(name: str, allowed: tuple[str, ...]) -> list[str]:
    """Some of a few words, each once; none if it is empty or `off`."""
    found = list(dict.fromkeys(word.lower() for word in words(name)))
    if found == ["off"]:
        return []
    if unknown := [word for word in found if word not in allowed]:
        raise ImproperlyConfigured(f"{name} must be off, or some of {', '.join(allowed)}; {unknown[0]!r} is none of them")
    return found


def read(name: str, reader: Callable[[str], T], default: str = "") -> T:
    """What the reader makes of the value. Its `ValueError` says what the value must be, and does not repeat it."""
    try:
        return reader(text(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} {error}") from None


def proxy(name: str) -> Secret | None:
    """The URL of an HTTP proxy, which may hold a password. The error does not repeat it."""
    url = text(name)
    try:
        parts = urlsplit(url)
        good = parts.scheme in PROXY_SCHEMES and parts.hostname and parts.port != 0 and parts.path + parts.query in ("", "/")
    except ValueError:
        good = False
    if url and not good:
        raise ImproperlyConfigured(f"{name} must be http:// or https://, then user:password@ where asked for, then host:port")
    return Secret(url) if url else None


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A list separated by commas or line ends."""
    found = [word.strip() for word in text(name).replace("\n", ",").split(",")]
    return [word for word in found if word] or list(default)


def json_list(name: str) -> list[Any]:
    """A list of JSON values or, if it does not begin like one, words separated by commas."""
    given = text(name)
    if not given.startswith("["):
        return list(words(name))
    try:
        return list(json.loads(given))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a list of words or of JSON values: {error}") from None


def hosts(name: str) -> list[str]:
    """Hosts, ends of names, networks or `*`."""
    found = words(name)
    try:
        Reach(found)
    except ValueError:
        raise ImproperlyConfigured(f"{name} names a network that is none; one looks like 10.0.0.0/8") from None
    return found


def origins(name: str) -> list[str]:
    """Origins of web pages, or `*`."""
    found = [word.lower().removesuffix("/") for word in words(name)]
    for word in found:
        if word != "*" and not ORIGIN.fullmatch(word):
            raise ImproperlyConfigured(
                f"{name} must be * or origins such as https://app.example, without a path; {word!r} is none"
            )
    return found


def networks(name: str, default: tuple[str, ...] = ()) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and networks."""
    try:
        return [ipaddress.ip_network(word) for word in words(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must hold addresses or networks, such as 10.0.0.5 or 10.0.0.0/8") from None


def certificates(name: str) -> str:
    """A file of authorities, which OpenSSL reads by itself, and passes over in silence if it cannot."""
    path = text(name)
    try:
        good = not path or b"-----BEGIN " in Path(path).read_bytes()
    except OSError:
        good = False
    if not good:
        raise ImproperlyConfigured(f"{name} names a file that cannot be read, or that holds no certificate in PEM")
    return path


def certificate_folders(name: str) -> str:
    """Folders of authorities, separated by colons, as `openssl rehash` makes them; OpenSSL reads them by itself."""
    found = text(name)
    if found and not any(Path(folder).is_dir() for folder in found.split(":")):
        raise ImproperlyConfigured(f"{name} names no folder")
    return found


def secret_key(path: Path) -> str:
    """`SECRET_KEY`, else the key in `path`, else one that lasts as long as this process (`quickstart` keeps it)."""
    try:
        kept = path.read_text().strip() if path.is_file() else ""
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} holds no text; remove it, and quickstart makes another") from None
    return text("SECRET_KEY") or kept or secrets.token_urlsafe(50)


def database(name: str, sqlite_file: Path) -> dict[str, Any]:
    """The database named by a URL; by default SQLite, set up so that workers, admin and commands can share the file."""
    url = text(name)
    if url and url.partition("://")[0] not in DATABASE_SCHEMES:
        raise ImproperlyConfigured(f"{name} must begin with one of {', '.join(f'{scheme}://' for scheme in DATABASE_SCHEMES)}")
    if url.partition("://")[0] in database_url.SCHEMES:
        try:
            found = database_url.postgres_config(url)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} {error}") from None
        found["OPTIONS"] = POSTGRES_OPTIONS | found["OPTIONS"]
        return found
    local: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(sqlite_file)}
    found = dict(Env.db_url_config(url)) if url else local
    found.setdefault("OPTIONS", {}).update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
    )
    return found


def redis_address(url: str) -> str:
    """The URL of a Redis server, or none, for `read`."""
    if url and url.partition("://")[0] not in REDIS_SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(f'{scheme}://' for scheme in REDIS_SCHEMES)}")
    return url


def cache(name: str) -> dict[str, Any]:
    """The shared cache: Redis when its URL is given, this process's memory otherwise."""
    url = text(name)
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "signalbox"}
    if url.partition("://")[0] not in REDIS_SCHEMES:
        raise ImproperlyConfigured(f"{name} must begin with one of {', '.join(f'{scheme}://' for scheme in REDIS_SCHEMES)}")
    options = {"SOCKET_CONNECT_TIMEOUT": REDIS_S, "SOCKET_TIMEOUT": REDIS_S}
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "KEY_PREFIX": "signalbox", "OPTIONS": options}


def mail(name: str) -> dict[str, Any]:
    """Django's settings of the server that takes mail, from `smtp://user:password@host:port`; with `smtp+tls` or `smtp+ssl` it is
    asked over TLS. None without one: then nothing is sent."""
    url = text(name)
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in MAIL_SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be smtp://, smtp+tls:// or smtp+ssl://, with a host")
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has no valid port") from None
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or MAIL_SCHEMES[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtp+ssl",
        "EMAIL_TIMEOUT": 10,
    }
