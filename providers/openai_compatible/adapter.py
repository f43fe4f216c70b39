"""How is an OpenAI-compatible vendor called? Bytes are patched, never re-encoded; the preset says what differs.

Format: OpenAI's chat completions (OpenAPI document of August 2026).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import msgspec

from providers.capabilities import capabilities_of
from providers.errors import CallerError, ConfigurationError, CredentialError
from providers.openai_compatible.presets import PRESETS, Auth, Preset, Quirk
from providers.registry import ProviderType, register
from providers.transport import Head, Origin, Transport, UpstreamRequest, UpstreamStream
from providers.types import Adapter, Call, Reply, TargetConfig, Wire
from providers.wire import openai_chat
from providers.wire.openai_errors import failure_of
from providers.wire.patch import Fields, patch

HOST = re.compile(r"[a-z0-9._:-]+")
JSON_HEADERS = (("content-type", "application/json"), ("accept-encoding", "identity"), ("user-agent", "signalbox"))


class OpenAICompatibleAdapter:
    """One target of a vendor that speaks OpenAI's formats."""

    def __init__(self, config: TargetConfig, preset: Preset) -> None:
        self.config = config
        self._preset = preset
        self._model = msgspec.json.encode(config.upstream_model)
        self._asks_usage = Quirk.NO_STREAM_OPTIONS not in preset.quirks
        self._head = _head(config, preset)

    async def chat(self, call: Call, transport: Transport) -> Reply:
        answer = await transport.fetch(self._request(call))
        if answer.status != 200:
            raise failure_of(answer.status, answer.headers, self._without_key(answer.body, call))
        return Reply(wire=Wire.OPENAI_CHAT, fields=openai_chat.completion_of(answer.body))

    async def stream_chat(self, call: Call, transport: Transport) -> OpenAIChatStream:
        stream = await transport.stream(self._request(call))
        if stream.status == 200:
            return OpenAIChatStream(stream)
        try:
            body = await _read_all(stream)
        finally:
            stream.close()
        raise failure_of(stream.status, stream.headers, self._without_key(body, call))

    def _without_key(self, body: bytes, call: Call) -> bytes:
        """An error answer, in which some upstreams repeat the key that they were sent."""
        secret = self.config.credential.secret or call.credentials.get(self.config.credential.dynamic or "")
        return body.replace(secret.reveal().encode(), b"***") if secret else body

    def _request(self, call: Call) -> UpstreamRequest:
        headers = call.headers
        if self.config.credential.dynamic is not None:
            headers = (*headers, self._dynamic_auth(call))
        return UpstreamRequest(self._head, self._body(call), self.config.timeouts, headers)

    def _dynamic_auth(self, call: Call) -> tuple[bytes, bytes]:
        secret = call.credentials.get(self.config.credential.dynamic or "")
        if secret is None:
            raise CredentialError(f"the request brings no credential {self.config.credential.dynamic!r}")
        name, value = auth_header(self._preset.auth, secret.reveal())
        if not (value.isascii() and value.isprintable()):
            message = "A credential in the request holds a character that no key has."
            raise CallerError(400, message, param="tensorzero::credentials")
        return name.encode(), value.encode("ascii")

    def _body(self, call: Call) -> bytes:
        fields = call.fields
        changes: dict[str, bytes | None] = {"model": self._model}
        if call.stream:
            changes["stream_options"] = openai_chat.asking_usage(fields.raw("stream_options")) if self._asks_usage else None
        changes.update(self.config.extra_body)
        if self._preset.renames:
            changes.update(_renamed(fields, self._preset))
        for name in fields.spans:
            if name.startswith("tensorzero::"):
                changes[name] = None
        return patch(fields, changes)


class OpenAIChatStream:
    """The event stream of a vendor, its bytes untouched."""

    wire = Wire.OPENAI_CHAT

    def __init__(self, stream: UpstreamStream) -> None:
        self.next = stream.next
        self.extend = stream.extend
        self.close = stream.close


def auth_header(auth: Auth, key: str) -> tuple[str, str]:
    """The header, name in lower case, that carries the key."""
    return ("authorization", f"Bearer {key}") if auth is Auth.BEARER else ("api-key", key)


def _renamed(fields: Fields, preset: Preset) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    for name, vendors_name in preset.renames.items():
        value = fields.raw(name)
        if value is not None:
            changes[name] = None
            if vendors_name and vendors_name not in fields.spans:
                changes[vendors_name] = value
    return changes


async def _read_all(stream: UpstreamStream, limit: int = 1024 * 1024) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size < limit and (part := await stream.next()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _head(config: TargetConfig, preset: Preset) -> Head:
    base = (config.api_base or preset.api_base).rstrip("/")
    if not base:
        raise ConfigurationError("api_base", f"{preset.label} has no address of its own: give an API base")
    try:
        url = urlsplit(base.removesuffix("/chat/completions"))
        port = url.port or (443 if url.scheme == "https" else 80)
        host = (url.hostname or "").encode("idna").decode() if url.hostname else ""
    except ValueError as error:
        raise ConfigurationError("api_base", f"{base!r} is not a valid URL") from error
    if url.scheme not in ("http", "https") or not HOST.fullmatch(host) or "@" in url.netloc or url.fragment:
        raise ConfigurationError("api_base", f"{base!r} is not an http or https address of a host")
    path = _path(config, preset, url.path.rstrip("/"))
    if url.query:
        path += ("&" if "?" in path else "?") + quote(url.query, safe="!$%&'()*+,/:;=?@")
    if config.credential.secret and not config.credential.secret.reveal().isprintable():
        raise ConfigurationError("credential", "the key holds a character that HTTP does not allow")
    try:
        return Head("POST", Origin(url.scheme, host, port), path, _headers(config, preset))
    except ValueError:  # its text may hold the key
        raise ConfigurationError("extra_headers", "a header or the address holds a character that HTTP does not allow") from None


def _path(config: TargetConfig, preset: Preset, base: str) -> str:
    if Quirk.DEPLOYMENT_IN_PATH not in preset.quirks:
        return quote(base, safe="/%:@") + preset.chat_path
    if base.endswith("/v1"):
        return quote(base, safe="/%:@") + "/chat/completions"
    options = {**preset.options, **{name: str(value) for name, value in config.options.items() if value}}
    deployment = options["deployment_id"] or config.upstream_model
    return quote(base, safe="/%:@") + preset.chat_path.format(
        deployment_id=quote(deployment, safe=""), api_version=quote(options["api_version"], safe="")
    )


def _headers(config: TargetConfig, preset: Preset) -> tuple[tuple[str, str], ...]:
    headers = dict(JSON_HEADERS)
    if config.credential.secret:
        name, value = auth_header(preset.auth, config.credential.secret.reveal())
        headers[name] = value
    headers.update((name.lower(), value) for name, value in config.extra_headers)
    return tuple(headers.items())


def _builder(preset: Preset) -> Callable[[TargetConfig], Adapter]:
    return lambda config: OpenAICompatibleAdapter(config, preset)


for _preset in PRESETS:
    register(
        ProviderType(
            name=_preset.name,
            label=_preset.label,
            build=_builder(_preset),
            capabilities=capabilities_of(OpenAICompatibleAdapter),
            api_base=_preset.api_base,
            key_variable=_preset.key_variable,
            needs_key=_preset.needs_key,
            options=tuple(_preset.options),
        )
    )
