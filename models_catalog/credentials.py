"""What does a credential row authenticate with? Decrypts it, or reads it from where it points to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from models_catalog.models import Credential
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import encrypted_field
from providers import types
from providers.types import Secret

MAX_SECRET_BYTES = 64 * 1024


class SecretUnavailable(Exception):
    """A credential cannot be used. The text names the place, never the value."""


def resolve(credential: Credential) -> types.Credential:
    """What the adapter authenticates with. Raises `SecretUnavailable`."""
    try:
        source = _SOURCES[credential.source]
    except KeyError:
        raise SecretUnavailable(f"its source {credential.source!r} is unknown") from None
    return source(credential)


def reveal(credential: Credential) -> Secret:
    """The secret of a stored credential. Raises `SecretUnavailable`."""
    try:
        return encrypted_field(Credential, "secret").decrypt(credential)
    except encryption.EncryptionError as err:
        raise SecretUnavailable(f"its secret cannot be decrypted: {err}") from err


def _stored(credential: Credential) -> types.Credential:
    return types.Credential(_sound(reveal(credential).reveal(), "no secret is stored"))


def _env(credential: Credential) -> types.Credential:
    name = credential.location
    return types.Credential(_sound(_variable(name), f"the environment variable {name} is empty"))


def _path(credential: Credential) -> types.Credential:
    return types.Credential(_file(credential.location))


def _path_from_env(credential: Credential) -> types.Credential:
    return types.Credential(_file(_variable(credential.location)))


def _dynamic(credential: Credential) -> types.Credential:
    return types.Credential(dynamic=credential.location)


def _none(credential: Credential) -> types.Credential:
    return types.Credential()


_SOURCES: Mapping[str, Callable[[Credential], types.Credential]] = {
    Credential.Source.STORED: _stored,
    Credential.Source.ENV: _env,
    Credential.Source.PATH: _path,
    Credential.Source.PATH_FROM_ENV: _path_from_env,
    Credential.Source.DYNAMIC: _dynamic,
    Credential.Source.NONE: _none,
}


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretUnavailable(f"the environment variable {name} is not set")
    return value


def _file(path: str) -> Secret:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not a valid path"
        raise SecretUnavailable(f"the file {path} cannot be read: {reason}") from None
    if len(content) > MAX_SECRET_BYTES:
        raise SecretUnavailable(f"the file {path} is longer than {MAX_SECRET_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretUnavailable(f"the file {path} is not UTF-8 text") from None
    return _sound(text, f"the file {path} is empty")


def _sound(value: str, otherwise: str) -> Secret:
    stripped = value.strip()
    if not stripped:
        raise SecretUnavailable(otherwise)
    return Secret(stripped)
