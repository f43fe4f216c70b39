"""Which fields that the gateway adds by itself does an upstream reject? They are left out in a second try, and remembered.

The gateway asks streams for their usage, and for formats that it can convert to others. An upstream that does not know such a
field rejects the request, although the client did not send the field.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar
from weakref import WeakValueDictionary

from providers.capabilities import Capability
from providers.errors import CallerError, PromptRefused, Unsupported
from providers.types import TargetConfig
from providers.wire.openai.error_object import encoded

REFUSING = frozenset({400, 422})
INNER = MappingProxyType({"stream_options": ("stream_options", "include_usage")})
"""What an error may name instead of a field: something within it."""
NONE: frozenset[str] = frozenset()
T = TypeVar("T")


class Refusals:
    """The names of fields by capability; `field=value` stands for one value of a field."""

    __slots__ = ("__weakref__", "_names")

    def __init__(self) -> None:
        self._names: dict[Capability, frozenset[str]] = {}

    async def left_out(self, capability: Capability, added: Iterable[str], ask: Callable[[frozenset[str]], Awaitable[T]]) -> T:
        """What `ask` returns when it is called with the names to leave out. If its error names one of those `added`, it is called
        again without that one, which is left out from then on if that helped. Raises as `ask`."""
        known = left = self._names.get(capability, NONE)
        while True:
            try:
                answer = await ask(left)
            except CallerError as error:
                name = next((name for name in added if name not in left and _is_refused(name, error)), None)
                if name is None:
                    raise
                left |= {name}
            else:
                if left is not known:
                    self._names[capability] = self._names.get(capability, NONE) | left
                return answer


_of_targets: WeakValueDictionary[str, Refusals] = WeakValueDictionary()


def refusals_of(config: TargetConfig) -> Refusals:
    """Those of a target, shared by all adapters of the same configuration: an edit elsewhere in the catalog rebuilds every
    adapter, and must not forget them."""
    return _of_targets.setdefault(config.fingerprint(), Refusals())


def _is_refused(name: str, error: CallerError) -> bool:
    if error.upstream_status not in REFUSING or isinstance(error, Unsupported | PromptRefused):
        return False
    return _pattern(name.partition("=")[0]).search(f"{error.param} {error.message} {encoded(error.more)}") is not None


@lru_cache
def _pattern(field: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(INNER.get(field, (field,)))})(?![A-Za-z0-9_])")
