"""Do images go the whole way: what the client sends to the upstream, and what the upstream makes of it back?"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import DATA, Said, Seen, Vendor, recorded, said, vendor
from tests.integration.test_large_bodies import check_lags, lags
from tests.live import LiveGateway, error_of

CAPABILITIES = ("image_generation", "image_edit", "image_variation")
GENERATIONS, EDITS, VARIATIONS = (f"/v1/images/{name}" for name in ("generations", "edits", "variations"))
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(range(256))


ANSWER = json.loads((DATA / "openai/images.json").read_bytes())
IMAGE = ANSWER["data"][0]["b64_json"]


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        shared_gateway.define_at("openai", f"{upstream.base}/v1", {"i/openai": ("gpt-image", CAPABILITIES)}, name="i-openai")
        routes = [{"provider": "dead", "upstream_model": "x"}, {"provider": "i-openai", "upstream_model": "gpt-image"}]
        shared_gateway.define_models({"i/fallback": routes}, capabilities=list(CAPABILITIES))
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor) -> Vendor:
    """OpenAI, as its document says."""
    shared_upstream.seen.clear()
    answers = {GENERATIONS: "image_generation", EDITS: "image_edit", VARIATIONS: ""}
    shared_upstream.answers.update({path: openais(events) for path, events in answers.items()})
    return shared_upstream


def openais(events: str) -> Any:
    def answer(seen: Seen) -> Said:
        form = seen.headers["content-type"].startswith("multipart/")
        stream = seen.form.text("stream") == "true" if form else seen.json.get("stream")
        return recorded(f"openai/{events}.sse" if stream else "openai/images.json")

    return answer


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def strictly(model: Any, answer: Any) -> Any:
    """The SDK's typed answer, which must be just what the type says."""
    return model.model_validate(answer.to_dict() if hasattr(answer, "to_dict") else answer)


# Generation


