"""Is the chain whole? Every entry is hashed again, and the last one compared with the head."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps

from models_catalog.audit.chain import HEAD, START, digest_of
from models_catalog.consistent_read import consistent_read


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fault` says what is wrong at the first broken entry, "" if nothing is. `number` and `digest` are the last sound entry."""

    number: int
    digest: str
    fault: str = ""

    @property
    def head(self) -> str:
        """What can be kept elsewhere, and given to `verify` later."""
        return f"{self.number}:{self.digest}"


class BadHead(ValueError):
    """That is no head: it is a number, a colon and 64 hexadecimal digits."""


def parsed_head(text: str) -> tuple[int, str]:
    """A head that was printed before. Raises `BadHead`."""
    number, _, digest = text.strip().partition(":")
    if not number.isdecimal() or len(number) > 18 or len(digest) != 64 or digest.strip("0123456789abcdef"):
        raise BadHead("a head is a number, a colon and 64 hexadecimal digits, as `verify_audit` prints it")
    return int(number), digest


def verify(kept: tuple[int, str] | None = None) -> Verdict:
    """Reads the whole chain. `kept` is a head of before: the entry of that number must have that hash still."""
    with consistent_read():
        return _verified(kept)


def _verified(kept: tuple[int, str] | None) -> Verdict:
    number, digest = 0, START
    entries, heads = (apps.get_model("models_catalog", name)._default_manager for name in ("AuditEntry", "AuditHead"))
    for entry in entries.order_by("number").iterator(2000):
        if entry.number != number + 1:
            return Verdict(number, digest, f"entry {number + 1} is missing")
        if digest_of(digest, entry) != entry.digest:
            return Verdict(number, digest, f"entry {entry.number} was changed, or the one before it")
        number, digest = entry.number, entry.digest
        if kept and kept[0] == number and kept[1] != digest:
            return Verdict(number, digest, f"entry {number} is not the one of the head that was kept")
    head = heads.filter(pk=HEAD).first()
    expected = (head.number, head.digest) if head and head.number else (0, START)
    if expected[0] > number:
        return Verdict(number, digest, f"entry {number + 1} is missing: the chain ends at {expected[0]}")
    if expected != (number, digest):
        return Verdict(number, digest, f"entry {expected[0] + 1} was not appended by the gateway")
    if kept and kept[0] > number:
        return Verdict(number, digest, f"entry {number + 1} is missing: the head that was kept has the number {kept[0]}")
    return Verdict(number, digest)
