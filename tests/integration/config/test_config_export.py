"""Does an exported catalog, read again, change nothing? For catalogs of all kinds, and for a new database."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from models_catalog import validation
from models_catalog.changes.apply import apply
from models_catalog.changes.diff import changes
from models_catalog.changes.state import CatalogState, CredentialState, ModelState, ProviderState, RouteState, load, lookup_of
from models_catalog.changes.values import NOTHING, Lookup, provider_content
from models_catalog.config.findings import Findings
from models_catalog.config.gateway.read import read_gateway
from models_catalog.config.gateway.write import write_gateway
from models_catalog.config.plan import make_plan
from models_catalog.models import Credential, ModelDefinition, Provider, Route, frozen
from models_catalog.models.columns import (
    CAPABILITIES,
    COUNT,
    FLAG,
    OBJECT,
    PRICE,
    SECONDS,
    TEXT,
    Column,
    Kind,
    columns_of,
    settings_for,
)
from models_catalog.models.frozen import freeze
from models_catalog.secrets.encryption import new_key
from models_catalog.secrets.fields import plain_headers
from providers.capabilities import Capability
from providers.types import Secret
from tests.integration.config.conftest import DATA, Manage, Write

ODD = [
    "gpt-4",
    "a.b",
    'say "x"',
    "it's",
    "emoji 🦊",
    "ünï",
    "a/b:c",
    "#1",
    "[x]",
    "a\\b",
    "a = 1",
    "openai",
    "openai-2",
    "true",
    "7",
]


def is_name(text: str) -> bool:
    try:
        validation.check_name(text)
    except ValidationError:
        return False
    return True


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(characters, max_size=12)
names = (
    st.sampled_from(["openai", "openai-2"]) | st.sampled_from(ODD) | st.text(characters, min_size=1, max_size=8).filter(is_name)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3).map(freeze)
capabilities = st.sets(st.sampled_from(list(Capability)), min_size=1).map(
    lambda chosen: tuple(capability.value for capability in Capability if capability in chosen)
)
OF_KIND: dict[Kind, Callable[[Column], st.SearchStrategy[Any]]] = {
    TEXT: lambda column: texts,
    FLAG: lambda column: st.booleans(),
    COUNT: lambda column: st.integers(int(column.least), int(column.most)),
    SECONDS: lambda column: st.floats(column.least, 1e6),
    PRICE: lambda column: st.decimals(0, 10**8 - 1, places=6),
    OBJECT: lambda column: json_objects,
    CAPABILITIES: lambda column: capabilities,
}


def of_column(column: Column) -> st.SearchStrategy[Any]:
    """What a column of models may hold."""
    values = OF_KIND[column.kind](column)
    return st.none() | values if column.absent is None else values


model_settings = st.fixed_dictionaries({column.name: of_column(column) for column in columns_of(ModelDefinition)}).map(
    frozen.Settings
)
credentials = st.builds(CredentialState, st.sampled_from(["env", "path", "path_from_env", "dynamic"]), names) | st.builds(
    CredentialState, st.just("stored"), secret=st.builds(Secret, st.text(characters, min_size=1, max_size=8))
)
options = st.dictionaries(st.sampled_from(["deployment_id", "api_version"]), texts | st.booleans() | st.integers(), max_size=2)


def route(upstream_model: str, *, enabled: bool = True) -> frozen.Settings:
    return settings_for(Route, upstream_model=upstream_model, enabled=enabled)


@st.composite
def catalogs(draw: st.DrawFn) -> CatalogState:
    """A catalog as the database may hold it."""
    state = CatalogState(credentials=draw(st.dictionaries(names, credentials, max_size=3)))
    for name in draw(st.lists(names, max_size=4, unique=True)):
        twin = st.sampled_from(list(state.providers.values())) if state.providers else st.nothing()
        state.providers[name] = draw(provider(state) | twin)
    for name in draw(st.lists(names, max_size=4, unique=True)):
        state.models[name] = draw(model(state))
    for name, row in state.models.items():
        others = st.lists(st.sampled_from(sorted(state.models)), unique=True, max_size=2)
        state.models[name] = ModelState(row.settings, row.routes, tuple(draw(others)))
    return state


@st.composite
def provider(draw: st.DrawFn, state: CatalogState) -> ProviderState:
    credential = draw(st.sampled_from([None, *state.credentials]))
    kind = draw(st.sampled_from(["openai", "azure_openai", "vllm"]))
    content = provider_content(
        lookup_of(credential, state.credentials[credential]) if credential else NOTHING,
        type=kind,
        api_base=draw(st.sampled_from(["", "https://llm.example.com/v1"])),
        extra_headers=draw(st.dictionaries(texts, texts, max_size=2).map(freeze)),
        extra_body=draw(json_objects),
        options=freeze(draw(options)) if kind == "azure_openai" else "{}",
    )
    return ProviderState(content, credential, draw(st.booleans()))


@st.composite
def model(draw: st.DrawFn, state: CatalogState) -> ModelState:
    routes = []
    for name in (
        draw(st.lists(names | st.sampled_from(sorted(state.providers)), max_size=3, unique=True)) if state.providers else ()
    ):
        chosen = name if name in state.providers and draw(st.booleans()) else draw(st.sampled_from(sorted(state.providers)))
        routes.append(RouteState(name, chosen, route(draw(names), enabled=draw(st.booleans()))))
    chosen_settings = draw(model_settings)
    if not routes:
        chosen_settings = settings_for(ModelDefinition, enabled=False)
    return ModelState(chosen_settings, tuple(routes))


def planned(text: str, before: CatalogState, *, prune: bool = False) -> CatalogState:
    findings = Findings()
    plan = make_plan(read_gateway(text, findings), before, findings, prune=prune)
    assert findings.errors == []
    return plan.after


@settings(max_examples=300, deadline=None)
@given(catalogs())
def test_export_of_any_catalog_when_imported_again_changes_nothing(state: CatalogState) -> None:
    text = write_gateway(state)
    assert changes(state, planned(text, state)) == []
    assert changes(state, planned(text, state, prune=True)) == []


@settings(max_examples=200, deadline=None)
@given(catalogs())
def test_export_of_any_catalog_when_imported_elsewhere_gives_the_same_models(state: CatalogState) -> None:
    """But for the values of headers, which no file holds."""
    for name, row in state.providers.items():
        state.providers[name] = replace(row, content=row.content.with_setting(extra_headers="{}"))
    elsewhere = CatalogState(credentials={name: row for name, row in state.credentials.items() if row.source == "stored"})
    after = planned(write_gateway(state), elsewhere)
    assert after.models == state.models
    found = {name: (row.content, row.enabled) for name, row in after.providers.items()}
    assert found == {name: (row.content, row.enabled) for name, row in state.providers.items()}


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=catalogs(), after=catalogs())
def test_any_catalog_when_applied_over_another_is_what_the_database_holds(before: CatalogState, after: CatalogState) -> None:
    with transaction.atomic():
        apply(CatalogState(), before)
        assert without_order(load(with_secrets=True)) == without_order(before)
        apply(before, after)
        assert without_order(load(with_secrets=True)) == without_order(after)
        transaction.set_rollback(True)


def without_order(state: CatalogState) -> tuple[dict[str, Any], ...]:
    rows = {name: CredentialState(row.source, row.location, row.secret) for name, row in state.credentials.items()}
    return rows, state.providers, state.models


@pytest.mark.parametrize("file", ["unified.toml", "tensorzero.toml", "every_field.toml"])
def test_export_of_an_imported_file_when_imported_again_changes_nothing(manage: Manage, write: Write, file: str) -> None:
    manage("import_config", str(DATA / file))
    exported = manage("export_config").out
    assert manage("import_config", write(exported)).lines == ["nothing to change"]
    assert manage("import_config", write(exported), "--prune").lines == ["nothing to change"]


def test_export_of_headers_when_made_then_it_names_where_their_values_are(manage: Manage, write: Write) -> None:
    for name, value in (("a", "canary-of-a"), ("b", "canary-of-b")):
        Provider.objects.create(name=name, type="openai", extra_headers={"x-team": value})
    exported = manage("export_config").out
    assert tomllib.loads(exported)["providers"]["b"]["extra_headers"] == {"x-team": "stored::b"}
    assert "canary" not in exported
    changed = exported.replace('"stored::b" }', '"stored::a" }').replace(
        'type = "openai"', 'type = "openai"\napi_base = "https://x/v1"'
    )
    assert "canary" not in manage("import_config", write(changed)).out
    assert [plain_headers(row.headers()) for row in Provider.objects.order_by("name")] == [{"x-team": "canary-of-a"}] * 2


@pytest.mark.parametrize("reference", ["stored::gone", "stored::b", "stored::"])
def test_import_of_a_header_when_no_value_is_stored_for_it_then_refused(manage: Manage, write: Write, reference: str) -> None:
    Provider.objects.create(name="b", type="openai", extra_headers={"x-other": "canary"})
    text = f'[providers.b]\ntype = "openai"\nextra_headers = {{ x-team = "{reference}" }}\n'
    with pytest.raises(CommandError, match=r"providers\.b\.extra_headers: the catalog has no value for x-team for the provider"):
        manage("import_config", write(text))


def test_export_of_headers_when_they_do_not_decrypt_then_they_are_never_written_back(
    manage: Manage, write: Write, settings: Settings
) -> None:
    row = Provider.objects.create(name="b", type="openai", extra_headers={"x-team": "canary"})
    settings.GATEWAY_ENCRYPTION_KEYS = [new_key()]
    exported = manage("export_config").out
    with pytest.raises(CommandError, match="does not decrypt"):
        manage("import_config", write(exported))
    assert manage("import_config", write('[providers.a]\ntype = "dummy"\n')).lines[0].startswith("+ provider a")
    assert Provider.objects.get(name="b").extra_headers == row.extra_headers


def test_export_has_the_form_that_people_write(manage: Manage) -> None:
    manage("import_config", str(DATA / "every_field.toml"))
    lines = manage("export_config").lines
    model = lines[lines.index('[models."team/large: v2"]') :]
    assert model[:7] == [
        '[models."team/large: v2"]',
        'routing = ["first", "second", "azure"]',
        'endpoints = ["chat", "completion"]',
        'fallback_models = ["small"]',
        "retry_config = { num_retries = 1, max_delay_s = 2.5 }",
        "timeouts = { connect_s = 1.0, first_byte_s = 20.5, idle_s = 15.0, total_s = 300.0 }",
        'pricing = { input_cost = 2.5, output_cost = 10.0, currency = "USD", per_tokens = 1000000 }',
    ]
    read = tomllib.loads("\n".join(lines))
    assert set(read["providers"]) == {"shared", "spare"}
    assert read["models"]["team/large: v2"]["providers"]["first"] == {"provider": "shared", "model_name": "large"}
    assert read["models"]["small"]["providers"]["dummy"] == {"type": "dummy", "model_name": "small"}


def test_export_names_stored_secrets_and_never_holds_them(manage: Manage, write: Write) -> None:
    credential = Credential(name="the team's key")
    credential.set_secret(Secret("sk-canary-stored-secret"))
    credential.save()
    provider = Provider.objects.create(name="openai", type="openai", credential=credential)
    exported = manage("export_config").out
    assert tomllib.loads(exported)["providers"]["openai"]["api_key_location"] == "stored::the team's key"
    assert "canary" not in exported
    provider.delete()
    manage("import_config", write(exported))
    assert Provider.objects.get().credential == credential


def test_export_of_an_empty_catalog_is_a_file_that_changes_nothing(manage: Manage, write: Write) -> None:
    assert manage("import_config", write(manage("export_config").out), "--prune").lines == ["nothing to change"]


def test_export_to_a_file_replaces_it_whole_and_keeps_it_private(manage: Manage, tmp_path: Path) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    path = tmp_path / "out.toml"
    path.write_text("old")
    output = manage("export_config", "--output", str(path))
    assert output.lines == [f"written to {path}"]
    assert path.read_text(encoding="utf-8") == manage("export_config").out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.toml"]


def test_export_to_a_place_that_cannot_be_written_says_why(manage: Manage, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        manage("export_config", "--output", str(tmp_path / "missing" / "out.toml"))


def test_export_to_a_directory_leaves_nothing_behind(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        manage("export_config", "--output", str(tmp_path / "taken"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_price_of_a_file_when_it_has_more_digits_than_the_catalog_is_rounded(manage: Manage, write: Write) -> None:
    text = "[models.x]\nenabled = false\nrouting = []\npricing = { input_cost = 0.00000015000004, per_tokens = 1 }\n"
    findings = Findings()
    document = read_gateway(text, findings)
    assert document.models[0].settings["input_price"] == Decimal("0.150000")
    manage("import_config", write(text))
    assert manage("import_config", write(text)).lines == ["nothing to change"]


def test_location_of_a_credential_is_found_by_source_and_place() -> None:
    before = CatalogState(credentials={"mine": CredentialState("env", "KEY")})
    after = planned("[providers.x]\ntype = 'openai'\napi_key_location = 'env::KEY'\n", before)
    assert after.providers["x"].credential == "mine"
    assert after.providers["x"].content.credential == Lookup("env", "KEY")


def test_export_of_equal_providers_when_imported_elsewhere_keeps_their_names() -> None:
    same = ProviderState(provider_content(type="dummy"), None)
    served = {
        name: ModelState(settings_for(ModelDefinition), (RouteState(name, name, route("echo")),))
        for name in ("openai-2", "openai")
    }
    state = CatalogState(providers={"openai": same, "openai-2": same}, models=served)
    assert planned(write_gateway(state), CatalogState()).models == state.models


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1),
        (-0.0, 0),
        (1e22, 10**22),
        (2.251799813685243e16, 22517998136852430),
        (float(2**60), 1152921504606847000),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}),
    ],
)
def test_frozen_values_that_json_holds_equal_are_equal(one: object, other: object) -> None:
    assert freeze(one) == freeze(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1), (0, False), (None, "null"), ("1", 1), (2**53 + 1, 2.0**53), (10**400, 10**401), (2**60, 1152921504606847000)],
)
def test_frozen_values_that_json_tells_apart_differ(one: object, other: object) -> None:
    assert freeze(one) != freeze(other)
