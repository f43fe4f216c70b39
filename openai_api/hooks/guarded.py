"""How is a method of a hook called, so that nothing it does harms others? In a time limit, behind a circuit, its faults caught.

A fault is an exception, also one that is meant for a task or the process (`CancelledError`, `SystemExit`), a result of a wrong
type, or no result in time. A `Refusal` and an error in the client's request are none.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from time import monotonic
from typing import Any, Generic, TypeVar

from openai_api.errors import ApiError, upstream
from openai_api.hooks.threads import Threads
from openai_api.hooks.watchdog import WATCH, Step
from providers.breaker import Breakers
from providers.errors import CallerError

log = logging.getLogger("gateway.hooks")
T = TypeVar("T")
S = TypeVar("S")
CLEANUP_S = 1.0
BLOCK_S = 1.0
"""How long a hook may hold the event loop at a time, whatever its time limit."""
Check = Callable[[Any], T]
"""Makes what a phase needs of what the method returned. Raises for junk."""


class Skipped:
    """Stands for the result of a hook that failed, or is left alone, and may (`fail_open`)."""


SKIPPED = Skipped()


FAULTS = {"hook_failed", "hook_unavailable"}
"""Codes of errors that are the hook's own and not what it wants the client to be told."""


class TooSlow(TimeoutError):
    """The hook has not answered within its time limit."""


class Manner:
    """How the hook is to be treated: its name, the seconds of a call, and whether the request goes on without it."""

    __slots__ = ("circuits", "fail_open", "failures", "name", "threads", "time_limit_s")

    def __init__(self, name: str, time_limit_s: float, circuits: Breakers, *, fail_open: bool) -> None:
        self.name = name
        self.time_limit_s = time_limit_s
        self.fail_open = fail_open
        self.circuits = circuits
        self.threads = Threads(name)
        self.failures = 0


class Guarded(Generic[T]):
    """One method. `call` is for the phases of a request, `at_once` for events of a stream. Both give `SKIPPED`, or raise
    `ApiError`: what the hook refuses with, 500 `hook_failed`, or 503 `hook_unavailable` while its circuit is open."""

    def __init__(self, method: Callable[..., Any], manner: Manner, check: Check[T], *, in_loop: bool = False) -> None:
        self.manner = manner
        self._method = method
        self._check = check
        self._in_loop = in_loop
        self._is_async = is_async(method)
        self._waits: bool | None = None if self._is_async else False
        """Whether a call for an event waits for something. Those that may are tasks of their own; the first one shows."""

    async def call(self, *args: Any, size: int = 0, begun: bool = False) -> T | Skipped:
        """Awaits the method. `size` is that of what the check works upon, in bytes. `begun` says that it may hold something back
        that nobody else has, and is asked although its circuit is open."""
        permit = self.manner.circuits.allows(self.manner.name)
        if not permit and not begun:
            return self._left_alone()
        ended = False
        try:
            result = self._checked(await self._timed(args))
            ended = True
        except ApiError:
            self.manner.circuits.succeeded(self.manner.name)
            ended = True
            raise
        except CallerError as error:
            ended = True
            raise upstream(error) from error
        except _Outside as outside:
            raise asyncio.CancelledError from outside
        except BaseException as error:  # noqa: BLE001 - see `Guarded`
            ended = True
            return self._failed(error, args)
        finally:
            if not ended:
                self.manner.circuits.released(self.manner.name, permit)
        self.manner.circuits.succeeded(self.manner.name)
        return result

    def at_once(self, *args: Any, begun: bool = False) -> T | Skipped | Coroutine[Any, Any, T | Skipped]:
        """The result, if the method gives it without waiting, else what is to be awaited for it. `begun` as for `call`."""
        manner = self.manner
        if not begun and not manner.circuits.allows(manner.name):
            return self._left_alone()
        if self._waits is not False:
            return self.call(*args, begun=begun)
        step = Step(manner.name, monotonic() + BLOCK_S)
        WATCH.step = step
        try:
            result = self._method(*args)
            if self._is_async or inspect.iscoroutine(result):
                try:
                    waits_for = result.send(None)
                except StopIteration as done:
                    result = done.value
                else:
                    WATCH.step = None
                    self._waits = True
                    return self._rest(result, waits_for, args)
            checked = self._check(result)
        except ApiError:
            raise
        except BaseException as error:  # noqa: BLE001 - see `Guarded`; nothing outside can raise here, as nothing is awaited
            WATCH.step = None
            return self._failed(error, args)
        finally:
            WATCH.step = None
        if manner.circuits.has(manner.name):
            manner.circuits.succeeded(manner.name)
        return checked

    async def _rest(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any, args: tuple[Any, ...]) -> T | Skipped:
        """The result of a call that has begun to wait in the task of the request, and therefore goes on in it."""
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            async with asyncio.timeout(self.manner.time_limit_s):
                result = self._check(await _Stepped(coroutine, self.manner.name, waits_for))
        except ApiError:
            raise
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > before:
                raise
            return self._failed(error, args)
        self.manner.circuits.succeeded(self.manner.name)
        return result

    async def _timed(self, args: tuple[Any, ...]) -> Any:
        """What the method returns, if it does so in time. Raises what it raises; `_Outside` if the request is cancelled."""
        manner, stepped = self.manner, None
        if self._is_async or self._in_loop:
            stepped = _Stepped(self._begun(args), manner.name)
            work: asyncio.Future[Any] = asyncio.ensure_future(_contained(stepped))
        else:
            work = manner.threads.run(partial(self._method, *args))
        try:
            done, _ = await asyncio.wait({work}, timeout=manner.time_limit_s)
        except asyncio.CancelledError as error:
            _abandon(work, stepped)
            raise _Outside from error
        if not done:
            _abandon(work, stepped)
            raise TooSlow(f"no result within {manner.time_limit_s:g} s")
        if self._waits is None:
            self._waits = stepped is not None and stepped.waited
        result = work.result()
        if isinstance(result, _Raised):
            raise result.error
        return result

    async def _begun(self, args: tuple[Any, ...]) -> Any:
        result = self._method(*args)
        return await result if inspect.isawaitable(result) else result

    def _checked(self, result: Any) -> T:
        if inspect.iscoroutine(result):  # of a plain function, from a thread: nobody would await it
            result.close()
            raise TypeError("a plain function has returned a coroutine")
        return self._check(result)

    def _left_alone(self) -> Skipped:
        if self.manner.fail_open:
            return SKIPPED
        message = "A hook of the gateway is temporarily unavailable."
        raise ApiError(503, "hook_unavailable", message, kind="overloaded_error", headers=((b"retry-after", b"5"),))

    def junk(self, error: Exception, context: Any) -> None:
        """Counts what the hook has made, and cannot be used, as a fault. Raises `ApiError` unless it may fail."""
        self._failed(error, (context,))

    def _failed(self, error: BaseException, args: tuple[Any, ...]) -> Skipped:
        manner = self.manner
        manner.failures += 1
        cooled = manner.circuits.failed(manner.name)
        said = {"hook": manner.name, "phase": getattr(self._method, "__name__", ""), "error": type(error).__name__}
        said["request_id"] = getattr(args[0], "request_id", "") if args else ""
        if manner.circuits.is_new(manner.name, type(error).__name__):
            log.error("hook failed", exc_info=error, extra=said)
        else:
            log.warning("hook failed", extra=said)
        if cooled:
            log.error("hook is left alone after failures", extra={"hook": manner.name, "seconds": cooled})
        if manner.fail_open:
            return SKIPPED
        failed = ApiError(500, "hook_failed", "A hook of the gateway failed.", kind="internal_error")
        raise failed from (error if isinstance(error, Exception) else None)


