"""Are compressed bodies taken on every path, within their bounds, and named when they are broken?"""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import brotli  # type: ignore[import-untyped]
import httpx
import pytest

from openai_api.endpoints import ollama_models
from openai_api.routes import ROUTES
from tests.contract.examples import example_of
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_large_bodies import memory_mib, others
from tests.integration.test_passing_through import seen_upstream
from tests.live import LiveGateway, body, error_of
from tests.live_fixtures import StartGateway
from tests.paths import is_template

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from backports import zstd

CHAT = "/v1/chat/completions"
LISTEN = "/v1/audio/transcriptions"
KIB, MIB = 2**10, 2**20
SOUND = b"ID3\x04\x00\x00\x00\x00\x00\x00" + os.urandom(3 * MIB)
POSTED = [
    route.path
    for route in ROUTES
    if route.method == "POST" and not is_template(route.path) and route.handler is not ollama_models.managed
]
Pack = Callable[[bytes], bytes]


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def fast(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=4))


CODINGS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "GZIP": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
    "deflate": zlib.compress,
    "deflate, identity": bare,
    "br": fast,
    "zstd": zstd.compress,
    "gzip, br": lambda data: fast(gzip.compress(data)),
    "identity": lambda data: data,
}


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "echo")


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({LISTEN: lambda seen: said({"text": "hi"})}) as upstream:
        shared_gateway.define_at(
            "openai_compatible", f"{upstream.base}/v1", {"heard": ("up", ["audio_transcription"])}, name="listener"
        )
        yield upstream


def post(gateway: LiveGateway, data: bytes, coding: str, path: str = CHAT, kind: str = "application/json") -> httpx.Response:
    headers = [(b"content-encoding", coding.encode()), (b"content-type", kind.encode())]
    return gateway.http.post(path, content=data, headers=headers, timeout=60)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 300 * KIB, 5 * MIB], ids=["small", "more than one piece", "large"])
