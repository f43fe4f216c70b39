"""Have client keys the promised form, and is only their hash kept?"""

from __future__ import annotations

import datetime as dt
import re
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from models_catalog import keys
from models_catalog.models import ClientKey
from tests.unit.models_catalog.rows import model

FOREIGN = "client-key-of-another-system"


def test_generate_when_called_then_has_the_documented_parts() -> None:
    key, public_id = keys.generate()
    assert re.fullmatch(r"sk-gw-[0-9A-Za-z]{57}", key)
    assert key[6:14] == public_id
    assert keys.well_formed(key)
    assert keys.generate()[0] != key


def test_checksum_when_computed_then_is_the_crc32_in_base62() -> None:
    digits = keys.checksum("sk-gw-abc")
    number = 0
    for digit in digits:
        number = number * 62 + keys.ALPHABET.index(digit)
    assert (len(digits), number) == (6, zlib.crc32(b"sk-gw-abc"))


@given(st.data())
def test_well_formed_when_one_character_differs_then_is_false(data: st.DataObject) -> None:
    key, _ = keys.generate()
    at = data.draw(st.integers(0, len(key) - 1))
    new = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda character: character != key[at]))
    assert not keys.well_formed(key[:at] + new + key[at + 1 :])


@given(st.text())
def test_well_formed_when_given_any_text_then_never_raises(text: str) -> None:
    assert not keys.well_formed(text)
    assert not keys.well_formed(f"sk-gw-{text}")


@pytest.mark.django_db
def test_create_when_done_then_only_hash_and_last_four_are_stored() -> None:
    row, key = keys.create_client_key("app")
    row = ClientKey.objects.get(pk=row.pk)
    assert row.key_hash == keys.hash_key(key)
    assert (row.public_id, row.last_four, row.all_models, row.enabled) == (key[6:14], key[-4:], True, True)
    assert key not in repr(row.__dict__)


@pytest.mark.django_db
def test_create_when_restricted_then_stores_models_and_expiry() -> None:
    allowed = model("gpt")
    tomorrow = timezone.now() + dt.timedelta(days=1)
    row, _ = keys.create_client_key("app", models=[allowed], expires_at=tomorrow)
    row.refresh_from_db()
    assert (row.all_models, list(row.allowed_models.all()), row.expires_at) == (False, [allowed], tomorrow)


@pytest.mark.django_db
def test_create_when_list_of_models_is_empty_then_key_may_use_none() -> None:
    row, _ = keys.create_client_key("app", models=[])
    assert (row.all_models, row.allowed_models.count()) == (False, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", " app", "a\nb", "tensorzero::x", "n" * 201])
def test_create_when_name_is_bad_then_nothing_is_stored(name: str) -> None:
    with pytest.raises(ValidationError):
        keys.create_client_key(name)
    assert not ClientKey.objects.exists()


@pytest.mark.django_db
def test_import_when_key_is_foreign_then_is_stored_by_hash() -> None:
    row = keys.import_client_key(FOREIGN, "legacy")
    assert (row.key_hash, row.public_id, row.last_four) == (keys.hash_key(FOREIGN), "", "stem")


@pytest.mark.django_db
def test_import_when_key_is_ours_then_keeps_its_public_id() -> None:
    key, public_id = keys.generate()
    assert keys.import_client_key(key, "moved").public_id == public_id


@pytest.mark.django_db
def test_import_when_key_is_known_then_refuses_it_without_repeating_it() -> None:
    keys.import_client_key(FOREIGN, "legacy")
    with pytest.raises(ValidationError) as caught:
        keys.import_client_key(FOREIGN, "again")
    assert FOREIGN not in str(caught.value)
    assert ClientKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "key",
    ["x" * 19, "x" * 513, "with spaces in the middle", "with-a-line-end-in-it\n", "ümlaute-ümlaute-ümlaute", "sk-gw-" + "a" * 57],
)
def test_import_when_key_is_weak_or_damaged_then_refuses_it_without_repeating_it(key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        keys.import_client_key(key, "legacy")
    assert key not in str(caught.value)
    assert not ClientKey.objects.exists()


@pytest.mark.django_db
def test_revoke_when_repeated_then_keeps_the_first_moment() -> None:
    row, _ = keys.create_client_key("app")
    keys.revoke_client_key(row)
    first = ClientKey.objects.get().revoked_at
    keys.revoke_client_key(ClientKey.objects.get())
    row.refresh_from_db()
    assert (row.enabled, row.revoked_at) == (False, first)
    assert first is not None