class _Outside(Exception):
    """The request is cancelled, not the hook."""


class _Raised:
    """What a hook raised. Kept from the task, which would hand some of it to the event loop."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def _contained(stepped: _Stepped) -> Any:
    try:
        return await stepped
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - see `_Raised`
        return _Raised(error)


class _Stepped:
    """Awaits a coroutine, and lets the watchdog know when it is in a step. `waits_for` is what it yielded if it was begun. Once
    it is `abandoned` (at that time), it has a second to clean up after it was cancelled. Then, or when it is cancelled again, it
    is closed: one that goes on regardless would keep the process from ending."""

    __slots__ = ("_coroutine", "_name", "_waits_for", "abandoned", "waited")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], name: str, waits_for: Any = None) -> None:
        self._coroutine = coroutine
        self._name = name
        self._waits_for = waits_for
        self.waited = False
        self.abandoned: float | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waits_for = self._coroutine, self._waits_for
        begun, sent, cancelled = waits_for is not None, None, 0
        raised: BaseException | None = None
        while True:
            if begun:
                self.waited = True
                try:
                    sent, raised = (yield waits_for), None
                except GeneratorExit:
                    coroutine.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed to the coroutine, which it is meant for
                    raised = error
                    cancelled += isinstance(error, asyncio.CancelledError)
                if self.abandoned is not None and (cancelled > 1 or monotonic() > self.abandoned + CLEANUP_S):
                    coroutine.close()
                    raise asyncio.CancelledError
            begun = True
            WATCH.step = Step(self._name, monotonic() + BLOCK_S)
            try:
                waits_for = coroutine.send(sent) if raised is None else coroutine.throw(raised)
            except StopIteration as done:
                return done.value
            finally:
                WATCH.step = None


_abandoned: set[asyncio.Future[Any]] = set()
"""Calls that nobody waits for any more; a task that nobody holds may vanish."""


def _abandon(work: asyncio.Future[Any], stepped: _Stepped | None) -> None:
    if work.done():
        return
    if stepped is not None:
        stepped.abandoned = monotonic()
    _abandoned.add(work)
    work.add_done_callback(_forget)
    work.cancel()


def _forget(work: asyncio.Future[Any]) -> None:
    _abandoned.discard(work)
    if not work.cancelled():
        work.exception()  # so that nobody is told that it was never looked at


def is_async(method: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine, also where it is an object or a partial."""
    while isinstance(method, partial):
        method = method.func
    return inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(type(method).__call__)
