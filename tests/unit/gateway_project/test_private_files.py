"""Are key files private, whole and never replaced?"""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway_project import private_files


def test_create_when_the_file_is_new_then_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret.key"
    assert private_files.create(path, "value")
    assert path.read_text() == "value\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def test_create_when_the_file_exists_then_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("old")
    assert not private_files.create(tmp_path / "secret.key", "new")
    assert (tmp_path / "secret.key").read_text() == "old"


def test_create_when_many_try_at_once_then_one_wins_and_no_draft_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda number: private_files.create(path, str(number)), range(64)))
    assert sum(made) == 1
    assert path.read_text().strip() == str(made.index(True))
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]
