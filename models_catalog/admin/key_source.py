"""Where does a provider's key come from, and is it there? In words that hold no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.credentials import SecretUnavailable, resolve
from models_catalog.models import Credential, Provider
from models_catalog.secrets import encryption
from providers.registry import UnknownProviderType, provider_type

Source = Credential.Source

_PLACES: Mapping[str, Callable[[Credential], str]] = {
    Source.STORED: lambda credential: f"stored …{credential.last_four}" if credential.last_four else "stored",
    Source.ENV: lambda credential: f"env {credential.location}",
    Source.PATH: lambda credential: f"file {credential.location}",
    Source.PATH_FROM_ENV: lambda credential: f"file named by {credential.location}",
    Source.DYNAMIC: lambda credential: f"brought by requests as {credential.location}",
    Source.NONE: lambda credential: "none needed",
}


@dataclass(frozen=True, slots=True)
class KeySource:
    """`place` is like "env OPENAI_API_KEY"; `fault` says why there is no key, "" when there is one; `short` in a word."""

    place: str
    fault: str = ""
    short: str = "missing"

    def html(self) -> SafeString:
        place = html.mono(self.place)
        if not self.fault:
            return place
        return format_html('<span class="sb-line">{} {}</span>', place, html.tag(self.short, "bad", self.fault))


def of_credential(credential: Credential) -> KeySource:
    """Reads the variable or file, or decrypts: what the gateway itself would do."""
    place = _PLACES[credential.source](credential) if credential.source in _PLACES else credential.source
    try:
        resolve(credential)
    except SecretUnavailable as err:
        stored = credential.source == Source.STORED and credential.secret
        return KeySource(place, f"The key cannot be used: {err}.", "unreadable" if stored else "missing")
    return KeySource(place)


def storing_fault() -> str:
    """Why no secret can be stored now, "" when one can."""
    try:
        encryption.key_ring()
    except encryption.EncryptionError as err:
        return f"It cannot be stored: {err}"
    return ""


def of_provider(provider: Provider) -> KeySource:
    """As of its credential; a provider without one is at fault if its type needs a key."""
    if provider.credential is not None:
        return of_credential(provider.credential)
    try:
        needs_key = provider_type(provider.type).needs_key
    except UnknownProviderType:
        needs_key = True
    return KeySource("none", "This type of provider needs a credential.") if needs_key else KeySource("none needed")
