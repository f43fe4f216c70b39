"""Which hooks run, with which options, and for whom? Options that are secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from models_catalog import hook_types
from models_catalog.changes.apply import apply
from models_catalog.changes.rows import fill_hook
from models_catalog.changes.state import CatalogState, HookState, hook_state
from models_catalog.config.check import errors_of
from models_catalog.config.gateway.hooks import taken_apart
from models_catalog.models import ClientKey, Hook
from models_catalog.models.frozen import thaw
from models_catalog.models.hook import UNREADABLE, with_secrets
from openai_api.manage.access import Caller
from openai_api.manage.fields import Object, Texts, body, column_fields, field_of, moment
from openai_api.manage.problems import invalid
from openai_api.manage.resources.base import Data, Resource, check_all, equal, flag
from openai_api.manage.resources.models import as_json, from_json
from openai_api.manage.resources.providers import check_storing
from openai_api.manage.resources.references import as_uuid

HIDDEN = frozenset({"secrets", "options"})
HOOK = body(
    "Hook",
    {
        "name": field_of(Hook, "name"),
        **{name: field for name, field in column_fields(Hook).items() if name not in HIDDEN},
        "options": Object(
            required=False, default=dict, help_text="By the type. Secrets are shown as null, and null leaves the stored value."
        ),
        "client_keys": Texts(required=False, default=None, allow_null=True, help_text="Ids of the keys it is for; null: all."),
        "created_at": field_of(Hook, "created_at", read_only=True),
        "updated_at": field_of(Hook, "updated_at", read_only=True),
    },
)


class Hooks(Resource):
    path, kind, component, named = "hooks", "hook", "Hook", True
    serializer = HOOK
    secrets = ("secrets",)
    filters = {
        "enabled": ("`true` or `false`", flag("enabled")),
        "type": ("the name of an interceptor", equal("type")),
        "search": ("a part of its name", equal("name__icontains")),
    }

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return caller.visible(Hook.objects.prefetch_related("client_keys"))

    def shown(self, rows: Sequence[Hook]) -> list[Data]:
        return [_shown(row) for row in rows]

    def write(self, caller: Caller, row: Hook | None, name: str, data: Data) -> str:
        before = {} if row is None else {name: hook_state(row)}
        state = _state(data, before.get(name))
        if before.get(name) != state:
            if before.get(name) is None or before[name].settings.text("secrets") != state.settings.text("secrets"):
                check_storing(thaw(state.settings.text("secrets")))
            found = Hook(name=name)
            fill_hook(found, state)
            check_all(errors_of(found))
            apply(CatalogState(hooks=before), CatalogState(hooks={name: state}))
        return name

    def remove(self, row: Hook) -> None:
        row.delete()


def _shown(row: Hook) -> Data:
    state = hook_state(row)
    columns = {name: value for name, value in as_json(state.settings, Hook).items() if name not in HIDDEN}
    secret = dict.fromkeys(place for place in thaw(state.settings.text("secrets")) if place != UNREADABLE)
    keys = None if row.all_client_keys else sorted(str(key.pk) for key in row.client_keys.all())
    return {
        "name": row.name,
        **columns,
        "options": with_secrets(thaw(state.settings.text("options")), secret),
        "client_keys": keys,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def _state(data: Data, before: HookState | None) -> HookState:
    """Raises `Problem`."""
    kept: dict[str, str] = thaw(before.settings.text("secrets")) if before else {}
    plain, secrets = taken_apart(data["type"], data["options"])
    for place in list(_nulls(data["type"], plain)):
        if place not in kept:
            raise invalid({"options": [f"There is no stored value of {place[:200]}: send one."]})
        secrets[place] = kept[place]
    if UNREADABLE in kept and not secrets:  # what does not decrypt stays until there is something new
        secrets = kept
    settings = from_json({**data, "options": _without_nulls(data["type"], plain), "secrets": secrets}, Hook)
    return HookState(settings, _digests(data["client_keys"]))


def _secret_names(hook_type: str) -> frozenset[str]:
    known = hook_types.hook_types().get(hook_type)
    return hook_types.secret_options(known) if known else frozenset()


def _nulls(hook_type: str, plain: Mapping[str, Any]) -> Any:
    """The places of secrets that are to stay."""
    for name in _secret_names(hook_type) & plain.keys():
        value = plain[name]
        if value is None:
            yield name
        elif isinstance(value, dict):
            yield from (f"{name}.{member}" for member, inner in value.items() if inner is None)


def _without_nulls(hook_type: str, plain: Mapping[str, Any]) -> Data:
    """The options without the places of secrets: an object of secrets stays only with what is none."""
    secret, found = _secret_names(hook_type), {}
    for name, value in plain.items():
        if name in secret and isinstance(value, dict):
            value = {member: inner for member, inner in value.items() if inner is not None}
        if not (name in secret and value in (None, {})):
            found[name] = value
    return found


def _digests(ids: list[str] | None) -> frozenset[str] | None:
    if ids is None:
        return None
    if not ids:
        raise invalid({"client_keys": ["Name at least one client key, or null for all."]})
    wanted = {text: as_uuid(text) for text in ids}
    found = dict(ClientKey.objects.filter(pk__in=[pk for pk in wanted.values() if pk]).values_list("pk", "key_hash"))
    if unknown := [text for text, pk in wanted.items() if pk not in found]:
        raise invalid({"client_keys": [f"There is no client key {unknown[0][:60]!r}: give the ids of keys."]})
    return frozenset(found.values())
