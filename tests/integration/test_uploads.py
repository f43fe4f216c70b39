"""Are large files taken in and sent on whole, again if need be, without filling the memory, and gone afterwards?"""

from __future__ import annotations

import json
import os
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from openai import APIStatusError, OpenAI

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway, error_of
from tests.live_fixtures import StartGateway

MIB = 2**20
LISTEN = "/v1/audio/transcriptions"
HEADER = b"ID3\x04\x00\x00\x00\x00\x00\x00"
LARGE = HEADER + os.urandom(3 * MIB)
AT_ONCE = 6
MEMORY = 0.5
"""Of the bytes that are on their way at once; 2.5 are promised. One copy of each would be 1."""
BEHIND, AGAIN = "upload/then", "upload/again"


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """`upload/one` is served at `/good`; `upload/then` at `/bad` and then at `/good`, `upload/refused` at an address that
    refuses and then at `/good`, `upload/again` twice at `/bad`."""
    with vendor({}) as upstream:
        common = {"type": "openai_compatible", "api_key": PROVIDER_KEY}
        bases = {"good": f"{upstream.base}/good/v1", "bad": f"{upstream.base}/bad/v1", "gone": shared_gateway.dead_url}
        providers = [{"name": f"upload-{name}", "api_base": base, **common} for name, base in bases.items()]
        routes = {"upload/one": ["good"], BEHIND: ["bad", "good"], "upload/refused": ["gone", "good"], AGAIN: ["bad"]}
        models = [
            {
                "name": name,
                "num_retries": int(name == AGAIN),
                "capabilities": ["audio_transcription"],
                "routes": [{"provider": f"upload-{at}", "upstream_model": "up"} for at in places],
            }
            for name, places in routes.items()
        ]
        shared_gateway.operator.define(providers, models)
        shared_gateway.wait_visible(*routes)
        upstream.answers[f"/good{LISTEN}"] = lambda seen: said({"text": "hi"})
        yield upstream


@pytest.fixture
def uploads(gateway: LiveGateway, upstream: Vendor) -> Iterator[Vendor]:
    """The upstream with nothing seen; afterwards the gateway has no file open that it made."""
    upstream.seen.clear()
    yield upstream
    assert eventually(lambda: open_files(gateway) == 0, 5), open_files(gateway)


def open_files(gateway: LiveGateway) -> int:
    """How many files without a name the gateway has open."""
    found = 0
    for descriptor in Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).endswith("(deleted)")
    return found


def send(gateway: LiveGateway, model: str = "upload/one", data: bytes = LARGE, **fields: Any) -> httpx.Response:
    files = {"file": ("a.mp3", data, "audio/mpeg")}
    return httpx.post(
        f"{gateway.base_url}{LISTEN}",
        headers=gateway.headers(),
        data={"model": model, **fields},
        files=files,
        trust_env=False,
        timeout=60,
    )


def hash_in(seen: Seen) -> str:
    file = seen.form.first("file")
    assert file is not None
    data = file.data()
    seen.form.close()
    return sha256(data).hexdigest()


@pytest.mark.parametrize("size", [100, MIB, MIB + 1, 25 * MIB], ids=str)
def test_file_when_it_is_within_the_limit_arrives_whole(size: int, gateway: LiveGateway, uploads: Vendor) -> None:
    data = HEADER + os.urandom(size - len(HEADER))
    answer = send(gateway, data=data)
    assert (answer.status_code, answer.json()) == (200, {"text": "hi"})
    assert hash_in(uploads.last) == sha256(data).hexdigest()


@pytest.mark.parametrize("behaviour", ["500", "cut"])
def test_file_when_the_first_target_fails_is_sent_to_the_next_byte_for_byte(
    behaviour: str, gateway: LiveGateway, uploads: Vendor
) -> None:
    cut = Said(b"{", chunks=[b"{"], cut=True)
    failing = cut if behaviour == "cut" else said({"error": {"message": "no"}}, 500)
    uploads.answers[f"/bad{LISTEN}"] = lambda seen: failing
    answer = send(gateway, BEHIND)
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    assert [seen.path.split("/")[1] for seen in uploads.seen] == ["bad", "good"]
    assert [hash_in(seen) for seen in uploads.seen] == [sha256(LARGE).hexdigest()] * 2


def test_file_when_the_first_target_cannot_be_reached_goes_to_the_next(gateway: LiveGateway, uploads: Vendor) -> None:
    assert send(gateway, "upload/refused").status_code == 200
    assert hash_in(uploads.last) == sha256(LARGE).hexdigest()


def test_file_when_tried_again_is_the_same(gateway: LiveGateway, uploads: Vendor) -> None:
    answers = iter([said({"error": {"message": "no"}}, 503), said({"text": "hi"})])
    uploads.answers[f"/bad{LISTEN}"] = lambda seen: next(answers)
    assert send(gateway, AGAIN).status_code == 200
    assert [hash_in(seen) for seen in uploads.seen] == [sha256(LARGE).hexdigest()] * 2


