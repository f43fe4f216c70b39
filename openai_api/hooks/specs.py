"""Which hooks are configured, and with what? From a setting or a row to objects, or an error that names the fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from itertools import chain, count
from typing import Any, NamedTuple

import msgspec

from openai_api.hooks.kinds import AuthenticationHook, ErrorHook, EventSink, Observer, RequestHook, StreamingHook
from openai_api.interceptors.registry import INTERCEPTORS
from providers.types import Secret

GROUP = "signalbox.hooks"
"""The entry point group under which packages offer hooks."""
FROM_ENVIRONMENT = "env::"
TIME_LIMIT_S = 1.0
MOST_S = 300.0


class HookSpecError(ValueError):
    """A hook that cannot be made. The message names the hook and, where it is one, the option."""


class HookSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One configured hook.

    `hook` is an interceptor's name, a name of the entry point group `signalbox.hooks`, or the dotted path of a class
    (`package.module.Class`). `models` (public names, a `*` at the end stands for anything) and `keys` (names or ids of client
    keys) narrow the requests; empty means all. None stands for what the class says. `name` tells it from others of its kind.
    """

    hook: str
    name: str = ""
    options: dict[str, Any] = {}
    models: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    fail_open: bool | None = None
    time_limit_s: float | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class BuiltHook:
    """A hook that runs, and how it is to be treated."""

    name: str
    spec: HookSpec
    hook: Any = field(repr=False)
    fail_open: bool
    time_limit_s: float

    def applies(self, model: str | None, *keys: str | None) -> bool:
        """Whether it is for requests for that model with the client key of that name and id."""
        spec = self.spec
        if spec.keys and not any(key in spec.keys for key in keys):
            return False
        return not spec.models or any(_fits(name, model or "") for name in spec.models)


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


KINDS: Mapping[str, type[Any]] = {
    "authenticate": AuthenticationHook,
    "before_request": RequestHook,
    "after_request": RequestHook,
    "on_event": StreamingHook,
    "on_error": ErrorHook,
    "observe": Observer,
    "take_events": EventSink,
}
"""Methods, by which a class is known to be of a kind. One of a kind's methods is enough."""
IN_RECORDER = frozenset({"observe", "take_events"})


def phases_of(hook: Any) -> tuple[str, ...]:
    """The methods of a hook, or of its class, that the gateway calls."""
    return tuple(name for name in KINDS if callable(getattr(hook, name, None)))


def serves(hook: Any) -> bool:
    """Whether it has anything to do in the data path."""
    return any(name not in IN_RECORDER for name in phases_of(hook))


def observes(hook: Any) -> bool:
    """Whether it has anything to do in the recorder."""
    return any(name in IN_RECORDER for name in phases_of(hook))


def specs_of(setting: object) -> list[HookSpec]:
    """The specs in a decoded list of names and objects. Raises `HookSpecError`."""
    if not isinstance(setting, list):
        raise HookSpecError("hooks are a list of names and objects")
    specs = []
    for number, item in enumerate(setting, 1):
        value = {"hook": item} if isinstance(item, str) else item
        try:
            specs.append(msgspec.convert(value, HookSpec, strict=True))
        except msgspec.ValidationError as error:
            named = value.get("hook") if isinstance(value, dict) else None
            raise HookSpecError(f"hook {number}{f' ({named})' if named else ''}: {error}") from None
    return specs


def class_of(hook: str) -> Any:
    """The class (or what else makes hooks) of that name. Raises `HookSpecError`."""
    if hook in INTERCEPTORS:
        return _imported(hook, *INTERCEPTORS[hook].split(":"))
    offered = {point.name: point for point in offered_by_packages()}
    if hook in offered:
        try:
            return offered[hook].load()
        except Exception as error:
            raise HookSpecError(f"hook {hook!r} cannot be imported: {_reason(error)}") from error
    module, _, name = hook.rpartition(".")
    if not module:
        known = ", ".join(sorted({*INTERCEPTORS, *offered})) or "none"
        raise HookSpecError(f"no hook is called {hook!r}. Known: {known}. A hook of your own has a dotted path")
    return _imported(hook, module, name)


def offered_by_packages() -> Iterable[EntryPoint]:
    """What installed packages offer. Two of one name are told apart by nothing: the first counts, as it does for Python."""
    return entry_points(group=GROUP)


