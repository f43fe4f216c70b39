"""What does a new data directory need before the gateway can be tried? Each step looks first and changes nothing twice."""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from gateway_project import env
from models_catalog import demo, keys, publish
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider, Route
from models_catalog.placeholders import is_placeholder
from providers import registry
from providers.capabilities import Capability
from providers.registry import ProviderType
from providers.types import Secret

ADMIN = "admin"
DEMO_MODELS = {
    "demo": (("dummy", "echo"),),
    "demo-fallback": (("dead", "refused"), ("living", "echo")),
}
"""Public name → routes, each a name and a script of the offline provider."""
DEMO_CAPABILITIES = [Capability.CHAT.value, Capability.RESPONSES.value]
FIRST_MODELS = {"openai": "gpt-4o-mini", "mistral": "mistral-small-latest", "deepseek": "deepseek-chat"}
"""Provider type → a model that its vendor has long had under this name."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A provider found through its vendor's variable; `problem` says why it was left out, "" if it was not."""

    provider: str
    variable: str
    problem: str = ""


def pending_migrations() -> int:
    """How many migrations the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def unknown_migrations() -> list[str]:
    """Migrations of our applications that the database has and this version does not know: a newer version made them."""
    loader = MigrationExecutor(connection).loader
    unknown = loader.applied_migrations.keys() - loader.graph.nodes.keys()
    return sorted(f"{app}.{name}" for app, name in unknown if app in loader.migrated_apps)


def newer_database(migrations: list[str]) -> str:
    """What to do about such a database."""
    return (
        f"The database was changed by a newer version of Signalbox ({', '.join(migrations)}). Install that version, or restore a "
        "backup that was made before the upgrade."
    )


def migrate() -> int:
    """Brings the database up to date; returns how many migrations were applied."""
    pending = pending_migrations()
    if pending:
        call_command("migrate", verbosity=0, interactive=False)
    return pending


def given_password() -> str:
    """The password that the operator wants for the admin account, "" to have one made."""
    return env.text("GATEWAY_ADMIN_PASSWORD")


def make_admin() -> Secret | None:
    """The admin account, unless somebody administers already. Returns its password: the given one, or a fresh one.

    Raises `ValidationError` when `GATEWAY_ADMIN_PASSWORD` is too weak.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    given = given_password()
    if given:
        validate_password(given)
    password = given or "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20))
    User.objects.create_superuser(ADMIN, password=password)
    return Secret(password)


@transaction.atomic
def make_demo() -> list[str]:
    """The demo catalog, in a catalog that nobody has ever written to. Returns the names of its models."""
    if publish.current_version():
        return []
    provider = Provider.objects.create(name=demo.PROVIDER, type="dummy")
    for name, routes in DEMO_MODELS.items():
        model = ModelDefinition.objects.create(name=name, capabilities=DEMO_CAPABILITIES)
        for position, (route, script) in enumerate(routes):
            Route.objects.create(model=model, name=route, provider=provider, upstream_model=script, position=position)
    return list(DEMO_MODELS)


def make_client_key() -> Secret | None:
    """A client key for every model, when there is no key at all."""
    if ClientKey.objects.exists():
        return None
    return Secret(keys.create_client_key(demo.KEY)[1])


def import_providers() -> Iterator[Imported]:
    """A provider for each vendor whose usual variable is set and that no credential reads yet."""
    for kind in registry.provider_types():
        if kind.key_variable and os.environ.get(kind.key_variable, "").strip() and not _known(kind):
            yield _import_provider(kind)


def _known(kind: ProviderType) -> bool:
    read = Credential.objects.filter(source=Credential.Source.ENV, location=kind.key_variable)
    return read.exists() or Provider.objects.filter(name=kind.name).exists()


def _import_provider(kind: ProviderType) -> Imported:
    if is_placeholder(os.environ[kind.key_variable]):
        return Imported(kind.name, kind.key_variable, "it holds a placeholder, not a key.")
    try:
        with transaction.atomic():
            credential = Credential(name=kind.key_variable, source=Credential.Source.ENV, location=kind.key_variable)
            credential.full_clean()
            credential.save()
            provider = Provider(name=kind.name, type=kind.name, credential=credential)
            provider.full_clean()
            provider.save()
            _first_model(kind, provider)
    except ValidationError as err:
        return Imported(kind.name, kind.key_variable, " ".join(err.messages))
    return Imported(kind.name, kind.key_variable)


def _first_model(kind: ProviderType, provider: Provider) -> None:
    name = FIRST_MODELS.get(kind.name)
    if name and not ModelDefinition.objects.filter(name=name).exists():
        model = ModelDefinition.objects.create(name=name)
        Route.objects.create(model=model, name=provider.name, provider=provider, upstream_model=name)


def served_models() -> list[str]:
    """The names of the models that clients can ask for; the demo model first."""
    names = list(ModelDefinition.objects.filter(enabled=True).values_list("name", flat=True))
    return sorted(names, key=lambda name: (name not in DEMO_MODELS, name))