def test_body_when_compressed_goes_upstream_as_it_was(gateway: LiveGateway, coding: str, size: int) -> None:
    data = json.dumps(body("chaos/echo", pad=os.urandom(size // 2).hex(), user="é")).encode()
    answer = post(gateway, CODINGS[coding](data), coding)
    _, headers, sent = seen_upstream(answer)
    assert "content-encoding" not in headers
    assert sent == data.replace(b'"chaos/echo"', b'"echo"')


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("path", POSTED)
def test_body_when_compressed_is_taken_on_every_path(gateway: LiveGateway, path: str, coding: str) -> None:
    example = example_of(path)
    fields, files = (
        {"model": "nobody", **example.fields},
        [(name, (file, data, kind)) for name, file, data, kind in example.files],
    )
    made = (
        httpx.Request("POST", "http://x", data=fields, files=files) if files else httpx.Request("POST", "http://x", json=fields)
    )
    answer = post(gateway, CODINGS[coding](made.read()), coding, path, made.headers["content-type"])
    assert answer.status_code == 404, answer.text
    assert "'nobody'" in answer.text


@pytest.mark.parametrize("coding", CODINGS)
def test_form_when_compressed_goes_upstream_with_its_file_whole(gateway: LiveGateway, upstream: Vendor, coding: str) -> None:
    made = httpx.Request("POST", "http://x", data={"model": "heard"}, files={"file": ("a.mp3", SOUND, "audio/mpeg")})
    answer = post(gateway, CODINGS[coding](made.read()), coding, LISTEN, made.headers["content-type"])
    assert (answer.status_code, answer.json()) == (200, {"text": "hi"})
    part = upstream.last.form.first("file")
    assert part is not None
    assert part.head == SOUND


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_body_when_its_compression_is_broken_is_400_that_says_so(gateway: LiveGateway, coding: str) -> None:
    good = json.dumps(body("chaos/ok", pad=os.urandom(2000).hex())).encode()
    packed = CODINGS[coding](good)
    for bad in (packed[: len(packed) // 2], packed[:-1], packed + b"more", good, b"\xff" * 100):
        answer = post(gateway, bad, coding)
        assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_encoding")
        assert coding.rpartition(" ")[2] in error_of(answer)["message"] or coding == "gzip, br"
    assert gateway.chaos.log() == []


@pytest.mark.parametrize("coding", ["compress", "gzip;q=1", "gzip, gzip, gzip"])
def test_coding_when_unknown_is_415_that_names_those_that_are_taken(gateway: LiveGateway, coding: str) -> None:
    answer = post(gateway, b"x", coding)
    assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_encoding")
    assert "gzip, deflate, br, zstd" in error_of(answer)["message"]
    assert answer.headers["accept-encoding"] == "gzip, deflate, br, zstd"


def test_coding_when_told_in_two_headers_is_a_list(gateway: LiveGateway) -> None:
    packed = fast(gzip.compress(json.dumps(body("chaos/ok")).encode()))
    headers = [(b"content-encoding", b"gzip"), (b"content-encoding", b"br")]
    assert gateway.http.post(CHAT, content=packed, headers=headers).status_code == 200


def test_body_when_none_comes_is_not_called_broken(gateway: LiveGateway) -> None:
    assert error_of(post(gateway, b"", "gzip"))["code"] == "invalid_json"
    assert error_of(post(gateway, b"", "gzip", "/v1/responses/resp_x/cancel"))["code"] == "response_not_found"


@pytest.fixture(scope="module")
def fresh(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_MAX_BODY_BYTES=str(16 * MIB))
    gateway.define("ok")
    return gateway


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
@pytest.mark.parametrize(("path", "kind"), [(CHAT, "application/json"), (LISTEN, "multipart/form-data; boundary=b")])
def test_bomb_when_sent_is_413_and_holds_up_nobody(fresh: LiveGateway, coding: str, path: str, kind: str) -> None:
    start = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    packed = CODINGS[coding](start + bytes(64 * MIB))
    before = memory_mib(fresh, "VmHWM")
    with others(fresh) as waits, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(fresh, packed, coding, path, kind), range(8)))
        time.sleep(0.05)
    assert {answer.status_code for answer in answers} == {413}
    assert {error_of(answer)["code"] for answer in answers} <= {"request_too_large", "file_too_large"}
    assert memory_mib(fresh, "VmHWM") - before < 64
    assert sorted(waits)[len(waits) // 2] < 0.3


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_body_when_it_expands_over_the_limit_is_413(fresh: LiveGateway, coding: str) -> None:
    data = json.dumps(body("chaos/ok", pad="".join(f"{n:x}" for n in range(4 * MIB)))).encode()
    assert len(data) > 16 * MIB
    answer = post(fresh, CODINGS[coding](data), coding)
    assert (answer.status_code, error_of(answer)["code"]) == (413, "request_too_large")
    assert str(16 * MIB) in error_of(answer)["message"]


@pytest.mark.parametrize(("size", "status"), [(60 * KIB, 200), (200 * KIB, 413)])
def test_body_when_it_is_compressed_a_hundredfold_is_taken_only_while_it_is_small(
    gateway: LiveGateway, size: int, status: int
) -> None:
    packed = gzip.compress(json.dumps(body("chaos/ok", pad="a" * size)).encode())
    assert len(packed) * 100 < size
    answer = post(gateway, packed, "gzip")
    assert answer.status_code == status
    if status != 200:
        assert "100 times" in error_of(answer)["message"]


def test_bodies_when_many_are_large_and_compressed_take_little_more_memory_than_they_are(fresh: LiveGateway) -> None:
    data = json.dumps(body("chaos/ok", pad=os.urandom(4 * MIB).hex())).encode()
    packed = zstd.compress(data)
    assert post(fresh, packed, "zstd").status_code == 200
    before = memory_mib(fresh, "VmHWM")
    with others(fresh) as waits, ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: post(fresh, packed, "zstd"), range(8))} == {200}
        time.sleep(0.05)
    assert memory_mib(fresh, "VmHWM") - before <= 2.5 * 8 * 8
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert max(seen["body_bytes"] for seen in fresh.chaos.log("ok")) >= len(data) - len("chaos/")
