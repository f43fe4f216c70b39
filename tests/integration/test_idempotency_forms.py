"""Is a form that is sent twice with one `Idempotency-Key` served once: by what its parts say, not by how they are cut?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.integration.test_images import PNG
from tests.live import LiveGateway, error_of

TRANSCRIPTIONS, EDITS = "/v1/audio/transcriptions", "/v1/images/edits"
MARK = "x-gateway-idempotent"
SOUND = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(200))
Json = dict[str, Any]
FORMS: dict[str, tuple[str, Json, Json]] = {
    "transcription": (TRANSCRIPTIONS, {"language": "de"}, {"file": ("a.wav", SOUND)}),
    "edit": (EDITS, {"prompt": "a hat"}, {"image": ("a.png", PNG)}),
}
OTHERS: dict[str, tuple[str, Json, Json]] = {
    "a field": (TRANSCRIPTIONS, {"language": "en"}, {"file": ("a.wav", SOUND)}),
    "a file's bytes": (TRANSCRIPTIONS, {"language": "de"}, {"file": ("a.wav", SOUND + b"\0")}),
    "a file's name": (TRANSCRIPTIONS, {"language": "de"}, {"file": ("b.wav", SOUND)}),
}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """One that says something else each time."""
    with vendor({}) as upstream:

        def heard(seen: Seen) -> Said:
            return said({"text": f"number {len(upstream.seen)}"})

        def drawn(seen: Seen) -> Said:
            return said({"created": len(upstream.seen), "data": [{"b64_json": "aGk="}]})

        upstream.answers |= {TRANSCRIPTIONS: heard, EDITS: drawn}
        able = {"forms/any": ("any", ["audio_transcription", "image_edit"])}
        shared_gateway.define_at("openai_compatible", f"{upstream.base}/v1", able, name="forms")
        yield upstream


def send(gateway: LiveGateway, key: str, form: tuple[str, Json, Json]) -> httpx.Response:
    """The form, between boundaries that no other has."""
    path, fields, files = form
    return gateway.http.post(path, data={"model": "forms/any", **fields}, files=files, headers={"idempotency-key": key})


@pytest.mark.parametrize("name", FORMS)
def test_form_when_sent_again_with_its_key_then_replayed_and_one_call(gateway: LiveGateway, upstream: Vendor, name: str) -> None:
    key, asked = str(uuid4()), len(upstream.seen)
    answers = [send(gateway, key, FORMS[name]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers.get(MARK) for answer in answers] == [None, "replayed"]
    assert answers[0].content == answers[1].content
    assert len(upstream.seen) == asked + 1


@pytest.mark.parametrize("what", OTHERS)
def test_form_when_something_in_it_is_another_then_422(gateway: LiveGateway, upstream: Vendor, what: str) -> None:
    key = str(uuid4())
    assert send(gateway, key, FORMS["transcription"]).status_code == 200
    asked = len(upstream.seen)
    refused = send(gateway, key, OTHERS[what])
    assert refused.status_code == 422
    assert error_of(refused)["code"] == "idempotency_mismatch"
    assert len(upstream.seen) == asked
