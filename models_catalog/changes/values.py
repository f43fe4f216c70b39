"""Which plain values stand for a provider and its credential? Each is equal and hashable by what it holds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from models_catalog.models import Provider
from models_catalog.models.columns import settings_for
from models_catalog.models.frozen import Settings, thaw
from providers.types import Secret


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a credential is: `source` is one of `models_catalog.models.Credential.Source`.

    For `stored`, `location` is the name of the credential in the catalog, or `secret` is the value itself. With `to_enter` the
    credential is made empty if there is none of that name, so that somebody enters the secret.
    """

    source: str
    location: str = ""
    secret: Secret | None = None
    to_enter: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """The text form of a location, without a secret."""
        return "none" if self.source == "none" else f"{self.source}::{self.location}"


NOTHING = Lookup("none")


def to_enter(name: str) -> Lookup:
    """The place of a key that the file does not hold, although it should: somebody has to enter it."""
    return Lookup("stored", f"{name} (to enter)", to_enter=True)


@dataclass(frozen=True, slots=True)
class ShareContent:
    """A further credential of a provider: where it is, and which part of the requests it takes."""

    credential: Lookup
    weight: float = 1.0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ProviderContent:
    """What a provider holds besides its name and its state: its settings, where its credential is, and further ones."""

    settings: Settings
    credential: Lookup = NOTHING
    more: tuple[ShareContent, ...] = ()

    @property
    def type(self) -> str:
        return self.settings.text("type")

    def json(self, name: str) -> Any:
        """A setting that is JSON."""
        return thaw(self.settings.text(name))

    def with_setting(self, **values: Hashable) -> ProviderContent:
        return replace(self, settings=self.settings.replaced(**values))


def provider_content(credential: Lookup = NOTHING, more: tuple[ShareContent, ...] = (), **settings: Hashable) -> ProviderContent:
    """The content of a provider for which a file says this. Whether it is enabled is no part of it."""
    found = settings_for(Provider, **settings)
    return ProviderContent(Settings({name: value for name, value in found.items() if name != "enabled"}), credential, more)
