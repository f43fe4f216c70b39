"""Are events of a session rows in their order, each once, whoever writes them and however often?"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection

from openai_api.database import session_rows, session_writes
from openai_api.database.session_purge import end_forgotten, purge
from openai_api.database.session_rows import SessionSink
from openai_api.hooks import EventName, SessionEvent
from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow
from openai_api.observing.fold import Fold
from providers.types import Wire
from tests.matrix.situations import BERN, SUNNY, TIME, WEATHER, ZURICH, Ask, Tell
from tests.unit.openai_api.observing.exchanges import START, transcript

pytestmark = pytest.mark.django_db(transaction=True)
FOR_EVER = 1e9
CALLING = Tell(calls=(ZURICH, BERN), why="calls")
TOOLS = Ask(tools=(WEATHER, TIME))
RESULTS = Ask(tools=(WEATHER, TIME), results=((ZURICH, "21 °C"), (BERN, "noon")))


def conversation(fold: Fold | None = None, **fields: Any) -> list[list[SessionEvent]]:
    """The events of two exchanges."""
    fold = fold or Fold()
    first = transcript(Wire.OPENAI_CHAT, TOOLS, CALLING, session_new=True, request_id="r1", **fields)
    second = transcript(Wire.OPENAI_CHAT, RESULTS, SUNNY, at=2.0, session_seen=1, request_id="r2", **fields)
    return [fold.events(first), fold.events(second)]


def written(*batches: list[SessionEvent], **options: Any) -> SessionSink:
    sink = SessionSink(**{"idle_s": FOR_EVER} | options)
    for batch in batches:
        sink.take_events(batch)
    sink.tick()
    return sink


def kept(session: str = "s-1") -> list[str]:
    rows = SessionEventRow.objects.filter(session__session_id=session).order_by("number")
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return [f"{row.request_id}:{row.name}" for row in rows]


def names(*batches: list[SessionEvent]) -> list[str]:
    return [f"{event.request_id}:{event.name.value}" for batch in batches for event in batch]


def test_sink_when_a_conversation_is_told_then_its_rows_say_all_of_it() -> None:
    first, second = conversation(tags={"team": "a"}, client_name="key one", tenant="acme")
    written(first, second)
    assert kept() == names(first, second)
    session = SessionRow.objects.get()
    assert (session.client_id, session.client_name, session.tenant, session.agent) == ("k-1", "key one", "acme", "a-1")
    assert (session.calls, session.tools, session.errors, session.events_count) == (2, 2, 0, 9)
    assert (session.input_tokens, session.output_tokens, session.unpriced, session.cost_usd) == (62, 34, 2, Decimal(0))
    assert session.started_at == datetime.fromtimestamp(START, UTC)
    assert session.last_at == datetime.fromtimestamp(START + 2.5, UTC)
    assert (session.ended_at, session.bodies, session.trace) == (None, True, first[0].trace_id)
    assert json.loads(session.tags) == {"team": "a"}
    labels = set(SessionLabelRow.objects.values_list("kind", "name", "value"))
    assert labels == {("tag", "team", "a"), ("model", "m", "")}
    result = SessionEventRow.objects.get(number=6)
    assert json.loads(result.attributes)["tool.execution_time_ms"] == 1500.0


def test_sink_when_a_write_may_have_taken_place_then_nothing_stands_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = conversation()
    sink = SessionSink(idle_s=FOR_EVER)
    for batch in batches:
        sink.take_events(batch)

    def committed_and_lost(*args: Any, **fields: Any) -> None:
        session_writes.write(*args, **fields)
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(session_rows, "write", committed_and_lost)
        sink.tick()
    assert sink.held == 9
    sink.close()
    assert (sink.held, sink.lost) == (0, 0)
    assert kept() == names(*batches)
    assert SessionRow.objects.get().calls == 2


def test_sink_when_an_exchange_is_heard_of_late_then_it_stands_where_it_belongs() -> None:
    folds = [Fold(), Fold()]
    exchanges = [
        folds[number % 2].events(
            transcript(Wire.OPENAI_CHAT, TOOLS, CALLING, at=float(number), session_new=number == 0, request_id=f"r{number}")
        )
        for number in range(8)
    ]
    order = list(range(8))
    random.Random(7).shuffle(order)
    for number in order:
        written(exchanges[number])
    assert kept() == names(*exchanges)
    assert SessionRow.objects.get().events_count == sum(map(len, exchanges))


def test_sink_when_a_session_ends_then_it_has_ended_until_it_goes_on() -> None:
    fold = Fold(idle_s=10)
    written(*conversation(fold), fold.due(START + 20))
    assert SessionRow.objects.get().ended_at == datetime.fromtimestamp(START + 20, UTC)
    assert kept()[-1] == ":session.end"
    written(fold.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, at=30.0, request_id="r3")))
    assert SessionRow.objects.get().ended_at is None
    assert kept()[-3:] == ["r3:session.start", "r3:llm.call.start", "r3:llm.call.finish"]


def test_sink_when_others_know_of_more_then_an_end_is_none() -> None:
    here, there = Fold(idle_s=10), Fold(idle_s=10)
    written(*conversation(here))
    written(there.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, at=9.0, request_id="r3")))
    written(here.due(START + 13))
    assert ":session.end" not in kept()
    written(there.due(START + 20), here.due(START + 99), there.due(START + 99))
    assert kept().count(":session.end") == 1


def test_sink_when_the_database_is_away_then_events_wait_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **fields: Any) -> None:
        raise OperationalError("no route")

    batches = conversation()
    monkeypatch.setattr(session_rows, "HELD_EVENTS", 6)
    sink = SessionSink(idle_s=FOR_EVER)
    with monkeypatch.context() as patched:
        patched.setattr(session_rows, "write", away)
        for batch in batches:
            sink.take_events(batch)
            sink.tick()
        assert (sink.held, sink.lost) == (6, 3)
    sink.close()
    assert kept() == names(*batches)[:6]


def test_sink_when_one_event_is_refused_then_the_others_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = conversation()
    batches[0][2].attributes["llm.usage.input_tokens"] = 2**70
    sink = written(*batches)
    assert sink.lost == 1
    assert len(kept()) == 8


@pytest.mark.parametrize("odd", ["a\0b", "\ud83d", "x" * 5000, "Zürich 😀"])
def test_sink_when_texts_are_odd_then_they_are_written_as_far_as_they_can_be(odd: str) -> None:
    (events, _) = conversation(session=odd[:300], agent=odd, model=odd[:200], tags={odd: odd}, client_name=odd, tenant=odd)
    for event in events:
        event.attributes["odd"] = odd
    sink = written(events)
    assert sink.lost == 0
    assert SessionEventRow.objects.count() == len(events)


def test_purge_when_events_are_old_then_they_go_and_their_sessions() -> None:
    written(*conversation())
    recent = datetime.now(UTC).timestamp() - START
    written(Fold().events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, at=recent, session="s-2", session_new=True)))
    assert purge(1.0) is False
    assert SessionRow.objects.get().session_id == "s-2"
    assert len(kept("s-2")) == 3
    assert SessionLabelRow.objects.count() == 1


def test_end_forgotten_when_nobody_remembers_a_session_then_it_ends_once() -> None:
    written(*conversation())
    assert end_forgotten(1e9) is False
    assert SessionRow.objects.get().ended_at is None
    end_forgotten(60.0)
    end_forgotten(60.0)
    assert kept().count(":session.end") == 1
    (end,) = SessionEventRow.objects.filter(name=EventName.SESSION_END.value)
    assert json.loads(end.attributes)["session.end.reason"] == "forgotten"
    assert json.loads(end.attributes)["session.calls"] == 2
    assert SessionRow.objects.get().ended_at is not None


def test_sink_when_a_deleted_session_ends_then_it_stays_deleted() -> None:
    fold = Fold(idle_s=1)
    written(*conversation(fold))
    SessionRow.objects.all().delete()
    written(fold.due(START + timedelta(days=1).total_seconds()))
    assert not SessionRow.objects.exists()
    connection.close()
