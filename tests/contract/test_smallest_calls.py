"""Is the smallest call that tests a route one that every endpoint takes, and that every provider type sends?"""

from __future__ import annotations

import pytest

from models_catalog.route_checks.calls import smallest_call, unlimited
from providers.bytes.multipart import FormBody
from providers.capabilities import Capability
from providers.registry import ProviderType
from providers.transport.slim import SlimTransport
from providers.types import Call
from tests.contract.examples import BY_CAPABILITY, CAPABLE, Example
from tests.contract.test_every_provider import answer_of, every_ability, prepare, transport, upstream
from tests.contract.upstream import Upstream
from tests.unit.openai_api.parts import AUTHORIZED, Site, entry, target

__all__ = ["transport", "upstream"]


def encoded(call: Call) -> tuple[bytes, bytes]:
    """The content type and the body of a request that makes this call."""
    if call.form is None:
        return b"application/json", call.body
    body = FormBody(call.form.parts)
    return body.content_type, bytes(body)


@every_ability
async def test_smallest_call_when_sent_by_an_adapter_then_answered(
    known: ProviderType, example: Example, upstream: Upstream, transport: SlimTransport
) -> None:
    prepare(upstream, known, example)
    wire, body = await answer_of(known, smallest_call(example.capability, "m"), transport, api_base=upstream.base)
    assert wire is BY_CAPABILITY[example.capability].wire
    assert body
    assert upstream.seen


@pytest.mark.parametrize("capability", CAPABLE)
async def test_smallest_call_when_asked_for_by_a_client_then_it_is_a_good_request(capability: Capability) -> None:
    path = f"/v1{BY_CAPABILITY[capability].path}"
    site = Site(entry("demo", target("1"), able=CAPABLE))
    call = smallest_call(capability, "demo")
    for made in [call] if call.form else [call, unlimited(call)]:
        content_type, body = encoded(made)
        answer = await site.ask(body, method="POST", path=path, headers=[*AUTHORIZED, (b"content-type", content_type)])
        assert answer.status == 200, answer.body
