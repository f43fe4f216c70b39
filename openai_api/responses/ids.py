"""What is a response called outside? The upstream's id with the route that made it and the key that asked, sealed.

So a response of an upstream is found again by any worker, at any time, without a row in the database; nobody can read or
make an id, and no key can use another's. Sealing is deterministic (AES-SIV, RFC 5297): one response has one id.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX = "resp_"
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Sealed(NamedTuple):
    """Where a response lies: the route's id, and what the upstream calls it. `asked` is the `tag` of the model that was
    asked for, "" if that has the route itself."""

    target: str
    upstream_id: str
    asked: str = ""


def tag(model: str) -> str:
    """What stands for the name of a model in an id."""
    return urlsafe_b64encode(hashlib.sha256(model.encode()).digest()[:6]).decode()


class ResponseIds:
    """Seals with the first of the keys, and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Keys of any length, at least one; AES-SIV wants 64 bytes."""
        self._ciphers = [AESSIV(hashlib.sha512(key).digest()) for key in keys]

    def seal(self, owner: str, target: str, upstream_id: str, asked: str = "") -> str:
        """The outside id. Raises `ValueError` if it would be too long."""
        text = (f" {asked} {target} {upstream_id}" if asked else f"{target} {upstream_id}").encode()
        made = PREFIX + urlsafe_b64encode(self._ciphers[0].encrypt(text, [owner.encode()])).decode().rstrip("=")
        if len(made) > 256:
            raise ValueError("the upstream's id is too long")
        return made

    def open(self, owner: str, outside: str) -> Sealed | None:
        """What was sealed for that owner; None for anything else."""
        if not WELL_FORMED.fullmatch(outside) or not outside.startswith(PREFIX):
            return None
        sealed = outside.removeprefix(PREFIX)
        try:
            raw = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                text = cipher.decrypt(raw, [owner.encode()]).decode()
                if not text.startswith(" "):  # no route's id is empty
                    return Sealed(*text.split(" ", 1))
                asked, target, upstream_id = text[1:].split(" ", 2)
                return Sealed(target, upstream_id, asked)
            except (InvalidTag, ValueError):
                continue
        return None
