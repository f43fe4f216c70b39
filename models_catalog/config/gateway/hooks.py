"""What does a file say of hooks? Their order, their options, and whom they run for.

    [hooks.notify]
    type = "webhook"
    options = { url = "https://example.com/in", secret = "stored::notify" }

An option that is a secret is told as its value, as `env::NAME`, or as `stored::HOOK`: the value that the catalog keeps for that
hook. `export_config` writes the last, so that importing the file again changes nothing.
"""

from __future__ import annotations

from typing import Any

from models_catalog import hook_types
from models_catalog.changes.state import CatalogState, HookState, key_names
from models_catalog.config.document import HookSpec
from models_catalog.config.findings import Findings
from models_catalog.config.gateway.members import Members, written
from models_catalog.config.stored_headers import STORED
from models_catalog.config.table import Table, step
from models_catalog.models import Hook
from models_catalog.models.columns import settings_for
from models_catalog.models.frozen import freeze, thaw
from models_catalog.models.hook import with_secrets


def read_hook(name: str, table: Table) -> HookSpec:
    found = Members(table).read(Hook)
    plain, secrets = taken_apart(str(found["type"]), table.json("options"))
    settings = settings_for(Hook, **found, options=freeze(plain), secrets=freeze(secrets))
    table_keys = table.texts("client_keys")
    table.close()
    return HookSpec(name=name, place=table.place, settings=settings, keys=table_keys)


def taken_apart(hook_type: str, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The options that are no secrets, and the texts that are, by the places that the catalog has for them."""
    known = hook_types.hook_types().get(hook_type)
    secret = hook_types.secret_options(known) if known else frozenset()
    plain: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for name, value in options.items():
        if name not in secret:
            plain[name] = value
        elif isinstance(value, dict):
            secrets |= {f"{name}.{member}": text for member, text in value.items() if _is_secret(text)}
            plain[name] = {member: text for member, text in value.items() if not _is_secret(text)}
        elif _is_secret(value):
            secrets[name] = value
        else:
            plain[name] = value
    return plain, secrets


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and not value.startswith(hook_types.FROM_ENVIRONMENT)


def with_stored_secrets(spec: HookSpec, before: CatalogState, findings: Findings) -> HookSpec:
    """With the values in place of what refers to them. What refers to nothing is an error."""
    secrets = thaw(spec.settings.text("secrets"))
    for place, value in secrets.items():
        if value.startswith(STORED):
            known = before.hooks.get(hook := value.removeprefix(STORED))
            kept = thaw(known.settings.text("secrets")) if known else {}
            if place in kept:
                secrets[place] = kept[place]
            else:
                message = f"the catalog has no {place} for the hook {hook!r}; write the value itself"
                findings.error(step(step(spec.place, "options"), place), message)
    settings = spec.settings.replaced(secrets=freeze(secrets))
    return HookSpec(name=spec.name, place=spec.place, settings=settings, keys=spec.keys)


def write_hook(name: str, row: HookState, state: CatalogState) -> dict[str, Any]:
    """A hook's table; of its secrets there is no more than where they are."""
    table = written(Hook, row.settings)
    if row.keys is not None:
        names = key_names(state.keys)
        table["client_keys"] = sorted(names[digest] for digest in row.keys if digest in names)
    kept: dict[str, Any] = dict.fromkeys(thaw(row.settings.text("secrets")), STORED + name)
    if options := with_secrets(thaw(row.settings.text("options")), kept):
        table["options"] = options
    return table
