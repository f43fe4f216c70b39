"""What will the catalog be once a document is in it? Values in, values out.

A provider block inside a model stands for a row that models share, found or made in this order:

    1. the provider that the route of this name has already, if its content is the same
    2. a provider of the block's name, or of that name with a number (`openai-2`), whose content is the same
    3. the route's own provider, changed, if no other route uses it or will use it as it is
    4. a new provider under the first free name
"""

from __future__ import annotations

import re
from dataclasses import replace

from models_catalog.changes.state import (
    CatalogState,
    CredentialState,
    HookState,
    KeyState,
    ModelState,
    ProviderState,
    RouteState,
    key_names,
)
from models_catalog.changes.values import NOTHING, Lookup, ProviderContent
from models_catalog.config.document import Document, HookSpec, KeySpec, ModelSpec, ProviderSpec, RouteSpec, free_name
from models_catalog.config.findings import Findings
from models_catalog.config.gateway.hooks import with_stored_secrets
from models_catalog.config.stored_headers import with_stored_headers
from models_catalog.config.table import nearest, step
from models_catalog.keys import hash_key
from providers.types import Secret

LONGEST_NAME = 190
NUMBERED = re.compile(r"(.+)-[1-9][0-9]*", re.DOTALL)


class Plan:
    """The catalog to come, as it grows. `places` says where in the file each row (`kind, name`) comes from."""

    def __init__(self, document: Document, before: CatalogState, findings: Findings) -> None:
        self.document = document
        self.before = before
        self.after = before.copy()
        self.findings = findings
        self.places: dict[tuple[str, str], str] = {}
        self._users: dict[str, set[tuple[str, str]]] = {}
        self._fixed: set[str] = set()
        self._by_content: dict[ProviderContent, set[str]] = {}
        for name, provider in before.providers.items():
            self._by_content.setdefault(provider.content, set()).add(name)

    # Models and routes

    def _forget_models(self) -> None:
        named = {spec.name for spec in self.document.models} | self.document.unread
        for name in self.before.models.keys() - named:
            del self.after.models[name]

    def _count_users(self) -> None:
        """Who uses which provider, apart from the models of the file, whose routes are yet to be given theirs."""
        named = {spec.name for spec in self.document.models}
        for name, model in self.after.models.items():
            for route in model.routes if name not in named else ():
                self._users.setdefault(route.provider, set()).add((name, route.name))

    def _give_providers(self) -> dict[tuple[str, str], str]:
        """The provider of every route of the file. Routes that need no change come first, so that they keep theirs."""
        given: dict[tuple[str, str], str] = {}
        waiting = []
        for model in self.document.models:
            for route in model.routes:
                found = self._named(route) if isinstance(route.provider, str) else self._same(model.name, route, route.provider)
                if found:
                    self._give(given, model.name, route, found)
                elif isinstance(route.provider, ProviderContent):
                    waiting.append((model.name, route, route.provider))
        for name, route, content in waiting:
            self._give(given, name, route, self._same(name, route, content) or self._make(name, route, content))
        return given

    def _give(self, given: dict[tuple[str, str], str], model: str, route: RouteSpec, provider: str) -> None:
        given[model, route.name] = provider
        self._users.setdefault(provider, set()).add((model, route.name))

    def _named(self, route: RouteSpec) -> str:
        """The provider that a route refers to by name; "" after an error."""
        name = str(route.provider)
        if name in self.after.providers:
            self._fixed.add(name)
            return name
        if not any(spec.name == name for spec in self.document.providers):
            hint = nearest(name, self.after.providers)
            self.findings.fatal(
                step(route.place, "provider"), f"unknown provider {name!r}, neither in this file nor in the catalog{hint}"
            )
        return ""

    def _current(self, model: str, route: RouteSpec) -> str | None:
        """The provider that the route has in the database."""
        known = self.before.models.get(model)
        found = [old.provider for old in known.routes if old.name == route.name] if known else []
        return found[0] if found and found[0] in self.after.providers else None

    def _same(self, model: str, route: RouteSpec, content: ProviderContent) -> str | None:
        """Rules 1 and 2."""
        equal = self._equal(content)
        current = self._current(model, route)
        family = [name for name in equal if name == route.name or _without_number(name) == route.name]
        name = current if current in equal else min(family, key=lambda name: (len(name), name), default=None)
        if name:
            self.places.setdefault(("provider", name), route.place)
        return name

    def _equal(self, content: ProviderContent) -> set[str]:
        """The providers of this content; a secret stands for every stored credential that holds it."""
        secret = content.credential.secret
        if secret is None:
            return self._by_content.get(content, set())
        stored = [replace(content, credential=Lookup("stored", name)) for name in self._stored(secret)]
        return {name for known in stored for name in self._by_content.get(known, ())}

    def _stored(self, secret: Secret) -> list[str]:
        """The stored credentials that hold this secret."""
        return sorted(name for name, row in self.after.credentials.items() if row.source == "stored" and row.secret == secret)

    def _make(self, model: str, route: RouteSpec, content: ProviderContent) -> str:
        """Rules 3 and 4."""
        name = self._current(model, route)
        if name is None or name in self._fixed or self._users.get(name):
            name = free_name(route.name, self.after.providers)
        self._put_provider(name, content, route.place)
        return name

    # Providers and credentials

    def _put_table(self, spec: ProviderSpec) -> None:
        if spec.content is not None:
            self._fixed.add(spec.name)
            self._put_provider(spec.name, spec.content, spec.place, enabled=spec.enabled)

    def _put_provider(self, name: str, content: ProviderContent, place: str, *, enabled: bool | None = None) -> None:
        """Adds or changes a provider; `enabled` None leaves that as it is."""
        self.places["provider", name] = place
        old = self.after.providers.get(name)
        credential = self._credential(content.credential, name, old, self.document.place(place, "credential"))
        if credential is not None and content.credential.secret is not None:
            content = replace(content, credential=Lookup("stored", credential))
        if enabled is None:
            enabled = old.enabled if old else True
        more = self._more(content, name, self.document.place(place, "more_credentials"))
        self.after.providers[name] = ProviderState(content, credential, enabled, more)
        if old:
            self._by_content[old.content].discard(name)
        self._by_content.setdefault(content, set()).add(name)

    def _more(self, content: ProviderContent, provider: str, place: str) -> tuple[str, ...]:
        """The names of the rows of the further credentials; an error for one that is named twice."""
        names = tuple(found for share in content.more if (found := self._credential(share.credential, provider, None, place)))
        for twice in sorted({name for name in names if names.count(name) > 1}):
            self.findings.fatal(place, f"duplicate credential {twice!r}")
        return names

    def _credential(self, lookup: Lookup, provider: str, old: ProviderState | None, place: str) -> str | None:
        """The name of the credential row, made if there is none."""
        if lookup == NOTHING:
            return old.credential if old and old.content.credential == NOTHING else None
        if lookup.secret is not None:
            return self._stored_secret(lookup.secret, provider, old, place)
        if lookup.source == "stored":
            return self._stored_name(lookup, place)
        if old and old.credential and old.content.credential == lookup:
            return old.credential
        known = self.after.credentials.items()
        found = [name for name, row in known if row.source == lookup.source and row.location == lookup.location]
        if found:
            return min(found)
        return self._add_credential(lookup.location, CredentialState(lookup.source, lookup.location), place)

    def _stored_name(self, lookup: Lookup, place: str) -> str | None:
        name = lookup.location
        known = {name for name, row in self.after.credentials.items() if row.source == "stored"}
        if name in known:
            return name
        if lookup.to_enter:
            return self._add_credential(name, CredentialState("stored"), place)
        hint = nearest(name, known) or "; add it in the admin or with import_provider_keys"
        self.findings.fatal(place, f"unknown stored credential {name!r}{hint}")
        return None

    def _stored_secret(self, secret: Secret, provider: str, old: ProviderState | None, place: str) -> str:
        """A stored credential of this value; else the provider's own with the value replaced; else a new one."""
        if found := self._stored(secret):
            return found[0]
        own = old.credential if old else None
        if own and self.after.credentials[own].source == "stored" and self._users_of(own) == 1:
            self.after.credentials[own] = CredentialState("stored", secret=secret)
            self.places["credential", own] = place
            return own
        return self._add_credential(provider, CredentialState("stored", secret=secret), place)

    def _users_of(self, credential: str) -> int:
        return sum(credential in provider.credentials for provider in self.after.providers.values())

    def _add_credential(self, wish: str, credential: CredentialState, place: str) -> str:
        name = free_name(wish.strip()[:LONGEST_NAME].strip(), self.after.credentials)
        self.after.credentials[name] = credential
        self.places["credential", name] = place
        return name

    # Client keys

    def _put_key(self, spec: KeySpec) -> None:
        key = spec.key.reveal()
        digest = hash_key(key)
        old = self.after.keys.get(digest)
        for name in spec.models or ():
            if name not in self.after.models:
                hint = nearest(name, self.after.models)
                self.findings.fatal(
                    step(spec.place, name), f"unknown model {name!r}, neither in this file nor in the catalog{hint}"
                )
        models = None if spec.models is None else frozenset(spec.models)
        if old is None:
            self.after.keys[digest] = KeyState(f"imported …{key[-4:]}", models, key=spec.key)
            self.places["client key", digest] = spec.place
            return
        if not old.usable:
            self.findings.warn(spec.place, f"the key {old.name} is disabled or revoked in the catalog, and stays that way")
        self.after.keys[digest] = replace(old, models=models)

    def _forget_keys(self) -> None:
        if self.document.lists_keys:
            named = {hash_key(spec.key.reveal()) for spec in self.document.client_keys}
            self.after.keys = {digest: key for digest, key in self.after.keys.items() if digest in named}

    # Hooks

    def _put_hook(self, spec: HookSpec) -> None:
        spec = with_stored_secrets(spec, self.before, self.findings)
        self.places["hook", spec.name] = spec.place
        self.after.hooks[spec.name] = HookState(spec.settings, self._digests(spec))

    def _digests(self, spec: HookSpec) -> frozenset[str] | None:
        if spec.keys is None:
            return None
        digests = {name: digest for digest, name in key_names(self.after.keys).items()}
        for name in spec.keys:
            if name not in digests:
                self.findings.fatal(step(spec.place, "client_keys"), f"unknown client key {name!r}{nearest(name, digests)}")
        return frozenset(digests[name] for name in spec.keys if name in digests)

    def _forget_hooks(self) -> None:
        if self.document.lists_hooks:
            named = {spec.name for spec in self.document.hooks}
            self.after.hooks = {name: hook for name, hook in self.after.hooks.items() if name in named}

    # What nobody uses any more

    def _forget_unused(self) -> None:
        """Providers that lose their last route by this import, and credentials that lose their last provider."""
        used = {route.provider for model in self.after.models.values() for route in model.routes}
        had_routes = {route.provider for model in self.before.models.values() for route in model.routes}
        for name in had_routes - used - self._fixed:
            self.after.providers.pop(name, None)
        needed = {name for provider in self.after.providers.values() for name in provider.credentials}
        had_providers = {name for provider in self.before.providers.values() for name in provider.credentials}
        for unneeded in had_providers - needed:
            self.after.credentials.pop(unneeded, None)

    def _forget_allowed_models(self) -> None:
        """Keys lose the models that are removed."""
        for digest, key in self.after.keys.items():
            if key.models is not None and key.key is None:
                self.after.keys[digest] = replace(key, models=key.models & self.after.models.keys())

    def _forget_hooks_keys(self) -> None:
        """Hooks lose the keys that are removed."""
        for name, hook in self.after.hooks.items():
            if hook.keys is not None:
                self.after.hooks[name] = replace(hook, keys=hook.keys & self.after.keys.keys())

    def make(self, *, prune: bool) -> None:
        """Puts the whole document into the plan."""
        if prune:
            self._forget_models()
        for provider in self.document.providers:
            self._put_table(provider)
        self._count_users()
        given = self._give_providers()
        for model in self.document.models:
            self.places["model", model.name] = model.place
            self.after.models[model.name] = _model(model, given, self.before.models.get(model.name))
        if prune:
            self._forget_keys()
        for key in self.document.client_keys:
            self._put_key(key)
        for hook in self.document.hooks:
            self._put_hook(hook)
        if prune:
            self._forget_hooks()
            self._forget_unused()
            self._forget_allowed_models()
            self._forget_hooks_keys()


def make_plan(document: Document, before: CatalogState, findings: Findings, *, prune: bool = False) -> Plan:
    """The plan of an import into the catalog `before`. What cannot be planned is added to the findings."""
    plan = Plan(with_stored_headers(document, before, findings), before, findings)
    plan.make(prune=prune)
    return plan


def _model(spec: ModelSpec, given: dict[tuple[str, str], str], before: ModelState | None) -> ModelState:
    routes = [
        RouteState(route.name, given[spec.name, route.name], route.settings)
        for route in spec.routes
        if (spec.name, route.name) in given
    ]
    names = {"", *(route.name for route in routes)}
    old = before.prices if before else ()
    prices = tuple(price for price in old if price.route in names) if spec.prices is None else tuple(sorted(spec.prices))
    return ModelState(spec.settings, tuple(routes), spec.fallbacks, prices)


def _without_number(name: str) -> str:
    numbered = NUMBERED.fullmatch(name)
    return numbered[1] if numbered else name
