"""Do Google's own clients take what is told in Gemini's format, and would they have sent what upstreams are asked?

Their types refuse fields that they do not know.
"""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types

from providers.convert.codecs import codecs
from providers.errors import CallerError
from providers.types import Wire
from providers.wire.gemini.codec.answers.stops import REASONS, UNTOLD
from tests.contract.goldens import MAKE, Golden, goldens, request_in

Json = dict[str, Any]
OTHERS = [wire for wire in codecs() if wire is not Wire.GEMINI]
GOLDENS = [golden for wire in OTHERS for golden in goldens(wire)]
ANSWERED = [golden for golden in GOLDENS if golden.kind != "request"]
ASKED = [golden for golden in GOLDENS if golden.kind == "request"]


def responses(golden: Golden) -> list[Json]:
    made = MAKE[golden.kind](golden.wire, Wire.GEMINI, golden.value()).value
    return made if isinstance(made, list) else [made]


def signatures(value: Json) -> Iterator[bytes]:
    for candidate in value.get("candidates", ()):
        for part in candidate["content"]["parts"]:
            if "thoughtSignature" in part:
                yield urlsafe_b64decode(part["thoughtSignature"].replace("+", "-").replace("/", "_") + "==")


@pytest.mark.parametrize("golden", ANSWERED, ids=lambda golden: golden.name)
def test_answer_when_of_another_wire_then_googles_client_reads_it_and_gives_its_signatures_back(golden: Golden) -> None:
    for one in responses(golden):
        read = types.GenerateContentResponse.model_validate(one)
        back = read.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert list(signatures(back)) == list(signatures(one))


@pytest.mark.parametrize("golden", ASKED, ids=lambda golden: golden.name)
def test_request_when_of_another_wire_then_googles_client_could_have_sent_it(golden: Golden) -> None:
    refused: CallerError | None = None
    made: Json = {}
    try:
        made = request_in(golden.wire, Wire.GEMINI, golden.value()).value
    except CallerError as error:
        refused = error
    assert made or refused is not None
    for content in itertools.chain(made.get("contents", ()), [made["systemInstruction"]] if "systemInstruction" in made else ()):
        types.Content.model_validate(content)
    for tool in made.get("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(made.get("toolConfig", {}))
    types.GenerationConfig.model_validate(made.get("generationConfig", {}))


def test_words_when_compared_with_the_clients_then_every_reason_to_stop_is_known() -> None:
    known = {reason.value for reason in types.FinishReason} | {reason.value for reason in types.BlockedReason}
    other = {"OTHER", "LANGUAGE", "PUP_LIMITED_DISABLED", "BLOCKED_REASON_UNSPECIFIED"}
    assert known - REASONS.keys() - UNTOLD == other
