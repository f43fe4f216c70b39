"""Are images asked of Fireworks in each of its three ways, and given as OpenAI's? Is its asynchronous workflow followed to
the end, and no further?"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import ImageEditCompletedEvent, ImageGenCompletedEvent, ImagesResponse

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import DATA, Said, Seen, Vendor, recorded, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway, error_of

BASE = "/inference/v1"
MODELS = "accounts/fireworks/models"
FLUX = f"{BASE}/workflows/{MODELS}/flux-1-schnell-fp8/text_to_image"
KONTEXT = f"{BASE}/workflows/{MODELS}/flux-kontext-pro"
RESULT = f"{KONTEXT}/get_result"
SDXL = f"{BASE}/image_generation/{MODELS}/SSD-1B"
GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
SUNSET = json.loads((DATA / "fireworks/text_to_image.json").read_bytes())["base64"][0].partition(",")[2]
READY = json.loads((DATA / "fireworks/kontext_ready.json").read_bytes())
PENDING, ACCEPTED = "fireworks/kontext_pending.json", "fireworks/kontext_accepted.json"
JPEG = b"\xff\xd8\xff\xe0 a picture"
ABLE = ["image_generation", "image_edit", "text_to_speech", "chat"]


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        names = {"f/flux": "flux-1-schnell-fp8", "f/kontext": f"{MODELS}/flux-kontext-pro", "f/sdxl": f"{MODELS}/SSD-1B"}
        models = {public: (name, ABLE) for public, name in names.items()}
        shared_gateway.define_at("fireworks", f"{upstream.base}{BASE}", models, name="f-fireworks")
        impatient = {"f/impatient": [{"provider": "f-fireworks", "upstream_model": f"{MODELS}/flux-kontext-pro"}]}
        shared_gateway.define_models(impatient, capabilities=["image_generation"], total_timeout_s=1.2)
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor) -> Vendor:
    shared_upstream.seen.clear()
    shared_upstream.answers = {
        FLUX: lambda seen: recorded("fireworks/text_to_image.json"),
        SDXL: lambda seen: Said(PNG, content_type="image/png"),
        KONTEXT: lambda seen: recorded(ACCEPTED),
        RESULT: results(PENDING, READY),
        "/sample.jpeg": lambda seen: Said(JPEG, content_type="image/jpeg"),
    }
    return shared_upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def results(*answers: Any) -> Any:
    """Each time the next answer, and the last one ever after: the name of a recording, a status, or a value."""
    left = list(answers)

    def answer(seen: Seen) -> Said:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, int):
            return said({"error": {"message": "not now"}}, now)
        return recorded(now) if isinstance(now, str) else said(now)

    return answer


def ready(url: str) -> Any:
    return READY | {"result": {"sample": url}}


def ask(gateway: LiveGateway, model: str, **fields: Any) -> httpx.Response:
    return gateway.http.post(GENERATIONS, json={"model": model, "prompt": "a sunset", **fields})


def paths(upstream: Vendor) -> list[str]:
    return [seen.path for seen in upstream.seen]


# One call, one image


def test_flux_when_asked_is_a_workflow_that_answers_at_once(client: OpenAI, upstream: Vendor) -> None:
    asked = {"guidance_scale": 3.5, "num_inference_steps": 4}
    answer = client.images.generate(model="f/flux", prompt="a sunset", extra_body=asked)
    assert ImagesResponse.model_validate(answer.to_dict()).data[0].b64_json == SUNSET  # type: ignore[index]
    assert paths(upstream) == [FLUX]
    assert upstream.last.json == {"prompt": "a sunset", **asked}
    assert upstream.last.headers["accept"] == "application/json"
    assert upstream.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"


def test_flux_when_a_url_is_wanted_is_a_data_url(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.generate(model="f/flux", prompt="a sunset", response_format="url")
    assert [image.to_dict() for image in answer.data or []] == [{"url": f"data:image/png;base64,{SUNSET}"}]


@pytest.mark.parametrize(("model", "path"), [("f/flux", FLUX), ("f/sdxl", SDXL)])
def test_bytes_when_given_are_the_image(model: str, path: str, client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[path] = lambda seen: Said(JPEG, content_type="image/jpeg")
    answer = client.images.generate(model=model, prompt="a sunset", output_format="jpeg")
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "") == JPEG
    assert upstream.last.headers["accept"] == "image/jpeg"
    assert "output_format" not in upstream.last.json


def test_size_when_given_is_what_each_way_knows(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = ask(gateway, "f/flux", size="1536x1024", style="vivid", background="auto", user="u")
    assert answer.headers["x-gateway-lossy"] == "style, user, size"
    assert upstream.last.json == {"prompt": "a sunset", "aspect_ratio": "3:2"}
    answer = ask(gateway, "f/sdxl", size="1216x832", cfg_scale=7)
    assert "x-gateway-lossy" not in answer.headers
    assert upstream.last.json == {"prompt": "a sunset", "cfg_scale": 7, "width": 1216, "height": 832}
    ask(gateway, "f/flux", size="1536x1024", aspect_ratio="1:1")
    assert upstream.last.json == {"prompt": "a sunset", "aspect_ratio": "1:1"}
    strict = gateway.http.post(
        GENERATIONS, json={"model": "f/flux", "prompt": "x", "size": "1x1"}, headers={"x-gateway-strict": "1"}
    )
    assert error_of(strict)["param"] == "size"


def test_images_when_several_are_asked_for_at_once_with_seeds_of_their_own(client: OpenAI, upstream: Vendor) -> None:
    together = threading.Barrier(3, timeout=5)

    def answer(seen: Seen) -> Said:
        together.wait()  # breaks, with a 5xx for the client, unless three ask at the same time
        return recorded("fireworks/text_to_image.json")

    upstream.answers[FLUX] = answer
    got = client.images.generate(model="f/flux", prompt="a sunset", n=3, extra_body={"seed": 7})
    assert [image.b64_json for image in got.data or []] == [SUNSET] * 3
    assert sorted(seen.json["seed"] for seen in upstream.seen) == [7, 8, 9]
    client.images.generate(model="f/flux", prompt="a sunset", n=3)
    assert [seen.json for seen in upstream.seen[3:]] == [{"prompt": "a sunset"}] * 3


def test_images_when_one_of_several_fails_are_none(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[FLUX] = results("fireworks/text_to_image.json", 503)
    answer = ask(gateway, "f/flux", n=2)
    assert (answer.status_code, error_of(answer)["code"]) == (503, "upstream_overloaded")


def test_images_when_too_many_for_single_calls_are_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = ask(gateway, "f/flux", n=11)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "n")
    assert upstream.seen == []


FILTERED = [
    ("f/flux", FLUX, recorded("fireworks/text_to_image_filtered.json")),
    ("f/sdxl", SDXL, Said(PNG, content_type="image/png", headers={"Finish-Reason": "CONTENT_FILTERED"})),
    ("f/kontext", RESULT, recorded("fireworks/kontext_moderated.json")),
]


@pytest.mark.parametrize(("model", "path", "answer"), FILTERED, ids=["flux", "sdxl", "kontext"])
def test_image_when_filtered_is_refused(model: str, path: str, answer: Said, client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[path] = lambda seen: answer
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.generate(model=model, prompt="x")
    assert raised.value.code == "content_policy_violation"
    assert paths(upstream).count(path) == 1


@pytest.mark.parametrize("body", [{}, {"base64": []}, {"base64": [7]}, {"base64": ""}, [], {"error": {"message": "no"}}])
def test_answer_when_it_has_no_image_is_502(body: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[FLUX] = lambda seen: said(body)
    assert ask(gateway, "f/flux").status_code == 502


# The workflow


def test_kontext_when_asked_is_polled_to_its_end(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(PENDING, PENDING, READY)
    answer = client.images.generate(model="f/kontext", prompt="a sunset", output_format="png", extra_body={"seed": 42})
    assert ImagesResponse.model_validate(answer.to_dict()).data[0].url == READY["result"]["sample"]  # type: ignore[index]
    assert paths(upstream) == [KONTEXT, RESULT, RESULT, RESULT]
    assert upstream.seen[0].json == {"prompt": "a sunset", "output_format": "png", "seed": 42}
    assert upstream.last.json == {"id": "6a1f2c30-5ad3-4b6e-9f5d-5f3c1a0e8b11"}


def test_sample_when_base64_is_wanted_is_fetched_without_our_key(client: OpenAI, upstream: Vendor) -> None:
    with vendor({"/sample.jpeg": lambda seen: Said(JPEG, content_type="image/jpeg")}) as store:
        upstream.answers[RESULT] = results(ready(f"{store.base}/sample.jpeg?se=1&sig=a%2Bb"))
        answer = client.images.generate(model="f/kontext", prompt="x", response_format="b64_json")
        assert [base64.b64decode(image.b64_json or "") for image in answer.data or []] == [JPEG]
        (seen,) = store.seen
        assert (seen.method, seen.path) == ("GET", "/sample.jpeg?se=1&sig=a%2Bb")
        assert "authorization" not in seen.headers
        assert PROVIDER_KEY not in str(seen)


def test_sample_when_at_the_vendors_own_origin_is_fetched_with_the_key(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(ready(f"{upstream.base}/sample.jpeg"))
    answer = client.images.generate(model="f/kontext", prompt="x", response_format="b64_json")
    assert answer.data is not None
    assert answer.data[0].b64_json == base64.b64encode(JPEG).decode()
    assert upstream.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"


@pytest.mark.parametrize(
    "url",
    [
        "http://store.example/1.png",
        "https://10.0.0.1/1.png",
        "https://169.254.169.254/latest/meta-data",
        "https://intranet/1.png",
        "file:///etc/passwd",
        "ftp://store.example/1.png",
        "//store.example/1.png",
        "https://",
        "https://[bad/1.png",
        "https://store.example:99999/",
    ],
)
def test_sample_when_its_address_is_not_public_is_502_and_not_fetched(url: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(ready(url))
    answer = ask(gateway, "f/kontext", response_format="b64_json")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


def test_sample_when_redirected_or_no_image_is_502(gateway: LiveGateway, upstream: Vendor) -> None:
    elsewhere = {"location": f"{upstream.base}/sample.jpeg"}
    upstream.answers["/moved"] = lambda seen: Said(JPEG, 302, "image/jpeg", elsewhere)
    upstream.answers["/page"] = lambda seen: Said(b"<html>", content_type="text/html")
    for path in ("/moved", "/page", "/missing"):
        upstream.answers[RESULT] = results(ready(f"{upstream.base}{path}"))
        answer = ask(gateway, "f/kontext", response_format="b64_json")
        assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")
    assert "/sample.jpeg" not in paths(upstream)


def test_question_when_it_fails_for_a_while_is_asked_again_for_the_same_image(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(503, 429, 500, READY)
    assert ask(gateway, "f/kontext").status_code == 200
    assert paths(upstream).count(KONTEXT) == 1


@pytest.mark.parametrize(("answers", "status", "asked"), [((401,), 502, 1), ((503,), 503, 6)], ids=["refused", "down"])
def test_question_when_it_fails_for_good_ends(
    answers: Any, status: int, asked: int, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[RESULT] = results(*answers)
    assert ask(gateway, "f/kontext").status_code == status
    assert paths(upstream).count(RESULT) == asked


def test_workflow_when_nobody_knows_it_any_more_ends_soon(gateway: LiveGateway, upstream: Vendor) -> None:
    lost = {"id": "x", "status": "Task not found", "result": None}
    upstream.answers[RESULT] = results(lost, lost, PENDING, lost, READY)
    assert ask(gateway, "f/kontext").status_code == 200
    upstream.answers[RESULT] = results(lost)
    upstream.seen.clear()
    answer = ask(gateway, "f/kontext")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_server_error")
    assert paths(upstream).count(RESULT) == 6


@pytest.mark.parametrize("status", ["Error", "Failed"])
def test_workflow_when_it_fails_is_502(status: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results({"id": "x", "status": status, "result": None})
    assert ask(gateway, "f/kontext").status_code == 502


def test_workflow_when_it_never_ends_is_504_after_the_total_time(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(PENDING)
    started = time.monotonic()
    answer = gateway.http.post(GENERATIONS, json={"model": "f/impatient", "prompt": "x"})
    assert (answer.status_code, error_of(answer)["code"]) == (504, "total_timeout")
    assert 1.0 < time.monotonic() - started < 4
    asked = len(upstream.seen)
    time.sleep(1)
    assert len(upstream.seen) == asked


def test_workflow_when_the_client_leaves_is_asked_for_no_more(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[RESULT] = results(PENDING)
    with pytest.raises(httpx.ReadTimeout):
        gateway.http.post(GENERATIONS, json={"model": "f/kontext", "prompt": "x"}, timeout=1.2)
    assert eventually(lambda: RESULT in paths(upstream), 2, 0.05)
    time.sleep(0.3)
    asked = len(upstream.seen)
    time.sleep(1.2)
    assert len(upstream.seen) == asked


@pytest.mark.parametrize("body", [{}, {"request_id": 7}, {"request_id": ""}, []])
def test_workflow_when_it_has_no_id_is_502(body: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[KONTEXT] = lambda seen: said(body)
    answer = ask(gateway, "f/kontext")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")
    assert paths(upstream) == [KONTEXT]


# Edits, streams, and what it cannot do


def test_edit_when_a_form_comes_is_a_workflow_with_the_image(client: OpenAI, upstream: Vendor) -> None:
    answer = client.images.edit(model="f/kontext", image=("a.png", PNG, "image/png"), mask=PNG, prompt="a hat")
    assert [image.url for image in answer.data or []] == [READY["result"]["sample"]]
    assert upstream.seen[0].json == {"prompt": "a hat", "input_image": PNG_URL}


def test_edit_when_the_model_or_the_number_of_images_cannot_be_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    images = [("image[]", ("a.png", PNG))]
    one = gateway.http.post(EDITS, data={"model": "f/flux", "prompt": "x"}, files=images)
    two = gateway.http.post(EDITS, data={"model": "f/kontext", "prompt": "x"}, files=images * 2)
    assert [(answer.status_code, error_of(answer)["code"]) for answer in (one, two)] == [
        (400, "capability_not_supported"),
        (400, "array_above_max_length"),
    ]
    assert upstream.seen == []


def test_stream_when_asked_for_is_made_of_the_whole_answer(client: OpenAI, upstream: Vendor) -> None:
    (event,) = client.images.generate(model="f/flux", prompt="x", stream=True)
    assert isinstance(event, ImageGenCompletedEvent)
    assert (event.b64_json, event.output_format) == (SUNSET, "png")
    upstream.answers[RESULT] = results(ready(f"{upstream.base}/sample.jpeg"))
    (edited,) = client.images.edit(model="f/kontext", image=PNG, prompt="x", stream=True)
    assert isinstance(edited, ImageEditCompletedEvent)
    assert base64.b64decode(edited.b64_json) == JPEG


def test_speech_when_asked_of_fireworks_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/audio/speech", json={"model": "f/flux", "voice": "alloy", "input": "hi"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "capability_not_supported")
    assert upstream.seen == []


# From one vendor to another


def test_image_when_one_vendor_fails_comes_from_the_next(gateway: LiveGateway, upstream: Vendor, client: OpenAI) -> None:
    body = {"created": 1, "data": [{"b64_json": "/9j/"}]}
    with vendor({GENERATIONS: lambda seen: said({"error": "busy"}, 503)}) as xai, vendor({}) as last:
        able = ["image_generation"]
        gateway.define_at("xai", f"{xai.base}/v1", {"f/xai": ("grok-imagine-image", able)}, name="f-xai")
        gateway.define_at("openai", f"{last.base}/v1", {"f/openai": ("gpt-image", able)}, name="f-openai")
        order = (("f-xai", "grok-imagine-image"), ("f-fireworks", "flux-1-schnell-fp8"), ("f-openai", "gpt-image"))
        routes = [{"provider": provider, "upstream_model": model} for provider, model in order]
        gateway.define_models({"f/all": routes}, capabilities=able)
        last.answers[GENERATIONS] = lambda seen: said(body)

        answer = client.images.with_raw_response.generate(model="f/all", prompt="x", size="1024x1024", quality="auto")
        assert answer.headers["x-gateway-provider"] == "f-fireworks"
        assert answer.parse().data[0].b64_json == SUNSET  # type: ignore[index]
        assert xai.last.json == {"model": "grok-imagine-image", "prompt": "x", "aspect_ratio": "1:1"}

        upstream.answers[FLUX] = lambda seen: Said(status=500)
        (event,) = client.images.generate(model="f/all", prompt="x", size="1024x1024", quality="auto", stream=True)
        assert event.b64_json == "/9j/"
        sent = {"model": "gpt-image", "prompt": "x", "size": "1024x1024", "quality": "auto", "stream": True}
        assert last.last.json == sent
