"""Is a stored value only readable in its own row, with its own key, and unchanged?"""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from models_catalog.secrets import encryption
from models_catalog.secrets.encryption import KeyRing
from providers.types import Secret
from tests.unit.models_catalog.rows import CANARY, IDS, KEYS

RING = KeyRing(KEYS[:2])
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
AAD = st.binary(max_size=60)


@given(SECRETS, AAD)
def test_decrypt_of_encrypt_always_gives_the_secret(secret: str, aad: bytes) -> None:
    stored = RING.encrypt(Secret(secret), aad)
    assert RING.decrypt(stored, aad).reveal() == secret
    assert encryption.key_id_of(stored) == RING.active == IDS[0]


@given(SECRETS, AAD, AAD)
def test_decrypt_when_bound_to_another_place_then_fails(secret: str, aad: bytes, other: bytes) -> None:
    if aad == other:
        other += b"x"
    with pytest.raises(encryption.DecryptionFailed) as caught:
        RING.decrypt(RING.encrypt(Secret(secret), aad), other)
    assert caught.value.key_id == IDS[0]


@given(SECRETS, st.data())
def test_decrypt_when_any_character_changed_then_fails(secret: str, data: st.DataObject) -> None:
    stored = RING.encrypt(Secret(secret), b"place")
    at = data.draw(st.integers(0, len(stored) - 1))
    new = data.draw(st.sampled_from("abcdefABCDEF0123456789-_.vx=").filter(lambda character: character != stored[at]))
    with pytest.raises(encryption.EncryptionError):
        RING.decrypt(stored[:at] + new + stored[at + 1 :], b"place")


@given(SECRETS)
def test_encrypt_when_repeated_then_never_gives_the_same_text(secret: str) -> None:
    assert RING.encrypt(Secret(secret), b"") != RING.encrypt(Secret(secret), b"")


@pytest.mark.parametrize(
    "text", ["", "plain", "v1", "v1.", "v2.00000000.AAAA", f"v1.{IDS[0]}.", f"v1.{IDS[0]}.AA AA", f"v1.{IDS[0]}.AAAA"]
)
def test_decrypt_when_not_of_the_stored_form_then_says_so(text: str) -> None:
    with pytest.raises(encryption.MalformedValue):
        RING.decrypt(text, b"")


def test_decrypt_when_key_is_unknown_then_names_its_id() -> None:
    stored = KeyRing([KEYS[2]]).encrypt(Secret(CANARY), b"")
    with pytest.raises(encryption.UnknownKey, match=IDS[2]):
        RING.decrypt(stored, b"")


def test_decrypt_when_key_was_retired_then_still_reads() -> None:
    stored = KeyRing([KEYS[1]]).encrypt(Secret(CANARY), b"")
    assert RING.decrypt(stored, b"").reveal() == CANARY


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(b"x" * 31).decode(), "ä" * 44, "*" * 44])
def test_ring_when_a_key_is_bad_then_error_names_its_number_only(key: str) -> None:
    with pytest.raises(encryption.InvalidKey) as caught:
        KeyRing([KEYS[0], key])
    assert str(caught.value) == "encryption key number 2 is not 32 bytes in base64"


def test_ring_when_shown_then_has_ids_only() -> None:
    assert repr(RING) == f"<KeyRing {IDS[0]}, {IDS[1]}>"
    assert not any(key in repr(RING) for key in KEYS)


def test_ring_when_neither_setting_nor_file_then_tells_both(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "none.key"
    with pytest.raises(encryption.NoKeyRing, match=r"GATEWAY_ENCRYPTION_KEYS.*none\.key"):
        encryption.key_ring()


def test_key_file_when_made_then_is_private_and_works(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    path = settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "new" / "encryption.key"
    previous = os.umask(0)
    try:
        assert encryption.ensure_key_file()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_text()
    assert not encryption.ensure_key_file()
    assert path.read_text() == content
    assert encryption.key_ring().decrypt(encryption.key_ring().encrypt(Secret(CANARY), b""), b"").reveal() == CANARY


def test_key_file_when_made_by_many_at_once_then_all_read_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    seen: list[str] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        encryption.ensure_key_file(path)
        seen.append(path.read_text())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_add_key_when_ring_is_in_use_then_new_key_is_active_at_once(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    encryption.ensure_key_file()
    before = encryption.key_ring()
    stored = before.encrypt(Secret(CANARY), b"")
    key_id = encryption.add_key()
    assert encryption.key_ring().ids == (key_id, before.active)
    assert encryption.key_ring().decrypt(stored, b"").reveal() == CANARY
    assert stat.S_IMODE((tmp_path / "encryption.key").stat().st_mode) == 0o600
