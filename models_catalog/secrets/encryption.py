"""How are secrets kept in the database? AES-256-GCM under a ring of keys, each value bound to its row.

A stored value reads `v1.<key id>.<base64url of nonce and ciphertext>`; the key id is the first 8 hex digits of the
SHA-256 of the key. The ring comes from the setting `GATEWAY_ENCRYPTION_KEYS` or, when that is empty, from the key file
`GATEWAY_ENCRYPTION_KEY_FILE`: 32 bytes in base64 each, the first one encrypts, all of them decrypt.

    EncryptionError
    ├── NoKeyRing           there is no key to work with
    ├── InvalidKey          a key of the ring is not 32 bytes in base64
    ├── MalformedValue      a stored value has not the form above
    ├── UnknownKey          a stored value needs a key that is not in the ring
    └── DecryptionFailed    a stored value was changed, or moved from another row
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from providers.types import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
_STORED = re.compile(r"v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)", re.ASCII)


class EncryptionError(Exception):
    """A value cannot be encrypted or decrypted. The text may be shown: it never holds a key or a value."""


class NoKeyRing(EncryptionError):
    """There is no encryption key: set GATEWAY_ENCRYPTION_KEYS or create the key file."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{type(self).__doc__} {detail}".strip())


class InvalidKey(EncryptionError):
    """A key of the ring cannot be used."""


class MalformedValue(EncryptionError):
    """The stored value is not of the form v1.<key id>.<ciphertext>."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class UnknownKey(EncryptionError):
    """The stored value is encrypted under a key that is not in the ring."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the value is encrypted under the key {key_id}, which is not in the key ring")
        self.key_id = key_id


class DecryptionFailed(EncryptionError):
    """The stored value was changed, or it belongs to another row."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the value does not decrypt with the key {key_id}: it was changed, or it belongs to another row")
        self.key_id = key_id


def key_id_of(stored: str) -> str:
    """The id of the key that a stored value needs. Raises `MalformedValue`."""
    return _parts(stored)[0]


def is_stored_form(text: str) -> bool:
    """Whether the text looks like an encrypted value."""
    return _STORED.fullmatch(text) is not None


def stored_prefix(key_id: str) -> str:
    """How every value under that key begins."""
    return f"v1.{key_id}."


def new_key() -> str:
    """A fresh key, in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class KeyRing:
    """The keys by id; the first one is active. `repr` shows ids only."""

    __slots__ = ("_keys", "_raw", "active")

    def __init__(self, keys: Iterable[str]) -> None:
        """`keys` are base64 texts. Raises `NoKeyRing` without any, `InvalidKey` for a bad one."""
        raw = [_decode_key(number, text) for number, text in enumerate(keys, start=1)]
        if not raw:
            raise NoKeyRing
        self._raw = tuple(dict.fromkeys(raw))
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in reversed(raw)}
        if len(self._keys) != len(set(raw)):
            raise InvalidKey("two different encryption keys have the same id; replace one of them")
        self.active = hashlib.sha256(raw[0]).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(self.ids)}>"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the active one first."""
        return (self.active, *sorted(self._keys.keys() - {self.active}))

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """A key of 32 bytes for another purpose from each key, that of the active one first (HKDF, RFC 5869)."""
        return tuple(HKDF(SHA256(), KEY_BYTES, None, purpose.encode()).derive(key) for key in self._raw)

    def encrypt(self, secret: Secret, aad: bytes) -> str:
        """The stored form under the active key; it decrypts only with the same `aad`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._keys[self.active].encrypt(nonce, secret.reveal().encode(), aad)
        return stored_prefix(self.active) + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def decrypt(self, stored: str, aad: bytes) -> Secret:
        """The secret of a stored value. Raises `MalformedValue`, `UnknownKey` or `DecryptionFailed`."""
        key_id, sealed = _parts(stored)
        try:
            return Secret(self._keys[key_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad).decode())
        except KeyError:
            raise UnknownKey(key_id) from None
        except (InvalidTag, ValueError):
            raise DecryptionFailed(key_id) from None


def _decode_key(number: int, text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidKey(f"encryption key number {number} is not {KEY_BYTES} bytes in base64")
    return key


def _parts(stored: str) -> tuple[str, bytes]:
    match = _STORED.fullmatch(stored)
    if match is None:
        raise MalformedValue
    key_id, body = match.groups()
    try:
        sealed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        raise MalformedValue from None
    # Base64 leaves unused bits in its last character: other spellings of the same bytes are refused.
    if len(sealed) < NONCE_BYTES + 16 or base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != body:
        raise MalformedValue
    return key_id, sealed


def key_ring() -> KeyRing:
    """The ring in force; a changed key file is read again. Raises `NoKeyRing` or `InvalidKey`."""
    keys = tuple(settings.GATEWAY_ENCRYPTION_KEYS)
    if keys:
        return _ring_of(keys)
    path = key_file()
    try:
        status = path.stat()
    except OSError as err:
        raise NoKeyRing(f"The key file {path} cannot be read: {err.strerror}.") from err
    return _ring_of_file(path, status.st_mtime_ns, status.st_ino)


def key_file() -> Path:
    """Where the key file is, whether it exists or not."""
    return Path(settings.GATEWAY_ENCRYPTION_KEY_FILE)


def from_file() -> bool:
    """Whether the ring comes from the key file (and not from the setting)."""
    return not settings.GATEWAY_ENCRYPTION_KEYS


@lru_cache(maxsize=4)
def _ring_of(keys: tuple[str, ...]) -> KeyRing:
    return KeyRing(keys)


@lru_cache(maxsize=4)
def _ring_of_file(path: Path, changed: int, inode: int) -> KeyRing:
    return KeyRing(_keys_in(_read(path)))


def _keys_in(text: str) -> list[str]:
    """The keys of a key file: a line each, but empty lines and those that begin with #."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        raise NoKeyRing(f"The key file {path} cannot be read: {err.strerror}.") from err


def ensure_key_file(path: Path | None = None) -> bool:
    """Makes the key file with one fresh key and mode 0600 unless it exists; True if it was made. Safe in parallel."""
    path = path or key_file()
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _write_beside(path, f"{new_key()}\n")
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    finally:
        made.unlink()
    return True


def add_key(path: Path | None = None) -> str:
    """Puts a fresh key before the others of the key file, where it is the active one; gives its id. Raises `NoKeyRing`."""
    path = path or key_file()
    text = f"{new_key()}\n{_read(path)}"
    ring = KeyRing(_keys_in(text))
    owner = path.stat()
    made = _write_beside(path, text)
    if made.stat().st_uid != owner.st_uid:
        os.chown(made, owner.st_uid, owner.st_gid)  # the administrator may do this; the server must still read it
    made.replace(path)
    return ring.active


def _write_beside(path: Path, text: str) -> Path:
    """A complete file of mode 0600 in the same directory, on the disk before its name is given away."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