@pytest.mark.parametrize("size", [25 * MIB + 1, 26 * MIB, 34 * MIB], ids=["one byte more", "26 MiB", "announced"])
def test_file_when_it_is_too_large_is_413_and_asks_nobody(size: int, gateway: LiveGateway, uploads: Vendor) -> None:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        with pytest.raises(APIStatusError) as raised:
            client.audio.transcriptions.create(model="upload/one", file=("a.mp3", HEADER + bytes(size - len(HEADER))))
        assert (raised.value.status_code, raised.value.code) == (413, "file_too_large")
        assert "25 MiB" in raised.value.message
    assert uploads.seen == []


def test_form_when_announced_too_large_is_refused_before_it_is_sent(gateway: LiveGateway, uploads: Vendor) -> None:
    with connected(gateway, 33 * MIB + 1) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("model", "data", "status"),
    [(BEHIND, LARGE, 502), ("upload/one", bytes(2 * MIB), 400), ("no such model", LARGE, 404)],
    ids=["upstream fails", "no sound", "no model"],
)
def test_file_when_the_request_fails_is_gone(
    model: str, data: bytes, status: int, gateway: LiveGateway, uploads: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = said({"error": {"message": "no"}}, 500)
    monkeypatch.setitem(uploads.answers, f"/bad{LISTEN}", lambda seen: failing)
    monkeypatch.setitem(uploads.answers, f"/good{LISTEN}", lambda seen: failing)
    answer = send(gateway, model, data)
    assert answer.status_code == status
    assert error_of(answer)


def connected(gateway: LiveGateway, length: int) -> socket.socket:
    """A connection on which the head of a form has been sent."""
    url = urlsplit(gateway.base_url)
    client = socket.create_connection((url.hostname or "", url.port or 0), timeout=10)
    head = f"POST {LISTEN} HTTP/1.1\r\nhost: {url.netloc}\r\nauthorization: Bearer {gateway.key}\r\n"
    client.sendall(f"{head}content-type: multipart/form-data; boundary=b\r\ncontent-length: {length}\r\n\r\n".encode())
    return client


def test_file_when_the_client_leaves_in_the_middle_is_gone(gateway: LiveGateway, uploads: Vendor) -> None:
    with connected(gateway, 20 * MIB) as client:
        client.sendall(b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + LARGE)
        assert eventually(lambda: open_files(gateway) == 1, 5)
    assert eventually(lambda: open_files(gateway) == 0, 5)


def test_file_when_the_client_leaves_before_the_answer_is_gone(gateway: LiveGateway, uploads: Vendor) -> None:
    body = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + LARGE
    body += b'\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nupload/one\r\n--b--\r\n'
    uploads.answers[f"/good{LISTEN}"] = lambda seen: Said(chunks=[b" "] * 50, pause=0.05)
    try:
        with connected(gateway, len(body)) as client:
            client.sendall(body)
            assert eventually(lambda: len(uploads.seen) == 1, 10)
            assert open_files(gateway) == 1
        assert eventually(lambda: open_files(gateway) == 0, 2)
    finally:
        uploads.answers[f"/good{LISTEN}"] = lambda seen: said({"text": "hi"})


def peak_mib(gateway: LiveGateway) -> float:
    """The most memory that was resident since `forget_peak`."""
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def forget_peak(gateway: LiveGateway) -> None:
    Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")


def test_memory_when_many_large_files_come_at_once_holds_none_of_them(gateway: LiveGateway, uploads: Vendor) -> None:
    data = HEADER + bytes(25 * MIB - len(HEADER))
    assert send(gateway, data=data).status_code == 200
    forget_peak(gateway)
    before = peak_mib(gateway)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: send(gateway, data=data).status_code, range(AT_ONCE)))
    grown = peak_mib(gateway) - before
    uploads.seen.clear()
    assert answers == [200] * AT_ONCE
    assert grown <= MEMORY * AT_ONCE * 25, grown


def test_file_when_the_disk_takes_no_more_is_503_and_the_next_is_served(
    gateway: LiveGateway, uploads: Vendor, chaos: Chaos
) -> None:
    start, limits = gateway.log_path.stat().st_size, resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    assert start < 2 * MIB, "the limit must leave room for the log"
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (10 * MIB, limits[1]))  # as a disk with no more room
    try:
        refused = send(gateway, data=HEADER + bytes(20 * MIB))
    finally:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, limits)
    assert (refused.status_code, error_of(refused)["code"]) == (503, "storage_unavailable")
    assert refused.headers["retry-after"] == "1"
    assert uploads.seen == []
    told = [line for line in gateway.settled_log(start).splitlines() if "temporary directory" in line]
    assert len(told) == 1
    assert json.loads(told[0])["level"] == "warning"
    assert send(gateway).status_code == 200


def test_file_when_the_temporary_folder_has_gone_is_503(start_gateway: StartGateway, upstream: Vendor, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    gateway = start_gateway(TMPDIR=str(folder))
    gateway.define_at("openai", f"{upstream.base}/good/v1", {"upload/one": ("up", ["audio_transcription"])})
    assert send(gateway).status_code == 200
    folder.rename(tmp_path / "elsewhere")
    refused = send(gateway)
    assert (refused.status_code, error_of(refused)["code"]) == (503, "storage_unavailable")
    (tmp_path / "elsewhere").rename(folder)
    assert send(gateway).status_code == 200
