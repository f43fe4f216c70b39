"""Is a form read the same however it is cut, written so that it is read the same, and refused when it breaks a bound?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_api.http.spool import DiskSpool
from providers.bytes.multipart import (
    MAX_NAME,
    MAX_PARTS,
    MAX_TEXT_BYTES,
    PIECE_BYTES,
    SPOOL_BYTES,
    BrokenForm,
    Form,
    FormBody,
    FormReader,
    Part,
    changed,
    file_part,
    text_part,
)

BOUNDARY = b"XyZ"
TYPE = b"multipart/form-data; boundary=" + BOUNDARY
Told = tuple[str, str | None, str, bytes]


def read(body: bytes, content_type: bytes = TYPE, *, cuts: Iterable[int] = (), most: int = 2**30) -> Form:
    """The form of a body that comes in pieces, cut at those places."""
    reader = FormReader(content_type, most, DiskSpool)
    places = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    for start, end in pairwise(places):
        reader.feed(body[start:end])
    return reader.finish()


def encode(parts: Iterable[Part]) -> tuple[bytes, bytes]:
    """The content type and the whole body."""
    body = FormBody(parts)
    return body.content_type, bytes(body)


def told(parts: Iterable[Part]) -> list[Told]:
    return [(part.name, part.filename, part.content_type, part.data()) for part in parts]


def part(headers: str | bytes, data: bytes = b"x") -> bytes:
    head = headers.encode() if isinstance(headers, str) else headers
    return b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY, head, data)


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


def named(name: str, data: bytes = b"x", more: str = "") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"{more}', data)


def deleted_files() -> int:
    """How many files without a name this process has open."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).endswith("(deleted)")
    return found


# Reading and writing

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
FILENAMES = NAMES.map(lambda name: name.replace("/", "").replace("\\", "")).filter(bool)
TYPES = st.sampled_from(["", "audio/mpeg", "text/plain; charset=utf-8", "application/octet-stream"])
BITS = st.sampled_from([b"\r\n--XyZ", b"--XyZ--", b"\r\n--XyZ-", b"\r\n--Xy", b"\r", b"\n", b"-", b"XyZ", b"\0", b"data"])
DATA = st.one_of(st.binary(max_size=200), st.lists(BITS, max_size=8).map(b"".join))
PARTS = st.lists(
    st.one_of(
        st.builds(lambda name, data: Part(name, size=len(data), head=data), NAMES, DATA),
        st.builds(file_part, NAMES, FILENAMES, TYPES, DATA),
    ),
    max_size=6,
)
CUTS = st.lists(st.integers(0, 10_000), max_size=40)


@given(PARTS, CUTS)
@settings(max_examples=300)
def test_form_when_written_and_read_in_any_pieces_is_the_same(parts: list[Part], cuts: list[int]) -> None:
    content_type, body = encode(parts)
    assert told(read(body, content_type, cuts=cuts).parts) == told(parts)


