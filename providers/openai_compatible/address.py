"""Where does a request of a target go, and with what headers? Compiled once."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from providers.errors import ConfigurationError
from providers.openai_compatible.presets import Auth, Preset
from providers.transport import Head, Origin
from providers.types import TargetConfig

HOST = re.compile(r"[a-z0-9._:-]+")
IN_A_PATH = "/%:@"
JSON = ("content-type", "application/json")
COMMON_HEADERS = (("accept-encoding", "identity"), ("user-agent", "signalbox"))
ENDINGS = re.compile(
    r"(?<=/v\d)/(audio/(speech|transcriptions|translations)|images/(edits|generations|variations)"
    r"|messages|models|moderations|rerank|responses)"
    r"|/(chat/completions|embeddings|completions)"
)
"""What people paste behind a base address. The first are cut off behind a version only: elsewhere they may be part of it."""


def bare(address: str) -> str:
    """The address without what stands around it when it is copied: spaces, slashes, the path of one endpoint. Its query stays."""
    whole, mark, query = address.strip().partition("?")
    base = whole.rstrip("/")
    while found := re.search(rf"({ENDINGS.pattern})$", base):
        base = base[: found.start()].rstrip("/")
    return f"{base}?{query}" if mark and query else base


def head_of(config: TargetConfig, preset: Preset, path: str, *, json: bool = True, base: str = "", method: str = "POST") -> Head:
    """The head of a request to `path` below the target's base address, or below `base`; without a content type unless
    `json`. A `path` that is a whole address stands for itself, or for its place beside the vendor's usual paths when the
    operator has given another base. Raises `ConfigurationError`."""
    own = base or config.api_base
    elsewhere = urlsplit(path) if path.startswith("https://") else None
    if elsewhere and not own:
        own = f"https://{elsewhere.netloc}"
    origin, prefix, query = origin_of(own or preset.api_base, preset.label)
    if elsewhere:
        prefix, path = prefix.removesuffix(urlsplit(preset.api_base).path), elsewhere.path
    whole = quote(prefix, safe=IN_A_PATH) + path
    if query:
        whole += ("&" if "?" in whole else "?") + quote(query, safe="!$%&'()*+,/:;=?@")
    if config.credential.secret and not config.credential.secret.reveal().isprintable():
        raise ConfigurationError("credential", "the key holds a character that HTTP does not allow")
    try:
        return Head(method, origin, whole, _headers(config, preset, json=json))
    except ValueError:  # its text may hold the key
        raise ConfigurationError("extra_headers", "a header or the address holds a character that HTTP does not allow") from None


def origin_of(address: str, label: str) -> tuple[Origin, str, str]:
    """The origin, the path without its last slash, and the query of an address. Raises `ConfigurationError`."""
    base = bare(address)
    if not base:
        raise ConfigurationError("api_base", f"{label} has no address of its own: give an API base")
    try:
        url = urlsplit(base)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = (url.hostname or "").encode("idna").decode() if url.hostname else ""
    except ValueError as error:
        raise ConfigurationError("api_base", f"{base!r} is not a valid URL") from error
    if url.scheme not in ("http", "https") or not HOST.fullmatch(host) or "@" in url.netloc or url.fragment:
        raise ConfigurationError("api_base", f"{base!r} is not an http or https address of a host")
    return Origin(url.scheme, host, port), url.path.rstrip("/"), url.query


def auth_header(auth: Auth, key: str) -> tuple[str, str]:
    """The header, name in lower case, that carries the key."""
    return ("authorization", f"Bearer {key}") if auth is Auth.BEARER else ("api-key", key)


def _headers(config: TargetConfig, preset: Preset, *, json: bool) -> tuple[tuple[str, str], ...]:
    headers = dict((JSON, *COMMON_HEADERS) if json else COMMON_HEADERS)
    if config.credential.secret:
        name, value = auth_header(preset.auth, config.credential.secret.reveal())
        headers[name] = value
    headers.update((name.lower(), value) for name, value in config.extra_headers)
    return tuple(headers.items())
