"""Is there a valid smallest call of every capability, and do calls end in time and in every way as what they are?"""

from __future__ import annotations

import asyncio
import io
import wave
import zlib
from time import perf_counter

import pytest
from django.utils import timezone

from models_catalog.models import ModelDefinition, RouteCheck
from models_catalog.route_checks.calls import FORM_CALLS, JSON_CALLS, smallest_call, unlimited
from models_catalog.route_checks.plan import Planned, plan
from models_catalog.route_checks.run import TOO_LATE, Result, run, run_in_thread
from models_catalog.route_checks.store import store
from providers.capabilities import Capability
from tests.contract.examples import CAPABLE
from tests.unit.models_catalog.rows import model, provider


def file_of(capability: Capability) -> tuple[str, bytes]:
    form = smallest_call(capability, "m").form
    assert form is not None
    assert form.text("model") == "m"
    (part,) = (part for part in form.parts if part.filename is not None)
    return part.name, part.data()


def test_capability_when_an_adapter_can_have_it_then_it_has_one_smallest_call() -> None:
    assert {*JSON_CALLS, *FORM_CALLS} == set(CAPABLE)
    assert not JSON_CALLS.keys() & FORM_CALLS.keys()
    for capability in CAPABLE:
        call = smallest_call(capability, "m")
        assert call.capability is capability
        assert (call.form is None) == bool(call.body)
        assert call.model == "m"


@pytest.mark.parametrize("capability", [Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION])
def test_sound_when_read_then_it_is_half_a_second_of_silence(capability: Capability) -> None:
    name, data = file_of(capability)
    with wave.open(io.BytesIO(data)) as file:
        assert (name, file.getnframes() / file.getframerate()) == ("file", 0.5)
        assert set(file.readframes(file.getnframes())) == {0}


@pytest.mark.parametrize("capability", [Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION])
def test_picture_when_read_then_it_is_a_whole_square_png(capability: Capability) -> None:
    name, data = file_of(capability)
    assert (name, data[:8]) == ("image", b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        chunks[kind] = data[at + 8 : at + 8 + size]
        assert int.from_bytes(data[at + 8 + size : at + 12 + size]) == zlib.crc32(kind + chunks[kind])
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert chunks[b"IHDR"][:8] == (256).to_bytes(4) * 2
    assert len(zlib.decompress(chunks[b"IDAT"])) == 256 * (1 + 4 * 256)
    assert len(data) < 1000


def test_limit_when_taken_away_then_all_else_stays() -> None:
    call = unlimited(smallest_call(Capability.COMPLETION, "m"))
    assert call.body == b'{"model":"m","prompt":"hi"}'
    assert set(call.fields.spans) == {"model", "prompt"}


@pytest.mark.django_db
def test_calls_when_the_time_for_all_is_short_then_none_lasts_longer_and_the_rest_is_not_made() -> None:
    planned = _plan("slow-5s", 6)
    started = perf_counter()
    results = asyncio.run(run(planned, total_s=0.3))
    assert perf_counter() - started < 2
    assert [result.code for result in results] == ["test_timeout"] * 4 + [TOO_LATE] * 2
    assert results[0].message == "No answer within 0.3 seconds."


@pytest.mark.django_db
def test_caller_when_it_has_an_event_loop_then_the_calls_run_in_a_thread() -> None:
    planned = _plan("echo", 1)

    async def caller() -> list[Result]:
        return run_in_thread(planned)

    results = asyncio.run(caller())
    assert {(result.outcome.value, result.code) for result in results} == {("ok", "")}
    assert {result.planned.capability for result in results} == set(CAPABLE)


def _plan(upstream_model: str, routes: int) -> list[Planned]:
    able = ["chat"] if routes > 1 else [capability.value for capability in CAPABLE]
    row = model("gpt", [provider(f"p{number}", "dummy") for number in range(routes)], capabilities=able)
    row.routes.update(upstream_model=upstream_model)
    return plan(ModelDefinition.objects.all(), images=True)


@pytest.mark.django_db
def test_outcomes_when_a_route_is_gone_or_was_not_reached_then_the_others_are_kept() -> None:
    planned = _plan("slow-5s", 6)
    results = run_in_thread(planned, total_s=0.2)
    planned[0].route.delete()
    store(results, timezone.now())
    kept = RouteCheck.objects.values_list("route__name", "outcome", "code")
    assert set(kept) == {(f"p{number}", "failed", "test_timeout") for number in (1, 2, 3)}
