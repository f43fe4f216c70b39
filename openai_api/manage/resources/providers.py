"""Which upstream accounts are there, and how does the gateway authenticate at them? Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from models_catalog.admin.key_source import storing_fault
from models_catalog.changes.apply import apply
from models_catalog.changes.rows import fill_credential, fill_provider
from models_catalog.changes.state import (
    CatalogState,
    CredentialState,
    ProviderState,
    credential_state,
    grouped,
    lookup_of,
    provider_state,
)
from models_catalog.changes.values import NOTHING, Lookup, ShareContent, provider_content
from models_catalog.config.check import errors_of
from models_catalog.config.table import nearest
from models_catalog.models import Credential, Provider, ProviderCredential, Route
from models_catalog.models.frozen import thaw
from openai_api.manage.access import Caller
from openai_api.manage.fields import Flag, Text, body, column_fields, field_of, moment, several
from openai_api.manage.problems import Problem, invalid
from openai_api.manage.resources.base import Data, Resource, check_all, equal, flag, in_use
from openai_api.manage.resources.models import as_json, from_json
from providers.types import Secret

TOLD = 50
"""How many models or providers are named as the reason why something cannot be deleted."""

SHARE = body(
    "FurtherCredential",
    {
        "credential": Text(help_text="The name of a credential."),
        "weight": field_of(ProviderCredential, "weight"),
        "enabled": field_of(ProviderCredential, "enabled"),
    },
)
PROVIDER = body(
    "Provider",
    {
        "name": field_of(Provider, "name"),
        **column_fields(Provider),
        "credential": Text(required=False, default=None, allow_null=True, help_text="The name of a credential; null: none."),
        "more_credentials": several(SHARE, help_text="Further ones, which take their parts of the requests by weight."),
        "origin": field_of(Provider, "origin"),
    },
)
CREDENTIAL = body(
    "Credential",
    {
        "name": field_of(Credential, "name"),
        "source": field_of(Credential, "source"),
        "location": field_of(Credential, "location"),
        "secret": Text(
            write_only=True,
            required=False,
            default=None,
            allow_null=True,
            help_text="Of a stored credential: the value, which is never shown. null: the stored one stays.",
        ),
        "has_secret": Flag(read_only=True),
        "last_four": field_of(Credential, "last_four"),
        "origin": field_of(Credential, "origin"),
        "created_at": field_of(Credential, "created_at", read_only=True),
        "updated_at": field_of(Credential, "updated_at", read_only=True),
    },
)


def check_storing(wanted: object) -> None:
    """Raises `Problem` if there is something secret to be stored, and no key to encrypt it with."""
    if wanted and (fault := storing_fault()):
        raise Problem(503, "no_encryption_key", fault)


class Providers(Resource):
    path, kind, component, named = "providers", "provider", "Provider", True
    serializer = PROVIDER
    secrets = ("extra_headers",)
    filters = {
        "enabled": ("`true` or `false`", flag("enabled")),
        "type": ("a type of provider", equal("type")),
        "credential": ("the name of its credential", equal("credential__name")),
        "search": ("a part of its name", equal("name__icontains")),
    }

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return Provider.objects.select_related("credential")

    def shown(self, rows: Sequence[Provider]) -> list[Data]:
        return [_shown(row, state) for row, state in zip(rows, _states(rows), strict=True)]

    def write(self, caller: Caller, row: Provider | None, name: str, data: Data) -> str:
        before = {} if row is None else {name: _states([row])[0]}
        state = _state(data, before.get(name))
        if before.get(name) != state:
            check_storing(data["extra_headers"])
            found = Provider(name=name)
            fill_provider(found, state)
            check_all({**errors_of(found), **_share_errors(state)})
            apply(CatalogState(providers=before), CatalogState(providers={name: state}))
        return name

    def remove(self, row: Provider) -> None:
        routes = Route.objects.filter(provider=row).order_by("model__name")
        models = list(dict.fromkeys(routes.values_list("model__name", flat=True)[:TOLD]))
        if models:
            raise in_use(f"The provider is routed by {', '.join(models)}. Take those routes away first.", models=models)
        row.delete()


def _states(rows: Sequence[Provider]) -> list[ProviderState]:
    shares = ProviderCredential.objects.filter(provider__in=[row.pk for row in rows])
    by_provider = grouped(shares.select_related("credential").order_by("pk"), "provider_id")
    return [provider_state(row, by_provider[row.pk]) for row in rows]


def _share_errors(state: ProviderState) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, (name, content) in enumerate(zip(state.more, state.content.more, strict=True)):
        errors = errors_of(ProviderCredential(provider=Provider(), weight=content.weight, enabled=content.enabled))
        if name == state.credential or name in state.more[:number]:
            errors["credential"] = ["It is one of the provider's already."]
        found |= {f"more_credentials.{number}.{column}": texts for column, texts in errors.items()}
    return found


def _shown(row: Provider, state: ProviderState) -> Data:
    columns = as_json(state.content.settings, Provider)
    columns["extra_headers"] = dict.fromkeys(columns["extra_headers"])
    more = [
        {"credential": name, "weight": content.weight, "enabled": content.enabled}
        for name, content in zip(state.more, state.content.more, strict=True)
    ]
    members = {"credential": state.credential, "more_credentials": more, "origin": row.origin}
    return {"name": row.name, "enabled": state.enabled, **columns, **members}


def _state(data: Data, before: ProviderState | None) -> ProviderState:
    kept: dict[str, str] = thaw(before.content.settings.text("extra_headers")) if before else {}
    headers = {name: kept.get(name) if value is None else value for name, value in data["extra_headers"].items()}
    if unknown := [name for name, value in headers.items() if value is None]:
        raise invalid({"extra_headers": [f"There is no stored value of {unknown[0][:200]}: send one."]})
    options = {name: value for name, value in data["options"].items() if value is not None}
    settings = from_json({**data, "extra_headers": headers, "options": options}, Provider)
    name = data["credential"]
    lookup = NOTHING if name is None else _lookup(name, "credential")
    order = {known: number for number, known in enumerate(before.more)} if before else {}
    shares = sorted(data["more_credentials"], key=lambda one: order.get(one["credential"], len(order)))  # rows keep their places
    more = tuple(
        ShareContent(_lookup(one["credential"], f"more_credentials.{number}.credential"), one["weight"], one["enabled"])
        for number, one in enumerate(shares)
    )
    content = provider_content(lookup, more, **settings)
    return ProviderState(content, name, data["enabled"], tuple(one["credential"] for one in shares))


def _lookup(name: str, field: str) -> Lookup:
    row = Credential.objects.filter(name=name).first()
    if row is None:
        known = Credential.objects.values_list("name", flat=True)
        raise invalid({field: [f"Unknown credential {name[:200]!r}{nearest(name, known)}."]})
    return lookup_of(row.name, credential_state(row))


class Credentials(Resource):
    path, kind, component, named = "credentials", "credential", "Credential", True
    serializer = CREDENTIAL
    secrets = ("secret",)
    filters = {
        "source": ("where its secret is", equal("source")),
        "search": ("a part of its name", equal("name__icontains")),
    }
    chosen_from = {"source": tuple(Credential.Source.values)}

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return Credential.objects.all()

    def shown(self, rows: Sequence[Credential]) -> list[Data]:
        return [
            {
                "name": row.name,
                "source": row.source,
                "location": row.location,
                "has_secret": bool(row.secret),
                "last_four": row.last_four,
                "origin": row.origin,
                "created_at": moment(row.created_at),
                "updated_at": moment(row.updated_at),
            }
            for row in rows
        ]

    def write(self, caller: Caller, row: Credential | None, name: str, data: Data) -> str:
        before = {} if row is None else {name: credential_state(row)}
        secret = None if data["secret"] in (None, "") else Secret(data["secret"])
        stored = data["source"] == Credential.Source.STORED
        if secret is not None and not stored:
            raise invalid({"secret": ["Only a credential whose source is stored has a secret here."]})
        state = CredentialState(data["source"], data["location"], secret)
        if before.get(name) != state:
            check_storing(secret)
            found = row or Credential(name=name)
            if stored:
                found.source, found.location = data["source"], data["location"]
            fill_credential(found, state)
            check_all(errors_of(found))
            apply(CatalogState(credentials=before), CatalogState(credentials={name: state}))
        return name

    def remove(self, row: Credential) -> None:
        using = Provider.objects.filter(Q(credential=row) | Q(more_credentials__credential=row)).distinct().order_by("name")
        providers = list(using.values_list("name", flat=True)[:TOLD])
        if providers:
            message = f"The credential is used by {', '.join(providers)}. Give those providers another one first."
            raise in_use(message, providers=providers)
        row.delete()
