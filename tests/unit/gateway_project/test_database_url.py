"""Is a database's URL read as PostgreSQL's own clients read it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from gateway_project import env
from gateway_project.database_url import postgres_config

NAME = "SETTING_OF_THIS_TEST"
SOCKET = "/cloudsql/project:region:instance"


@pytest.mark.parametrize(
    ("url", "host", "port", "name", "user", "password"),
    [
        ("postgresql://u:p@h:5433/db", "h", 5433, "db", "u", "p"),
        ("postgres://u@h/db", "h", "", "db", "u", ""),
        ("postgresql:///db", "", "", "db", "", ""),
        ("postgresql://u:p@%2Fcloudsql%2Fproject%3Aregion%3Ainstance/db", SOCKET, "", "db", "u", "p"),
        ("postgres://u:p@%2fvar%2Frun%2fpostgresql:5433/db", "/var/run/postgresql", 5433, "db", "u", "p"),
        (f"postgresql://u:p@/db?host={SOCKET}", SOCKET, "", "db", "u", "p"),
        ("postgresql:///db?host=%2Ftmp&port=5433&user=u&password=a%26b", "/tmp", "5433", "db", "u", "a&b"),
        ("postgresql://u:p@[::1]:5433/db", "::1", 5433, "db", "u", "p"),
        ("postgresql://u:p@[2001:db8::1]/db", "2001:db8::1", "", "db", "u", "p"),
        ("postgresql://u:p@a:1,b:2/db", "a,b", "1,2", "db", "u", "p"),
        ("postgresql://u%40x:p%40%2F%3A%25s@h/d%20b", "h", "", "d b", "u@x", "p@/:%s"),
    ],
)
def test_url_when_read_then_its_parts_are_those_that_libpq_finds(
    url: str, host: str, port: Any, name: str, user: str, password: str
) -> None:
    found = postgres_config(url)
    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"], found["PASSWORD"]) == (host, port, name, user, password)
    theirs = conninfo_to_dict(url)
    assert [theirs.get(part) or "" for part in ("host", "dbname", "user", "password")] == [host, name, user, password]
    assert str(theirs.get("port") or "").strip(",") == str(port)


def test_directory_when_it_has_colons_then_they_begin_no_port() -> None:
    found = postgres_config("postgresql://u:p@%2Fcloudsql%2Fproject:region:instance/db")
    assert (found["HOST"], found["PORT"], found["NAME"], found["PASSWORD"]) == (SOCKET, "", "db", "p")


@pytest.mark.parametrize("password", ["a/b", "a#b", "a@b", "a:b", "a?b", "a%2Fb", "p%"])
def test_password_when_it_is_not_encoded_then_it_is_found(password: str) -> None:
    found = postgres_config(f"postgresql://u:{password}@h:5433/db?sslmode=require")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("h", 5433, "db")
    assert (found["PASSWORD"], found["OPTIONS"]) == (password.replace("%2F", "/"), {"sslmode": "require"})


def test_parameters_when_given_then_they_are_options_that_the_client_takes() -> None:
    query = (
        "sslmode=verify-full&sslrootcert=%2Fca.pem&application_name=a%20b&options=-c%20x%3D1&connect_timeout=9&conn_max_age=60"
    )
    found = postgres_config(f"postgresql://h/db?{query}&ssl=true")
    assert found["CONN_MAX_AGE"] == 60
    assert found["OPTIONS"] == {
        "sslmode": "require",
        "sslrootcert": "/ca.pem",
        "application_name": "a b",
        "options": "-c x=1",
        "connect_timeout": "9",
    }
    assert psycopg.conninfo.make_conninfo(**found["OPTIONS"])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:hidden@h:port/db", "port"),
        ("postgresql://u:hidden@h:0/db", "port"),
        ("postgresql://u:hidden@h:99999/db", "port"),
        ("postgresql://u:hidden@::1/db", "brackets"),
        ("postgresql://u:hidden@[::1/db", "bracket"),
        ("postgresql://u:hidden@[::1]x/db", "bracket"),
        ("postgresql://u:hidden@h", "names no database"),
        ("postgresql://u:hidden@h/", "names no database"),
        ("postgresql://u:hidden@h/db?pgbouncer=true", "'pgbouncer'"),
    ],
)
def test_url_when_it_cannot_be_read_then_a_sentence_names_the_variable_and_not_the_password(
    monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    monkeypatch.setenv(NAME, url)
    with pytest.raises(ImproperlyConfigured, match=f"^{NAME} has |^{NAME} names ") as caught:
        env.database(NAME, Path("unused"))
    assert why in str(caught.value)
    assert "hidden" not in str(caught.value)
