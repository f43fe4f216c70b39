"""What does a form contain? Its fields one by one; every refusal names the one at fault."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.json_body import check_spelling
from openai_api.errors import ApiError, invalid
from providers.bytes.multipart import BrokenForm, Form, Part
from providers.errors import CREDENTIALS_FIELD
from providers.types import Secret
from providers.wire.openai.field_names import REFUSED

CREDENTIALS = CREDENTIALS_FIELD


def form_of(inbound: Inbound, *single: str) -> Form:
    """The form of a request, in which the fields `single` stand at most once. Raises 400 `invalid_form`, `duplicate_key`,
    `ambiguous_field` or `field_not_allowed`."""
    form = inbound.form
    if form is None:
        raise invalid("invalid_form", "The request body must be a form: send it as multipart/form-data, with a boundary.")
    for name in single:
        if sum(1 for _ in form.all(name)) > 1:
            raise invalid("duplicate_key", f"The form contains the field {name!r} more than once.", name)
    for part in form.parts:
        if part.plain_name in REFUSED:
            raise invalid("field_not_allowed", f"A request may not set {part.plain_name!r}.", part.plain_name)
    check_spelling((part.plain_name for part in form.parts), more=single)
    return form


def file_of(form: Form, name: str) -> Part:
    """The file of that name, which is not empty. Raises 400 `missing_required_parameter`, `invalid_type` or `invalid_value`."""
    part = form.first(name)
    if part is None:
        raise invalid("missing_required_parameter", f"The file {name!r} is required.", name)
    if part.filename is None:
        raise invalid("invalid_type", f"The field {name!r} must be a file: its part of the form has no filename.", name)
    if part.size == 0:
        raise invalid("invalid_value", f"The file {name!r} is empty.", name)
    return part


def text_of(form: Form, name: str) -> str | None:
    """The value of a text field, None without one. Raises 400 `invalid_type` for a file, `invalid_encoding`."""
    part = form.first(name)
    return None if part is None else value_of(part)


def value_of(part: Part) -> str:
    """The value of a part. Raises as `text_of`."""
    if part.filename is not None:
        raise invalid("invalid_type", f"The field {part.plain_name!r} must be text, not a file.", part.plain_name)
    try:
        return part.text()
    except BrokenForm as error:
        raise ApiError(400, "invalid_encoding", str(error), param=part.plain_name) from error


def form_secrets(form: Form) -> Mapping[str, Secret]:
    """The secrets that a form brings for `dynamic::` credentials, as a JSON object in one of its fields."""
    text = text_of(form, CREDENTIALS)
    try:
        found = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.DecodeError as error:
        raise invalid("invalid_type", f"The field {CREDENTIALS!r} must be a JSON object of strings.", CREDENTIALS) from error
    return {name: Secret(value) for name, value in found.items()}
