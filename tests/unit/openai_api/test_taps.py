"""Do taps see every event in order, and does each outlet tell what they made of it, converted streams too? Without taps, is
nothing changed?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from openai_api.context import Inbound
from openai_api.dialects.openai import OPENAI
from openai_api.http.outlet import HttpOutlet
from openai_api.jobs.job import Job
from openai_api.jobs.run import Run
from openai_api.outlet import Outlet
from openai_api.pipeline.exchange import exchange_of, generate
from openai_api.recording.events import Record
from openai_api.responses.background_job import Asked
from openai_api.responses.background_run import BackgroundRun
from openai_api.taps import Tap, tapped
from openai_api.turns import TurnOutlet
from providers.bytes import sse
from providers.bytes.event import Event
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.offload import LARGE
from providers.types import Call, ResponseContext, Wire
from tests.unit.openai_api.parts import Message, Site, entry, target

DONE = b"data: [DONE]\n\n"
NOTE = b'{"type":"note"}'
LAST = b'{"type":"last"}'
CHAT = (Capability.CHAT, Wire.OPENAI_CHAT, {"messages": [{"role": "user", "content": "one two"}]})
RESPONSE = (Capability.RESPONSES, Wire.OPENAI_RESPONSES, {"input": "one two"})


class Looks:
    """Lets everything through, and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def event(self, event: Event) -> Iterable[Event]:
        self.seen.append(event)
        return (event,)

    def end(self) -> Iterable[Event]:
        return ()


class Changes(Looks):
    def event(self, event: Event) -> Iterable[Event]:
        super().event(event)
        return (Event(event.frame.replace(b"one", b"ONE")),)


class Drops(Looks):
    """Whatever begins a text, and so nothing that ends a stream."""

    def event(self, event: Event) -> Iterable[Event]:
        super().event(event)
        return () if event.kind == "response.output_text.delta" or b'"delta":{"content":"' in event.data else (event,)


class Adds(Looks):
    def event(self, event: Event) -> Iterable[Event]:
        super().event(event)
        return (event, Event.of(NOTE, b"note"))

    def end(self) -> Iterable[Event]:
        return (Event.of(LAST),)


class Http:
    """A client of HTTP: the data of the events that it hears, without `[DONE]`."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.outlet: Outlet = HttpOutlet(self._send, "POST", "r", OPENAI)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def heard(self) -> list[Any]:
        body = b"".join(message["body"] for message in self.sent[1:])
        assert body.endswith(DONE)
        return [json.loads(sse.data_of(frame) or b"") for frame in sse.FrameSplitter().feed(body.removesuffix(DONE))]


class Socket:
    """A client of a WebSocket."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.outlet: Outlet = TurnOutlet(self._tell, OPENAI)

    async def _tell(self, data: bytes) -> None:
        self.told.append(data)

    async def heard(self) -> list[Any]:
        return [json.loads(data) for data in self.told]


class Writes:
    """Keeps the end of the response where it would be written."""

    body = b""

    def ended(self, response_id: str, status: str, body: bytes) -> Any:
        self.body = body

    begun: Any = None


class Unattended:
    """A response in the background, and whoever reads its events afterwards."""

    def __init__(self) -> None:
        self.writes = Writes()
        response = msgspec.Raw(b'{"id":"resp_1","created_at":1}')
        asked = Asked(msgspec.Raw(b"{}"), response, "demo", "r", stream=True, strict=False)
        self.made = BackgroundRun(Run(Job("resp_1", "response", "me", b"", 1.0)), asked)
        self.outlet: Outlet = self.made.inbound.outlet

    async def heard(self) -> list[Any]:
        await self.made.ending(self.writes)
        self.made.run.publish()
        told = await self.made.run.events(1)  # the first two are said before anything is asked of a target
        return [json.loads(sse.data_of(frame) or b"") for frame in told.frames]


Listener = Http | Socket | Unattended


async def told(asked: tuple[Capability, Wire, dict[str, Any]], listener: Listener, *taps: Tap, script: str = "echo") -> list[Any]:
    """What the listener hears of the answer, after the taps."""
    capability, wire, fields = asked
    body = json.dumps({"model": "demo", "stream": True, **fields}).encode()
    context, found = ResponseContext(id="resp_1"), fields_of(body)
    call = Call(
        capability=capability, wire=wire, model="demo", body=body, fields=found, request_id="r", stream=True, response=context
    )
    site = Site(entry("demo", target("t", script), able=[capability]))
    inbound = Inbound(
        "r", "POST", "/", "", {}, b"", Record("r", "POST", "/"), listener.outlet, catalog=site.gateway.catalog.current
    )
    keep = listener.made.keep if isinstance(listener, Unattended) else None
    await generate(exchange_of(site.gateway, inbound, call, taps=taps, keep=keep))
    assert listener.outlet.finished
    return await listener.heard()


def without_chance(events: Iterable[Any]) -> list[Any]:
    """The events without what is new each time."""
    chance = ("id", "created", "created_at", "completed_at", "item_id", "obfuscation")
    return json.loads(json.dumps(list(events)), object_hook=lambda value: {k: v for k, v in value.items() if k not in chance})  # type: ignore[no-any-return]