def test_image_when_asked_for_is_the_upstreams(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.generate(model="i/openai", prompt="an otter", n=1, size="1024x1024", extra_body={"unknown": [1.5]})
    assert strictly(ImagesResponse, answer).data[0].b64_json == IMAGE
    assert answer.to_dict() == ANSWER
    sent = {"model": "gpt-image", "prompt": "an otter", "n": 1, "size": "1024x1024", "unknown": [1.5]}
    assert upstream.last.json == sent


def test_image_when_streamed_comes_with_its_partial_ones_byte_for_byte(gateway: LiveGateway, upstream: Vendor) -> None:
    body = {"model": "i/openai", "prompt": "an otter", "stream": True, "partial_images": 2}
    answer = gateway.http.post(GENERATIONS, json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == (DATA / "openai/image_generation.sse").read_bytes()
    assert upstream.last.json == body | {"model": "gpt-image"}


def test_stream_when_read_by_the_sdk_has_typed_events(client: OpenAI, upstream: Vendor) -> None:
    events = list(client.images.generate(model="i/openai", prompt="an otter", stream=True, partial_images=2))
    assert [type(event) for event in events] == [ImageGenPartialImageEvent] * 2 + [ImageGenCompletedEvent]
    assert strictly(ImageGenCompletedEvent, events[-1]).usage.total_tokens == 100
    edits = list(client.images.edit(model="i/openai", image=PNG, prompt="a hat", stream=True))
    assert [type(event) for event in edits] == [ImageEditPartialImageEvent] * 2 + [ImageEditCompletedEvent]


@pytest.mark.parametrize(("path", "kind"), [(GENERATIONS, ImageGenCompletedEvent), (EDITS, ImageEditCompletedEvent)])
def test_stream_when_the_upstream_knows_none_is_made_of_its_whole_answer(
    path: str, kind: type[Any], client: OpenAI, upstream: Vendor
) -> None:
    two = ANSWER | {"data": [{"b64_json": IMAGE}, {"b64_json": "/9j/4AAQ", "revised_prompt": "x"}]}
    upstream.answers[path] = lambda seen: said(two)
    asked: dict[str, Any] = {"model": "i/openai", "prompt": "an otter", "n": 2, "stream": True}
    stream = client.images.generate(**asked) if path == GENERATIONS else client.images.edit(image=PNG, **asked)
    first, last = list(stream)
    assert [(type(event), event.b64_json) for event in (first, last)] == [(kind, IMAGE), (kind, "/9j/4AAQ")]
    assert (first.size, first.quality, first.background, first.output_format) == ("1024x1024", "high", "transparent", "png")
    assert "usage" not in first.to_dict()
    assert strictly(kind, last).usage.input_tokens_details.image_tokens == 40


def test_stream_when_it_breaks_after_a_partial_image_ends_with_an_error(client: OpenAI, upstream: Vendor) -> None:
    chunks = recorded("openai/image_generation.sse").chunks or ()
    upstream.answers[GENERATIONS] = lambda seen: Said(content_type="text/event-stream", chunks=chunks[:1], cut=True)
    with pytest.raises(openai.APIError) as raised:
        list(client.images.generate(model="i/openai", prompt="an otter", stream=True))
    assert raised.value.code == "upstream_stream_truncated"


def test_image_when_the_upstream_gives_a_data_url_is_plain_base64_if_asked(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: said({"created": 1, "data": [{"url": f"data:image/png;base64,{IMAGE}"}]})
    asked: dict[str, Any] = {"model": "i/openai", "prompt": "x"}
    assert client.images.generate(**asked, response_format="b64_json").data[0].to_dict() == {"b64_json": IMAGE}
    assert client.images.generate(**asked, response_format="url").data[0].url == f"data:image/png;base64,{IMAGE}"
    upstream.answers[GENERATIONS] = lambda seen: said({"created": 1, "data": [{"b64_json": IMAGE, "revised_prompt": "x"}]})
    found = client.images.generate(**asked, response_format="url").data[0].to_dict()
    assert found == {"url": f"data:image/png;base64,{IMAGE}", "revised_prompt": "x"}


@pytest.mark.parametrize("data", [None, 7, "x", [7], [None], {}, [{}], [{"url": None, "b64_json": ""}]])
def test_answer_when_its_images_cannot_be_read_is_502(data: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: said({"data": data, "x": "data:image/png;base64,"})
    for more in ({"stream": True}, {"response_format": "b64_json"}):
        answer = gateway.http.post(GENERATIONS, json={"model": "i/openai", "prompt": "x", **more})
        assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


@pytest.mark.parametrize("item", [{"url": 7, "b64_json": None}, {"b64_json": ["x"]}])
def test_image_when_it_is_odd_is_passed_on_and_no_defect(item: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: said({"created": 1, "data": [item]})
    asked = {"model": "i/openai", "prompt": "x"}
    assert gateway.http.post(GENERATIONS, json=asked).json()["data"] == [item]
    assert gateway.http.post(GENERATIONS, json=asked | {"stream": True}).status_code == 200


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_model_when_none_is_named_is_the_first_of_the_usual_ones_that_the_key_may_use(
    form: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    usual = {"gpt-image-1.5": CAPABILITIES[:1], "gpt-image-1-mini": CAPABILITIES[:2], "dall-e-2": CAPABILITIES}
    gateway.define_at("openai", f"{upstream.base}/v1", {name: (name, able) for name, able in usual.items()}, name="i-usual")
    key = gateway.create_key(f"pictures {form}", "--models", "gpt-image-1-mini,dall-e-2")["key"]
    gateway.wait_visible("gpt-image-1-mini", "dall-e-2", key=key)
    try:
        for path, own, narrow in (
            (GENERATIONS, "gpt-image-1.5", "gpt-image-1-mini"),
            (EDITS, "gpt-image-1-mini", "gpt-image-1-mini"),
            (VARIATIONS, "dall-e-2", "dall-e-2"),
        ):
            pictures: dict[str, Any] = {"files": {"image": ("a.png", PNG)}, "data": {"prompt": "x"}}
            plain = {"json": {"prompt": "x", "model": None, "image": "https://images.example/1"}}
            asked = pictures if form and path != GENERATIONS else plain
            for headers, model in ((gateway.headers(), own), (gateway.headers(key), narrow)):
                answer = gateway.http.post(path, headers=headers, **asked)
                assert (answer.status_code, answer.headers["x-gateway-model"]) == (200, model), answer.text
                sent = upstream.last.form.text("model") if asked is pictures else upstream.last.json["model"]
                assert sent == model
    finally:
        gateway.operator.delete("ModelDefinition", {"name__in": list(usual)})
        assert eventually(lambda: not set(usual) & (gateway.listed() or set()), 5, 0.05)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": None}, "missing_required_parameter", "prompt"),
        ({"prompt": ""}, "invalid_value", "prompt"),
        ({"prompt": 7}, "invalid_type", "prompt"),
        ({"model": None}, "missing_required_parameter", "model"),
        ({"n": 0}, "invalid_value", "n"),
        ({"n": -1}, "invalid_value", "n"),
        ({"n": "many"}, "invalid_type", "n"),
        ({"response_format": "base64"}, "invalid_value", "response_format"),
        ({"stream": "yes"}, "invalid_type", "stream"),
        ({"api_base": "http://evil.example"}, "field_not_allowed", "api_base"),
    ],
)
@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_request_when_a_field_is_bad_is_400_and_names_it(
    fields: dict[str, Any], code: str, param: str, form: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    body = {"model": "i/openai", "prompt": "x"} | fields
    body = {name: given for name, given in body.items() if given is not None}
    if form and code == "invalid_type" and param == "prompt":
        body["prompt"] = ""
        code = "invalid_value"
    if form:
        answer = gateway.http.post(EDITS, data={name: str(given) for name, given in body.items()}, files={"image": PNG})
    else:
        answer = gateway.http.post(GENERATIONS, json=body)
    assert answer.status_code == 400
    error = error_of(answer)
    assert (error["code"], error["param"]) == (code, param)
    assert upstream.seen == []


def test_number_when_larger_than_any_vendor_takes_is_the_upstreams_business(gateway: LiveGateway, upstream: Vendor) -> None:
    refusal = {"error": {"message": "n is at most 10", "type": "image_generation_user_error", "param": "n", "code": "too_many"}}
    upstream.answers[GENERATIONS] = lambda seen: said(refusal, 400)
    answer = gateway.http.post(GENERATIONS, json={"model": "i/openai", "prompt": "x", "n": 999})
    assert (answer.status_code, answer.json()) == (400, refusal)


# Edit and variation


def test_edit_when_a_form_goes_upstream_with_its_files_as_they_came(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.edit(
        model="i/openai",
        prompt="a hat — 帽",
        image=[("one.png", PNG, "image/png"), ("two.webp", b"RIFFxx", "image/webp")],
        mask=("mask.png", PNG[::-1], "image/png"),
        n=2,
        extra_body={"unknown": "kept"},
    )
    assert strictly(ImagesResponse, answer).data[0].b64_json == IMAGE
    form = upstream.last.form
    files = [(part.name, part.filename, part.content_type, part.data()) for part in form.parts if part.filename is not None]
    assert files == [
        ("image[]", "one.png", "image/png", PNG),
        ("image[]", "two.webp", "image/webp", b"RIFFxx"),
        ("mask", "mask.png", "image/png", PNG[::-1]),
    ]
    texts = {part.name: part.text() for part in form.parts if part.filename is None}
    assert texts == {"model": "gpt-image", "prompt": "a hat — 帽", "n": "2", "unknown": "kept"}


def test_edit_when_json_goes_upstream_as_json(gateway: LiveGateway, upstream: Vendor) -> None:
    body = {"model": "i/openai", "prompt": "x", "images": [{"file_id": "file-1"}], "mask": {"image_url": "data:,"}, "unknown": 1}
    answer = gateway.http.post(EDITS, json=body)
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert upstream.last.json == body | {"model": "gpt-image"}
    assert upstream.last.headers["content-type"] == "application/json"


def test_edit_when_its_base64_is_none_is_judged_by_the_upstream(gateway: LiveGateway, upstream: Vendor) -> None:
    refusal = {"error": {"message": "not an image", "type": "invalid_request_error", "param": "images", "code": "invalid_image"}}
    upstream.answers[EDITS] = lambda seen: said(refusal, 400)
    images = [{"image_url": "data:image/png;base64,%%%"}]
    answer = gateway.http.post(EDITS, json={"model": "i/openai", "prompt": "x", "images": images})
    assert (answer.status_code, answer.json()) == (400, refusal)
    assert upstream.last.json["images"] == images


def test_variation_when_asked_for_is_made_of_the_file(client: OpenAI, upstream: Vendor) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = client.images.create_variation(model="i/openai", image=("a.png", PNG), n=1, response_format="b64_json")
    assert strictly(ImagesResponse, answer).data[0].b64_json == IMAGE
    form = upstream.last.form
    image = form.first("image")
    assert image is not None
    assert (image.name, image.filename, image.data()) == ("image", "a.png", PNG)
    assert form.text("model") == "gpt-image"


def test_file_when_its_name_is_a_path_goes_upstream_without_it(gateway: LiveGateway, upstream: Vendor) -> None:
    for name in ("../../etc/passwd.png", "C:\\images\\passwd.png"):
        files = {"image": (name, PNG, "image/png")}
        assert gateway.http.post(EDITS, data={"model": "i/openai", "prompt": "x"}, files=files).status_code == 200
        image = upstream.last.form.first("image")
        assert image is not None
        assert image.filename == "passwd.png"


def test_model_when_it_comes_after_the_file_is_found(gateway: LiveGateway, upstream: Vendor) -> None:
    files: Any = [("image", ("a.png", PNG)), ("prompt", (None, "x")), ("model", (None, "i/openai"))]
    assert gateway.http.post(EDITS, files=files).status_code == 200


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
@pytest.mark.parametrize("number", [0, 17])
def test_images_when_none_or_too_many_are_400(path: str, number: int, gateway: LiveGateway, upstream: Vendor) -> None:
    data = {"model": "i/openai", "prompt": "x"}
    files = [("image[]", (f"{index}.png", PNG)) for index in range(number)] + [("mask", ("m.png", PNG))]
    code = "array_above_max_length" if number else "missing_required_parameter"
    as_form = gateway.http.post(path, data=data, files=files)
    as_json = gateway.http.post(path, json=data | {"images": [{"image_url": "data:,"}] * number})
    for answer in (as_form, as_json):
        assert answer.status_code == 400
        assert (error_of(answer)["code"], error_of(answer)["param"]) == (code, "image")
    assert upstream.seen == []


def test_form_when_it_has_ten_thousand_parts_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    part = b'--b\r\ncontent-disposition: form-data; name="image[]"; filename="a.png"\r\n\r\nx\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = gateway.http.post(EDITS, content=part * 10_000 + b"--b--\r\n", headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_form")
    assert upstream.seen == []


def test_images_when_sixteen_are_sent_all_arrive(gateway: LiveGateway, upstream: Vendor) -> None:
    files = [("image[]", (f"{index}.png", PNG)) for index in range(16)]
    assert gateway.http.post(EDITS, data={"model": "i/openai", "prompt": "x"}, files=files).status_code == 200
    assert len(list(upstream.last.form.all("image"))) == 16


def test_credentials_when_in_a_form_do_not_go_upstream(gateway: LiveGateway, upstream: Vendor) -> None:
    data = {"model": "i/openai", "prompt": "x", "tensorzero::credentials": '{"team": "sk-team"}', "tensorzero::tags": "{}"}
    assert gateway.http.post(EDITS, data=data, files={"image": PNG}).status_code == 200
    assert b"tensorzero" not in upstream.last.body
    bad = gateway.http.post(EDITS, data=data | {"tensorzero::credentials": "[]"}, files={"image": PNG})
    assert error_of(bad)["code"] == "invalid_type"


def test_edit_when_the_first_upstream_is_down_sends_its_files_to_the_next(gateway: LiveGateway, upstream: Vendor) -> None:
    large = PNG + bytes(3 * 1024 * 1024)  # lies on disk
    answer = gateway.http.post(EDITS, data={"model": "i/fallback", "prompt": "x"}, files={"image": ("a.png", large)})
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    image = upstream.last.form.first("image")
    assert image is not None
    assert image.data() == large


def test_edit_when_large_holds_up_nobody(gateway: LiveGateway, upstream: Vendor) -> None:
    large = zlib.compress(b"x") + bytes(40 * 1024 * 1024)
    upstream.answers[EDITS] = lambda seen: said({"created": 1, "data": [{"b64_json": base64.b64encode(large).decode()}]})
    before = lags(gateway)
    for _ in range(4):
        answer = gateway.http.post(EDITS, data={"model": "i/openai", "prompt": "x"}, files={"image": ("a.png", large)})
        assert base64.b64decode(answer.json()["data"][0]["b64_json"]) == large
    upstream.seen.clear()
    check_lags(before, lags(gateway))


def test_file_when_over_fifty_mebibytes_is_413(gateway: LiveGateway, upstream: Vendor) -> None:
    files = {"image": ("a.png", bytes(50 * 1024 * 1024 + 1))}
    try:
        answer = gateway.http.post(EDITS, data={"model": "i/openai", "prompt": "x"}, files=files)
    except httpx.WriteError:
        return  # the server may close while the client still writes
    assert (answer.status_code, error_of(answer)["code"]) == (413, "file_too_large")
