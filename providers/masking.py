"""How are the secrets of a target redacted from what its upstream says?

Upstreams echo the key that they were sent: in messages, in codes, in fields of their own. Each text of an error passes through
here before it is logged, stored or sent; the texts of good answers do not. A secret is found in any case, however its characters
are written (`\\u0073k`, `%73k`, `&#115;k`, `s\\/k`), in base64, in hexadecimal, and as a part of `PART` characters.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import parse_qsl, urlsplit

import msgspec

from providers.errors import ProviderError
from providers.types import Secret, TargetConfig
from providers.wire.openai.error_object import with_texts

SHORTEST = 4
"""Characters; shorter values are not secrets, and too common to be redacted."""
PART = 12
"""Characters of a secret that are redacted on their own, too; a shorter secret is only found as a whole word."""
MASKED = "***"
PUBLIC_HEADERS = frozenset({"accept", "accept-language", "content-type", "http-referer", "referer", "user-agent", "x-title"})
"""Extra headers whose values are no secrets."""
FIELDS = ("detail", "said", "message", "error_type", "upstream_code", "param")
"""The attributes of a `ProviderError` that may hold an upstream's words."""

SECRETS_OF_FILES = frozenset({"privatekey", "clientsecret", "refreshtoken", "secretaccesskey", "sessiontoken"})
"""The secret fields of the credentials that vendors give out as JSON: Google's files, and what AWS's command line prints, perhaps
in an object of its own. Without case, underscores and `aws_`, as AWS's are written in several ways."""


class Mask:
    """Redacts some secrets from texts."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SHORTEST)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            if (found := _pattern(secret).sub(MASKED, text)) != text:
                text = found
            if len(secret) > PART:
                text = _without_parts(text, secret)
        return text


def mask_of(config: TargetConfig, credentials: Mapping[str, Secret]) -> Mask:
    """The mask of what a request to a target carries: its key or the request's own, the values of its extra headers, and the
    query of its address."""
    return Mask(tuple(dict.fromkeys(_secrets(config, credentials))))


def mask_error(error: ProviderError, mask: Mask) -> None:
    """Redacts the secrets from all texts of an error."""
    for name in FIELDS:
        if isinstance(value := getattr(error, name, None), str):
            setattr(error, name, mask(value))
    error.more = with_texts(dict(error.more), mask) if error.more else error.more
    error.args = tuple(mask(value) if isinstance(value, str) else value for value in error.args)


def _secrets(config: TargetConfig, credentials: Mapping[str, Secret]) -> Iterator[str]:
    secret = config.credential.secret or credentials.get(config.credential.dynamic or "")
    if secret:
        yield from _parts_of_file(text) if (text := secret.reveal()).startswith("{") else (text,)
    for name, value in config.extra_headers:
        if name.lower() not in PUBLIC_HEADERS:
            yield value
            yield from value.split()[1:]  # what follows `Bearer`
    yield from (value for _, value in parse_qsl(urlsplit(config.api_base).query))


def _parts_of_file(text: str) -> Iterator[str]:
    """What is secret in a credential that is a JSON file; the rest are addresses and names, which errors may tell."""
    try:
        file = msgspec.json.decode(text)
    except msgspec.DecodeError:
        yield text
        return
    inner = (value for value in file.values() if isinstance(value, dict))
    for name, value in chain(file.items(), *(one.items() for one in inner)):
        if isinstance(value, str) and name.lower().replace("_", "").removeprefix("aws") in SECRETS_OF_FILES:
            yield "".join(line for line in value.splitlines() if not line.startswith("-----"))


@lru_cache(maxsize=256)
def _pattern(secret: str) -> re.Pattern[str]:
    """What finds a secret in any spelling."""
    plain = "".join(map(_spelled, secret))
    if len(secret) < PART:
        return re.compile(rf"(?<![\w-]){plain}(?![\w-])")
    data = secret.encode()
    cores = [b64encode(bytes(shift) + data).decode() for shift in range(3)]
    # the first and the last characters of base64 depend on what stands beside the secret
    encoded = [re.escape(core[4 if shift else 0 : len(core) - 4]) for shift, core in enumerate(cores)]
    encoded += [re.escape(text.translate(URL_SAFE)) for text in encoded]
    whole = [rf"[\w+/=-]*(?:{'|'.join(dict.fromkeys(encoded))})[\w+/=-]*", f"(?i:{data.hex()})", f"(?i:{plain})"]
    return re.compile("|".join(whole))


URL_SAFE = str.maketrans("+/", "-_")
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Lengths stay as they are, which those of some letters beyond ASCII do not."""


def _spelled(character: str) -> str:
    """A character as it is, and as JSON, addresses and HTML may write it, JSON perhaps within JSON."""
    code = ord(character)
    ways = [re.escape(character), rf"\\+u{code:04x}", f"%{code:02x}", f"&#0*{code};", f"&#x0*{code:x};"]
    return f"(?:{'|'.join(ways)})" if character.isalnum() else rf"(?:\\*{'|'.join(ways)})"


def _without_parts(text: str, secret: str) -> str:
    """The text without the parts of a secret that have `PART` characters: each of them holds a whole block of half as many."""
    step = PART // 2
    lower, wanted = text.translate(LOWER), secret.translate(LOWER)
    for start in range(0, len(secret) - step + 1, step):
        block = wanted[start : start + step]
        at = lower.find(block)
        while at >= 0:
            begin, end = at, at + step
            while begin and start - (at - begin) > 0 and lower[begin - 1] == wanted[start - (at - begin) - 1]:
                begin -= 1
            while end < len(lower) and start + (end - at) < len(wanted) and lower[end] == wanted[start + (end - at)]:
                end += 1
            if end - begin >= PART:
                text = text[:begin] + MASKED + text[end:]
                lower = text.translate(LOWER)
                end = begin + len(MASKED)
            at = lower.find(block, end)
    return text
