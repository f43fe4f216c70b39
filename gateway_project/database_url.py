"""Which PostgreSQL database does a URL name? As libpq reads it, and a little more kindly.

Format: PostgreSQL 17, "Connection URIs" (libpq-connect): `postgresql://user:password@host:port/name?parameter=value`, each part
percent-encoded. The host may be the directory of a socket, `%2Fcloudsql%2Fproject:region:instance`, also as the parameter
`host`. Passwords may hold `/`, `#` and `@` as they are, since hosts cannot.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from psycopg.pq import Conninfo

SCHEMES = ("postgresql", "postgres")
ENGINE = "django.db.backends.postgresql"
PLACES = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
DJANGOS = {"conn_max_age": "CONN_MAX_AGE"}
MOST_PORT = 65535


def postgres_config(url: str) -> dict[str, Any]:
    """What Django's `DATABASES` says of it. Raises `ValueError`, whose text does not repeat the URL."""
    rest = url.partition("://")[2]
    before, question, query = rest.partition("?")
    if question and "@" in query and "@" not in before:  # the question mark stands in the password
        before, question, query = rest.rpartition("@")
        hosts, _, query = query.partition("?")
        before = f"{before}@{hosts}"
    userinfo, _, place = before.rpartition("@")
    user, _, password = userinfo.partition(":")
    host, _, name = place.partition("/")
    found: dict[str, Any] = {"ENGINE": ENGINE, "NAME": unquote(name), "USER": unquote(user), "PASSWORD": unquote(password)}
    found["HOST"], found["PORT"] = _hosts(host)
    options = _parameters(query, found)
    if not found["NAME"] and "service" not in options:
        raise ValueError("names no database after the host; a URL looks like postgresql://user:password@host:5432/name")
    return {**found, "OPTIONS": options}


def _hosts(text: str) -> tuple[str, Any]:
    """Hosts and ports, each joined by commas where there are several."""
    pairs = [_host(one) for one in text.split(",")]
    ports = [port for _, port in pairs]
    port: Any = ",".join(ports) if any(ports) else ""
    return ",".join(host for host, _ in pairs), int(port) if port.isdecimal() else port


def _host(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise ValueError("has an IPv6 address without its closing bracket")
        return unquote(host), _port(after[1:])
    host, colon, port = text.rpartition(":")
    if not colon:
        return unquote(text), ""
    if unquote(text).startswith("/") and not port.isdecimal():  # a directory with colons in its name
        return unquote(text), ""
    if ":" in host and not unquote(host).startswith("/"):
        raise ValueError("has a host with several colons; an IPv6 address stands in brackets, as [::1]:5432")
    return unquote(host), _port(port)


def _port(text: str) -> str:
    if text and not (text.isdecimal() and 0 < int(text) <= MOST_PORT):
        raise ValueError("has a port that is no number from 1 to 65535; a password writes : as %3A")
    return text


def _parameters(query: str, found: dict[str, Any]) -> dict[str, Any]:
    """The options for libpq; those that say where and who go to their places in `found`."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in PLACES:
            found[PLACES[name]] = value
        elif name in DJANGOS and value.isdecimal():
            found[DJANGOS[name]] = int(value)
        elif name == "ssl" and value == "true":  # as libpq itself takes it from JDBC's URLs
            options["sslmode"] = "require"
        elif name in known:
            options[name] = value
        else:
            raise ValueError(f"has a parameter {name[:40]!r} that PostgreSQL's client does not know")
    return options
