"""Which hooks run for a request, phase by phase? The configured ones in their order before it, in reverse after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from openai_api.hooks.answer import HookAnswer
from openai_api.hooks.event import StreamEvent
from openai_api.hooks.guarded import Guarded, Manner
from openai_api.hooks.kinds import Grant, Refusal
from openai_api.hooks.specs import BuiltHook, serves
from providers.breaker import Breakers, CircuitState

MOST_NARROWED = 4096
MOST_EVENTS = 1000
"""Events that a hook may give in the place of one."""
MOST_EVENT_BYTES = 16 * 1024 * 1024
T = TypeVar("T")


def _one_of(*kinds: type[Any]) -> Callable[[Any], Any]:
    def check(result: Any) -> Any:
        if result is not None and not isinstance(result, kinds):
            raise TypeError(f"has returned {type(result).__name__}, not {' or '.join(kind.__name__ for kind in kinds)} or None")
        return result

    return check


def _nothing(result: Any) -> None:
    if result is not None:
        raise TypeError(f"has returned {type(result).__name__}, not None")


def _events(result: Any) -> tuple[StreamEvent, ...]:
    if result is None:
        return ()
    events: list[StreamEvent] = []
    size = 0
    for event in (result,) if type(result) is StreamEvent else result:
        if not isinstance(event, StreamEvent):
            raise TypeError(f"has returned {type(event).__name__} among events")
        size += len(event.event.frame)
        events.append(event)
        if len(events) > MOST_EVENTS or size > MOST_EVENT_BYTES:
            raise ValueError(f"has returned more than {MOST_EVENTS} events or {MOST_EVENT_BYTES} bytes in the place of one")
    return tuple(events)


class Streaming(NamedTuple):
    """A streaming hook: its method for events, and the one for the end if it has that."""

    on_event: Guarded[tuple[StreamEvent, ...]]
    on_end: Guarded[tuple[StreamEvent, ...]] | None


class Chain:
    """Hooks sorted into phases, made once for many requests. `manners` say how each is treated, by its name."""

    def __init__(self, hooks: Sequence[BuiltHook], manners: Mapping[str, Manner]) -> None:
        self.hooks = tuple(hooks)
        self._manners = manners
        reverse = tuple(reversed(hooks))
        self.authentication = self._methods(hooks, "authenticate", _one_of(Grant))
        self.before = self._methods(hooks, "before_request", _one_of(HookAnswer))
        self.after = self._methods(reverse, "after_request", _nothing)
        self.errors = self._methods(reverse, "on_error", _one_of(Refusal))
        self.streaming = tuple(
            Streaming(on_event, self._end(built))
            for built in reverse
            for on_event in self._methods((built,), "on_event", _events, in_loop=True)
        )
        self.narrow = any(built.spec.models or built.spec.keys for built in hooks)

    def manner(self, name: str) -> Manner:
        """How a hook of that name is treated."""
        return self._manners[name]

    def _methods(
        self, hooks: Iterable[BuiltHook], method: str, check: Callable[[Any], T], *, in_loop: bool = False
    ) -> tuple[Guarded[T], ...]:
        return tuple(
            Guarded(getattr(built.hook, method), self._manners[built.name], check, in_loop=in_loop)
            for built in hooks
            if callable(getattr(built.hook, method, None))
        )

    def _end(self, built: BuiltHook) -> Guarded[tuple[StreamEvent, ...]] | None:
        return next(iter(self._methods((built,), "on_end", _events, in_loop=True)), None)


class HookBook:
    """The hooks of this process. `chain` is None where none has anything to do in the data path, which costs a request nothing.
    `replace` may be called by any thread; requests in flight keep the chain that they began with."""

    def __init__(self, hooks: Sequence[BuiltHook] = ()) -> None:
        self.circuits = Breakers()
        self.chain: Chain | None = None
        self.hooks: tuple[BuiltHook, ...] = ()
        self._manners: Mapping[str, Manner] = {}
        self._narrowed: dict[tuple[str | None, ...], Chain | None] = {}
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.replace(hooks)

    def replace(self, hooks: Sequence[BuiltHook]) -> None:
        """Puts others in their place. Circuits of hooks that stay are kept."""
        with self._lock:
            serving = [built for built in hooks if serves(built.hook)]
            self.circuits.keep({built.name for built in serving})
            self._manners = {built.name: self._manner(built) for built in serving}
            self.hooks = tuple(hooks)
            self._narrowed = {}
            self.chain = Chain(serving, self._manners) if serving else None
        for listener in self._listeners:
            listener()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls it after each `replace`."""
        self._listeners.append(listener)

    def narrowed(self, model: str | None, *keys: str | None) -> Chain | None:
        """Those of the chain that are for requests for the model with the client key of that name and id."""
        chain = self.chain
        if chain is None or not chain.narrow:
            return chain
        narrowed, place = self._narrowed, (model, *keys)
        if place not in narrowed:
            if len(narrowed) >= MOST_NARROWED:
                narrowed.clear()
            hooks = [built for built in chain.hooks if built.applies(model, *keys)]
            narrowed[place] = Chain(hooks, self._manners) if hooks else None
        return narrowed[place]

    def _manner(self, built: BuiltHook) -> Manner:
        manner = Manner(built.name, built.time_limit_s, self.circuits, fail_open=built.fail_open)
        if (before := self._manners.get(built.name)) is not None:
            manner.failures = before.failures
        return manner

    def failures(self) -> dict[str, int]:
        """How often each hook has failed, by name."""
        return {name: manner.failures for name, manner in self._manners.items()}

    def states(self) -> dict[str, CircuitState]:
        """Hooks that failed lately. For any thread."""
        return self.circuits.states()
