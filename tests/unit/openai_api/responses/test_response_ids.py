"""Do ids of responses open for their owner, and for nobody else, also those of long ago?"""

from __future__ import annotations

from openai_api.responses.ids import ResponseIds, Sealed, tag

IDS = ResponseIds([b"tests"])


def test_id_when_sealed_without_a_model_is_and_opens_as_ever() -> None:
    made = "resp_fNuUs1NamIMljeid8EteD8cncJy8YZ7DKSd248bi"
    assert IDS.seal("me", "route-1", "resp_1") == made
    assert IDS.open("me", made) == Sealed("route-1", "resp_1", "")
    assert IDS.open("you", made) is None


def test_id_when_sealed_with_a_model_tells_it_and_is_as_long_as_it_must_be() -> None:
    made = IDS.seal("me", "route", "resp_" + "0" * 48, tag("m/asked"))
    assert IDS.open("me", made) == Sealed("route", "resp_" + "0" * 48, tag("m/asked"))
    assert len(made) < 140
