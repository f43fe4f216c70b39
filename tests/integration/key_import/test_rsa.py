"""Are RSA-encrypted keys read when they are right, and never when they are not?"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from itertools import chain

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pytest_django import Settings

from models_catalog.key_import.decryption import UNREADABLE
from models_catalog.key_import.importing import import_keys
from models_catalog.key_import.reading import Options
from models_catalog.key_import.rows import BadRows
from models_catalog.models import Provider
from tests.integration.key_import.samples import (
    FORMATS,
    GROQ_KEY,
    KEYS,
    OPENAI_KEY,
    PASSWORD,
    Importer,
    as_base64,
    as_hex,
    csv_text,
    encrypted_pem,
    labelled,
    legacy_pem,
    oaep,
    oaep_sha1,
    pkcs1_pem,
    pkcs1v15,
    pkcs8_pem,
    rsa_key,
    stored,
)

Writing = Callable[[bytes], str]
Pem = Callable[[rsa.RSAPrivateKey], bytes]
Encrypting = Callable[[str, rsa.RSAPrivateKey], bytes]

WRITINGS = [as_hex, as_base64, lambda data: data.hex().upper()]
PEMS = [pkcs1_pem, pkcs8_pem, encrypted_pem]


def with_key(settings: Settings, key: rsa.RSAPrivateKey | None = None) -> None:
    settings.GATEWAY_RSA_PRIVATE_KEY = pkcs8_pem(key or rsa_key()).decode()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("pem", PEMS)
def test_oaep_when_in_any_format_then_stored(
    kind: str, writing: Writing, pem: Pem, imported: Importer, settings: Settings
) -> None:
    name, text = FORMATS[kind]
    settings.GATEWAY_RSA_PRIVATE_KEY = pem(rsa_key()).decode()
    settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = PASSWORD if pem is encrypted_pem else ""
    imported(text({who: writing(oaep(key, rsa_key())) for who, key in KEYS.items()}), name, encrypted=True)
    assert stored() == KEYS


@pytest.mark.parametrize("pem", PEMS)
@pytest.mark.parametrize("place", ["option", "inline", "inline with escapes", "path"])
def test_private_key_when_in_any_place_then_used(place: str, pem: Pem, imported: Importer, settings: Settings) -> None:
    private = pem(rsa_key())
    option = None
    settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = PASSWORD if pem is encrypted_pem else ""
    match place:
        case "option":
            settings.GATEWAY_RSA_PRIVATE_KEY = "not this one"
            option = imported.write(private, "key.pem")
        case "inline":
            settings.GATEWAY_RSA_PRIVATE_KEY = private.decode()
            settings.GATEWAY_RSA_PRIVATE_KEY_PATH = "/not/this/one"
        case "inline with escapes":
            settings.GATEWAY_RSA_PRIVATE_KEY = private.decode().replace("\n", "\\n")
        case _:
            settings.GATEWAY_RSA_PRIVATE_KEY_PATH = imported.write(private, "key.pem")
    imported(csv_text({"openai": as_hex(oaep(OPENAI_KEY, rsa_key()))}), encrypted=True, private_key=option)
    assert stored() == {"openai": OPENAI_KEY}


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 2056])
def test_oaep_when_key_is_large_then_stored(bits: int, imported: Importer, settings: Settings) -> None:
    key = rsa_key(f"{bits} bits", bits)
    with_key(settings, key)
    imported(csv_text({"openai": oaep(OPENAI_KEY, key).hex()}), encrypted=True)
    assert stored() == {"openai": OPENAI_KEY}


def test_pkcs1v15_when_allowed_then_stored(imported: Importer, settings: Settings) -> None:
    with_key(settings)
    values = {"openai": as_hex(pkcs1v15(OPENAI_KEY, rsa_key())), "groq": as_base64(oaep(GROQ_KEY, rsa_key()))}
    imported(csv_text(values), encrypted=True, allow_pkcs1v15=True)
    assert stored() == KEYS


def test_pkcs1v15_when_not_allowed_then_refused(imported: Importer, settings: Settings) -> None:
    with_key(settings)
    assert UNREADABLE in imported.refusal(csv_text({"openai": as_hex(pkcs1v15(OPENAI_KEY, rsa_key()))}), encrypted=True)


@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ("openai", "sk-" + "a" * 16),
        ("openai", OPENAI_KEY + " "),
        ("openai", OPENAI_KEY + "é"),
        ("openai", OPENAI_KEY + "\n"),
        ("openai", GROQ_KEY),
        ("groq", OPENAI_KEY),
    ],
)
def test_pkcs1v15_when_plaintext_has_not_the_shape_of_a_key_then_refused(
    provider: str, key: str, imported: Importer, settings: Settings
) -> None:
    with_key(settings)
    value = as_hex(pkcs1v15(key, rsa_key()))
    assert UNREADABLE in imported.refusal(csv_text({provider: value}), encrypted=True, allow_pkcs1v15=True)


def test_pkcs1v15_when_length_is_at_its_limits_then_stored_and_refused_beyond(imported: Importer, settings: Settings) -> None:
    shortest = "sk-" + "a" * 17
    with_key(settings)
    imported(csv_text({"openai": as_hex(pkcs1v15(shortest, rsa_key()))}), encrypted=True, allow_pkcs1v15=True)
    assert stored() == {"openai": shortest}
    large = rsa_key("4200 bits", 4200)
    longest = "sk-" + "a" * 509
    with_key(settings, large)
    imported(csv_text({"openai": as_hex(pkcs1v15(longest, large))}), encrypted=True, allow_pkcs1v15=True)
    assert stored() == {"openai": longest}
    value = as_hex(pkcs1v15(longest + "a", large))
    assert UNREADABLE in imported.refusal(csv_text({"openai": value}), encrypted=True, allow_pkcs1v15=True)


def test_pkcs1v15_when_vendor_is_hidden_behind_an_address_then_any_key_shape(imported: Importer, settings: Settings) -> None:
    with_key(settings)
    Provider.objects.create(name="proxy", type="openai", api_base="https://proxy.example/v1")
    Provider.objects.create(name="direct", type="openai")
    value = as_hex(pkcs1v15(GROQ_KEY, rsa_key()))
    imported(csv_text({"proxy": value}), encrypted=True, allow_pkcs1v15=True)
    assert stored() == {"proxy": GROQ_KEY, "direct": ""}
    text = f"provider,type,api_key,api_base\nother,openai,{value},https://other.example/v1\n"
    imported(text, encrypted=True, allow_pkcs1v15=True)
    assert stored() == {"proxy": GROQ_KEY, "direct": "", "other": GROQ_KEY}
    assert UNREADABLE in imported.refusal(csv_text({"direct": value}), encrypted=True, allow_pkcs1v15=True)
    assert UNREADABLE in imported.refusal(f"provider,type,api_key\nnew,openai,{value}\n", encrypted=True, allow_pkcs1v15=True)


def cut(data: bytes) -> bytes:
    return data[:-1]


def one_more(data: bytes) -> bytes:
    return data + b"\0"


def zero_before(data: bytes) -> bytes:
    return b"\0" + data


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def too_large_number(data: bytes) -> bytes:
    return b"\xff" * len(data)


def short(data: bytes) -> bytes:
    return b"\0"


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("writing", [as_hex, as_base64])
@pytest.mark.parametrize("encrypting", [oaep, pkcs1v15])
@pytest.mark.parametrize("damage", [cut, one_more, zero_before, flipped, too_large_number, short])
def test_ciphertext_when_damaged_then_refused(
    damage: Callable[[bytes], bytes],
    encrypting: Encrypting,
    writing: Writing,
    allowed: bool,
    imported: Importer,
    settings: Settings,
) -> None:
    with_key(settings)
    value = writing(damage(encrypting(OPENAI_KEY, rsa_key())))
    assert UNREADABLE in imported.refusal(csv_text({"openai": value}), encrypted=True, allow_pkcs1v15=allowed)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("encrypting", [oaep_sha1, labelled])
def test_oaep_when_of_another_kind_then_refused(
    encrypting: Encrypting, allowed: bool, imported: Importer, settings: Settings
) -> None:
    with_key(settings)
    value = as_hex(encrypting(OPENAI_KEY, rsa_key()))
    assert UNREADABLE in imported.refusal(csv_text({"openai": value}), encrypted=True, allow_pkcs1v15=allowed)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("encrypting", [oaep, pkcs1v15])
def test_ciphertext_when_for_another_key_then_refused(
    encrypting: Encrypting, allowed: bool, imported: Importer, settings: Settings
) -> None:
    with_key(settings)
    value = as_hex(encrypting(OPENAI_KEY, rsa_key("theirs")))
    assert UNREADABLE in imported.refusal(csv_text({"openai": value}), encrypted=True, allow_pkcs1v15=allowed)


@pytest.mark.parametrize(
    "written", ["", "0x{hex}", "{hex} ", "{hex}=", "{base64}=", "{urlsafe}", "{wrapped}", "plain", "{hex}{hex}"]
)
def test_writing_when_neither_hex_nor_strict_base64_then_refused(written: str, imported: Importer, settings: Settings) -> None:
    with_key(settings)
    data = next(data for _ in range(1000) if {"+", "/"} <= set(as_base64(data := oaep(OPENAI_KEY, rsa_key()))))
    text = as_base64(data)
    value = written.format(
        hex=data.hex(), base64=text, urlsafe=text.replace("+", "-").replace("/", "_"), wrapped=f'"{text[:76]}\n{text[76:]}"'
    )
    assert UNREADABLE in imported.refusal(csv_text({"openai": value}), encrypted=True, allow_pkcs1v15=True)


def test_base64_when_its_unused_bits_are_set_then_refused(imported: Importer, settings: Settings) -> None:
    with_key(settings)
    text = as_base64(oaep(OPENAI_KEY, rsa_key()))
    assert text.endswith("=")
    last = len(text.rstrip("=")) - 1
    other = text[:last] + chr(ord(text[last]) + 1) + text[last + 1 :]
    assert UNREADABLE in imported.refusal(csv_text({"openai": other}), encrypted=True)


@pytest.mark.parametrize("key", ["", "sk-1 2", "sk-1\n", "schlüssel"])
def test_plaintext_when_no_header_could_carry_it_then_the_same_text(key: str, imported: Importer, settings: Settings) -> None:
    with_key(settings)
    assert UNREADABLE in imported.refusal(csv_text({"openai": as_hex(oaep(key, rsa_key()))}), encrypted=True)


def test_ciphertexts_when_random_then_none_is_stored(settings: Settings) -> None:
    with_key(settings)
    rows = "".join(f"p{number},openai_compatible,https://p.example,{os.urandom(256).hex()}\n" for number in range(1000))
    text = "provider,type,api_base,api_key\n" + rows
    with pytest.raises(BadRows) as caught:
        import_keys(io.BytesIO(text.encode()), "keys.csv", Options(encrypted=True, allow_pkcs1v15=True))
    assert [(problem.number, problem.message) for problem in caught.value.problems] == [
        (row, UNREADABLE) for row in range(2, 1002)
    ]
    assert not Provider.objects.exists()


class TestMarkers:
    def test_rows_when_marked_then_each_as_it_says(self, imported: Importer, settings: Settings) -> None:
        with_key(settings)
        text = f"provider,api_key,encryption\nopenai,{as_hex(oaep(OPENAI_KEY, rsa_key()))},RSA\ngroq,{GROQ_KEY},plain\n"
        imported(text)
        assert stored() == KEYS
        assert imported(text, encrypted=True)[-1] == "0 created, 0 updated, 2 unchanged, 0 skipped"

    def test_row_when_unmarked_then_the_option_holds(self, imported: Importer, settings: Settings) -> None:
        with_key(settings)
        text = f"provider,api_key,encryption\nopenai,{as_hex(oaep(OPENAI_KEY, rsa_key()))},\n"
        imported(text, encrypted=True)
        assert stored() == {"openai": OPENAI_KEY}

    @pytest.mark.parametrize("writing", WRITINGS)
    def test_value_when_encrypted_but_not_said_then_refused(
        self, writing: Writing, imported: Importer, settings: Settings
    ) -> None:
        with_key(settings)
        value = writing(oaep(OPENAI_KEY, rsa_key()))
        assert "row 2: the value looks RSA-encrypted" in imported.refusal(csv_text({"openai": value}))
        imported(f"provider,api_key,encryption\nopenai,{value},plain\n")
        assert stored() == {"openai": value}

    def test_value_when_the_key_in_it_is_as_long_as_a_ciphertext_then_stored(
        self, imported: Importer, settings: Settings
    ) -> None:
        key, large = as_base64(bytes(256)), rsa_key("4096 bits", 4096)
        with_key(settings, large)
        imported(csv_text({"openai": as_hex(oaep(key, large))}), encrypted=True)
        assert stored() == {"openai": key}

    def test_value_when_plain_and_only_hex_digits_then_stored(self, imported: Importer) -> None:
        imported(csv_text({"hyperbolic": "0123456789abcdef" * 4, "together": "abcdef012"}))
        assert stored() == {"hyperbolic": "0123456789abcdef" * 4, "together": "abcdef012"}

    def test_value_when_plain_but_said_to_be_encrypted_then_refused(self, imported: Importer, settings: Settings) -> None:
        with_key(settings)
        assert UNREADABLE in imported.refusal(csv_text(KEYS), encrypted=True, allow_pkcs1v15=True)


class TestPrivateKey:
    def refusal(self, imported: Importer, private_key: str | None = None) -> str:
        text = csv_text({"openai": as_hex(oaep(OPENAI_KEY, rsa_key()))})
        return imported.refusal(text, encrypted=True, private_key=private_key)

    def test_key_when_missing_then_all_its_places_are_named(self, imported: Importer) -> None:
        said = self.refusal(imported)
        assert all(name in said for name in ("--private-key", "GATEWAY_RSA_PRIVATE_KEY ", "GATEWAY_RSA_PRIVATE_KEY_PATH"))

    def test_key_when_nothing_is_encrypted_then_not_needed(self, imported: Importer, settings: Settings) -> None:
        settings.GATEWAY_RSA_PRIVATE_KEY = "broken"
        imported(csv_text(KEYS))
        assert stored() == KEYS

    def test_key_when_encrypted_and_no_password_then_variable_named(self, imported: Importer, settings: Settings) -> None:
        settings.GATEWAY_RSA_PRIVATE_KEY = encrypted_pem(rsa_key()).decode()
        assert "set GATEWAY_RSA_PRIVATE_KEY_PASSWORD" in self.refusal(imported)

    def test_key_when_password_is_wrong_then_variable_named(self, imported: Importer, settings: Settings) -> None:
        settings.GATEWAY_RSA_PRIVATE_KEY = encrypted_pem(rsa_key()).decode()
        settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = "another pass phrase"
        said = self.refusal(imported)
        assert "GATEWAY_RSA_PRIVATE_KEY_PASSWORD" in said
        assert "another" not in said

    def test_key_when_not_encrypted_then_password_is_not_used(self, imported: Importer, settings: Settings) -> None:
        with_key(settings)
        settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = PASSWORD
        imported(csv_text({"openai": as_hex(oaep(OPENAI_KEY, rsa_key()))}), encrypted=True)
        assert stored() == {"openai": OPENAI_KEY}

    @pytest.mark.parametrize("password", ["", PASSWORD])
    def test_key_when_in_legacy_encryption_then_conversion_told(
        self, password: str, imported: Importer, settings: Settings
    ) -> None:
        settings.GATEWAY_RSA_PRIVATE_KEY = legacy_pem(rsa_key()).decode()
        settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = password
        assert "convert it with `openssl pkcs8" in self.refusal(imported)

    def test_key_when_1024_bits_then_refused(self, imported: Importer, settings: Settings) -> None:
        with_key(settings, rsa_key("short", 1024))
        assert "has 1024 bits; at least 2048" in self.refusal(imported)

    def test_key_when_not_rsa_then_refused(self, imported: Importer, settings: Settings) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        settings.GATEWAY_RSA_PRIVATE_KEY = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        assert "is not an RSA key" in self.refusal(imported)

    def test_key_when_public_then_refused(self, imported: Importer, settings: Settings) -> None:
        public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        settings.GATEWAY_RSA_PRIVATE_KEY = public.decode()
        assert "is not a PEM text" in self.refusal(imported)

    def test_key_when_damaged_then_refused(self, imported: Importer, settings: Settings) -> None:
        lines = pkcs8_pem(rsa_key()).decode().splitlines()
        settings.GATEWAY_RSA_PRIVATE_KEY = "\n".join(chain(lines[:5], lines[6:]))
        assert "is damaged" in self.refusal(imported)

    def test_key_when_other_text_stands_around_it_then_found(self, imported: Importer, settings: Settings) -> None:
        public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        settings.GATEWAY_RSA_PRIVATE_KEY = (b"Bag Attributes\n" + public + pkcs1_pem(rsa_key()) + public).decode()
        imported(csv_text({"openai": as_hex(oaep(OPENAI_KEY, rsa_key()))}), encrypted=True)
        assert stored() == {"openai": OPENAI_KEY}

    def test_file_when_missing_then_said(self, imported: Importer) -> None:
        assert "that --private-key names cannot be read: No such file" in self.refusal(imported, private_key="/no/such/file")

    def test_file_when_huge_then_refused(self, imported: Importer) -> None:
        assert "too large" in self.refusal(imported, private_key=imported.write(b" " * 70_000, "key.pem"))

    def test_path_when_it_is_the_key_itself_then_not_shown(self, imported: Importer, settings: Settings) -> None:
        settings.GATEWAY_RSA_PRIVATE_KEY_PATH = pkcs8_pem(rsa_key()).decode()
        said = self.refusal(imported)
        assert "GATEWAY_RSA_PRIVATE_KEY_PATH" in said
        assert "PRIVATE KEY-----" not in said
