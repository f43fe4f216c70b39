"""Is what another vendor has signed kept from an upstream of the client's own wire, and all else sent as it came?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.canonical.signature import Signature
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.convert.signed import without_foreign
from providers.errors import Unsupported
from providers.registry import provider_type
from providers.types import Call, Reply, Wire
from providers.wire.gemini.codec.signatures import signed
from tests.unit.providers.openai_compatible.test_adapter import Upstream, config

Json = dict[str, Any]
FOREIGN = signed(Signature("QQ==", Wire.ANTHROPIC_MESSAGES))
GEMINI_ANSWER = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finishReason":"STOP"}]}'


def gemini(signature: str) -> Json:
    thought = {"text": "hm", "thought": True, "thoughtSignature": signature}
    model = {"role": "model", "parts": [thought, {"text": "a"}]}
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, model], "x": 1.50}


def messages(signature: str) -> Json:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}]
    return {"model": "m", "max_tokens": 5, "messages": said, "x": 1.50}


def call(wire: Wire, body: Json, **more: Any) -> Call:
    text = json.dumps(body).encode()
    return Call(capability=Capability.CHAT, wire=wire, model="public", body=text, fields=fields_of(text), request_id="r1", **more)


CASES = [
    (Wire.GEMINI, gemini(FOREIGN), gemini("c2ln"), "contents[].parts[].thoughtSignature"),
    (Wire.ANTHROPIC_MESSAGES, messages("signalbox.gemini.QQ=="), messages("c2ln"), "(thinking)"),
]


@pytest.mark.parametrize(("wire", "foreign", "own", "name"), CASES, ids=[wire for wire, *_ in CASES])
def test_call_when_another_vendor_has_signed_in_it_then_that_is_left_out_and_named(
    wire: Wire, foreign: Json, own: Json, name: str
) -> None:
    made, names = without_foreign(call(wire, foreign))
    assert b"QQ" not in made.body
    assert b"signalbox" not in made.body
    assert len(names) == 1
    assert names[0].endswith(name)
    assert json.loads(made.body)["x"] == 1.5
    as_it_came = call(wire, own)
    assert without_foreign(as_it_came) == (as_it_came, ())


@pytest.mark.parametrize(("wire", "foreign"), [case[:2] for case in CASES], ids=[wire for wire, *_ in CASES])
def test_call_when_strict_then_400(wire: Wire, foreign: Json) -> None:
    with pytest.raises(Unsupported):
        without_foreign(call(wire, foreign, strict=True))


def test_call_when_it_only_speaks_of_signatures_then_it_stays_as_it_came() -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": f"What is signalbox. or {FOREIGN}?"}]}]}
    as_it_came = call(Wire.GEMINI, body)
    assert without_foreign(as_it_came)[0] is as_it_came


async def test_call_when_asked_then_the_upstream_does_not_see_it_and_the_answer_names_it() -> None:
    upstream = Upstream(body=GEMINI_ANSWER)
    reply = await ask(provider_type("gemini").target(config("gemini")), call(Wire.GEMINI, gemini(FOREIGN)), upstream)
    assert isinstance(reply, Reply)
    assert reply.lossy == ("contents[].parts[].thoughtSignature",)
    [request] = upstream.requests
    assert json.loads(bytes(request.body))["contents"][1] == {"role": "model", "parts": [{"text": "a"}]}
