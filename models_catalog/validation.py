"""Which values may a catalog hold? Plain rules over plain values, for the models, the admin's forms, the checks and the import.

Every rule raises Django's `ValidationError`; the `clean_*` functions collect the errors of a row by field name. Rules that
look at several rows (`check_routing`, `check_fallbacks`, `check_fallback_cycle`) take names, wherever they come from.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.core.exceptions import ValidationError

from models_catalog import hook_types
from models_catalog.snapshot import STAR
from providers import registry
from providers.capabilities import Capability
from providers.wire.openai.field_names import operators_fields

RESERVED_PREFIX = "tensorzero::"
FROM_ENVIRONMENT = "env::"
"""An address that begins with this is the value of a variable."""
MOST_TOKENS = 10**9
MOST_NAMES, LONGEST_NAME = 200, 200
PROTECTED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+(%25?[A-Za-z0-9._~-]+)?")


def provider_type_choices() -> list[tuple[str, str]]:
    """The known kinds of provider, for the field's choices: a new one needs no migration."""
    return [(known.name, known.label) for known in registry.provider_types()]


def default_capabilities() -> list[str]:
    """What a model can do when nobody said it."""
    return [Capability.CHAT.value]


# One value


def check_name(name: str) -> None:
    """A name of a model, route, provider or credential."""
    if not name or name != name.strip():
        raise ValidationError("A name must not be empty, and not begin or end with a space.", code="name")
    if _CONTROL.search(name):
        raise ValidationError("A name must not contain control characters or line breaks.", code="name")
    if name.startswith(RESERVED_PREFIX):
        raise ValidationError(f"Names that begin with {RESERVED_PREFIX} are reserved.", code="name")


def check_finite(number: float) -> None:
    """Seconds and prices: neither infinite nor "not a number"."""
    if not math.isfinite(number):
        raise ValidationError("Enter a finite number.", code="finite")


def check_api_base(address: str) -> None:
    """An address as it is stored: a URL, or `env::NAME` for the URL in a variable."""
    if address.startswith(FROM_ENVIRONMENT):
        check_variable(address.removeprefix(FROM_ENVIRONMENT))
    else:
        check_url(address)