def text_of(events: Iterable[Any]) -> str:
    """The text of the deltas."""
    said = []
    for event in events:
        if event.get("type") == "response.output_text.delta":
            said.append(event["delta"])
        said += [choice["delta"].get("content") or "" for choice in event.get("choices", ())]
    return "".join(said)


OVER = [
    pytest.param(CHAT, Http, id="chat over HTTP"),
    pytest.param(RESPONSE, Http, id="a converted response over HTTP"),
    pytest.param(RESPONSE, Socket, id="a converted response over a WebSocket"),
    pytest.param(RESPONSE, Unattended, id="a converted response in the background"),
]
over_each_outlet = pytest.mark.parametrize(("asked", "listener"), OVER)


@over_each_outlet
async def test_tap_when_it_only_looks_then_it_sees_each_event_in_order_and_nothing_changes(
    asked: Any, listener: Callable[[], Listener]
) -> None:
    tap = Looks()
    heard = without_chance(await told(asked, listener(), tap))
    assert heard == without_chance(await told(asked, listener()))
    assert text_of(heard) == "You said: one two"
    seen = without_chance(json.loads(event.data) for event in tap.seen)
    if listener is Unattended:  # which numbers its events, and says at once that it was created
        assert [event["type"] for event in heard] == [event["type"] for event in seen][1:]
    else:
        assert seen == heard


@over_each_outlet
async def test_tap_when_it_changes_events_then_the_changed_ones_are_told(asked: Any, listener: Callable[[], Listener]) -> None:
    assert text_of(await told(asked, listener(), Changes())) == "You said: ONE two"


@over_each_outlet
async def test_tap_when_it_drops_events_then_the_others_are_told(asked: Any, listener: Callable[[], Listener]) -> None:
    every, heard = await told(asked, listener()), await told(asked, listener(), tap := Drops())
    assert text_of(heard) == ""
    assert 0 < len(heard) < len(every)
    assert text_of(json.loads(event.data) for event in tap.seen) == "You said: one two"


@over_each_outlet
async def test_tap_when_it_adds_events_then_they_are_told_in_their_place(asked: Any, listener: Callable[[], Listener]) -> None:
    heard = await told(asked, listener(), Adds())
    kinds = [event.get("type", "chunk") for event in heard]
    assert kinds[-2:] == ["note", "last"]
    assert kinds.count("note") == len([kind for kind in kinds if kind not in ("note", "last")]) + (listener is Unattended)


@over_each_outlet
async def test_taps_when_there_are_several_then_each_sees_what_the_one_before_it_let_through(
    asked: Any, listener: Callable[[], Listener]
) -> None:
    first, last = Looks(), Looks()
    await told(asked, listener(), first, Drops(), Adds(), last)
    assert len(first.seen) > len([event for event in last.seen if event.data not in (NOTE, LAST)]) > 0
    assert last.seen[-1].data == LAST


@pytest.mark.parametrize("listener", [Http, Socket, Unattended])
async def test_tap_when_the_stream_breaks_then_it_sees_how_that_is_told(listener: Callable[[], Listener]) -> None:
    tap = Looks()
    heard = await told(RESPONSE, listener(), tap, script="echo+break-2")
    assert heard[-1]["type"] == tap.seen[-1].kind == "response.failed"


async def test_tap_when_it_changes_the_whole_response_then_that_is_kept() -> None:
    await told(RESPONSE, listener := Unattended(), Changes())
    assert json.loads(listener.writes.body)["output"][0]["content"][0]["text"] == "You said: ONE two"


async def test_tap_when_comments_and_the_end_pass_then_it_is_not_told_of_them_and_adds_in_front_of_the_end() -> None:
    frames = [b": ping\n\n", b"data: {}\n\n", DONE]
    tap = Adds()
    assert await tapped([tap], frames, last=True) == [*frames[:2], Event.of(NOTE, b"note").frame, Event.of(LAST).frame, DONE]
    assert [event.data for event in tap.seen] == [b"{}"]


async def test_tap_when_an_event_is_large_then_it_is_read_before_the_tap_sees_it() -> None:
    class Asks(Looks):
        def event(self, event: Event) -> Iterable[Event]:
            found.append(event._fields is not None)
            return super().event(event)

    found: list[bool] = []
    for size in (10, LARGE):
        await tapped([Asks()], [b'data: {"b64_json":"%b"}\n\n' % (b"a" * size)])
    assert found == [False, True]


def test_event_when_it_is_changed_then_no_other_byte_is() -> None:
    event = Event(b'event: a\nid: 7\ndata: {"type": "a",  "x":1}\n\n')
    assert (event.kind, event.fields.raw("x")) == ("a", b"1")
    assert event.changed({"x": b"2"}).frame == b'event: a\nid: 7\ndata: {"type": "a",  "x":2}\n\n'
    assert [Event(frame).kind for frame in (DONE, b": c\n\n", b"data: [1]\n\n")] == ["", "", ""]
