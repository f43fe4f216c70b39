"""Do all secrets come under the active key, and is nothing lost when rotation is stopped or a value is broken?"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from models_catalog import credentials, publish
from models_catalog.models import Credential
from models_catalog.secrets import encryption, rotation
from models_catalog.secrets.fields import EncryptedTextField
from providers.types import Secret
from tests.unit.models_catalog.rows import CANARY, IDS, KEYS, stored

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 7


@pytest.fixture(autouse=True)
def _rows(settings: Settings) -> None:
    """Seven secrets under the first key; the second is the active one now."""
    for number in range(COUNT):
        stored(f"c{number}", f"{CANARY}-{number}")
    Credential.objects.create(name="empty")
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]


def rotate(*arguments: str) -> str:
    written = io.StringIO()
    try:
        call_command("rotate_encryption_keys", *arguments, stdout=written, stderr=written)
    finally:
        assert CANARY not in written.getvalue()
        assert not any(key in written.getvalue() for key in KEYS)
    return written.getvalue()


def key_ids() -> list[str]:
    return sorted(encryption.key_id_of(row.secret.stored) for row in Credential.objects.exclude(secret=""))


def revealed() -> list[str]:
    return [credentials.reveal(row).reveal() for row in Credential.objects.exclude(secret="").order_by("name")]


@pytest.mark.parametrize("batch", ["1", "3", "7", "500"])
def test_rotate_when_done_then_all_are_under_the_active_key_and_read_the_same(batch: str) -> None:
    written = rotate("--batch", batch)
    assert key_ids() == [IDS[1]] * COUNT
    assert revealed() == [f"{CANARY}-{number}" for number in range(COUNT)]
    assert f"{COUNT} secrets were re-encrypted under the key {IDS[1]}" in written
    assert f"{COUNT} from the key {IDS[0]}" in written


def test_rotate_when_done_then_other_processes_are_told_and_old_key_can_go(settings: Settings) -> None:
    before = publish.current_version()
    rotate()
    assert publish.current_version() > before
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    assert len(revealed()) == COUNT


def test_rotate_when_nothing_is_left_to_do_then_no_row_is_written() -> None:
    rotate()
    values = list(Credential.objects.values_list("secret", "updated_at"))
    assert "0 secrets" in rotate()
    assert list(Credential.objects.values_list("secret", "updated_at")) == values


class Stopped(BaseException):
    """As if the process was killed."""


@pytest.mark.parametrize("after", range(COUNT))
def test_rotate_when_stopped_at_any_row_then_second_run_completes_it(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = EncryptedTextField.pre_save
    seen: list[object] = []

    def stop(field: EncryptedTextField, row: Credential, add: bool) -> object:
        if len(seen) == after:
            raise Stopped
        seen.append(row)
        return prepare(field, row, add)

    with monkeypatch.context() as patched:
        patched.setattr(EncryptedTextField, "pre_save", stop)
        with pytest.raises(Stopped):
            rotation.rotate(2)
    assert key_ids() == sorted([IDS[1]] * (after // 2 * 2) + [IDS[0]] * (COUNT - after // 2 * 2))
    assert revealed() == [f"{CANARY}-{number}" for number in range(COUNT)]
    rotate()
    assert key_ids() == [IDS[1]] * COUNT


def test_rotate_when_values_do_not_decrypt_then_lists_and_keeps_them_and_does_the_rest() -> None:
    broken = {"c1": "v1.deadbeef." + "A" * 60, "c3": "not encrypted", "c5": _stored_value("c0")}
    for name, value in broken.items():
        _write(name, value)
    written = io.StringIO()
    with pytest.raises(CommandError, match="3 secrets do not decrypt"):
        call_command("rotate_encryption_keys", "--batch", "2", stdout=written, stderr=written)
    for name, value in broken.items():
        assert _stored_value(name) == value
        assert str(Credential.objects.get(name=name).pk) in written.getvalue()
    assert "deadbeef" in written.getvalue()
    good: Iterable[Credential] = Credential.objects.exclude(name__in=[*broken, "empty"])
    assert {encryption.key_id_of(row.secret.stored) for row in good} == {IDS[1]}


def test_rotate_when_given_new_key_then_file_has_it_first_and_all_are_under_it(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    path = settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    path.write_text(f"# the first key\n{KEYS[0]}\n")
    written = rotate("--new-key")
    assert key_ids() == [encryption.key_ring().active] * COUNT
    assert encryption.key_ring().ids[1:] == (IDS[0],)
    assert encryption.key_ring().active in written
    assert "# the first key" in path.read_text()


def test_rotate_when_keys_come_from_the_setting_then_new_key_is_refused() -> None:
    with pytest.raises(CommandError, match="GATEWAY_ENCRYPTION_KEYS is set"):
        rotate("--new-key")
    assert key_ids() == [IDS[0]] * COUNT


def test_rotate_when_there_is_no_key_then_says_so(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "none.key"
    for arguments in ([], ["--new-key"]):
        with pytest.raises(CommandError, match="There is no encryption key"):
            rotate(*arguments)
    assert not settings.GATEWAY_ENCRYPTION_KEY_FILE.exists()


def test_rotate_when_batch_is_not_positive_then_refuses() -> None:
    with pytest.raises(CommandError, match="at least 1"):
        rotate("--batch", "0")


def test_rotate_when_a_secret_changes_meanwhile_then_the_new_one_wins() -> None:
    row = Credential.objects.get(name="c0")
    row.secret = Secret("newer")
    row.save()
    rotate()
    assert credentials.reveal(Credential.objects.get(name="c0")).reveal() == "newer"


def _stored_value(name: str) -> str:
    return str(Credential.objects.get(name=name).secret.stored)


def _write(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE models_catalog_credential SET secret = %s WHERE name = %s", [value, name])
