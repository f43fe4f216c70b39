"""Is a compressed body unpacked whole in any pieces, and nothing that is broken or blown up?"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest

from providers.bytes.content_coding import (
    FREE_BYTES,
    MAX_MEMBERS,
    STEP_BYTES,
    BrokenCoding,
    Expanded,
    UnknownCoding,
    Unpacker,
    codings_of,
)

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from backports import zstd

MOST = 8 * 2**20
Pack = Callable[[bytes], bytes]


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def wide(data: bytes) -> bytes:
    """Zstd data that needs a window of 128 MiB."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return bytes(packer.compress(data) + packer.flush())


PACKED: dict[str, tuple[list[str], Pack]] = {
    "gzip": (["gzip"], gzip.compress),
    "gzip, two members": (["gzip"], lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
    "gzip, an empty member": (["gzip"], lambda data: gzip.compress(b"") + gzip.compress(data)),
    "deflate": (["deflate"], zlib.compress),
    "deflate, stored": (["deflate"], lambda data: zlib.compress(data, 0)),
    "deflate, bare": (["deflate"], bare),
    "br": (["br"], lambda data: brotli.compress(data, quality=5)),
    "zstd": (["zstd"], zstd.compress),
    "zstd, two frames": (["zstd"], lambda data: zstd.compress(data[:100]) + zstd.compress(data[100:])),
    "zstd, a skippable frame": (["zstd"], lambda data: b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd.compress(data)),
    "gzip, br": (["gzip", "br"], lambda data: brotli.compress(gzip.compress(data), quality=5)),
    "zstd, zstd": (["zstd", "zstd"], lambda data: zstd.compress(zstd.compress(data))),
}
every_coding = pytest.mark.parametrize("kind", PACKED)
SAMPLES = {
    "small": b'{"a":1}',
    "text": b",".join(b'{"id":%d,"content":"%x"}' % (n, n * 2654435761 % 2**32) for n in range(40_000)),
    "noise": os.urandom(300_000),
}


def unpacked(codings: list[str], data: bytes, piece: int = STEP_BYTES, most: int = MOST, announced: int = 0) -> bytes:
    unpacker = Unpacker(codings, most, announced)
    found = [part for at in range(0, len(data), piece) for part in unpacker.feed(data[at : at + piece])]
    unpacker.finish()
    whole = b"".join(found)
    assert unpacker.size == len(whole)
    assert max(map(len, found), default=0) <= 2 * STEP_BYTES
    return whole


@every_coding
@pytest.mark.parametrize("piece", [1, 1000, 2**20])
@pytest.mark.parametrize("name", SAMPLES)
def test_body_when_it_comes_in_any_pieces_then_unpacked_whole(kind: str, piece: int, name: str) -> None:
    codings, pack = PACKED[kind]
    data = SAMPLES[name][:2000] if piece == 1 else SAMPLES[name]
    packed = pack(data)
    assert unpacked(codings, packed, piece, announced=len(packed)) == data


@every_coding
def test_body_when_it_is_cut_off_then_broken(kind: str) -> None:
    codings, pack = PACKED[kind]
    packed = pack(SAMPLES["noise"][:3000])
    for length in (1, 2, len(packed) // 2, len(packed) - 1):
        with pytest.raises(BrokenCoding, match=f"(cut off|not valid).* {codings[-1]} "):
            unpacked(codings, packed[:length])


@every_coding
@pytest.mark.parametrize("after", [b"\0", b"x", b"garbage that is no stream"])
@pytest.mark.parametrize("piece", [1, 10_000])
def test_body_when_something_follows_its_end_then_broken(kind: str, after: bytes, piece: int) -> None:
    codings, pack = PACKED[kind]
    with pytest.raises(BrokenCoding):
        unpacked(codings, pack(b"hello") + after, piece)


@every_coding
def test_body_when_it_is_corrupt_then_broken(kind: str) -> None:
    codings, pack = PACKED[kind]
    packed = pack(SAMPLES["noise"][:3000])
    for bad in (b'{"model":"demo"}', b"\xff" * 100, packed[: len(packed) // 2] + b"\xff" * 50 + packed[len(packed) // 2 + 50 :]):
        try:
            assert unpacked(codings, bad) != SAMPLES["noise"][:3000]  # br has no checksum
        except BrokenCoding:
            continue


@every_coding
def test_body_when_there_is_none_then_none(kind: str) -> None:
    assert unpacked(PACKED[kind][0], b"") == b""


@pytest.mark.parametrize("kind", ["gzip", "deflate", "deflate, bare", "br", "zstd", "gzip, br", "zstd, zstd"])
@pytest.mark.parametrize(
    ("size", "most", "ratio"), [(MOST, MOST, True), (MOST + 1, MOST, True), (FREE_BYTES + 1, FREE_BYTES, False)]
)
def test_body_when_it_expands_too_far_then_stopped_at_once(kind: str, size: int, most: int, ratio: bool) -> None:
    codings, pack = PACKED[kind]
    packed = pack(bytes(size))
    unpacker = Unpacker(codings, most)
    with pytest.raises(Expanded) as raised:
        list(unpacker.feed(packed))
    assert raised.value.ratio is ratio
    assert unpacker.size <= max(FREE_BYTES, 100 * len(packed)) + 2 * STEP_BYTES


@every_coding
def test_body_when_it_is_small_then_compressed_as_far_as_can_be(kind: str) -> None:
    codings, pack = PACKED[kind]
    assert unpacked(codings, pack(bytes(FREE_BYTES))) == bytes(FREE_BYTES)


def test_body_when_its_beginning_expands_and_the_announced_rest_does_not_then_taken() -> None:
    data = bytes(4 * 2**20) + os.urandom(100_000)
    packed = zlib.compress(data)
    assert unpacked(["deflate"], packed, 1000, announced=len(packed)) == data
    with pytest.raises(Expanded):
        unpacked(["deflate"], packed, 1000)


def test_coding_when_another_folds_what_it_blew_up_then_bounded_all_the_same() -> None:
    bomb = zstd.compress(zstd.compress(bytes(100)) + zstd.compress(b"") * 100_000)
    with pytest.raises(Expanded):
        unpacked(["zstd", "zstd"], bomb)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_members_when_there_are_too_many_then_broken(kind: str) -> None:
    codings, pack = PACKED[kind]
    assert unpacked(codings, pack(b"") * MAX_MEMBERS) == b""
    with pytest.raises(BrokenCoding, match=f"more than {MAX_MEMBERS}"):
        unpacked(codings, pack(b"") * (MAX_MEMBERS + 1))


def test_window_when_zstd_asks_for_more_than_8_mebibytes_then_broken() -> None:
    with pytest.raises(BrokenCoding, match="zstd"):
        unpacked(["zstd"], wide(b"hello"))


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (b"", []),
        (b"identity", []),
        (b"gzip", ["gzip"]),
        (b" GZip ", ["gzip"]),
        (b"x-gzip", ["gzip"]),
        (b"identity, gzip", ["gzip"]),
        (b"gzip,br", ["gzip", "br"]),
        (b", deflate,,", ["deflate"]),
        (b"zstd, identity", ["zstd"]),
    ],
)
def test_header_when_it_names_codings_then_in_their_order(header: bytes, codings: list[str]) -> None:
    assert codings_of(header) == codings


@pytest.mark.parametrize(
    "header", [b"compress", b"gzip;q=1", b"*", b"gzip deflate", b"\xff", b"aws-chunked, gzip", b"gzip, gzip, br"]
)
def test_header_when_a_coding_is_another_then_those_that_are_taken_are_named(header: bytes) -> None:
    with pytest.raises(UnknownCoding, match="gzip, deflate, br, zstd"):
        codings_of(header)
