"""How does a hook see a request, and what becomes of its edits?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from openai_api.hooks.context import SECRET_HEADERS
from providers.bytes.halves import decoded
from providers.bytes.multipart import Form, Part, changed
from providers.bytes.patch import fields_of, patch
from providers.canonical.request import Request
from providers.convert.reading import canonical_request, encoded_request
from providers.types import Call, Wire

HEADER_NAME = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]{0,4094}[\x21-\x7e\x80-\xff])?)?")
NOT_SENT = SECRET_HEADERS | {
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"host",
    b"keep-alive",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
"""Headers that are the adapters' own."""


class Junk(TypeError):
    """What a hook has made of a request or an answer cannot be sent."""


class HookRequest:
    """The request as the client sent it, or as the hooks before have left it.

    `body` is its JSON object, to be edited in place (of a form its texts, each the first of its name); all fields that are not
    edited keep their bytes. `canonical` is the same in the form that all conversations share, None for other calls; setting it
    writes the body anew, in the request's own wire. A hook edits one of them: what it does to the one, it does not
    see in the other. `model` is the public name, which may be set: routing then starts with that model. `stream` cannot be
    changed. `send_header` changes what upstreams are told beside the body. The edits of a hook that fails are left out.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self._model = call.model
        self._headers = call.headers
        self._canonical: Request | None = None

    @property
    def wire(self) -> Wire:
        return self.call.wire

    @property
    def stream(self) -> bool:
        return self.call.stream

    @property
    def raw(self) -> bytes:
        """The body as it came; b"" of a form."""
        return self.call.body

    @cached_property
    def body(self) -> dict[str, Any]:
        form = self.call.form
        return dict(texts_of(form)) if form is not None else _object(self.call.body)

    @property
    def files(self) -> tuple[Part, ...]:
        """The files of a form."""
        form = self.call.form
        return () if form is None else tuple(part for part in form.parts if part.filename is not None)

    @property
    def model(self) -> str:
        return self._model

    @model.setter
    def model(self, name: str) -> None:
        self._model = _name(name)

    @property
    def canonical(self) -> Request | None:
        if self._canonical is None:
            self._canonical = canonical_request(self.call)
        return self._canonical

    @canonical.setter
    def canonical(self, request: Request) -> None:
        encoded = encoded_request(request, self.wire)  # of anything else it raises
        if encoded.lossy:
            raise Junk(f"{self.wire.value} has no word for {encoded.lossy[0]}")
        self._canonical = request
        self.__dict__["body"] = encoded.body

    @property
    def upstream_headers(self) -> Mapping[str, str]:
        """The headers that go upstream beside the gateway's own: the request id, the trace context, those of the dialect."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}

    def send_header(self, name: str, value: str | None) -> None:
        """Sets a header for upstreams, in place of one of that name; None takes it away. Raises `Junk` for what is no header, or
        is not a hook's to set: credentials, and what frames the message."""
        lower = name.lower().encode("latin-1", "replace")
        if not HEADER_NAME.fullmatch(lower) or lower in NOT_SENT:
            raise Junk(f"{name!r} is no header that a hook can set")
        kept = tuple(header for header in self._headers if header[0] != lower)
        if value is None:
            self._headers = kept
            return
        told = value.encode("latin-1", "replace")
        if not HEADER_VALUE.fullmatch(told):
            raise Junk(f"the value of {name} is no header's")
        self._headers = (*kept, (lower, told))

    def result(self) -> Call:
        """The call with the edits. Raises `Junk`, or what the encoder raises."""
        call = self._edited()
        return call if self._headers is self.call.headers else msgspec.structs.replace(call, headers=self._headers)

    def _edited(self) -> Call:
        if "body" not in self.__dict__:
            return self.call if self._model == self.call.model else msgspec.structs.replace(self.call, model=self._model)
        _check_object(self.body)
        call = self._edited_form(self.call.form) if self.call.form is not None else self._edited_body()
        named = self.body.get("model")
        if self._model == self.call.model and named != texts_of_model(self.call) and isinstance(named, str) and named:
            self._model = named
        return call if self._model == call.model else msgspec.structs.replace(call, model=self._model)

    def _edited_body(self) -> Call:
        before, now = _object(self.call.body), self.body
        if msgspec.json.encode(before) == msgspec.json.encode(now):
            return self.call
        changes: dict[str, bytes | None] = {name: None for name in before if name not in now}
        for name, value in now.items():
            encoded = msgspec.json.encode(value)
            if name not in before or msgspec.json.encode(before[name]) != encoded:
                changes[name] = encoded
        if "stream" in changes and bool(now.get("stream")) is not self.call.stream:
            raise Junk("a hook cannot change whether the answer is a stream")
        body = patch(self.call.fields, changes)
        return self.call.with_body(body, fields_of(body))

    def _edited_form(self, form: Form) -> Call:
        before = texts_of(form)
        changes: dict[str, str | None] = {name: None for name in before if name not in self.body}
        for name, value in self.body.items():
            if not isinstance(value, str):
                raise Junk(f"the field {name!r} of a form is a text")
            if before.get(name) != value:
                changes[name] = value
        return msgspec.structs.replace(self.call, form=Form(changed(form, changes))) if changes else self.call


def texts_of(form: Form) -> Mapping[str, str]:
    """The texts of a form, the first of each name. Raises `BrokenForm` for one that is not UTF-8."""
    texts: dict[str, str] = {}
    for part in form.parts:
        if part.filename is None:
            texts.setdefault(part.plain_name, part.text())
    return texts


def texts_of_model(call: Call) -> Any:
    """The model as the request's own body names it."""
    if call.form is not None:
        return call.form.text("model")
    raw = call.fields.raw("model")
    return None if raw is None else msgspec.json.decode(raw)


def _name(name: object) -> str:
    if isinstance(name, str) and name:
        return name
    raise Junk("a model's name is a text that is not empty")


def _check_object(body: object) -> None:
    if not isinstance(body, dict) or any(not isinstance(name, str) for name in body):
        raise Junk("the body of a request is an object")


def _object(body: bytes) -> dict[str, Any]:
    value = decoded(body) if body else {}
    return value if isinstance(value, dict) else {}
