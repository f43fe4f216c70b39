"""Is there a page, with everything escaped, whatever is said in a session and however it is asked for?"""

from __future__ import annotations

import pytest

from openai_api.models import SessionEventRow, SessionRow, UsageRecord
from tests.integration.admin.conversations import BEGAN, Conversation, new_requests, new_session
from tests.integration.admin.pages import Pages, address
from tests.integration.admin.test_sessions_page import ENTRY, event_url, news, text_of

CANARY = "<img src=x onerror=alert(1)>'\"&{{7*7}}"


def odd_conversation() -> Conversation:
    """Every field of rows and attributes says `CANARY`."""
    fields = {"client_name": CANARY, "tenant": CANARY, "agent": CANARY, "model": CANARY, "trace": "0" * 32}
    talk = Conversation(new_session(CANARY, tags={CANARY: CANARY}, bodies=True, client_id="x", **fields))
    message = {"role": CANARY, "content": [{"type": "text", "text": CANARY}, {"type": CANARY, "x": CANARY}, CANARY]}
    call = {"role": "assistant", "tool_calls": [{"function": {"name": CANARY}}], "thinking": CANARY}
    talk.add("session.start", tools=[CANARY, {"name": CANARY}], **{CANARY: CANARY})
    talk.call(CANARY, [message, call], [call, message], finish_reason=CANARY, refusal=CANARY)
    talk.tool(CANARY, CANARY, {CANARY: CANARY}, CANARY)
    talk.add(
        "llm.call.error", request=CANARY, level="ERROR", error__type=CANARY, error__message=CANARY, http__status_code=CANARY,
        llm__vendor=CANARY, llm__cost_usd=CANARY,
    )  # fmt: skip
    talk.add(CANARY[:32], level=CANARY[:8])
    talk.add("session.end", **{"session.end.reason": CANARY})
    return talk


def test_pages_when_every_field_is_markup_then_all_of_it_is_escaped(pages: Pages) -> None:
    talk = odd_conversation()
    talk.save()
    request = new_requests(talk.row, [CANARY])[0]
    told = [
        text_of(pages, talk.row),
        "".join([news(pages, talk.row, 0)["head"], *(entry["html"] for entry in news(pages, talk.row, 0)["entries"])]),
        pages.open(address(SessionRow)).content.decode(),
        pages.open(address(UsageRecord)).content.decode(),
        pages.open(address(UsageRecord, "change", request)).content.decode(),
        pages.client.post(address(SessionRow), {"action": "erase", "_selected_action": [talk.row.pk]}).content.decode(),
        pages.client.get(address(SessionRow), {"agent": CANARY, "tag": CANARY, "q": CANARY}).content.decode(),
    ]
    for text in told:
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
        assert ">49<" not in text


ODD = [
    "[]",
    "null",
    "7",
    '"text"',
    "{",
    "",
    '{"llm.request.data": 7}',
    '{"llm.request.data": {"messages": [7, null, [[[[[[[[1]]]]]]]]]}}',
    '{"llm.request.data": {"messages": {"role": ["x"], "content": {"type": ["x"]}}}}',
    '{"llm.request.data": ' + "[" * 900 + "]" * 900 + "}",
    '{"llm.usage.input_tokens": 1e308, "llm.response.duration_ms": "x", "llm.cost_usd": [], "tools": 7, "tool.name": {}}',
    '{"llm.response.content": {"tool_calls": 7, "role": "assistant", "parts": 7}, "llm.usage.output_tokens": NaN}',
]


@pytest.mark.parametrize("name", ["session.start", "llm.call.start", "llm.call.finish", "llm.call.error", "tool.result", "odd"])
@pytest.mark.parametrize("attributes", ODD, ids=range(len(ODD)))
def test_timeline_when_attributes_are_odd_then_there_is_a_page(pages: Pages, name: str, attributes: str) -> None:
    row = new_session("s-1", bodies=True)
    SessionEventRow.objects.create(session=row, number=1, at=BEGAN, name=name, level="INFO", attributes=attributes, bodies=True)
    assert ENTRY.findall(text_of(pages, row)) == ["1"]
    assert pages.open(event_url(row, 1)).status_code == 200


@pytest.mark.parametrize("place", ["x", "99999999999999999999999", "-1", "%00", "7"])
def test_pages_when_no_session_is_there_then_none_is_an_error_of_the_server(pages: Pages, db: None, place: str) -> None:
    for rest in ("live/", "events/1/", "events/99999999999999999999999/"):
        assert pages.client.get(f"{address(SessionRow)}{place}/{rest}").status_code in (400, 404)
