"""How is a picture asked of Gemini's image models, and what do they answer?

Format: `generateContent` with `responseModalities`, google-genai 3.6: pictures come as `inlineData` parts, one in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.errors import CallerError, InvalidResponse
from providers.wire import openai_image

Json = dict[str, Any]
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
KNOWN = frozenset({"prompt", "n", "size", "response_format", "stream"})
"""Fields that are sent, or that the gateway itself heeds."""
MOST = 10
"""Pictures in one call, as OpenAI has it; Gemini makes one an answer, so each is a request of its own."""
HELD_BACK = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_SAFETY",
                       "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE", "MODEL_ARMOR"})  # fmt: skip


def asking(values: Mapping[str, Any]) -> tuple[Json, int, tuple[str, ...]]:
    """The body of a request for one picture, how many are wanted, and the fields that Gemini has no word for."""
    config: Json = {"responseModalities": ["TEXT", "IMAGE"]}
    if ratio := openai_image.nearest_ratio(values.get("size"), RATIOS):
        config["imageConfig"] = {"aspectRatio": ratio}
    body = {"contents": [{"role": "user", "parts": [{"text": values.get("prompt")}]}], "generationConfig": config}
    number = values.get("n") or 1
    if not isinstance(number, int) or not 1 <= number <= MOST:
        raise CallerError(400, f"The field 'n' must be from 1 to {MOST}; got {number!r:.20}.", code="invalid_value", param="n")
    return body, number, tuple(name for name in values if name not in KNOWN)


def answer(answers: list[Json], wanted: str | None, now: int) -> Json:
    """OpenAI's answer to all requests. Raises `CallerError` if no picture came for a reason of safety, else `InvalidResponse`."""
    try:
        items = [item for each in answers for item in _pictures(each)]
        if not items:
            raise _none(answers)
        counts = [each.get("usageMetadata") or {} for each in answers]
        usage = {
            "input_tokens": _sum(counts, "promptTokenCount"),
            "output_tokens": _sum(counts, "candidatesTokenCount", "thoughtsTokenCount"),
            "total_tokens": _sum(counts, "totalTokenCount"),
        }
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse("the images cannot be read") from error
    return openai_image.answer(items, wanted, now, usage=usage)


def _pictures(told: Json) -> list[Json]:
    parts = [part for choice in told.get("candidates") or () for part in (choice.get("content") or {}).get("parts") or ()]
    data = [part["inlineData"]["data"] for part in parts if "inlineData" in part and not part.get("thought")]
    return [{"b64_json": text} for text in data if isinstance(text, str)]


def _none(answers: list[Json]) -> CallerError | InvalidResponse:
    reasons = [(each.get("promptFeedback") or {}).get("blockReason") for each in answers]
    reasons += [choice.get("finishReason") for each in answers for choice in each.get("candidates") or ()]
    blocked = (each.get("promptFeedback") for each in answers)
    reason = next((reason for reason in reasons if isinstance(reason, str) and reason), None)
    if reason in HELD_BACK or any(feedback and feedback.get("blockReason") for feedback in blocked):
        return openai_image.refused("Gemini", reason)
    return InvalidResponse(f"no image came; the answer ended with {reason!r:.40}")


def _sum(counts: list[Json], *names: str) -> int:
    return sum(int(count.get(name) or 0) for count in counts for name in names)