@given(st.lists(st.tuples(NAMES.map(lambda name: name.replace('"', "").replace("\\", "") or "n"), DATA), max_size=4), CUTS)
@settings(max_examples=300)
def test_form_when_its_files_hold_what_looks_like_its_boundary_is_read_the_same_in_any_pieces(
    fields: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    body = form(*(named(name, data, '; filename="a"') for name, data in fields))
    outcomes = []
    for places in ([], cuts, range(len(body))):
        try:
            outcomes.append(told(read(body, cuts=places).parts))
        except BrokenForm:
            outcomes.append([])
    assert outcomes[0] == outcomes[1] == outcomes[2]


@given(st.binary(max_size=300), CUTS)
@settings(max_examples=300)
def test_form_when_it_is_any_bytes_is_read_or_refused(body: bytes, cuts: list[int]) -> None:
    with suppress(BrokenForm):
        read(b"--XyZ\r\n" + body, cuts=cuts)


PREAMBLES = (b"", b"\r\n", b"hello\r\n", b"MIME format.\r\n\r\n", b"--XyZs\r\n--Xy\r\n", b"--XyZ x\n", b"a" * 500 + b"\n")


@given(st.sampled_from(PREAMBLES), st.sampled_from([b"", b"bye", b"--XyZ\r\nno part", b"\r\n--XyZ--\r\n" * 9]), CUTS)
@settings(max_examples=300)
def test_form_when_text_stands_before_and_after_it_is_read_without_it(preamble: bytes, epilogue: bytes, cuts: list[int]) -> None:
    body = preamble + form(named("a", b"1"), named("file", b"hello\r\n--Xy", '; filename="f"')) + epilogue
    assert told(read(body, cuts=cuts).parts) == [("a", None, "", b"1"), ("file", "f", "", b"hello\r\n--Xy")]


@pytest.mark.parametrize("cut", [1, 1000, SPOOL_BYTES - 7, 2**16])
def test_file_when_it_goes_to_disk_is_kept_whole_and_sent_again_and_again(cut: int) -> None:
    data = os.urandom(2 * SPOOL_BYTES + 12_345)
    body = form(named("file", data, '; filename="a.mp3"'), named("model", b"m"))
    step = max(cut, 4096)
    with closing(read(body, cuts=range(cut, len(body), step))) as found:
        assert [part.spool is not None for part in found.parts] == [True, False]
        assert found.parts[0].head == data[:64]
        first, second = (FormBody(found.parts) for _ in range(2))
        one, other = iter(first), iter(second)
        next(one), next(one)
        with closing(read(b"".join(other), second.content_type)) as again:
            assert told(again.parts) == told(found.parts)
        assert [len(piece) <= PIECE_BYTES for piece in one].count(False) == 0
        assert len(bytes(first)) == len(first)


def test_files_when_the_form_is_closed_are_gone() -> None:
    before = deleted_files()
    found = read(form(*(named("file", bytes(SPOOL_BYTES + 1), '; filename="a"') for _ in range(3))))
    assert deleted_files() == before + 3
    found.close()
    found.close()
    assert deleted_files() == before


def test_file_when_the_reader_has_no_spool_stays_in_memory() -> None:
    data = os.urandom(SPOOL_BYTES + 1)
    reader = FormReader(TYPE, 2**30)
    reader.feed(form(named("file", data, '; filename="a"')))
    (found,) = reader.finish().parts
    assert (found.spool, found.head) == (None, data)


# What stands in a form


def test_fields_when_repeated_or_in_brackets_are_found_and_kept_in_their_order() -> None:
    body = form(named("x[]", b"1"), named("file", b"f", '; filename="a.wav"'), named("x", b"2"), named("model", b"m"))
    found = read(body)
    assert [part.name for part in found.parts] == ["x[]", "file", "x", "model"]
    assert [part.text() for part in found.all("x")] == ["1", "2"]
    assert (found.text("x"), found.text("model"), found.text("none"), found.text("file")) == ("1", "m", None, None)


@pytest.mark.parametrize(
    ("options", "filename"),
    [
        ('; filename="../../x.wav"', "x.wav"),
        ('; filename="C:\\music\\é ü.wav"', "é ü.wav"),
        ('; filename="/etc/passwd"', "passwd"),
        ('; filename="dir/"', "file"),
        ('; filename=""', "file"),
        ('; filename="a\\"b.wav"', 'a"b.wav'),
        ('; filename="a%22b.wav"', "a%22b.wav"),
        ('; filename="a;b=c.wav"', "a;b=c.wav"),
        ("; filename=bare.wav", "bare.wav"),
        ('; filename="a\nb\x00c.wav"', "abc.wav"),
        ("; filename*=utf-8''%C3%A9%20x.wav", "é x.wav"),
        ("; filename*=UTF-8'en'..%2F..%2Fx.wav", "x.wav"),
        ("; filename=\"plain.wav\"; filename*=utf-8''other.wav", "plain.wav"),
        ('; filename="' + "a" * 1000 + '.wav"', "a" * (MAX_NAME - 4) + ".wav"),
    ],
)
def test_file_name_when_read_is_never_a_path_nor_ends_a_header(options: str, filename: str) -> None:
    (found,) = read(form(named("file", b"x", options))).parts
    assert found.filename == filename
    (again,) = read(*reversed(encode([found]))).parts
    assert again.filename == filename


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("audio/mpeg", "audio/mpeg"), ("audio/ogg; codecs=opus", "audio/ogg; codecs=opus"), ("no type", ""), ("a/b\nx: y", "")],
)
def test_content_type_when_it_is_none_is_left_out(kind: str, kept: str) -> None:
    (found,) = read(form(part(f'content-disposition: form-data; name="f"; filename="a"\r\ncontent-type: {kind}'))).parts
    assert found.content_type == kept


def test_text_when_it_is_not_utf_8_is_refused_where_it_is_read() -> None:
    found = read(form(named("prompt", b"\xff")))
    with pytest.raises(BrokenForm, match="'prompt'"):
        found.text("prompt")


# What is refused

