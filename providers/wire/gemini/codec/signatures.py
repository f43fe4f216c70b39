"""How does a signature stand in `thoughtSignature`, whose value is base64 for every client?

Google's own is given back as it came. Another vendor's travels to the client and back as base64 of its prefixed form
(`providers/canonical/signature.py`): clients decode the field, and encode it anew, some in the alphabet for addresses.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64decode

from providers.canonical.signature import PREFIX, Signature, carried, signature_in
from providers.wire.gemini.codec.words import WIRE

START = b64encode(PREFIX.encode())[:13].decode()
"""How base64 of the prefix begins, whatever follows."""
SEALED = "sealed."
"""Before a prefixed signature that is the thoughts themselves."""
SKIP = "skip_thought_signature_validator"
"""What Google documents for a call that no Gemini model has made: https://ai.google.dev/gemini-api/docs/thought-signatures.
Gemini 3 and later refuse a call without a signature; those before ignore what they find."""


def signature_of(text: str) -> tuple[Signature, bool]:
    """The signature, and whether it is sealed thoughts."""
    if text.startswith(START):
        try:
            plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()  # takes both alphabets
        except ValueError:
            return Signature(text, WIRE), False
        sealed = plain.startswith(PREFIX + SEALED)
        return signature_in(PREFIX + plain.removeprefix(PREFIX + SEALED) if sealed else plain, WIRE), sealed
    return signature_in(text, WIRE), False


def signed(signature: Signature, *, sealed: bool = False) -> str:
    """The value of the field for a client."""
    if signature.wire is WIRE:
        return signature.value
    text = carried(signature, WIRE)
    return b64encode((PREFIX + SEALED + text.removeprefix(PREFIX) if sealed else text).encode()).decode()
