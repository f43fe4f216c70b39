"""Does the secret of a row reach the database only encrypted, and leave it only when asked?"""

from __future__ import annotations

from typing import Any

import pytest
from django.core import serializers
from django.db import connection, transaction
from pytest_django import Settings

from models_catalog import credentials
from models_catalog.models import Credential
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import EncryptedText
from providers.types import Secret
from tests.unit.models_catalog.rows import CANARY, IDS, KEYS, stored

pytestmark = pytest.mark.django_db


def column(row: Credential) -> str:
    """What the table holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM models_catalog_credential WHERE name = %s", [row.name])
        return str(cursor.fetchone()[0])


def test_save_when_secret_is_new_then_column_holds_ciphertext() -> None:
    row = stored()
    assert encryption.key_id_of(column(row)) == IDS[0]
    assert CANARY not in column(row)
    assert row.last_four == CANARY[-4:]
    assert credentials.reveal(Credential.objects.get()) == Secret(CANARY)


def test_save_when_secret_is_untouched_then_column_keeps_every_byte() -> None:
    before = column(stored())
    row = Credential.objects.get()
    row.name = "renamed"
    row.full_clean()
    row.save()
    assert column(row) == before


def test_save_when_value_does_not_decrypt_then_it_is_kept_as_it_is(settings: Settings) -> None:
    before = column(stored())
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    row = Credential.objects.get()
    row.save()
    assert column(row) == before
    with pytest.raises(credentials.SecretUnavailable, match=IDS[0]):
        credentials.reveal(row)


def test_save_when_only_the_secret_is_updated_then_last_four_follow() -> None:
    stored()
    row = Credential.objects.get()
    row.secret = Secret("another-secret-of-length-wxyz")
    row.save(update_fields=["secret"])
    row.refresh_from_db()
    assert row.last_four == "wxyz"


def test_save_when_secret_is_short_then_none_of_it_is_shown() -> None:
    assert stored(secret="hunter2").last_four == ""


def test_save_when_secret_is_removed_then_column_is_empty() -> None:
    row = stored()
    row.secret = ""
    row.save()
    assert column(row) == ""
    assert not Credential.objects.get().secret


@pytest.mark.parametrize("value", ["plain text", "v1.00000000.AAAA", 5, b"bytes"])
def test_save_when_value_is_not_a_secret_then_refuses_it(value: Any) -> None:
    row = Credential(name="x")
    row.secret = value
    with pytest.raises(TypeError, match="takes a Secret"), transaction.atomic():
        row.save()
    assert not Credential.objects.exists()


def test_update_when_given_a_secret_then_refuses_because_no_row_is_known() -> None:
    stored()
    with pytest.raises(TypeError, match="encrypted when its row is saved"):
        Credential.objects.update(secret=Secret(CANARY))


def test_bulk_writes_when_given_secrets_then_bind_each_to_its_row() -> None:
    rows = Credential.objects.bulk_create([Credential(name=f"c{n}", secret=Secret(f"{CANARY}-{n}")) for n in range(3)])
    for row in rows:
        row.secret = Secret(f"{row.name}-{CANARY}")
    Credential.objects.bulk_update(rows, ["secret"])
    shown = [credentials.reveal(row).reveal() for row in Credential.objects.order_by("name")]
    assert shown == [f"c{n}-{CANARY}" for n in range(3)]


def test_reveal_when_ciphertext_is_moved_to_another_row_then_fails() -> None:
    one, other = stored("one"), stored("other")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE models_catalog_credential SET secret = %s WHERE name = 'other'", [column(one)])
    other.refresh_from_db()
    with pytest.raises(credentials.SecretUnavailable, match="belongs to another row"):
        credentials.reveal(other)


def test_reveal_when_primary_key_is_changed_then_fails() -> None:
    row = stored()
    copy = Credential.objects.get()
    copy.pk = None
    copy.id = Credential._meta.pk.get_default()
    copy.name = "copy"
    copy.save(force_insert=True)
    with pytest.raises(credentials.SecretUnavailable):
        credentials.reveal(Credential.objects.get(name="copy"))
    assert credentials.reveal(row).reveal() == CANARY


def test_row_when_shown_then_no_secret_is_in_it() -> None:
    row = stored()
    fresh = Credential.objects.get()
    shown = " ".join(map(repr, (row, row.__dict__, fresh.__dict__, fresh.secret, str(fresh.secret), f"{fresh.secret}")))
    assert CANARY not in shown
    assert column(row) not in shown
    assert repr(fresh.secret) == "***"


def test_fixture_when_dumped_and_loaded_then_secret_survives_encrypted() -> None:
    stored()
    text = serializers.serialize("json", Credential.objects.all())
    assert CANARY not in text
    Credential.objects.all().delete()
    for restored in serializers.deserialize("json", text):
        restored.save()
    assert credentials.reveal(Credential.objects.get()).reveal() == CANARY


def test_fixture_when_it_holds_plain_text_then_is_refused() -> None:
    stored()
    text = serializers.serialize("json", Credential.objects.all()).replace('"secret": "v1.', '"secret": "x1.')
    with pytest.raises(serializers.base.DeserializationError):
        list(serializers.deserialize("json", text))


def test_encrypted_text_when_compared_then_only_equals_the_same_ciphertext() -> None:
    assert EncryptedText("a") == EncryptedText("a")
    assert EncryptedText("a") != EncryptedText("b")
    assert EncryptedText("a") != "a"
    assert not EncryptedText("")
