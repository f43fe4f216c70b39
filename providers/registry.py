"""Which kinds of provider exist? Adapter modules register them here when they are imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.capabilities import Capability
from providers.protocols import METHODS, serving
from providers.types import Adapter, Target, TargetConfig, Wire

ALLOWED_FIELDS = "allowed_request_fields"
"""The option that every type has: fields that choose a model or a provider upstream, and that clients may set (see
`providers/wire/openai/field_names.py`)."""


@dataclass(frozen=True, slots=True)
class ProviderType:
    """One kind of provider, as the catalog names it.

    `wires` are the formats that its adapter speaks, `lacks` what a model of it cannot do, and `without` the wires that a model
    does not speak, both told by the model's name at the provider;
    `keeps_responses` says that it knows a response again. `build` makes the adapter of
    one target and raises `ConfigurationError` for values it cannot work with.
    `api_base` "" means that the operator must give one, unless the type is `offline` and has no address at all.
    `key_variable` is the vendor's usual environment variable. `options` are the names of the type's own settings
    (`Provider.options`, which may hold `ALLOWED_FIELDS`, too), `required_options` those without default. `read_address` makes an
    address as people copy it one to be stored, and finds the options that it holds.
    """

    name: str
    label: str
    build: Callable[[TargetConfig], Adapter]
    wires: frozenset[Wire]
    lacks: Callable[[str], frozenset[Capability]] = lambda model: frozenset()
    without: Callable[[str], frozenset[Wire]] = lambda model: frozenset()
    keeps_responses: bool = False
    api_base: str = ""
    key_variable: str = ""
    needs_key: bool = True
    offline: bool = False
    options: tuple[str, ...] = ()
    read_address: Callable[[str], tuple[str, dict[str, str]]] = lambda address: (address, {})
    required_options: tuple[str, ...] = ()

    @property
    def own(self) -> frozenset[Capability]:
        """What it serves without conversion."""
        return frozenset(METHODS[wire].capability for wire in self.wires)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it serves, also by conversion."""
        return frozenset(serving(self.wires))

    def capabilities_of(self, upstream_model: str) -> frozenset[Capability]:
        """What a model of it serves, also by conversion."""
        return frozenset(self.wires_of(upstream_model))

    def wires_of(self, upstream_model: str) -> Mapping[Capability, tuple[Wire, ...]]:
        """What a model of it serves, each with the wires that do it, the best one first."""
        lacking, without = self.lacks(upstream_model), self.without(upstream_model)
        return serving({wire for wire in self.wires - without if METHODS[wire].capability not in lacking})

    def target(self, config: TargetConfig) -> Target:
        """The target that the router calls. Raises `ConfigurationError`."""
        names = (config.id, config.fingerprint(), config.model, config.provider, config.upstream_model)
        wires = self.wires_of(config.upstream_model)
        told = (config.credential.dynamic or "", self.name, host_of(config.api_base or self.api_base))
        return Target(*names, config.timeouts, self.build(config), wires, self.keeps_responses, *told)


def host_of(address: str) -> str:
    """The host of an address, without port; "" if there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


class UnknownProviderType(LookupError):
    """No provider type has this name."""


_types: dict[str, ProviderType] = {}


def register(provider_type: ProviderType) -> None:
    """Adds a kind of provider; a second one of the same name is an error."""
    if provider_type.name in _types:
        raise ValueError(f"provider type {provider_type.name!r} is registered twice")
    _types[provider_type.name] = provider_type


def provider_type(name: str) -> ProviderType:
    """The type of that name. Raises `UnknownProviderType`, which lists the known ones."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownProviderType(f"unknown provider type {name!r}; known are {', '.join(sorted(_types))}") from None


def provider_types() -> Iterator[ProviderType]:
    """All types, by label."""
    return iter(sorted(_types.values(), key=lambda known: known.label.lower()))
