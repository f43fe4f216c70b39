"""How does a planned catalog get into the database? Row by row, only where it differs, inside the caller's transaction."""

from __future__ import annotations

from models_catalog import keys
from models_catalog.audit.chain import collected
from models_catalog.changes.prices import save_prices
from models_catalog.changes.rows import fill_credential, fill_hook, fill_provider, fill_route
from models_catalog.changes.state import CatalogState, KeyState, ModelState, ProviderState, RouteState
from models_catalog.models import ClientKey, Credential, Fallback, Hook, ModelDefinition, Provider, ProviderCredential, Route
from models_catalog.models.columns import fill, settings_of


def apply(before: CatalogState, after: CatalogState) -> None:
    """Makes the database, which holds `before`, hold `after`. The caller owns the transaction."""
    with collected():
        _save_credentials(before, after)
        _save_providers(before, after)
        _save_models(before, after)
        _save_keys(before, after)
        _save_hooks(before, after)
        Provider.objects.filter(name__in=before.providers.keys() - after.providers.keys()).delete()
        Credential.objects.filter(name__in=before.credentials.keys() - after.credentials.keys()).delete()


def _save_credentials(before: CatalogState, after: CatalogState) -> None:
    rows = {row.name: row for row in Credential.objects.all()}
    for name, state in after.credentials.items():
        if before.credentials.get(name) != state:
            row = rows.get(name) or Credential(name=name)
            fill_credential(row, state)
            row.origin = ""
            row.save()


def _save_providers(before: CatalogState, after: CatalogState) -> None:
    rows = {row.name: row for row in Provider.objects.all()}
    credentials = {row.name: row for row in Credential.objects.all()}
    for name, state in after.providers.items():
        if before.providers.get(name) != state:
            _save_provider(rows.get(name) or Provider(name=name), state, credentials)


def _save_provider(row: Provider, state: ProviderState, credentials: dict[str, Credential]) -> None:
    fill_provider(row, state)
    row.origin = ""
    row.credential = credentials[state.credential] if state.credential else None
    row.save()
    _save_shares(row, state, credentials)


def _save_shares(row: Provider, state: ProviderState, credentials: dict[str, Credential]) -> None:
    """The further credentials. Rows stay where they can: the targets of a credential are known by its row."""
    there = {share.credential_id: share for share in row.more_credentials.all()}
    for name, content in zip(state.more, state.content.more, strict=True):
        credential = credentials[name]
        share = there.pop(credential.pk, None) or ProviderCredential(provider=row, credential=credential)
        share.weight, share.enabled = content.weight, content.enabled
        share.save()
    if there:
        row.more_credentials.filter(credential__in=there).delete()


def _save_models(before: CatalogState, after: CatalogState) -> None:
    ModelDefinition.objects.filter(name__in=before.models.keys() - after.models.keys()).delete()
    rows = {row.name: row for row in ModelDefinition.objects.all()}
    providers = {row.name: row for row in Provider.objects.all()}
    changed = [name for name, state in after.models.items() if before.models.get(name) != state]
    for name in changed:
        old, settings = before.models.get(name), after.models[name].settings
        if old is None or old.settings != settings:
            row = rows.setdefault(name, ModelDefinition(name=name))
            fill(row, settings)
            row.origin = ""  # whoever imports it, has it from now on
            row.save()
    for name in changed:
        _save_routes(rows[name], after.models[name].routes, providers)
        _save_fallbacks(rows[name], after.models[name], rows)
        save_prices(rows[name], after.models[name].prices)


def _save_routes(model: ModelDefinition, routes: tuple[RouteState, ...], providers: dict[str, Provider]) -> None:
    rows = {row.name or row.provider.name: row for row in model.routes.select_related("provider")}
    gone = [row.pk for name, row in rows.items() if name not in {route.name for route in routes}]
    if gone:
        Route.objects.filter(pk__in=gone).delete()
    for position, route in enumerate(routes):
        row = rows.get(route.name) or Route(model=model)
        old = _of_route(row)
        fill_route(row, route, position)
        row.provider = providers[route.provider]
        if route.name not in rows or old != _of_route(row):
            row.save()


def _of_route(row: Route) -> tuple[object, ...]:
    return row.name, row.position, row.provider_id, settings_of(row)


def _save_fallbacks(model: ModelDefinition, state: ModelState, rows: dict[str, ModelDefinition]) -> None:
    old = [entry.fallback.name for entry in model.fallbacks.select_related("fallback")]
    if tuple(old) != state.fallbacks:
        model.fallbacks.all().delete()
        for position, name in enumerate(state.fallbacks):
            Fallback.objects.create(model=model, fallback=rows[name], position=position)


def _save_keys(before: CatalogState, after: CatalogState) -> None:
    gone = before.keys.keys() - after.keys.keys()
    if gone:
        ClientKey.objects.filter(key_hash__in=gone).delete()
    rows = {row.name: row for row in ModelDefinition.objects.all()}
    for digest, state in after.keys.items():
        if before.keys.get(digest) != state:
            _save_key(digest, state, rows)


def _save_key(digest: str, state: KeyState, rows: dict[str, ModelDefinition]) -> None:
    allowed = None if state.models is None else [rows[name] for name in sorted(state.models)]
    if state.key is not None:
        keys.import_client_key(state.key.reveal(), state.name, models=allowed)
        return
    row = ClientKey.objects.get(key_hash=digest)
    row.all_models = allowed is None
    row.save(update_fields=["all_models"])
    row.allowed_models.set(allowed or ())


def _save_hooks(before: CatalogState, after: CatalogState) -> None:
    Hook.objects.filter(name__in=before.hooks.keys() - after.hooks.keys()).delete()
    rows = {row.name: row for row in Hook.objects.all()}
    for name, state in after.hooks.items():
        old = before.hooks.get(name)
        if old == state:
            continue
        row = rows.get(name) or Hook(name=name)
        if old is None or old.settings != state.settings:  # else secrets stay as they are, also if they do not decrypt
            fill_hook(row, state)
        row.all_client_keys = state.keys is None
        row.save()
        row.client_keys.set(ClientKey.objects.filter(key_hash__in=state.keys or ()))
