"""What does a request to the offline provider ask for? The same whether it is JSON or a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from providers.errors import CallerError
from providers.types import Call

T = TypeVar("T")


def fields_of_call(call: Call) -> Mapping[str, Any]:
    """The fields by name; those of a form are texts."""
    if call.form is not None:
        texts = [part for part in call.form.parts if part.filename is None]
        return {part.plain_name: part.data().decode("utf-8", "replace") for part in texts}
    fields: dict[str, Any] = msgspec.json.decode(call.body)
    return fields


def read(fields: Mapping[str, Any], kind: type[T]) -> T:
    """The fields as a struct; numbers may be texts. Raises `CallerError`."""
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).partition("`$.")[2].partition("`")[0].partition("[")[0]
        raise CallerError(400, f"The request cannot be read: {error}.", param=name or None) from error


def file_of(call: Call) -> tuple[str, int]:
    """The name and the size of the file in a form. Raises `CallerError` when there is none."""
    for part in call.form.parts if call.form is not None else ():
        if part.filename is not None:
            return part.filename, part.size
    raise CallerError(400, "The request has no file.", code="missing_required_parameter", param="file")
