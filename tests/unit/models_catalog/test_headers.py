"""Are the headers of providers kept as the secrets that they are?"""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from models_catalog.compiler import compile_snapshot
from models_catalog.models import Provider
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import EncryptedText, plain_headers
from tests.unit.models_catalog.rows import CANARY, IDS, KEYS, migrate, model, provider

pytestmark = pytest.mark.django_db(transaction=True)


def stored(name: str = "it") -> str:
    """What is in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extra_headers FROM models_catalog_provider WHERE name = %s", [name])
        return str(cursor.fetchone()[0])


def test_headers_when_saved_then_encrypted_for_their_row_and_read_back() -> None:
    row = provider("it", extra_headers={"x-team": CANARY})
    provider("other", extra_headers={"x-team": CANARY})
    assert isinstance(row.extra_headers, EncryptedText)
    assert encryption.is_stored_form(stored())
    assert stored() != stored("other")
    assert plain_headers(Provider.objects.get(name="it").headers()) == {"x-team": CANARY}
    Provider.objects.filter(name="other").update(extra_headers=EncryptedText(stored()))
    with pytest.raises(encryption.DecryptionFailed):
        Provider.objects.get(name="other").headers()


def test_headers_when_removed_or_never_given_then_nothing_is_stored() -> None:
    row = provider("it", extra_headers={"x-team": CANARY})
    row.extra_headers = {}
    row.save()
    provider("bare")
    assert stored() == stored("bare") == ""
    assert Provider.objects.get(name="bare").headers() == {}


def test_headers_when_plain_text_would_be_written_then_refused() -> None:
    provider("it")
    with pytest.raises(TypeError, match="extra_headers"):
        Provider.objects.update(extra_headers={"x-team": CANARY})


def test_headers_when_the_keys_are_rotated_then_they_come_along(settings: Settings) -> None:
    row = provider("it", extra_headers={"x-team": CANARY})
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
    written = io.StringIO()
    call_command("rotate_encryption_keys", stdout=written)
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    row.refresh_from_db()
    assert encryption.key_id_of(row.extra_headers.stored) == IDS[1]
    assert plain_headers(row.headers()) == {"x-team": CANARY}


def test_headers_when_they_do_not_decrypt_then_the_provider_is_left_out_and_the_check_names_it(settings: Settings) -> None:
    model("gpt", [provider("it", extra_headers={"x-team": CANARY}), provider("good")])
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    found = compile_snapshot()
    assert [target.provider for targets in found.models["gpt"].targets.values() for target in targets] == ["good"]
    assert "its headers cannot be decrypted" in found.problems[0].message
    written = io.StringIO()
    with pytest.raises(BaseException, match="provider it: its headers cannot be decrypted"):
        call_command("check", stdout=written, stderr=written)


def test_headers_when_an_older_database_is_migrated_then_encrypted_and_back() -> None:
    provider("it", extra_headers={"x-team": CANARY, "x-ü": "ä"})
    provider("bare")
    try:
        migrate("0002_context_length_and_route_checks")
        assert CANARY in stored()
        assert stored("bare") == "{}"
    finally:
        migrate()
    assert encryption.is_stored_form(stored())
    assert stored("bare") == ""
    assert plain_headers(Provider.objects.get(name="it").headers()) == {"x-team": CANARY, "x-ü": "ä"}
