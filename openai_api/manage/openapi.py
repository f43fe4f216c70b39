"""What does the API take and give, for programs that read it? An OpenAPI 3.1 document, made once in a process from the views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern, URLResolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view

from openai_api.manage.answers import explanation
from openai_api.manage.fields import Object, Text, body
from openai_api.manage.lists import LONGEST, PAGING, USUAL
from openai_api.manage.lists import MOST as MOST_LISTED
from openai_api.manage.resources.base import Resource

PREFIX = "manage/v1/"
TEXTS = {"type": "array", "items": {"type": "string"}}
TYPES: Mapping[str, Any] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": USUAL},
    "enabled": {"type": "boolean"},
}
"""Of parameters that are no texts."""
ERROR = body(
    "Error",
    {
        "error": body(
            "ErrorDetail",
            {
                "code": Text(help_text="A word for programs."),
                "message": Text(),
                "field": Text(required=False, help_text="The first of `fields`."),
                "fields": Object(required=False, told={"additionalProperties": TEXTS}, help_text="Messages by field."),
            },
            closed=False,
        )()
    },
)
REFUSED = OpenApiResponse(ERROR, "Refused: `code` is a word for programs, `fields` are messages by field.")
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="An ETag: 412 if the object has changed.")
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: 412 if there is such an object."
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document tells of tokens."""

    target_class = "openai_api.manage.access.TokenAuthentication"
    name = "managementToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A management token, sk-mgmt-…"}


def query(parameters: Mapping[str, str], chosen_from: Mapping[str, Iterable[str]] | None = None) -> list[OpenApiParameter]:
    """Parameters with their descriptions; those in `chosen_from` take these values only."""
    choices = chosen_from or {}
    return [OpenApiParameter(name, _type_of(name, choices.get(name)), description=text) for name, text in parameters.items()]


def _type_of(name: str, choices: Iterable[str] | None) -> Any:
    if choices is not None:
        return {"type": "string", "enum": list(choices)}
    return TYPES.get(name, {"type": "string", "maxLength": LONGEST})


def _said(resource: Resource, operation: str, summary: str, answers: Mapping[int, Any], parameters: Iterable[Any] = ()) -> Any:
    return extend_schema(
        operation_id=f"{operation}_{resource.path.replace('-', '_')}",
        summary=summary,
        tags=[resource.path],
        parameters=list(parameters),
        responses={**answers, "default": REFUSED},
    )


def describe_collection(view: type[Any], resource: Resource) -> None:
    """Tells of the methods of a list."""
    pages = listed(f"{resource.component}List", resource.serializer)
    filters = {**{name: text for name, (text, _) in resource.filters.items()}, **PAGING}
    made = resource.made or resource.serializer
    extend_schema_view(
        get=_said(resource, "list", f"A page of {resource.path}", {200: pages}, query(filters, resource.chosen_from)),
        post=_said(resource, "create", f"Make a {resource.kind}", {201: made}),
    )(view)


def describe_item(view: type[Any], resource: Resource) -> None:
    """Tells of the methods of an object."""
    one, known = resource.serializer, [IF_MATCH]
    extend_schema_view(
        get=_said(resource, "get", f"A {resource.kind}", {200: one}),
        put=_said(resource, "put", f"Make or replace a {resource.kind}", {200: one, 201: one}, [*known, IF_NONE_MATCH]),
        patch=_said(resource, "patch", f"Change a {resource.kind}", {200: one}, known),
        delete=_said(resource, "delete", f"Delete a {resource.kind}", {204: None}, known),
    )(view)


def describe_action(view: type[Any], resource: Resource, name: str) -> None:
    made = {} if resource.made is None else {201: resource.made}
    done = _said(resource, name, f"{name.capitalize()} a {resource.kind}", {200: resource.serializer, **made})
    extend_schema_view(post=done)(view)


def describe(
    view: type[Any],
    method: str,
    operation: str,
    answers: Mapping[int, Any],
    parameters: Mapping[str, str] | None = None,
    *,
    taken: Any = None,
    chosen_from: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """Tells of a method of a view; `answers` are what it answers, by status."""
    said = extend_schema(
        operation_id=operation,
        summary=str(view.__doc__).strip().partition("\n")[0],
        tags=[view.scope],
        parameters=query(parameters or {}, chosen_from),
        request=taken,
        responses={**answers, "default": REFUSED},
    )
    extend_schema_view(**{method: said})(view)


def listed(name: str, of: Any) -> Any:
    """A page of such objects."""
    return body(name, {"data": of(many=True), "next": Text(allow_null=True, help_text="The cursor of the next page.")})


@cache
def document(patterns: tuple[URLPattern, ...]) -> dict[str, Any]:
    """The document of these paths, with the public ones."""
    root = URLResolver(RoutePattern(PREFIX), list(patterns))
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator(patterns=[root]).get_schema(request=None, public=True)
    found["components"]["schemas"] |= explanation()[1]
    return found


def serve(patterns: tuple[URLPattern, ...]) -> Any:
    """The view of the document. It needs no token: it says what is in the documentation, and nothing of this gateway."""

    def view(request: HttpRequest) -> JsonResponse:
        if request.method not in ("GET", "HEAD"):
            return JsonResponse(
                {"error": {"code": "method_not_allowed", "message": "Only GET."}}, status=405, headers={"Allow": "GET, HEAD"}
            )
        return JsonResponse(document(patterns), headers={"Cache-Control": "max-age=300"})

    return view
