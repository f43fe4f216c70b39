"""Is a file within a JSON body what it would be if all of it were in memory?"""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_api.http.spool import DiskSpool
from providers.bytes.data_url import PIECE_BYTES, DataUrl, JsonWithFiles
from providers.bytes.multipart import PIECE_BYTES as FILE_PIECE_BYTES
from providers.bytes.multipart import Part, file_part

TEXTS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


def url(data: bytes) -> str:
    return f"data:image/png;base64,{b64encode(data).decode()}"


@given(TEXTS, st.lists(st.binary(max_size=10), max_size=3), TEXTS)
def test_files_when_within_an_object_are_urls_at_their_places(before: object, files: list[bytes], after: object) -> None:
    urls = [DataUrl(file_part("image", "a.png", "image/png", data), "image/png") for data in files]
    made = JsonWithFiles({"before": before, "images": urls, "after": after})
    assert json.loads(bytes(made)) == {"before": before, "images": [url(data) for data in files], "after": after}
    assert b"".join(made) == bytes(made)
    assert len(made) == len(bytes(made))


@pytest.mark.parametrize(
    "size", [FILE_PIECE_BYTES + more for more in (-1, 0, 1, 2)] + [3 * PIECE_BYTES + 1, 2 * FILE_PIECE_BYTES + 5]
)
def test_file_when_large_is_encoded_across_its_pieces(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    with closing(DiskSpool()) as spool:
        spool.write(memoryview(data))
        found = DataUrl(Part("image", "a.png", "image/png", size, data[:16], spool), "image/png")
        assert b"".join(found).decode() == url(data)
        assert len(found) == len(url(data))


def test_value_when_it_is_no_json_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        JsonWithFiles({"a": object()})
