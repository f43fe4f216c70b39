"""How do published models get into the catalog? Each with providers and credentials of its own; an operator's row goes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from django.views.decorators.debug import sensitive_variables

from models_catalog import credentials
from models_catalog.changes.rows import fill_route
from models_catalog.changes.state import RouteState
from models_catalog.changes.values import NOTHING, Lookup
from models_catalog.config.document import ModelSpec, RouteSpec
from models_catalog.models import Credential, Fallback, ModelDefinition, Provider, Route
from models_catalog.models.columns import columns_of, fill, settings_of
from models_catalog.publication.mirror import Mirror
from models_catalog.publication.models import STORED, PublishedModel, content_of, provider_row
from models_catalog.publication.names import ORIGIN
from providers.types import Secret

Owned = TypeVar("Owned", Credential, Provider, ModelDefinition, Route)
CLASH = "{} {} is an operator's own: it stays as it is"


class Clash(Exception):
    """An operator's row has the name; the text says which."""


class ModelRows:
    """Writes models inside the caller's transaction. `clashes` are the models that were not written, and why."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._models = {row.name: row for row in ModelDefinition.objects.order_by()}
        self._providers: dict[str, Provider] = {}
        self._credentials: dict[str, Credential] = {}
        self.clashes: dict[str, str] = {}

    def published(self) -> set[str]:
        """The models that are in the catalog because they were published."""
        return {name for name, row in self._models.items() if row.origin.startswith(ORIGIN)}

    def write(self, names: Iterable[str]) -> None:
        """Makes these models what they are published as, and removes those that are not."""
        self._providers = {row.name: row for row in Provider.objects.order_by()}
        self._credentials = {row.name: row for row in Credential.objects.order_by()}
        held, found = self._mirror.origins_held(), dict.fromkeys(names)
        for name in found:
            published, row = self._mirror.model(name), self._models.get(name)
            if published is not None:
                self._attempt(name, *published)
            elif row is not None and row.origin.startswith(ORIGIN) and row.origin not in held:
                del self._models[name]
                row.delete()
        for name in found:
            if (known := self._mirror.model(name)) is not None and name not in self.clashes:
                self._save_fallbacks(known[1].spec)
        providers = Provider.objects.filter(origin__startswith=ORIGIN, routes=None)
        if providers.exists():  # a deletion raises the version, whether or not there is anything to delete
            providers.delete()
        unneeded = Credential.objects.filter(origin__startswith=ORIGIN, providers=None)
        if unneeded.exists():
            unneeded.delete()

    def _attempt(self, name: str, origin: str, published: PublishedModel) -> None:
        try:
            self._check_names(published.spec, published.secret)
        except Clash as clash:
            self.clashes[name] = str(clash)
        else:
            self._save(origin, published)

    def _check_names(self, spec: ModelSpec, secret: Secret | None) -> None:
        _refuse("model", self._models.get(spec.name))
        for route in spec.routes:
            _refuse("provider", self._providers.get(_provider_name(spec, route)))
            lookup = content_of(route).credential
            if lookup.source == "stored" and lookup.location not in self._credentials:
                raise Clash(f"{route.place}: there is no stored credential of that name")
            if lookup != NOTHING and lookup.source != "stored":
                _refuse("credential", self._credentials.get(_credential_name(spec, route, lookup)))
        if secret is not None:
            _refuse("credential", self._credentials.get(STORED.format(spec.name)))

    def _save(self, origin: str, published: PublishedModel) -> None:
        spec = published.spec
        old = self._models.get(spec.name)
        model = old if old is not None else ModelDefinition(name=spec.name)
        self._models[spec.name] = model
        if old is None or settings_of(model) != spec.settings or model.origin != origin:
            fill(model, spec.settings)
            model.origin = origin
            model.save()
        rows = {} if old is None else {row.name: row for row in model.routes.all()}
        for name in rows.keys() - {route.name for route in spec.routes}:
            rows[name].delete()
        for position, route in enumerate(spec.routes):
            row = rows.get(route.name)
            before = row and _of_route(row)
            row = self._filled_route(row or Route(model=model), position, route, published, origin)
            if before != _of_route(row):
                row.save()

    def _filled_route(self, row: Route, position: int, route: RouteSpec, published: PublishedModel, origin: str) -> Route:
        provider = self._save_provider(route, published, origin)
        fill_route(row, RouteState(route.name, provider.name, route.settings), position)
        row.provider, row.origin = provider, origin
        return row

    def _save_provider(self, route: RouteSpec, published: PublishedModel, origin: str) -> Provider:
        content = content_of(route)
        new = provider_row(_provider_name(published.spec, route), content)
        new.credential = self._save_credential(route, content.credential, published, origin)
        new.origin = origin
        old = self._providers.get(new.name)
        if old is not None:
            if _told(old) == _told(new):
                return old
            new.pk, new.enabled = old.pk, old.enabled
        new.save(force_update=old is not None)
        self._providers[new.name] = new
        return new

    @sensitive_variables("secret")
    def _save_credential(self, route: RouteSpec, lookup: Lookup, published: PublishedModel, origin: str) -> Credential | None:
        if lookup == NOTHING:
            return None
        if lookup.source == "stored":
            return self._credentials[lookup.location]
        name = _credential_name(published.spec, route, lookup)
        secret = published.secret if name == STORED.format(published.spec.name) else None
        row = self._credentials.get(name) or Credential(name=name)
        source = (Credential.Source.STORED, "") if secret is not None else (lookup.source, lookup.location)
        same = name in self._credentials and (row.origin, row.source, row.location) == (origin, *source)
        if same and (secret is None or _revealed(row) == secret):
            return row
        row.origin = origin
        if secret is not None:
            row.set_secret(secret)
        else:
            row.source, row.location, row.secret = lookup.source, lookup.location, ""
        row.save()
        self._credentials[name] = row
        return row

    def _save_fallbacks(self, spec: ModelSpec) -> None:
        """Those that are there; a model that is published later is added when it comes."""
        model = self._models[spec.name]
        wanted = [self._models[name].pk for name in spec.fallbacks if name in self._models and name != spec.name]
        if list(model.fallbacks.order_by("position", "pk").values_list("fallback_id", flat=True)) != wanted:
            model.fallbacks.all().delete()
            Fallback.objects.bulk_create(Fallback(model=model, fallback_id=pk, position=place) for place, pk in enumerate(wanted))


def with_followers(mirror: Mirror, names: set[str]) -> set[str]:
    """These models and those that fall back to one of them."""
    published: Mapping[str, Sequence[str]] = {
        name: found[1].spec.fallbacks for name in mirror.models() if (found := mirror.model(name)) is not None
    }
    return names | {name for name, fallbacks in published.items() if not names.isdisjoint(fallbacks)}


def _refuse(kind: str, row: Credential | Provider | ModelDefinition | None) -> None:
    if row is not None and not row.origin.startswith(ORIGIN):
        raise Clash(CLASH.format(kind, row.name))


def _provider_name(spec: ModelSpec, route: RouteSpec) -> str:
    return f"{spec.name}/{route.name}"


def _credential_name(spec: ModelSpec, route: RouteSpec, lookup: Lookup) -> str:
    """`store_<id>` for the key of the model; else that of the provider."""
    stored = STORED.format(spec.name)
    return stored if lookup == Lookup("dynamic", stored) else _provider_name(spec, route)


def _of_route(row: Route) -> tuple[object, ...]:
    return row.name, row.position, row.provider_id, row.origin, settings_of(row)


def _told(row: Provider) -> tuple[object, ...]:
    headers = {name: value.reveal() for name, value in row.headers().items()}
    plain = [getattr(row, column.name) for column in columns_of(Provider) if column.name not in ("extra_headers", "enabled")]
    return row.name, row.origin, row.credential_id, headers, plain


def _revealed(row: Credential) -> Secret | None:
    try:
        return credentials.reveal(row)
    except credentials.SecretUnavailable:
        return None
