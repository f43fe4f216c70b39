"""Is every event one line, in one form, without secrets?"""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings

from gateway_project.logs import logging_config, scrub

SECRETS = [
    "sk-proj-abcdefghijklmnopqrstuvwxyz012345",
    "sk-gw-0123456789abcdefghijklmnopqrstuvwxyz",
    "sk-ant-api03-abcdefghijklmnop",
    "gsk_abcdefghijklmnopqrstuvwx",
    "xai-abcdefghijklmnopqrstuvwx",
    "AIzaSyA-abcdefghijklmnopqrstuvwxyz0",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]


class Captured(io.StringIO):
    """What was logged."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture(params=["json", "console"])
def captured(request: pytest.FixtureRequest) -> Iterator[Captured]:
    """Logging in both forms, into memory."""
    yield from capture(request.param)


@pytest.fixture
def captured_json() -> Iterator[Captured]:
    yield from capture("json")


def capture(style: str) -> Iterator[Captured]:
    stream = Captured()
    config = logging_config("debug", style)
    config["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.config.dictConfig(config)
    yield stream
    logging.config.dictConfig(settings.LOGGING)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("secret", SECRETS)
def test_logs_when_a_secret_stands_anywhere_then_it_is_masked(captured: Captured, secret: str) -> None:
    log = structlog.stdlib.get_logger("test")
    text = f"refused {secret} here"
    log.warning(text, url=f"http://x/?key={secret}", nested={"list": [secret]})
    logging.getLogger("library").error("failed with %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("raised")
        logging.getLogger("library").exception("raised there")
    assert len(captured.lines()) >= 4
    assert secret not in captured.getvalue()
    assert secret.replace("\n", "\\n") not in captured.getvalue()
    assert "refused ***" in captured.getvalue()


@pytest.mark.parametrize(
    "name", ["authorization", "Authorization", "api_key", "x-api-key", "client_secret", "password", "access_token"]
)
def test_logs_when_a_field_has_the_name_of_a_secret_then_its_value_is_masked(captured: Captured, name: str) -> None:
    structlog.stdlib.get_logger("test").info("call", headers={name: "short"}, **{name: "short"})
    assert "short" not in captured.getvalue()


def test_logs_when_fields_only_look_like_secrets_then_they_stay(captured: Captured) -> None:
    structlog.stdlib.get_logger("test").info("call", input_tokens=17, model="sk", key_id="0a1b2c3d", path="/v1/tasks-and-desks")
    for value in ("17", "0a1b2c3d", "/v1/tasks-and-desks"):
        assert value in captured.getvalue()


def test_logs_when_a_text_holds_line_breaks_then_no_line_can_be_forged(captured: Captured) -> None:
    structlog.stdlib.get_logger("test").info("first\n2026 [info] forged\x1b[31m", field="a\nb\r\u2028c")
    logging.getLogger("library").info("second %s", "\nforged")
    assert len(captured.lines()) == 2
    assert "\x1b[31m" not in captured.getvalue()


def test_logs_when_in_json_then_ours_and_libraries_have_the_same_members(captured_json: Captured) -> None:
    structlog.stdlib.get_logger("ours").info("one", number=1)
    logging.getLogger("uvicorn.error").info("two")
    ours, theirs = captured_json.events()
    assert {"message": "one", "number": 1, "logger": "ours", "level": "info"}.items() <= ours.items()
    assert {"message": "two", "logger": "uvicorn", "level": "info"}.items() <= theirs.items()
    assert set(ours) - {"number"} == set(theirs)


def test_logs_when_an_exception_is_logged_in_json_then_it_is_one_line_with_the_traceback(captured_json: Captured) -> None:
    for logger in (structlog.stdlib.get_logger("ours"), logging.getLogger("library")):
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logger.exception("it failed")
    ours, theirs = captured_json.events()
    assert "RuntimeError: broken" in ours["exception"]
    assert "RuntimeError: broken" in theirs["exception"]


def test_scrub_when_a_url_holds_a_password_then_only_that_is_masked() -> None:
    assert scrub("postgresql://user:hunter2@db:5432/x") == "postgresql://user:***@db:5432/x"
    assert scrub("Authorization: Bearer abc.def") == "Authorization: Bearer ***"
    assert scrub("http://127.0.0.1:3000/v1/models") == "http://127.0.0.1:3000/v1/models"
