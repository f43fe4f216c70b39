"""What do requests about images have in common, be they JSON or forms?"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import NO_FIELDS, make_call, secrets_of
from openai_api.endpoints.form_body import CREDENTIALS, form_of, form_secrets, value_of
from openai_api.endpoints.json_body import check_spelling, json_object, typed
from openai_api.errors import invalid
from providers.bytes.multipart import Form, Part
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_image import MAX_IMAGES, RESPONSE_FORMATS, ImageRequest, PromptedRequest

Request = TypeVar("Request", bound=ImageRequest)
ADDRESSES = ("http://", "https://", "data:")
USUAL_MODELS = ("gpt-image-2", "gpt-image-1.5", "gpt-image-1", "gpt-image-1-mini", "dall-e-3", "dall-e-2")
"""OpenAI's names, the latest first: which one it takes by default has changed with the years."""
SINGLE = ("model", "prompt", "n", "response_format", "stream")


class _Sources(msgspec.Struct):
    images: list[msgspec.Raw] | None = None
    image: msgspec.Raw = msgspec.Raw()


_decode_sources = msgspec.json.Decoder(_Sources).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def image_call(inbound: Inbound, capability: Capability, wire: Wire, kind: type[ImageRequest], *, sources: bool = False) -> Call:
    """The call; with `sources` it must bring images. Raises 400 `ApiError`s that name the field at fault."""
    fields = NO_FIELDS
    if inbound.form is not None:
        form = form_of(inbound, *SINGLE)
        request, secrets = _of_form(form, kind), form_secrets(form)
        number = sum(1 for part in form.all("image") if not sources or _is_image(part))
    else:
        fields = json_object(inbound.body)
        check_spelling(fields.spans, more=SINGLE)
        request = typed(partial(msgspec.json.decode, type=kind), inbound.body)
        secrets = secrets_of(request.credentials)
        number = len(_images(inbound.body)) if sources else 0
    _check(request)
    if sources:
        _check_sources(number)
    return make_call(
        inbound,
        capability,
        wire,
        _usual_model(inbound, capability) if request.model is None else request.model,
        fields,
        stream=bool(request.stream),
        credentials=secrets,
    )


def _usual_model(inbound: Inbound, capability: Capability) -> str | None:
    """The model for a request that names none: the first of the usual ones that can do it and that the key may use."""
    models, caller = inbound.catalog.models, inbound.caller
    able = (name for name in USUAL_MODELS if name in models and capability in models[name].targets and caller.may_use(name))
    return next(able, None)


def _check(request: ImageRequest) -> None:
    if isinstance(request, PromptedRequest) and not request.prompt:
        raise invalid("invalid_value", "The field 'prompt' is empty.", "prompt")
    if request.n is not None and request.n < 1:
        raise invalid("invalid_value", f"The field 'n' must be at least 1; got {request.n}.", "n")
    if request.response_format not in (None, *RESPONSE_FORMATS):
        text = f"The field 'response_format' must be 'url' or 'b64_json'; got {request.response_format!r:.60}."
        raise invalid("invalid_value", text, "response_format")


def _check_sources(number: int) -> None:
    if not number:
        raise invalid("missing_required_parameter", "The field 'image' is required.", "image")
    if number > MAX_IMAGES:
        raise invalid("array_above_max_length", f"The request has {number} images; at most {MAX_IMAGES} are allowed.", "image")


def _is_image(part: Part) -> bool:
    """Whether a part of a form is a file, or the address of one. Raises 400 `invalid_type` or `invalid_value`."""
    if part.filename is None and not value_of(part).startswith(ADDRESSES):
        raise invalid("invalid_type", "The field 'image' must be a file or the URL of one.", "image")
    if part.size == 0:
        raise invalid("invalid_value", "The file 'image' is empty.", "image")
    return True


def _images(body: bytes) -> list[msgspec.Raw]:
    """The images of a JSON request: OpenAI's `images`, or one or more in `image`, as others have it."""
    sources = typed(_decode_sources, body)
    if bytes(sources.image).startswith(b"["):
        return [*(sources.images or ()), *_list(sources.image)]
    return [*(sources.images or ()), *([] if bytes(sources.image) in (b"", b"null") else [sources.image])]


def _of_form(form: Form, kind: type[Request]) -> Request:
    """The fields of a form that the gateway reads. Raises 400 as for JSON, and `invalid_encoding`."""
    texts = {part.plain_name: value_of(part) for part in form.parts if part.filename is None and part.name != CREDENTIALS}
    return typed(lambda values: msgspec.convert(values, kind, strict=False), texts)