def _imported(hook: str, module: str, name: str) -> Any:
    try:
        made = getattr(import_module(module), name)
    except Exception as error:
        raise HookSpecError(f"hook {hook!r} cannot be imported: {_reason(error)}") from error
    if not callable(made):
        raise HookSpecError(f"hook {hook!r} is no class")
    return made


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def options_of(made: Any, options: Mapping[str, Any]) -> Any:
    """The options as the class's `Options`, or None if it has none. Raises `HookSpecError`."""
    wanted = getattr(made, "Options", None)
    if wanted is None:
        if options:
            raise HookSpecError(f"takes no options, not even {min(options)!r}")
        return None
    unknown = set(options).difference(wanted.__struct_fields__)
    if unknown:
        known = ", ".join(wanted.__struct_fields__)
        raise HookSpecError(f"has no option {min(unknown)!r}. Known: {known}")
    try:
        return msgspec.convert(dict(options), wanted, strict=True, dec_hook=_secret)
    except (msgspec.ValidationError, ValueError) as error:
        raise HookSpecError(f"options: {error}") from None


def _secret(wanted: type, value: Any) -> Any:
    if wanted is not Secret:
        raise NotImplementedError(wanted)
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("a secret is a text, or env::NAME")  # noqa: TRY004 - msgspec makes a validation error of it
    if value.startswith(FROM_ENVIRONMENT):
        name = value.removeprefix(FROM_ENVIRONMENT)
        if not os.environ.get(name):
            raise ValueError(f"the environment has no variable {name}")
        return Secret(os.environ[name])
    return Secret(value)


class Checked(NamedTuple):
    """What a spec asks for, as far as it is known before it is made: the class, its options (None without), its methods."""

    made: Any
    options: Any
    phases: tuple[str, ...]


def checked(spec: HookSpec) -> Checked:
    """Makes sure that the hook of a spec could be made. Raises `HookSpecError`."""
    made = class_of(spec.hook)
    try:
        options = options_of(made, spec.options)
    except HookSpecError as error:
        raise HookSpecError(f"hook {spec.hook!r} {error}") from None
    phases = phases_of(made) if isinstance(made, type) else tuple(KINDS)
    if not phases:
        raise HookSpecError(f"hook {spec.hook!r} has none of the methods {', '.join(KINDS)}")
    if isinstance(made, type) and "authenticate" in phases and (spec.models or spec.keys):
        raise HookSpecError(f"hook {spec.hook!r} authenticates, so it cannot be for some models or keys only")
    limit = getattr(made, "time_limit_s", TIME_LIMIT_S) if spec.time_limit_s is None else spec.time_limit_s
    if not isinstance(limit, (int, float)) or not 0 < limit <= MOST_S:
        raise HookSpecError(f"hook {spec.hook!r}: the time limit is more than 0 and at most {MOST_S:g} seconds")
    return Checked(made, options, phases)


def build(spec: HookSpec, name: str = "") -> BuiltHook:
    """The hook of a spec. Raises `HookSpecError`."""
    made, options, _ = checked(spec)
    try:
        hook = made() if options is None else made(options)
    except Exception as error:
        raise HookSpecError(f"hook {spec.hook!r} cannot be made: {_reason(error)}") from error
    if not phases_of(hook):
        raise HookSpecError(f"hook {spec.hook!r} has none of the methods {', '.join(KINDS)}")
    limit = getattr(hook, "time_limit_s", TIME_LIMIT_S) if spec.time_limit_s is None else spec.time_limit_s
    fail_open = bool(getattr(hook, "fail_open", False)) if spec.fail_open is None else spec.fail_open
    if hasattr(hook, "fail_open"):
        hook.fail_open = fail_open  # a hook that holds something back must know what is to become of it when it fails
    return BuiltHook(name or spec.name or name_of(hook, spec), spec, hook, fail_open, float(limit))


def name_of(hook: Any, spec: HookSpec) -> str:
    """What the hook calls itself, else how it was asked for."""
    own = getattr(hook, "name", "")
    return own if isinstance(own, str) and own else spec.hook


def build_all(specs: Iterable[HookSpec], wanted: Callable[[Any], bool] = lambda hook: True) -> list[BuiltHook]:
    """Those that are enabled and `wanted` where they would run (`serves`, `observes`), each under a name of its own. Raises
    `HookSpecError` for the first that cannot be made."""
    built: list[BuiltHook] = []
    for spec in specs:
        if not spec.enabled or (isinstance(made := class_of(spec.hook), type) and not wanted(made)):
            continue
        hook = build(spec)
        if wanted(hook.hook):
            built.append(replace(hook, name=free_name(hook.name, {other.name for other in built})))
    return built


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it if it is taken."""
    return next(tried for tried in chain((name,), (f"{name}-{number}" for number in count(2))) if tried not in taken)
