"""Does a credential give what its source says, and a clear error without the value otherwise?"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from models_catalog import credentials
from models_catalog.models import Credential
from providers import types
from providers.types import Secret
from tests.unit.models_catalog.rows import CANARY, KEYS

VARIABLE = "CATALOG_TEST_SECRET"


def credential(source: str, location: str = "") -> Credential:
    return Credential(name="c", source=source, location=location)


def test_resolve_when_stored_then_decrypts() -> None:
    row = credential("stored")
    row.secret = Secret(CANARY)
    row._meta.get_field("secret").pre_save(row, add=True)
    assert credentials.resolve(row) == types.Credential(Secret(CANARY))


@pytest.mark.parametrize("value", [CANARY, f"  {CANARY}\n"])
def test_resolve_when_in_a_variable_then_reads_it_stripped(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert credentials.resolve(credential("env", VARIABLE)) == types.Credential(Secret(CANARY))


def test_resolve_when_in_a_file_then_reads_it_stripped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text(f"{CANARY}\n")
    assert credentials.resolve(credential("path", str(path))) == types.Credential(Secret(CANARY))
    monkeypatch.setenv(VARIABLE, str(path))
    assert credentials.resolve(credential("path_from_env", VARIABLE)) == types.Credential(Secret(CANARY))


def test_resolve_when_dynamic_or_none_then_holds_no_secret() -> None:
    assert credentials.resolve(credential("dynamic", "store_1")) == types.Credential(dynamic="store_1")
    assert credentials.resolve(credential("none")) == types.Credential()


@pytest.mark.parametrize(
    ("source", "location", "part"),
    [
        ("stored", "", "no secret is stored"),
        ("env", "CATALOG_TEST_ABSENT", "CATALOG_TEST_ABSENT is not set"),
        ("env", "CATALOG_TEST_EMPTY", "CATALOG_TEST_EMPTY is empty"),
        ("path", "/nonexistent/key", "/nonexistent/key cannot be read: No such file"),
        ("path", "/", "cannot be read"),
        ("path", "\0", "not a valid path"),
        ("path_from_env", "CATALOG_TEST_ABSENT", "CATALOG_TEST_ABSENT is not set"),
        ("vault", "x", "'vault' is unknown"),
    ],
)
def test_resolve_when_not_there_then_says_where(source: str, location: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TEST_EMPTY", " ")
    with pytest.raises(credentials.SecretUnavailable, match=part):
        credentials.resolve(credential(source, location))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe" + CANARY.encode(), CANARY.encode() * 10_000])
def test_resolve_when_file_is_unfit_then_says_so_without_its_content(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(credentials.SecretUnavailable) as caught:
        credentials.resolve(credential("path", str(path)))
    assert str(path) in str(caught.value)
    assert CANARY not in str(caught.value)


def test_resolve_when_key_ring_is_missing_then_says_so(settings: Settings, tmp_path: Path) -> None:
    row = credential("stored")
    row.secret = Secret(CANARY)
    row._meta.get_field("secret").pre_save(row, add=True)
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "none.key"
    with pytest.raises(credentials.SecretUnavailable, match="There is no encryption key"):
        credentials.resolve(row)
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    with pytest.raises(credentials.SecretUnavailable, match="not in the key ring"):
        credentials.resolve(row)
