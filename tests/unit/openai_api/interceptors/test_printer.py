"""Does the printer say what happened, in colours only on a terminal, and never what would act on the terminal?"""

from __future__ import annotations

import os
import pty
import sys
from typing import Any

import pytest

from openai_api.hooks import EventName
from openai_api.interceptors.printer import Printer
from openai_api.observing.transcript import Told
from tests.unit.openai_api.interceptors.made_up import event, transcript

KEY = "sk-proj-canary0123456789abcdefGHIJ"


def printer(**options: Any) -> Printer:
    return Printer(Printer.Options(**options))


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_exchange_when_printed_then_there_is_a_line_for_each_side(capsys: pytest.CaptureFixture[str]) -> None:
    printer().observe(transcript({"session": "s-1", "session_new": True, "agent": "prompt-1"}))
    session, asked, answered = printed(capsys)
    assert session == "session s-1 begins agent prompt-1"
    assert asked.endswith(" POST /v1/chat/completions m key tests session s-1")
    assert asked.startswith("--> ")
    assert answered == "<-- 200 in 500 ms by chaos, 11 + 3 tokens"


def test_options_when_all_are_off_then_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = printer(log_requests=False, log_responses=False, show_sessions=False, show_llm_calls=False, show_tools=False)
    quiet.observe(transcript({"session": "s-1", "session_new": True}))
    quiet.take_events([event(name) for name in EventName])
    assert printed(capsys) == []


def test_calls_when_they_are_not_shown_then_lines_have_no_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    printer(show_llm_calls=False).observe(transcript())
    assert printed(capsys)[-1] == "<-- 200 in 500 ms"


def test_bodies_when_they_are_asked_for_then_they_are_shown_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    request = b'{"messages":[{"role":"user","content":"note %b"}],"password":"hunter2"}' % KEY.encode()
    printer(log_body=True).observe(transcript(request=request))
    said = "\n".join(printed(capsys))
    assert '"content":"note [REDACTED_API_KEY]"' in said
    assert "chat.completion" in said
    assert KEY not in said
    assert "hunter2" not in said


def test_body_when_it_is_long_then_it_is_cut_and_nothing_of_a_key_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    printer(log_body=True, log_responses=False).observe(transcript(request=b'"%b %b"' % (b"x" * 1985, KEY.encode())))
    said = printed(capsys)[-1]
    assert len(said) < 2010
    assert "sk-" not in said


def test_failure_when_printed_then_its_code_and_message_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    error = Told(503, "api_error", "upstream_overloaded", f"The upstream said {KEY}.")
    printer().observe(transcript({"status": 503}, error=error))
    assert (
        "503 in 500 ms by chaos, 11 + 3 tokens: upstream_overloaded: The upstream said [REDACTED_API_KEY]." in printed(capsys)[-1]
    )


def test_events_when_printed_then_tools_and_ends_of_sessions_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    attributes = {"tool.name": "get_weather", "tool.params": {"city": "Oslo"}, "tool.status": "success", "tool.result": "rain"}
    shown = [EventName.TOOL_EXECUTION, EventName.TOOL_RESULT, EventName.SESSION_END, EventName.CALL_START]
    printer().take_events([event(name, attributes=attributes) for name in shown])
    assert printed(capsys) == ["tool get_weather called", "tool get_weather: success", "session s-1 ends"]
    printer(log_body=True).take_events([event(EventName.TOOL_EXECUTION, attributes=attributes)])
    assert printed(capsys) == ['tool get_weather called {"city":"Oslo"}']


@pytest.mark.parametrize(
    "hostile", ["\x1b[31mred", "a\r\nb\nc", "\x9b2J", "\u202eright", "[bold]no[/bold]", ":warning:", "\x07\x00"]
)
def test_texts_of_clients_when_they_would_act_on_a_terminal_then_they_are_shown(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printer(log_responses=False, show_sessions=False).observe(transcript({"model": f"m{hostile}m"}))
    (line,) = printed(capsys)
    assert line.isprintable()
    assert ("[bold]no[/bold]" in line) is ("bold" in hostile)
    assert (":warning:" in line) is ("warning" in hostile)


def test_colours_when_there_is_a_terminal_then_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        printer().observe(transcript())
        terminal.flush()
        said = os.read(ours, 4096)
    os.close(ours)
    assert b"\x1b[1;34m" in said


def test_colours_when_there_is_no_terminal_then_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    printer().observe(transcript())
    assert "\x1b" not in capsys.readouterr().out
