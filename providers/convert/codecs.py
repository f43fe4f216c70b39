"""Which wires can be converted to each other? All that have a codec: a folder of `providers/wire/` with a module `codec`."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Protocol, cast

from providers import wire
from providers.canonical.answer import Failure
from providers.canonical.codec import Codec
from providers.canonical.extra import Json
from providers.errors import ProviderError
from providers.types import Wire


class WireCodec(Codec, Protocol):
    """A codec, and what of its wire is no canonical value. `id_prefix` is how ids of answers begin ("chatcmpl"), `closing` the
    last bytes of a stream that has ended, b"" if it ends with its last frame."""

    id_prefix: str
    closing: bytes

    def frame_of(self, frame: Json) -> bytes:
        """A frame of a stream as it is sent."""
        ...

    def failure_of(self, failure: Failure) -> ProviderError:
        """Which error of the gateway it is, by the words of those who speak the wire."""
        ...


@cache
def codecs() -> Mapping[Wire, WireCodec]:
    """All codecs, by their wires. A second one of a wire is an error."""
    found: dict[Wire, WireCodec] = {}
    for folder in pkgutil.iter_modules(wire.__path__, f"{wire.__name__}."):
        name = f"{folder.name}.codec"
        if not folder.ispkg or find_spec(name) is None:
            continue
        codec = cast(WireCodec, import_module(name))
        if codec.wire in found:
            raise ValueError(f"the wire {codec.wire.value!r} has two codecs")
        found[codec.wire] = codec
    return MappingProxyType(found)
