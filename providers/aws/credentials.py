"""In which forms are credentials of AWS kept, and what do they say?

    ACCESS_KEY_ID:SECRET_ACCESS_KEY                     a long-term key
    ACCESS_KEY_ID:SECRET_ACCESS_KEY:SESSION_TOKEN       a temporary key
    {"AccessKeyId": …, "SecretAccessKey": …}            the same, as `aws sts` and `aws configure export-credentials` print it
    anything else                                       an API key of Bedrock, sent as `Authorization: Bearer`

None of the parts of a key contains a colon: ids are letters and digits, secrets and tokens are base64. The names of the JSON form
may also be written in lower case with underscores, with or without `aws_` in front, as in `~/.aws/credentials`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from providers.errors import ConfigurationError
from providers.types import Secret

FIELD = "credential"
KEY_ID = re.compile(r"[A-Za-z0-9_]{16,128}")
"""`AccessKeyId` of AWS's security token service."""
TOKEN_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105
ID_VARIABLE, SECRET_VARIABLE, SESSION_VARIABLE = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
ID, SECRET, SESSION = "accesskeyid", "secretaccesskey", "sessiontoken"
"""Names of the JSON form, without case, underscores and `aws_`."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What signs requests. `session` is told by temporary keys only."""

    id: str
    secret: Secret
    session: Secret | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is sent as it is."""

    token: Secret


def credentials_in(text: str) -> AccessKey | ApiKey:
    """What a stored credential says. Raises `ConfigurationError`, whose text tells nothing of it."""
    text = text.strip()
    if text.startswith("{"):
        return _in_json(text)
    parts = text.split(":")
    if len(parts) > 1:
        if len(parts) > 3 or not all(parts):
            message = "an AWS credential with colons must be ACCESS_KEY_ID:SECRET_ACCESS_KEY or that with :SESSION_TOKEN"
            raise ConfigurationError(FIELD, message)
        return _key(*parts)
    if not text or not (text.isascii() and text.isprintable()):
        raise ConfigurationError(FIELD, "the API key is empty or contains a character that HTTP does not allow")
    return ApiKey(Secret(text))


def credentials_of_environment(environment: Mapping[str, str] = os.environ) -> AccessKey | ApiKey | None:
    """What the usual variables say, None if they say nothing. A token for Bedrock goes before a key, as in AWS's own clients.
    Raises `ConfigurationError`."""
    if token := environment.get(TOKEN_VARIABLE, ""):
        return credentials_in(token)
    known, secret = environment.get(ID_VARIABLE, ""), environment.get(SECRET_VARIABLE, "")
    if not known and not secret:
        return None
    if not (known and secret):
        missing = SECRET_VARIABLE if known else ID_VARIABLE
        raise ConfigurationError(FIELD, f"the environment variable {missing} is missing")
    return _key(known, secret, environment.get(SESSION_VARIABLE, ""))


def _in_json(text: str) -> AccessKey:
    try:
        given: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigurationError(FIELD, "the AWS credential is not valid JSON") from error
    given = given.get("Credentials", given)  # as `aws sts assume-role` prints it
    if not isinstance(given, dict):
        raise ConfigurationError(FIELD, "'Credentials' of the AWS credential must be an object")
    said = {_name(name): value for name, value in given.items()}
    texts = [said.get(name) or "" for name in (ID, SECRET, SESSION)]
    if not all(isinstance(value, str) for value in texts) or not (texts[0] and texts[1]):
        raise ConfigurationError(FIELD, "an AWS credential in JSON needs the texts 'AccessKeyId' and 'SecretAccessKey'")
    return _key(*texts)


def _name(name: str) -> str:
    return name.lower().removeprefix("aws_").replace("_", "")


def _key(known: str, secret: str, session: str = "") -> AccessKey:
    if not KEY_ID.fullmatch(known):
        raise ConfigurationError(FIELD, "the access key id of the AWS credential must be 16 to 128 letters and digits")
    if not all(text.isascii() and text.isprintable() for text in (secret, session)):
        raise ConfigurationError(FIELD, "the AWS credential contains a character that HTTP does not allow")
    return AccessKey(known, Secret(secret), Secret(session) if session else None)
