"""Are settings read strictly?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from gateway_project import env

NAME = "SETTING_OF_THIS_TEST"


@pytest.mark.parametrize(
    ("word", "value"), [("on", True), ("OFF", False), (" 1 ", True), ("0", False), ("yes", True), ("", True)]
)
def test_switch_when_given_a_known_word_then_it_is_on_or_off(monkeypatch: pytest.MonkeyPatch, word: str, value: bool) -> None:
    monkeypatch.setenv(NAME, word)
    assert env.switch(NAME, True) is value


@pytest.mark.parametrize(
    ("read", "bad"),
    [
        (lambda: env.switch(NAME, True), ["fo", "offf", "2", "none"]),
        (lambda: env.number(NAME, 1), ["", "x", "-1", "0", "inf", "nan", "1s"]),
        (lambda: env.count(NAME, 1, most=9), ["x", "1.5", "0", "10", "-1"]),
        (lambda: env.choice(NAME, "a", ("a", "b")), ["c", "ab"]),
        (
            lambda: env.proxy(NAME),
            ["proxy:3128", "socks5://p:1", "http://", "http://u:p@:3128", "http://p:0", "http://p:x", "http://p/a"],
        ),
        (
            lambda: env.origins(NAME),
            ["app.example", "https://", "https://app.example/path", "https://*.example", "null", "https://a b", "https://u@h"],
        ),
        (lambda: env.networks(NAME), ["proxy", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1,x", "*"]),
        (lambda: env.certificates(NAME), ["/nowhere.pem", "/etc/hostname", "/tmp"]),
        (lambda: env.certificate_folders(NAME), ["/nowhere", "/nowhere:/etc/hostname"]),
        (lambda: env.database(NAME, Path("x")), ["mysql://h/db", "h/db", "oracle://h/db"]),
    ],
)
def test_reader_when_given_nonsense_then_the_error_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], bad: list[str]
) -> None:
    for word in filter(None, bad):
        monkeypatch.setenv(NAME, word)
        with pytest.raises(ImproperlyConfigured, match=NAME):
            read()


def test_origins_when_given_then_as_a_browser_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.origins(NAME) == []
    monkeypatch.setenv(NAME, "https://App.Example/, http://localhost:5173,\nchrome-extension://abcdef, http://[::1]:80, *")
    assert env.origins(NAME) == [
        "https://app.example",
        "http://localhost:5173",
        "chrome-extension://abcdef",
        "http://[::1]:80",
        "*",
    ]


def test_proxy_when_it_holds_a_password_then_neither_value_nor_error_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "http://user:hidden@proxy.example:3128")
    found = env.proxy(NAME)
    assert found is not None
    assert "hidden" not in f"{found} {found!r}"
    assert found.reveal() == "http://user:hidden@proxy.example:3128"
    monkeypatch.setenv(NAME, "ftp://user:hidden@proxy.example:3128")
    with pytest.raises(ImproperlyConfigured) as caught:
        env.proxy(NAME)
    assert "hidden" not in str(caught.value)
    monkeypatch.delenv(NAME)
    assert env.proxy(NAME) is None


def test_text_when_a_file_is_named_then_its_content_is_the_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("$ecret with = signs\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "value"))
    assert env.text(NAME) == "$ecret with = signs"


def test_text_when_the_file_is_missing_then_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", "/nowhere/at/all")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE"):
        env.text(NAME)


def test_words_when_separated_by_commas_or_lines_then_all_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " a, b\nc,,")
    assert env.words(NAME) == ["a", "b", "c"]
    assert env.words("NOT_SET_AT_ALL", ("d",)) == ["d"]


def test_database_when_nothing_is_set_then_it_is_sqlite_made_for_sharing(tmp_path: Path) -> None:
    found = env.database(NAME, tmp_path / "file")
    assert found["NAME"] == str(tmp_path / "file")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def test_database_when_postgresql_is_named_then_user_password_and_options_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://user:p%40ss@db.example:5433/gateway?sslmode=require&connect_timeout=9")
    found = env.database(NAME, Path("unused"))
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("user", "p@ss", "db.example", 5433)
    assert (found["OPTIONS"]["sslmode"], int(found["OPTIONS"]["connect_timeout"])) == ("require", 9)


def test_database_when_postgresql_vanishes_then_it_is_noticed_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://db.example/gateway")
    options = env.database(NAME, Path("unused"))["OPTIONS"]
    idle = options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    assert max(idle, options["connect_timeout"], options.get("tcp_user_timeout", 0) / 1000) < 5


def test_cache_when_redis_is_named_then_it_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "LocMem" in env.cache(NAME)["BACKEND"]
    monkeypatch.setenv(NAME, "redis://r:6379/0")
    assert env.cache(NAME)["LOCATION"] == "redis://r:6379/0"


def test_secret_key_when_kept_in_a_file_then_it_is_read_and_otherwise_fresh(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    assert env.secret_key(path) != env.secret_key(path)
    path.write_text("kept\n")
    assert env.secret_key(path) == "kept"
    monkeypatch.setenv("SECRET_KEY", "given")
    assert env.secret_key(path) == "given"