def check_url(url: str) -> None:
    """An absolute http or https URL with a host, without user, password and fragment."""
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\<>\"{}|^`]", url):
        raise ValidationError("The URL contains a character that must be percent-encoded (host names: punycode).", code="url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("This is not a valid URL: check its host and port.", code="url") from None
    if parts.scheme not in ("http", "https"):
        raise ValidationError("The URL must begin with http:// or https://.", code="url")
    if not host or port == 0 or not _HOST.fullmatch(host):
        raise ValidationError("The URL needs a valid host and port.", code="url")
    if "@" in parts.netloc:
        raise ValidationError("The URL must not contain a user or password: use a credential.", code="url")
    if "#" in url:
        raise ValidationError("The URL must not have a fragment (#…).", code="url")


def check_headers(headers: object) -> None:
    """An object of header names to values, none of which the transport needs for itself."""
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValidationError('Enter an object of strings: {"name": "value"}.', code="headers")
    errors = [error for name, value in headers.items() if (error := _header_error(name, value))]
    repeated = [name for name, count in Counter(str(name).lower() for name in headers).items() if count > 1]
    errors += [f"Duplicate header {name}." for name in repeated]
    if errors:
        raise ValidationError(errors, code="headers")


def _header_error(name: object, value: str) -> str:
    """What is wrong with a header; the value may be a secret and is never repeated."""
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return f"{name!r} is not a valid header name."
    if name.lower() in PROTECTED_HEADERS:
        return f"The header {name} is set by the gateway and cannot be overridden."
    if not _HEADER_VALUE.fullmatch(value):
        return f"The value of the header {name} contains a line break, a control character or a character outside Latin-1."
    return ""


def check_object(value: object) -> None:
    """A JSON object."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValidationError('Enter an object: {"field": value}.', code="object")
    try:
        json.dumps(value, allow_nan=False)
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        raise ValidationError("The object contains a value that cannot be written as JSON.", code="object") from None


def check_capabilities(capabilities: object) -> None:
    """A list of known capabilities, not empty, none twice."""
    if not isinstance(capabilities, list) or not capabilities:
        raise ValidationError("Choose at least one capability.", code="capabilities")
    unknown = [str(name) for name in capabilities if name not in list(Capability)]
    if unknown:
        known = ", ".join(Capability)
        raise ValidationError(f"Unknown capability {', '.join(unknown)}; known are {known}.", code="capabilities")
    if len(set(capabilities)) != len(capabilities):
        raise ValidationError("Duplicate capability.", code="capabilities")


def check_variable(name: str) -> None:
    """The name of an environment variable."""
    if not _VARIABLE.fullmatch(name):
        raise ValidationError("Enter the name of an environment variable: letters, digits and _.", code="variable")


def check_path(path: str) -> None:
    """The path of a file."""
    if not path.strip() or "\0" in path:
        raise ValidationError("Enter the path of a file.", code="path")


# One row


_LOCATION_RULES: dict[str, Callable[[str], None]] = {
    "env": check_variable,
    "path": check_path,
    "path_from_env": check_variable,
    "dynamic": check_name,
}


def clean_credential(*, source: str, location: str, has_secret: bool) -> None:
    """A credential: a location where its source needs one, a secret where it is stored."""
    errors = _Errors()
    rule = _LOCATION_RULES.get(source)
    if rule is not None:
        errors.collect("location", rule, location)
    elif location:
        errors.add("location", "Leave this empty: the source needs no location.")
    if source == "stored" and not has_secret:
        errors.add("source", "Enter the secret, or choose another source.")
    errors.throw()


def clean_provider(*, provider_type: str, api_base: str, extra_headers: object, extra_body: object, options: object) -> None:
    """A provider: valid values, an address unless its type has one, and only the options that its type knows."""
    errors = _Errors()
    if api_base:
        errors.collect("api_base", check_api_base, api_base)
    errors.collect("extra_headers", check_headers, extra_headers)
    errors.collect("extra_body", check_object, extra_body)
    errors.collect("options", check_object, options)
    try:
        known = registry.provider_type(provider_type)
    except registry.UnknownProviderType as err:
        errors.add("type", f"{err}.")
    else:
        if not api_base and not known.api_base and not known.offline:
            errors.add("api_base", f"A provider of type {known.label} needs an API base.")
        if isinstance(options, dict):
            errors.collect("options", lambda given: _check_options(known, given), options)
    errors.throw()


def _check_options(known: registry.ProviderType, options: Mapping[str, Any]) -> None:
    all_options = (*known.options, registry.ALLOWED_FIELDS)
    names = ", ".join(all_options)
    errors = [f"{known.label} has no option {name!r}; known are: {names}." for name in options if name not in all_options]
    errors += _allowed_fields_errors(known, options.get(registry.ALLOWED_FIELDS))
    errors += [f"{known.label} needs the option {name!r}." for name in known.required_options if options.get(name) in (None, "")]
    if errors:
        raise ValidationError(errors, code="options")


def _allowed_fields_errors(known: registry.ProviderType, given: object) -> list[str]:
    name, fields = registry.ALLOWED_FIELDS, operators_fields(known.name)
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(field, str) for field in given):
        return [f'The option {name} must be a list of names of fields: ["models", "provider"].']
    listed = ", ".join(sorted(fields))
    return [f"The option {name} cannot hold {field!r}; known are: {listed}." for field in given if field not in fields]


def clean_model(*, capabilities: object, metadata: object) -> None:
    """A model definition, without its routes and fallbacks."""
    errors = _Errors()
    errors.collect("capabilities", check_capabilities, capabilities)
    errors.collect("metadata", check_object, metadata)
    errors.throw()


def clean_hook(*, hook_type: str, options: object, plain: object, models: object, for_some: bool = False) -> None:
    """A hook: a registered type with the options that it knows, secrets only where they are encrypted, and names of models.
    `plain` are the options that are stored in clear, `options` all of them, None where some do not decrypt; `for_some` says that
    it is for some models or client keys only."""
    errors = _Errors()
    errors.collect("model_names", check_model_names, models)
    errors.collect("options", check_object, plain)
    try:
        known = hook_types.hook_type(hook_type)
    except hook_types.UnknownHookType as err:
        errors.add("type", f"{err}.")
    else:
        if known.fault:
            errors.add("type", f"{known.name} cannot be loaded: {known.fault}.")
        if known.for_all and for_some:
            errors.add("model_names", f"{known.name} authenticates, so it cannot be for some models or client keys only.")
        if not known.fault and isinstance(options, dict) and isinstance(plain, dict):
            errors.collect("options", lambda given: _check_hook_options(known, given, plain), options)
    errors.throw()


def _check_hook_options(known: hook_types.HookType, options: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
    bare = [name for name in hook_types.secret_options(known) if name in plain and not _names_variables(plain[name])]
    errors = [f"{name}: a secret is not stored among the options." for name in bare]
    try:
        hook_types.check_options(known, options)
    except hook_types.BadOptions as err:
        errors += [f"{name}: {fault}" if name else fault for name, fault in err.faults.items()]
    if errors:
        raise ValidationError(errors, code="options")


def _names_variables(value: object) -> bool:
    """Whether a secret is not told, but the variable that holds it."""
    if isinstance(value, dict):
        return all(map(_names_variables, value.values()))
    return value is None or (isinstance(value, str) and value.startswith(FROM_ENVIRONMENT))


def check_model_names(names: object) -> None:
    """A list of names of models; a * at the end of one stands for any rest."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError('Enter a list of names: ["name"].', code="models")
    for name in names:
        check_name(name)
        if STAR in name[:-1] or len(name) > LONGEST_NAME:
            message = f"{name[:60]!r}: a * may stand at the end only, and a name has up to {LONGEST_NAME} characters."
            raise ValidationError(message, code="models")
    if len(names) > MOST_NAMES:
        raise ValidationError(f"At most {MOST_NAMES} names.", code="models")


# Several rows


def check_routing(names: Sequence[str], *, enabled: bool = True) -> None:
    """The names of a model's routes, in order: at least one for an enabled model, none twice."""
    if enabled and not names:
        raise ValidationError("An enabled model needs at least one route.", code="routing")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValidationError(f"Duplicate route {', '.join(repeated)}.", code="routing")


def check_fallbacks(model: str, fallbacks: Sequence[str], graph: Mapping[str, Sequence[str]]) -> None:
    """The fallbacks of one model, in order. `graph` are the fallbacks of all models; those of `model` in it do not count."""
    if model in fallbacks:
        raise ValidationError("A model cannot be its own fallback.", code="fallbacks")
    repeated = [name for name, count in Counter(fallbacks).items() if count > 1]
    if repeated:
        raise ValidationError(f"Duplicate fallback {', '.join(repeated)}.", code="fallbacks")
    if patterns := [name for name in fallbacks if name.endswith(STAR)]:
        raise ValidationError(f"{patterns[0]} is a wildcard and cannot be a fallback.", code="fallbacks")
    cycle = find_cycle({**graph, model: fallbacks}, [model])
    if cycle and model in cycle:
        raise _cycle_error(cycle)


def check_fallback_cycle(graph: Mapping[str, Sequence[str]]) -> None:
    """No model may fall back to itself, directly or through others."""
    cycle = find_cycle(graph, graph)
    if cycle:
        raise _cycle_error(cycle)


def _cycle_error(cycle: Sequence[str]) -> ValidationError:
    return ValidationError(f"Fallback cycle: {' → '.join(cycle)}.", code="cycle")


def find_cycle(graph: Mapping[str, Sequence[str]], starts: Iterable[str]) -> list[str]:
    """The first cycle that can be reached from `starts`, as `[a, b, a]`; empty when there is none."""
    done: set[str] = set()
    for start in starts:
        path = [start]
        branches = [iter(graph.get(start, ()))]
        while branches:
            following = next(branches[-1], None)
            if following is None:
                done.add(path.pop())
                branches.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done:
                path.append(following)
                branches.append(iter(graph.get(following, ())))
    return []


class _Errors:
    """Collects the errors of a row by field."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        self.found.setdefault(field, []).append(message)

    def collect(self, field: str, rule: Callable[[Any], None], value: object) -> None:
        try:
            rule(value)
        except ValidationError as err:
            self.found.setdefault(field, []).extend(err.messages)

    def throw(self) -> None:
        if self.found:
            raise ValidationError({name: list(messages) for name, messages in self.found.items()})
