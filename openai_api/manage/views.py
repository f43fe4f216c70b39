"""How is an object read and written over HTTP? One view for collections and one for items, whatever the objects are."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from django.db import transaction
from rest_framework.response import Response
from rest_framework.views import APIView

from models_catalog.change_sets.sets import needs_approval
from openai_api.manage.access import Caller, TokenAuthentication
from openai_api.manage.auto_schema import Schema
from openai_api.manage.etags import check_preconditions, etag_of, is_known
from openai_api.manage.fields import kind
from openai_api.manage.json_bodies import JSONAnswer, JSONBody, OnlyJSON
from openai_api.manage.lists import page, parameters_of
from openai_api.manage.problems import Problem, answer, invalid, not_found
from openai_api.manage.resources.base import Data, Resource, lock

APPROVED = frozenset({"models", "providers", "hooks", "prices", "config"})
"""What is changed by change sets only, where those need approval."""
CACHE = {"Cache-Control": "no-store"}


class View(APIView):
    """What all views share: tokens, JSON, and errors in one form."""

    authentication_classes = [TokenAuthentication]
    permission_classes = []
    throttle_classes = []
    parser_classes = [JSONBody]
    renderer_classes = [JSONAnswer]
    content_negotiation_class = OnlyJSON
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    schema = Schema()
    scope: ClassVar[str] = ""
    """The name of the resource in scopes."""
    only_read: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD"})
    """The methods for which reading is enough."""

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.scope and request.method.lower() in self.http_method_names:
            reads = request.method in self.only_read
            self.caller.require(f"{self.scope}:{'read' if reads else 'write'}")
            if not reads and self.scope in APPROVED and needs_approval():
                raise Problem(403, "needs_approval", "Changes need to be approved by a second person: POST /manage/v1/changes.")

    def handle_exception(self, exc: Exception) -> Response:
        response = answer(exc)
        if response.status_code == 405:
            response["Allow"] = ", ".join(self.allowed_methods)
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        for name, value in CACHE.items():
            response.setdefault(name, value)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def caller(self) -> Caller:
        found: Caller = self.request.user  # type: ignore[assignment]
        return found


class OfResource(View):
    """A view of objects of one kind."""

    resource: ClassVar[Resource]

    def checked(self, data: Any, serializer: Any = None) -> Data:
        """The members of a body, with defaults for what it leaves out. Raises."""
        found = (serializer or self.resource.serializer)(data=data)
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)

    def find(self, address: Any) -> Any | None:
        """The row of that name or id, None where the caller sees none."""
        rows = self.resource.rows(self.caller)
        if self.resource.named:
            return None if "\0" in address or not _whole(address) else rows.filter(name=address).first()
        try:
            return rows.filter(pk=address if isinstance(address, uuid.UUID) else uuid.UUID(address)).first()
        except ValueError:
            return None

    def found(self, address: str) -> Any:
        row = self.find(address)
        if row is None:
            raise not_found(self.resource.kind, address)
        return row

    def shown(self, row: Any) -> tuple[Data, str]:
        """The object of a row and its ETag."""
        data = self.resource.shown([row])[0]
        return data, etag_of(self.resource, row, data)

    def answer(self, address: Any, more: Data, status: int) -> Response:
        """The object as it has become."""
        data, etag = self.shown(self.found(address))
        headers = {"ETag": etag}
        if status == 201:
            headers["Location"] = self.place(data)
        return Response({**data, **more}, status=status, headers=headers)

    def place(self, data: Data) -> str:
        return f"/manage/v1/{self.resource.path}/{quote(str(data['name' if self.resource.named else 'id']), safe='')}"


def _whole(text: str) -> bool:
    return text.isprintable() or not any("\ud800" <= character <= "\udfff" for character in text)


class Collection(OfResource):
    """All objects of a kind."""

    def get(self, request: Any) -> Response:
        rows, following = page(self.resource, self.resource.rows(self.caller), request.query_params)
        return Response({"data": self.resource.shown(rows), "next": following})

    def post(self, request: Any) -> Response:
        parameters_of(request.query_params, ())
        data = self.checked(request.data)
        with transaction.atomic():
            lock()
            check_preconditions(request.headers, None)
            if self.resource.named and self.find(data["name"]) is not None:
                raise Problem(409, "exists", f"There is a {self.resource.kind} {data['name'][:200]!r} already.")
            address, more = self.resource.create(self.caller, data)
            return self.answer(address, more, 201)


class Item(OfResource):
    """One object."""

    def get(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        data, etag = self.shown(self.found(address))
        if is_known(request.headers, etag):
            return Response(status=304, headers={"ETag": etag})
        return Response(data, headers={"ETag": etag})

    def put(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        body = self.named(request.data, address)
        data = self.checked(body)
        with transaction.atomic():
            lock()
            row = self.find(address)
            self.check(request, row)
            if row is None and not self.resource.named:
                raise not_found(self.resource.kind, address)
            written = self.resource.write(self.caller, row, address, data)
            return self.answer(written, {}, 200 if row is not None else 201)

    def patch(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        patch = self.named(request.data, address)
        with transaction.atomic():
            lock()
            row = self.found(address)
            self.check(request, row)
            known = self.resource.serializer().fields  # type: ignore[attr-defined]
            data = self.checked(merged(self.shown(row)[0], patch, keep=lambda name: name not in known))
            return self.answer(self.resource.write(self.caller, row, address, data), {}, 200)

    def delete(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        with transaction.atomic():
            lock()
            row = self.found(address)
            self.check(request, row)
            self.resource.remove(row)
        return Response(status=204)

    def check(self, request: Any, row: Any | None) -> None:
        check_preconditions(request.headers, None if row is None else self.shown(row)[1])

    def named(self, body: Any, address: str) -> Data:
        """The body with the name that the path says. Raises `Problem`."""
        if not isinstance(body, Mapping):
            raise invalid({"": [f"Enter an object, not {kind(body)}."]})
        if not self.resource.named:
            return dict(body)
        if body.get("name", address) != address:
            raise invalid({"name": [f"It must be that of the path, {address[:200]!r}: a name does not change."]})
        return {**body, "name": address}


def merged(target: Any, patch: Any, keep: Callable[[str], bool] = lambda name: False) -> Any:
    """A JSON merge patch, RFC 7396: null takes a member away, for which its default holds then. What is to `keep` is not taken
    away, so that it is found to be unknown."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None and not keep(name):
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


class Action(OfResource):
    """Something that is done to an object: POST with a body that may be empty."""

    http_method_names = ["post"]
    body: ClassVar[Any]
    does: ClassVar[Callable[[Any, Data], tuple[Any, Data]]]

    def post(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        data = self.checked(request.data or {}, self.body)
        with transaction.atomic():
            lock()
            row = self.found(address)
            check_preconditions(request.headers, self.shown(row)[1])
            changed, more = type(self).does(row, data)
            return self.answer(changed, more, 201 if more else 200)
