"""Are images asked of xAI as it wants them, and its answers given as OpenAI's?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import ImageEditCompletedEvent, ImageGenCompletedEvent, ImagesResponse

from tests.fakes.vendor import DATA, Vendor, recorded, said, vendor
from tests.integration.test_uploads import MEMORY, forget_peak, peak_mib
from tests.live import LiveGateway, error_of

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
ANSWER = json.loads((DATA / "xai/images.json").read_bytes())
BODY = {"model": "x/grok", "prompt": "an otter"}


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        able = ["chat", "image_generation", "image_edit", "image_variation"]
        shared_gateway.define_at("xai", f"{upstream.base}/v1", {"x/grok": ("grok-imagine-image", able)}, name="x-xai")
        twice = [{"provider": "x-xai", "upstream_model": model} for model in ("grok-imagine-image", "grok-2-image")]
        shared_gateway.define_models({"x/twice": twice}, capabilities=["image_generation"], num_retries=2)
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor) -> Vendor:
    shared_upstream.seen.clear()
    shared_upstream.answers[GENERATIONS] = shared_upstream.answers[EDITS] = lambda seen: recorded("xai/images.json")
    return shared_upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def test_image_when_asked_for_is_openais_answer_with_xais_own_fields(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.generate(model="x/grok", prompt="an otter", n=1, response_format="url", user="u")
    typed = ImagesResponse.model_validate(answer.to_dict())
    assert typed.data is not None
    assert typed.data[0].url == ANSWER["data"][0]["url"]
    assert "b64_json" not in answer.to_dict()["data"][0]  # type: ignore[index]
    assert answer.to_dict()["usage"]["cost_in_usd_ticks"] == 200000000  # type: ignore[index]
    assert upstream.last.json == {
        "model": "grok-imagine-image",
        "prompt": "an otter",
        "n": 1,
        "response_format": "url",
        "user": "u",
    }


def test_parameters_when_xai_does_not_take_them_are_left_out_and_named(gateway: LiveGateway, upstream: Vendor) -> None:
    more = {"style": "vivid", "seed": 1, "size": "1792x1024", "quality": "hd", "background": "auto", "resolution": "2k"}
    answer = gateway.http.post(GENERATIONS, json=BODY | more | {"tensorzero::tags": {}})
    assert answer.status_code == 200
    assert answer.headers["x-gateway-lossy"] == "style, seed, size, quality"
    sent = {"model": "grok-imagine-image", "prompt": "an otter", "resolution": "2k", "aspect_ratio": "16:9"}
    assert upstream.last.json == sent


def test_parameters_when_xai_takes_all_are_not_named(gateway: LiveGateway, upstream: Vendor) -> None:
    more = {"aspect_ratio": "9:19.5", "quality": "high", "size": "auto"}
    answer = gateway.http.post(GENERATIONS, json=BODY | more)
    assert "x-gateway-lossy" not in answer.headers
    assert upstream.last.json == BODY | {"model": "grok-imagine-image", "aspect_ratio": "9:19.5", "quality": "high"}


def test_parameter_when_the_call_is_strict_is_400_and_xai_is_not_asked(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post(GENERATIONS, json=BODY | {"style": "vivid"}, headers={"x-gateway-strict": "1"})
    assert answer.status_code == 400
    assert (error_of(answer)["code"], error_of(answer)["param"]) == ("unsupported_parameter", "style")
    assert upstream.seen == []


def test_base64_when_xai_gives_a_data_url_is_plain(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: recorded("xai/images_base64.json")
    answer = client.images.generate(model="x/grok", prompt="an otter", response_format="b64_json")
    assert answer.data is not None
    assert (answer.data[0].b64_json, answer.data[0].url) == ("/9j/4AAQSkZJRg==", None)


@pytest.mark.parametrize("model", ["x/grok", "x/twice"])
def test_image_when_all_are_held_back_is_refused_once_and_for_all(model: str, client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: recorded("xai/images_blocked.json")
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.generate(model=model, prompt="x")
    assert raised.value.code == "content_policy_violation"
    assert "content_moderation" in raised.value.message
    assert len(upstream.seen) == 1


def test_images_when_some_are_held_back_are_the_others(client: OpenAI, upstream: Vendor) -> None:
    blocked = {"url": "", "respect_moderation": False}
    upstream.answers[GENERATIONS] = lambda seen: said(ANSWER | {"data": [blocked, *ANSWER["data"]]})
    answer = client.images.generate(model="x/grok", prompt="x", n=2)
    assert [image.url for image in answer.data or []] == [ANSWER["data"][0]["url"]]


@pytest.mark.parametrize("data", [None, 7, [7], "x", [None]])
def test_answer_when_its_images_cannot_be_read_is_502(data: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: said({"data": data})
    answer = gateway.http.post(GENERATIONS, json=BODY)
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


def test_edit_when_a_form_comes_goes_to_xai_as_json(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.edit(model="x/grok", image=("a.png", PNG, "image/png"), prompt="7", n=2, response_format="url")
    ImagesResponse.model_validate(answer.to_dict())
    assert upstream.last.headers["content-type"] == "application/json"
    image = {"type": "image_url", "url": PNG_URL}
    sent = {"model": "grok-imagine-image", "prompt": "7", "n": 2, "response_format": "url", "image": image}
    assert upstream.last.json == sent


def test_edit_when_it_has_several_images_and_a_mask_goes_without_the_mask(gateway: LiveGateway, upstream: Vendor) -> None:
    files: Any = [("image[]", ("a.png", PNG)), ("image[]", ("b", b"RIFF....WEBP", "")), ("mask", ("m.png", PNG))]
    answer = gateway.http.post(EDITS, data={"model": "x/grok", "prompt": "x"}, files=files)
    assert (answer.status_code, answer.headers["x-gateway-lossy"]) == (200, "mask")
    second = f"data:image/webp;base64,{base64.b64encode(b'RIFF....WEBP').decode()}"
    assert [image["url"] for image in upstream.last.json["images"]] == [PNG_URL, second]


@pytest.mark.parametrize(
    "given",
    [
        {"images": [{"image_url": "https://pictures.example/1.png"}]},
        {"image": {"type": "image_url", "url": "https://pictures.example/1.png"}},
        {"image": ["https://pictures.example/1.png"]},
        {"images": [{"image_url": {"url": "https://pictures.example/1.png"}}]},
    ],
)
def test_edit_when_json_comes_names_the_image_as_xai_does(given: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post(EDITS, json=BODY | given)
    assert answer.status_code == 200
    assert upstream.last.json["image"] == {"type": "image_url", "url": "https://pictures.example/1.png"}


def test_edit_when_an_image_is_the_id_of_a_file_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post(EDITS, json=BODY | {"images": [{"file_id": "file-1"}]})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "unsupported_parameter")
    assert upstream.seen == []


def test_stream_when_asked_for_is_made_of_the_whole_answer(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = upstream.answers[EDITS] = lambda seen: recorded("xai/images_base64.json")
    (event,) = client.images.generate(model="x/grok", prompt="x", stream=True)
    assert ImageGenCompletedEvent.model_validate(event.to_dict()).b64_json == "/9j/4AAQSkZJRg=="
    assert (event.output_format, event.size) == ("jpeg", "auto")
    assert upstream.last.json["response_format"] == "b64_json"
    assert "stream" not in upstream.last.json
    (edited,) = client.images.edit(model="x/grok", image=PNG, prompt="x", stream=True)
    assert ImageEditCompletedEvent.model_validate(edited.to_dict()).b64_json == "/9j/4AAQSkZJRg=="


def test_stream_when_the_image_is_held_back_is_refused_before_it_begins(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[GENERATIONS] = lambda seen: recorded("xai/images_blocked.json")
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.generate(model="x/grok", prompt="x", stream=True)
    assert raised.value.code == "content_policy_violation"


def test_variation_when_asked_of_xai_is_400_and_it_is_not_asked(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/images/variations", data={"model": "x/grok"}, files={"image": PNG})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "capability_not_supported")
    assert upstream.seen == []


def test_chat_when_asked_of_xai_goes_as_it_came(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = said({"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "Hi"}}]})
    upstream.answers["/v1/chat/completions"] = lambda seen: answer
    assert gateway.chat("x/grok", unknown=[1]).status_code == 200
    assert upstream.last.json["unknown"] == [1]


def test_edit_when_large_files_come_at_once_holds_none_of_them(gateway: LiveGateway, upstream: Vendor) -> None:
    picture = PNG + bytes(25 * 2**20)

    def send(_: int) -> int:
        form = {"model": "x/grok", "prompt": "an otter"}
        return gateway.http.post(EDITS, data=form, files={"image": ("a.png", picture, "image/png")}).status_code

    assert send(0) == 200
    forget_peak(gateway)
    before = peak_mib(gateway)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [200] * 4
    grown = peak_mib(gateway) - before
    assert upstream.last.json["image"]["url"] == f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    upstream.seen.clear()
    assert grown <= MEMORY * 4 * 25, grown
