"""What does drf-spectacular not know of our serializers? That they take no other members, and how long their lists may be."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import ListSerializer

from openai_api.manage.fields import Body


class Schema(AutoSchema):
    """The operations of a view."""

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        found = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, ListSerializer) and found and (most := getattr(field, "max_length", None)):
            found["maxItems"] = most
        return found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        found = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, Body) and serializer.closed and found:
            found["additionalProperties"] = False
        return found
