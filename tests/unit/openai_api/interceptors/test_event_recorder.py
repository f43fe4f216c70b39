"""Does each session have a file of its own with all its events, whatever it is called and whatever happens to the disk?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openai_api.hooks import EventName
from openai_api.interceptors.event_recorder import EventRecorder
from tests.unit.openai_api.interceptors.made_up import event
from tests.unit.openai_api.observing.test_files import disk_full_at

KEY = "sk-proj-canary0123456789abcdefGHIJ"


def recorder(folder: Path, **options: Any) -> EventRecorder:
    return EventRecorder(EventRecorder.Options(output_dir=str(folder), **options))


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_when_taken_then_each_session_has_its_file_in_their_order(tmp_path: Path) -> None:
    taken = recorder(tmp_path / "made")
    taken.take_events([event(EventName.SESSION_START), event(session="s-2"), event(EventName.CALL_START)])
    taken.take_events([event(EventName.CALL_FINISH)])
    found = lines(tmp_path / "made" / "session_s-1.jsonl")
    metadata = found[0]["_metadata"]
    assert (metadata["format"], metadata["session_id"], metadata["interceptor"]) == ("jsonl", "s-1", "event_recorder")
    assert [line["name"] for line in found[1:]] == ["session.start", "llm.call.start", "llm.call.finish"]
    assert found[1] == event(EventName.SESSION_START).line()
    assert len(lines(tmp_path / "made" / "session_s-2.jsonl")) == 2
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()} == {0o600}
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("pretty", [False, True])
def test_events_when_the_format_is_json_then_the_file_is_one_object_after_each_batch(pretty: bool, tmp_path: Path) -> None:
    path = tmp_path / "session_s-1.json"
    attributes = {"llm.request.data": {"events": [1], "metadata": {"events_count": 9}, "text": '\n],"metadata":{}'}}
    for number, name in enumerate((EventName.SESSION_START, EventName.CALL_START, EventName.CALL_FINISH), 1):
        recorder(tmp_path, file_format="json", pretty_print=pretty).take_events([event(name, attributes=attributes), event(name)])
        found = json.loads(path.read_text())
        assert found["metadata"]["events_count"] == len(found["events"]) == 2 * number
    found = json.loads(path.read_text())
    assert [one["name"] for one in found["events"][::2]] == ["session.start", "llm.call.start", "llm.call.finish"]
    assert found["events"][0]["attributes"] == attributes
    assert found["metadata"]["session_id"] == "s-1"
    assert ("\n  " in (tmp_path / "session_s-1.json").read_text()) is pretty


@pytest.mark.parametrize("file_format", ["jsonl", "json"])
def test_metadata_when_it_is_not_wanted_then_only_events_are_there(file_format: str, tmp_path: Path) -> None:
    recorder(tmp_path, file_format=file_format, include_metadata=False).take_events([event(), event()])
    text = (tmp_path / f"session_s-1.{file_format}").read_text()
    found = [json.loads(line) for line in text.splitlines()] if file_format == "jsonl" else json.loads(text)["events"]
    assert found == [event().line()] * 2
    assert "interceptor" not in text


@pytest.mark.parametrize(
    "session",
    [
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "a/b",
        "x" * 10_240,
        "a\0b\nc\x1b[31m",
        "é💥",
        "",
        "con:\\?*",
        "\ud800",
        '","client_id":"key-2',
    ],
)
@pytest.mark.parametrize("file_format", ["jsonl", "json"])
def test_session_when_its_id_is_hostile_then_its_file_is_in_the_folder_and_is_found_again(
    file_format: str, session: str, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        try:
            recorder(folder, file_format=file_format).take_events([event(session=session)])
        except UnicodeEncodeError:
            pytest.skip("half a character cannot be written in JSON; no header can hold one")
    (path,) = folder.iterdir()
    assert len(path.name) < 130
    assert path.name.isascii()
    assert path.name.isprintable()
    text = path.read_text()
    found = [json.loads(line) for line in text.splitlines()][1:] if file_format == "jsonl" else json.loads(text)["events"]
    assert [line["session_id"] for line in found] == [session, session]
    assert [child.name for child in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("file_format", ["jsonl", "json"])
def test_session_when_another_client_has_one_of_that_name_then_they_are_not_mixed(file_format: str, tmp_path: Path) -> None:
    taken = recorder(tmp_path, file_format=file_format)
    for client in ("key-1", "key-2", "key-1", "key-2", "key-3"):
        taken.take_events([event(client=client, attributes={"whose": client})])
    texts = [path.read_text() for path in tmp_path.iterdir()]
    assert len(texts) == 3
    assert all(sum(f'"whose":"key-{number}"' in text for number in (1, 2, 3)) == 1 for text in texts)


def test_names_when_they_become_alike_then_their_files_differ(tmp_path: Path) -> None:
    recorder(tmp_path).take_events([event(session="a/b"), event(session="a:b"), event(session="a_b")])
    assert len(list(tmp_path.iterdir())) == 3


def test_credentials_when_an_event_has_some_then_they_are_replaced(tmp_path: Path) -> None:
    recorder(tmp_path).take_events([event(attributes={"llm.response.content": f"note {KEY}", "tool.params": {"password": "x"}})])
    text = (tmp_path / "session_s-1.jsonl").read_text()
    assert KEY not in text
    assert "note [REDACTED_API_KEY]" in text
    assert '{"password":"[REDACTED]"}' in text


@pytest.mark.parametrize("file_format", ["jsonl", "json"])
def test_disk_when_it_is_full_then_the_file_stays_whole_and_events_are_counted(file_format: str, tmp_path: Path) -> None:
    taken = recorder(tmp_path, file_format=file_format)
    taken.take_events([event()])
    path = tmp_path / f"session_s-1.{file_format}"
    before = path.read_text()
    with disk_full_at(len(before) + 10):
        taken.take_events([event(), event()])
    assert path.read_text() == before
    assert taken.dropped == 2
    taken.take_events([event()])
    assert path.read_text().count("llm.call.start") == 2


@pytest.mark.parametrize(
    "damaged", ["", '{"events":[\n{"a":1}', "no json at all\n", '{"events":[\n\n],"metadata":{"events_count":"x"}}\n']
)
def test_file_when_it_is_damaged_then_events_go_beside_it(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "session_s-1.json").write_text(damaged)
    taken = recorder(tmp_path, file_format="json")
    taken.take_events([event()])
    taken.take_events([event()])
    assert taken.dropped == 0
    wholes = [text for path in tmp_path.iterdir() if '"interceptor"' in (text := path.read_text())]
    assert [len(json.loads(text)["events"]) for text in wholes] == [2]


def test_folder_when_it_cannot_be_made_then_events_are_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    taken = recorder(tmp_path / "file")
    taken.take_events([event(), event(session="s-2")])
    assert taken.dropped == 2
