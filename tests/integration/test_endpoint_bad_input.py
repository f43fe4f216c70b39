"""Is bad input of the endpoints beside chat refused before any provider is asked, and odd input passed on as it is?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.bytes.multipart import MAX_PARTS
from providers.capabilities import Capability
from tests.contract.examples import BY_CAPABILITY, EXAMPLES, WAV, Example, encoded
from tests.contract.upstream import ANSWERS, TYPES
from tests.fakes.vendor import Said, Vendor, vendor
from tests.live import LiveGateway, error_of

FORMS = [example for example in EXAMPLES if example.files]
every_form = pytest.mark.parametrize("example", FORMS, ids=lambda example: example.capability.value)
MIB = 1024 * 1024


def good(whole: bytes) -> Any:
    return lambda seen: Said(whole, content_type=TYPES.get(whole[:1], b"text/plain").decode())


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({f"/v1{example.path}": good(ANSWERS[example.capability]) for example in EXAMPLES}) as running:
        models = {f"input/{example.capability}": ("good", [example.capability]) for example in EXAMPLES}
        shared_gateway.define_at("openai_compatible", f"{running.base}/v1", models, name="input")
        yield running


def post(gateway: LiveGateway, example: Example, content_type: bytes, body: bytes) -> httpx.Response:
    headers = {"content-type": content_type.decode()}
    return gateway.http.post(f"/v1{example.path}", content=body, headers=headers)


def check_refused(response: httpx.Response, upstream: Vendor, asked: int, status: int, code: str, param: str | None) -> None:
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert len(upstream.seen) == asked


@every_form
@pytest.mark.parametrize("missing", ["file", "model"])
def test_form_when_something_is_missing_is_400_that_names_it(
    gateway: LiveGateway, upstream: Vendor, example: Example, missing: str
) -> None:
    asked = len(upstream.seen)
    named = example.files[0][0] if missing == "file" else "model"
    files = example.files if missing == "model" else (("other", "a.png", b"x", "image/png"),)
    fields = {**example.fields, **({"model": f"input/{example.capability}"} if missing == "file" else {})}
    response = post(gateway, example, *encoded(fields, files))
    check_refused(response, upstream, asked, 400, "missing_required_parameter", named)


@every_form
def test_form_when_the_model_comes_last_is_served(gateway: LiveGateway, upstream: Vendor, example: Example) -> None:
    fields = {**example.fields, "model": f"input/{example.capability}"}
    assert list(fields)[-1] == "model"
    assert post(gateway, example, *encoded(fields, example.files)).status_code == 200


@every_form
def test_form_when_it_has_ten_thousand_parts_is_400(gateway: LiveGateway, upstream: Vendor, example: Example) -> None:
    asked = len(upstream.seen)
    part = b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n1\r\n'
    response = post(gateway, example, b"multipart/form-data; boundary=b", part * 10 * MAX_PARTS + b"--b--")
    check_refused(response, upstream, asked, 400, "invalid_form", None)


@pytest.mark.parametrize("capability", [Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION])
@pytest.mark.parametrize("data", [b"", b"no sound", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + bytes(100), b"RIFF\0\0\0\0WEBP"])
def test_file_when_it_is_no_sound_is_400(gateway: LiveGateway, upstream: Vendor, capability: Capability, data: bytes) -> None:
    asked = len(upstream.seen)
    example = BY_CAPABILITY[capability]
    response = post(gateway, example, *encoded({"model": f"input/{capability}"}, (("file", "a.wav", data, "audio/wav"),)))
    assert (response.status_code, error_of(response)["param"]) == (400, "file")
    assert len(upstream.seen) == asked


def test_file_when_it_has_26_mebibytes_is_413(gateway: LiveGateway, upstream: Vendor) -> None:
    asked = len(upstream.seen)
    example = BY_CAPABILITY[Capability.AUDIO_TRANSCRIPTION]
    file = ("file", "a.wav", WAV + bytes(26 * MIB), "audio/wav")
    response = post(gateway, example, *encoded({"model": "input/audio_transcription"}, (file,)))
    check_refused(response, upstream, asked, 413, "file_too_large", "file")


@every_form
def test_file_when_its_name_is_a_path_is_sent_without_it(gateway: LiveGateway, upstream: Vendor, example: Example) -> None:
    name, _, data, kind = example.files[0]
    fields = {"model": f"input/{example.capability}", **example.fields}
    for path in ("../../etc/é.wav", "C:\\secret\\é.wav"):
        assert post(gateway, example, *encoded(fields, ((name, path, data, kind),))).status_code == 200
        form = upstream.last.form
        (part,) = [part for part in form.parts if part.filename is not None]
        assert (part.filename, part.data()) == ("é.wav", data)
        form.close()


@pytest.mark.parametrize(
    ("capability", "fields", "param"),
    [
        (Capability.EMBEDDING, {"input": []}, "input"),
        (Capability.EMBEDDING, {"input": ["a", 1]}, "input"),
        (Capability.EMBEDDING, {"encoding_format": "hex"}, "encoding_format"),
        (Capability.MODERATION, {"input": ""}, "input"),
        (Capability.RERANK, {"documents": []}, "documents"),
        (Capability.RERANK, {"top_n": -1}, "top_n"),
        (Capability.TEXT_TO_SPEECH, {"input": "é" * 4097}, "input"),
        (Capability.TEXT_TO_SPEECH, {"speed": 4.1}, "speed"),
        (Capability.TEXT_TO_SPEECH, {"response_format": "midi"}, "response_format"),
        (Capability.IMAGE_GENERATION, {"n": -1}, "n"),
        (Capability.IMAGE_EDIT, {"n": -1}, "n"),
    ],
)
def test_field_when_it_is_impossible_is_400_that_names_it(
    gateway: LiveGateway, upstream: Vendor, capability: Capability, fields: dict[str, Any], param: str
) -> None:
    asked = len(upstream.seen)
    example = BY_CAPABILITY[capability]
    response = post(gateway, example, *example.encoded(f"input/{capability}", **fields))
    assert (response.status_code, error_of(response)["param"]) == (400, param)
    assert len(upstream.seen) == asked


def test_voice_when_nobody_knows_it_is_passed_on(gateway: LiveGateway, upstream: Vendor) -> None:
    example = BY_CAPABILITY[Capability.TEXT_TO_SPEECH]
    for voice in ("nobody", {"id": "voice_1"}):
        assert post(gateway, example, *example.encoded("input/text_to_speech", voice=voice)).status_code == 200
        assert upstream.last.json["voice"] == voice


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/chat/completions", "/v1/embeddings", "/v1/audio/speech"])
def test_form_when_the_path_takes_json_is_415_and_says_so(gateway: LiveGateway, path: str) -> None:
    answer = gateway.http.post(path, data={"model": "m"}, files={"image": ("a.png", b"\xff\xfe")})
    assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_content_type")
    assert "application/json" in error_of(answer)["message"]


@pytest.mark.parametrize(
    ("form", "files", "code"),
    [
        ({}, {"image": ("a.png", b"")}, "invalid_value"),
        ({"image": "a picture"}, {}, "invalid_type"),
        ({"image": ""}, {}, "invalid_type"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
def test_image_when_it_is_none_is_400(
    gateway: LiveGateway, path: str, form: dict[str, str], files: dict[str, tuple[str, bytes]], code: str
) -> None:
    parts: Any = {"model": (None, "m"), "prompt": (None, "p"), **{name: (None, text) for name, text in form.items()}, **files}
    answer = gateway.http.post(path, files=parts)
    assert (answer.status_code, error_of(answer)["code"], error_of(answer)["param"]) == (400, code, "image")
