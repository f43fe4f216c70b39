"""Are requests for images read as values, and answers made of values, whatever they look like?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes import sse
from providers.bytes.data_url import JsonWithFiles
from providers.bytes.multipart import Form, Part, file_part, text_part
from providers.bytes.patch import Fields, fields_of
from providers.capabilities import Capability
from providers.errors import CallerError
from providers.types import Call, Wire
from providers.wire import openai_image
from providers.wire.openai_image import asked, events_of, in_format, nearest_ratio, pixels_of, sources_of

PNG = b"\x89PNG\r\n"


def call(form: list[Part] | None = None, capability: Capability = Capability.IMAGE_EDIT, **fields: Any) -> Call:
    body = json.dumps({"model": "m", **fields}).encode() if form is None else b""
    return Call(
        capability=capability,
        wire=Wire.OPENAI_IMAGE,
        model="m",
        body=body,
        fields=fields_of(body) if form is None else Fields(b"{}", {}),
        form=None if form is None else Form(form),
        request_id="r",
    )


def test_values_when_in_a_form_are_those_of_json() -> None:
    fields: dict[str, Any] = {
        "prompt": "7",
        "user": "true",
        "n": 2,
        "seed": -1,
        "guidance_scale": 3.5,
        "upsampling": True,
        "size": "1x2",
    }
    texts = [text_part(name, value if isinstance(value, str) else json.dumps(value)) for name, value in fields.items()]
    files = [file_part("image[]", "a.png", "", PNG), file_part("mask", "m.png", "", PNG)]
    hidden = [text_part("model", "m"), text_part("tensorzero::tags", "{}")]
    as_form = asked(call([*hidden, *texts, *files]))
    others: dict[str, Any] = {"images": [{"file_id": "f"}], "mask": {"file_id": "f"}, "none": None, "tensorzero::a": 1}
    as_json = asked(call(**fields, **others))
    assert as_form == as_json == fields | {"mask": True}
    assert [type(as_form[name]) for name in fields] == [type(value) for value in fields.values()]


@pytest.mark.parametrize("text", ["1e999", "NaN", "0x10", "1_000", "", " 7", "9" * 40, "null", "[1]", "--1"])
def test_text_when_it_is_no_plain_number_stays_a_text(text: str) -> None:
    assert asked(call([text_part("level", text)])) == {"level": text}


def test_sources_when_they_are_files_are_data_urls_of_their_kind() -> None:
    parts = [
        file_part("image[]", "a.jpg", "image/jpeg", b"x"),
        file_part("image", "b", "application/octet-stream", PNG),
        text_part("image", "https://pictures.example/1.png"),
    ]
    assert json.loads(bytes(JsonWithFiles({"images": sources_of(call(parts))})))["images"] == [
        "data:image/jpeg;base64,eA==",
        "data:image/png;base64,iVBORw0K",
        "https://pictures.example/1.png",
    ]


def test_source_when_its_kind_would_break_the_json_is_told_by_its_bytes() -> None:
    (url,) = sources_of(call([file_part("image", "b", 'image/png","x":"', PNG)]))
    assert json.loads(bytes(JsonWithFiles({"url": url}))) == {"url": "data:image/png;base64,iVBORw0K"}


@pytest.mark.parametrize("image", [7, {}, {"file_id": "f"}, {"image_url": {}}, {"url": ""}, [[]]])
def test_source_when_it_has_no_address_is_refused(image: Any) -> None:
    with pytest.raises(CallerError):
        sources_of(call(image=image))


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("1536x1024", "3:2"),
        ("99999x1", "16:9"),
        ("auto", None),
        ("0x10", None),
        ("10x", None),
        ("1x1\n", None),
        (7, None),
        (None, None),
    ],
)
def test_ratio_when_asked_for_is_the_nearest(size: Any, ratio: str | None) -> None:
    assert nearest_ratio(size, ("1:1", "3:2", "16:9", "9:16")) == ratio
    assert (pixels_of(size) is None) == (ratio is None)


@pytest.mark.parametrize(
    ("item", "wanted", "expected"),
    [
        ({"b64_json": "iVBORw"}, None, {"b64_json": "iVBORw"}),
        ({"b64_json": "iVBORw"}, "url", {"url": "data:image/png;base64,iVBORw"}),
        ({"b64_json": "/9j/"}, "url", {"url": "data:image/jpeg;base64,/9j/"}),
        ({"b64_json": "data:image/webp;base64,AAAA", "url": None}, "b64_json", {"b64_json": "AAAA"}),
        ({"url": "data:image/png;base64,AAAA", "x": 1}, "b64_json", {"b64_json": "AAAA", "x": 1}),
        ({"url": "https://a.example/1", "b64_json": None}, "b64_json", {"url": "https://a.example/1"}),
        ({"url": "https://a.example/1", "b64_json": "AAAA"}, "url", {"url": "https://a.example/1"}),
        ({"url": "https://a.example/1", "b64_json": "AAAA"}, None, {"b64_json": "AAAA"}),
        ({"url": "", "b64_json": ""}, None, {}),
    ],
)
def test_item_when_it_has_an_image_has_it_in_the_format_wanted(item: Any, wanted: str | None, expected: Any) -> None:
    assert in_format(item, wanted) == expected


def test_events_when_made_of_an_address_have_it_and_no_base64() -> None:
    answer = {"created": 5, "data": [{"url": "https://a.example/1"}], "usage": {"input_tokens": 1}}
    (frame,) = events_of(call(capability=Capability.IMAGE_GENERATION, size="1x1", quality=None), answer, 9)
    event = json.loads(sse.data_of(frame) or b"")
    assert event == {
        "type": "image_generation.completed",
        "b64_json": "",
        "created_at": 5,
        "size": "1x1",
        "quality": "auto",
        "background": "auto",
        "output_format": "png",
        "url": "https://a.example/1",
        "usage": {"input_tokens": 1},
    }


def test_usage_when_it_counts_no_tokens_gets_zeros() -> None:
    made = openai_image.answer([{"url": "u"}], None, 9, usage={"cost": 1})
    details = {"image_tokens": 0, "text_tokens": 0}
    tokens = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert made["usage"] == {**tokens, "input_tokens_details": details, "cost": 1}
    assert "usage" not in openai_image.answer([{"url": "u"}], None, 9)