HEADER = 'content-disposition: form-data; name="a"'
REFUSED: dict[str, tuple[bytes, str]] = {
    "no closing boundary": (named("a"), "cut off"),
    "half a closing boundary": (named("a") + b"--XyZ-", "cut off"),
    "nothing": (b"", "cut off"),
    "another boundary": (form(named("a")).replace(BOUNDARY, b"Other"), "boundary"),
    "text, and a boundary with more behind it": (b"hello\r\n--XyZs\r\n\r\n", "boundary"),
    "no headers": (form(b"--XyZ\r\n\r\nx\r\n"), "no name"),
    "no disposition": (form(part("content-type: text/plain")), "no name"),
    "an attachment": (form(part('content-disposition: attachment; name="a"')), "no name"),
    "no name": (form(part("content-disposition: form-data")), "no name"),
    "an empty name": (form(named("")), "name that is empty"),
    "a long name": (form(named("n" * (MAX_NAME + 1))), "too long"),
    "a name with a line break": (form(named("a\nb")), "not text"),
    "a name that is not UTF-8": (form(part(b'content-disposition: form-data; name="\xff"')), "not text"),
    "an open quote": (form(part('content-disposition: form-data; name="a')), "no name"),
    "base64": (form(part(f"{HEADER}\r\ncontent-transfer-encoding: BASE64")), "transfer encoding"),
    "quoted-printable": (form(part(f"{HEADER}\r\ncontent-transfer-encoding: quoted-printable")), "transfer encoding"),
    "many headers": (form(part("\r\n".join([HEADER] + [f"x-{number}: y" for number in range(20)]))), "not a form"),
    "a long header": (form(part(f"{HEADER}\r\nx: {'y' * 2**20}")), "not a form"),
    "a long header name": (form(part(f"{HEADER}\r\n{'y' * 2**20}: x")), "not a form"),
    "10,000 parts": (form(*[named("a")] * 10_000), f"{MAX_PARTS} parts"),
    "one part too many": (form(*[named("a")] * (MAX_PARTS + 1)), f"{MAX_PARTS} parts"),
    "a long text": (form(named("prompt", bytes(MAX_TEXT_BYTES + 1))), "'prompt' exceeds 1 MiB"),
    "long texts": (form(*[named("prompt", bytes(MAX_TEXT_BYTES))] * 9), "8 MiB in total"),
}


@pytest.mark.parametrize("step", [None, 50_000, 7], ids=["whole", "in large pieces", "in small pieces"])
@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_form_when_it_is_broken_is_refused_with_a_reason(body: bytes, message: str, step: int | None) -> None:
    cuts = range(0, min(len(body), 200_000), step) if step else ()
    with pytest.raises(BrokenForm, match=message):
        read(body, cuts=cuts)


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/mixed; boundary=x",
        b"multipart/form-data; boundary=" + b"x" * 201,
        b'multipart/form-data; boundary="x',
    ],
)
def test_content_type_when_it_has_no_boundary_is_refused(content_type: bytes) -> None:
    with pytest.raises(BrokenForm, match="no boundary"):
        FormReader(content_type, 1)


@pytest.mark.parametrize(
    "content_type",
    [
        b"Multipart/Form-Data;boundary=XyZ",
        b'multipart/form-data; charset=utf-8; Boundary="XyZ"',
        b"multipart/form-data ;  boundary=XyZ ;",
    ],
)
def test_content_type_when_spelled_otherwise_is_understood(content_type: bytes) -> None:
    assert told(read(form(named("a")), content_type).parts) == [("a", None, "", b"x")]


def test_bounds_when_met_exactly_are_kept() -> None:
    assert len(read(form(*[named("a")] * MAX_PARTS)).parts) == MAX_PARTS
    assert read(form(named("a", bytes(MAX_TEXT_BYTES)))).parts[0].size == MAX_TEXT_BYTES
    assert read(form(named("f", bytes(1000), '; filename="a"')), most=1000).parts[0].size == 1000


def test_file_when_it_is_too_large_is_named_and_no_more_of_it_kept() -> None:
    reader = FormReader(TYPE, 1000)
    reader.feed(named("file", bytes(1001), '; filename="a"'))
    assert reader.too_large == "file"
    reader.feed(named("other", bytes(5000), '; filename="a"'))
    assert sum(len(part.head) for part in reader.form.parts) <= 1001


# What is changed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "up"}, [("a[]", "1"), ("file", "f"), ("model", "up"), ("a", "2")]),
        ({"a": "3"}, [("a[]", "3"), ("file", "f"), ("model", "m")]),
        ({"a": None}, [("file", "f"), ("model", "m")]),
        ({"b": "4", "c": None}, [("b", "4"), ("a[]", "1"), ("file", "f"), ("model", "m"), ("a", "2")]),
    ],
)
def test_fields_when_changed_keep_their_place_and_new_ones_come_before_the_file(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    file = file_part("file", "a.wav", "audio/wav", b"f")
    parts = changed(Form([text_part("a[]", "1"), file, text_part("model", "m"), text_part("a", "2")]), changes)
    assert [(part.name, part.data().decode()) for part in parts] == expected
