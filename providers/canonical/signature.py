"""How does what one vendor has signed or sealed travel through a wire of another, and come back to its maker?

Thinking models refuse a history whose signatures are missing (Anthropic: "must start with a thinking block"; Gemini: "missing a
thought_signature"), and no vendor can read another's. So a codec gives a foreign signature to its client under a prefix, in
whatever field of its wire carries opaque text, and knows it again when the client sends it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.extra import Value
from providers.types import Wire

PREFIX = "signalbox."
"""No vendor's signature begins so: they are base64, which has no full stop."""
MAKERS: Mapping[str, Wire] = MappingProxyType({str(wire): wire for wire in Wire})


class Signature(Value, frozen=True, gc=False):
    """Text that only vendors who speak `wire` can read."""

    value: str
    wire: Wire


def carried(signature: Signature, wire: Wire) -> str:
    """How a signature is written in a wire for its client: its own as it is, a foreign one with the name of its maker."""
    return signature.value if signature.wire is wire else f"{PREFIX}{signature.wire}.{signature.value}"


def signature_in(text: str, wire: Wire) -> Signature:
    """The signature that stands in a client's request of that wire. A maker that is not known is taken for the wire itself."""
    if text.startswith(PREFIX):
        maker, _, value = text.removeprefix(PREFIX).partition(".")
        if maker in MAKERS:
            return Signature(value, MAKERS[maker])
    return Signature(text, wire)
