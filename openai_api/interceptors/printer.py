"""What is going on? Requests, answers, sessions and tools, printed as they end, for whoever looks at a console."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from rich.console import Console
from rich.text import Text

from openai_api.hooks import EventName, SessionEvent
from openai_api.observing import redact, told
from openai_api.observing.transcript import Transcript
from openai_api.observing.whole import answer_value, value_of

LONGEST = 2000
"""Characters of a line; more of a body than that is for files."""
UNPRINTABLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""What would move the cursor, colour the screen or turn a line round if it came from a client."""


class Line(NamedTuple):
    mark: str
    style: str
    text: str


class Printer:
    """Prints requests and answers to the standard output, with colours if that is a terminal."""

    name = "printer"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        log_requests: Annotated[bool, Meta(description="a line for each request: method, path, model, key")] = True
        log_responses: Annotated[bool, Meta(description="a line for each answer: status, time")] = True
        log_body: Annotated[bool, Meta(description="also the bodies, credentials replaced, cut after 2,000 characters")] = False
        show_sessions: Annotated[
            bool, Meta(description="a line where a session begins or ends; ids of sessions in other lines")
        ] = True
        show_llm_calls: Annotated[bool, Meta(description="provider and tokens in the lines of answers")] = True
        show_tools: Annotated[bool, Meta(description="a line for each call and each result of a tool")] = True

    def __init__(self, options: Options) -> None:
        self._options = options
        self._console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def observe(self, transcript: Transcript) -> None:
        self._print(self._of_exchange(transcript))

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        self._print(line for event in events for line in self._of_event(event))

    def _print(self, lines: Iterator[Line]) -> None:
        for mark, style, text in lines:
            said = Text(f"{mark} ", style=style)
            said.append(redact.text(text)[:LONGEST].translate(UNPRINTABLE))
            self._console.print(said)

    def _of_exchange(self, transcript: Transcript) -> Iterator[Line]:
        options, record = self._options, transcript.record
        if options.show_sessions and record.session_new:
            yield Line("session", "bold magenta", f"{record.session} begins{_of(record.agent, 'agent')}")
        if options.log_requests:
            began = datetime.fromtimestamp(record.started).astimezone().strftime("%H:%M:%S")
            stream = " stream" if record.stream else ""
            asked = f"{began} {record.method} {record.path}{_of(record.model, '')}{stream}{_of(record.client_name, 'key')}"
            yield Line("-->", "bold blue", asked + (_of(record.session, "session") if options.show_sessions else ""))
            yield from self._body(value_of(transcript.request), transcript.request_cut)
        if options.log_responses:
            yield self._answer(transcript)
            yield from self._body(answer_value(transcript) if options.log_body else None, transcript.answer_cut)

    def _answer(self, transcript: Transcript) -> Line:
        record = transcript.record
        said = f"{record.status} in {record.total_s * 1000:.0f} ms"
        if self._options.show_llm_calls:
            said += _of(told.provider_of(transcript), "by") + _tokens(transcript)
        if transcript.error is not None:
            said += f": {transcript.error.code or transcript.error.type}: {transcript.error.message}"
        elif not transcript.complete:
            said += ", cut off"
        return Line("<--", "bold red" if transcript.error is not None or record.status >= 400 else "bold green", said)

    def _body(self, value: Any, cut: bool) -> Iterator[Line]:
        if self._options.log_body and cut:
            yield Line("   ", "dim", "(too long to be shown)")
        elif self._options.log_body and value is not None:
            yield Line("   ", "dim", redact.strings(msgspec.json.encode(value)).decode())

    def _of_event(self, event: SessionEvent) -> Iterator[Line]:
        options, attributes = self._options, event.attributes
        if event.name is EventName.SESSION_END and options.show_sessions:
            yield Line("session", "bold magenta", f"{event.session_id} ends")
        elif event.name is EventName.TOOL_EXECUTION and options.show_tools:
            yield Line(
                "tool", "bold yellow", f"{attributes.get('tool.name', '')} called{self._detail(attributes, 'tool.params')}"
            )
        elif event.name is EventName.TOOL_RESULT and options.show_tools:
            status = attributes.get("tool.status", "")
            yield Line(
                "tool", "bold yellow", f"{attributes.get('tool.name', '')}: {status}{self._detail(attributes, 'tool.result')}"
            )

    def _detail(self, attributes: dict[str, Any], name: str) -> str:
        if not self._options.log_body or name not in attributes:
            return ""
        return " " + redact.strings(msgspec.json.encode(attributes[name])).decode()


def _of(value: str | None, what: str) -> str:
    return f" {what} {value}".replace("  ", " ") if value else ""


def _tokens(transcript: Transcript) -> str:
    usage = transcript.record.usage
    return "" if usage is None else f", {usage.input_tokens or 0} + {usage.output_tokens or 0} tokens"
