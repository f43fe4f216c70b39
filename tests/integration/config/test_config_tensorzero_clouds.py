"""Are TensorZero's blocks of Anthropic's, Google's and AWS's models read with their places and their credentials?"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog import credentials
from models_catalog.models import Credential, ModelDefinition, Provider, Route
from tests.integration.config.conftest import Manage, Output, Write

SET = {"SET_REGION": "eu-west-1", "SET_ID": "AKIACANARY0000000001", "SET_SECRET": "canary/secret"}
UNSET = ("AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_APPLICATION_CREDENTIALS", "NOT_SET", "SET_JSON", "ANTHROPIC_API_KEY")
VERTEX = 'model_id = "g"\nlocation = "us-central1"\nproject_id = "p"\n'
BEDROCK = 'model_id = "us.amazon.nova"\nregion = "us-east-1"\n'
PLACE = {"project": "p", "location": "us-central1"}
Import = Callable[..., Output]


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in SET.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def import_block(manage: Manage, write: Write) -> Import:
    """Imports a model with one block, twice and from its export."""

    def run(kind: str, members: str, more: str = "") -> Output:
        text = f'[models.m]\nrouting = ["p"]\n[models.m.providers.p]\ntype = "{kind}"\n{members}\n{more}'
        path = write(text, "tensorzero.toml")
        output = manage("import_config", path)
        exported = manage("export_config").out
        assert manage("import_config", path).lines == ["nothing to change"]
        assert manage("import_config", write(exported, "exported.toml")).lines == ["nothing to change"]
        assert "canary" not in (output.out + output.err + exported).lower()
        return output

    return run


def row() -> tuple[str, str, str, dict[str, Any]]:
    route = Route.objects.select_related("provider").get()
    return route.provider.type, route.upstream_model, route.provider.api_base, route.provider.options


def place() -> str:
    found = Provider.objects.get().credential
    return "" if found is None else f"{found.source}::{found.location or found.name}"


@pytest.mark.parametrize(
    ("kind", "members", "found", "where"),
    [
        ("anthropic", 'model_name = "c"', ("anthropic", "c", "", {}), "env::ANTHROPIC_API_KEY"),
        (
            "anthropic",
            'model_name = "c"\napi_base = "https://h.example/v1/messages"\napi_key_location = "dynamic::k"\n'
            "beta_structured_outputs = true\nprovider_tools = []",
            ("anthropic", "c", "https://h.example", {}),
            "dynamic::k",
        ),
        ("google_ai_studio_gemini", 'model_name = "g"', ("gemini", "g", "", {}), "env::GOOGLE_AI_STUDIO_API_KEY"),
        (
            "google_ai_studio_gemini",
            'model_name = "g"\napi_key_location = "env::OTHER"',
            ("gemini", "g", "", {}),
            "env::OTHER",
        ),
        ("gcp_vertex_gemini", VERTEX, ("vertex_ai", "g", "", PLACE), "path_from_env::GCP_VERTEX_CREDENTIALS_PATH"),
        (
            "gcp_vertex_gemini",
            VERTEX.replace("model_id", "endpoint_id"),
            ("vertex_ai", "endpoints/g", "", PLACE),
            "path_from_env::GCP_VERTEX_CREDENTIALS_PATH",
        ),
        (
            "gcp_vertex_anthropic",
            VERTEX + 'credential_location = "path::/etc/sa.json"',
            ("vertex_anthropic", "g", "", PLACE),
            "path::/etc/sa.json",
        ),
        (
            "gcp_vertex_anthropic",
            VERTEX + 'credential_location = "env::SET_JSON"',
            ("vertex_anthropic", "g", "", PLACE),
            "env::SET_JSON",
        ),
        (
            "gcp_vertex_gemini",
            VERTEX + 'credential_location = "sdk"',
            ("vertex_ai", "g", "", {**PLACE, "token_source": "metadata"}),
            "",
        ),
        (
            "gcp_vertex_gemini",
            VERTEX + 'credential_location = { default = "dynamic::k", fallback = "sdk" }',
            ("vertex_ai", "g", "", {**PLACE, "token_source": "metadata"}),
            "",
        ),
        ("gcp_vertex_gemini", VERTEX + 'credential_location = "canary"', ("vertex_ai", "g", "", PLACE), None),
        ("aws_bedrock", BEDROCK, ("bedrock", "us.amazon.nova", "", {"region": "us-east-1", "profile": "default"}), ""),
        (
            "aws_bedrock",
            BEDROCK + 'endpoint_url = "env::BEDROCK_URL"\napi_key = "env::KEY"',
            ("bedrock", "us.amazon.nova", "env::BEDROCK_URL", {"region": "us-east-1"}),
            "env::KEY",
        ),
        (
            "aws_bedrock",
            BEDROCK.replace("us-east-1", "env::SET_REGION")
            + 'access_key_id = "env::AWS_ACCESS_KEY_ID"\nsecret_access_key = "env::AWS_SECRET_ACCESS_KEY"',
            ("bedrock", "us.amazon.nova", "", {"region": "eu-west-1", "profile": "default"}),
            "",
        ),
        (
            "aws_bedrock",
            BEDROCK + 'access_key_id = "sdk"\nsecret_access_key = "sdk"\nendpoint_url = "none"',
            ("bedrock", "us.amazon.nova", "", {"region": "us-east-1", "profile": "default"}),
            "",
        ),
        (
            "aws_bedrock",
            BEDROCK + 'access_key_id = "dynamic::aws_id"\nsecret_access_key = "dynamic::aws_secret"',
            ("bedrock", "us.amazon.nova", "", {"region": "us-east-1"}),
            "dynamic::aws_id",
        ),
        (
            "aws_bedrock",
            BEDROCK + 'access_key_id = "env::NOT_SET"\nsecret_access_key = "env::SET_SECRET"',
            ("bedrock", "us.amazon.nova", "", {"region": "us-east-1"}),
            "stored::NOT_SET (to enter)",
        ),
        (
            "aws_bedrock",
            BEDROCK + 'access_key_id = "dynamic::a"\nsecret_access_key = "env::SET_SECRET"',
            ("bedrock", "us.amazon.nova", "", {"region": "us-east-1"}),
            "stored::bedrock key (to enter)",
        ),
    ],
)
def test_block_of_a_cloud(
    import_block: Import, kind: str, members: str, found: tuple[str, str, str, dict[str, Any]], where: str | None
) -> None:
    import_block(kind, members)
    assert row() == found
    assert place() == where if where is not None else place().endswith("(to enter)")


def test_key_of_variables_is_stored_in_one_piece(import_block: Import) -> None:
    parts = "\n".join(f'{name} = "env::{variable}"' for name, variable in zip(KEY, ("SET_ID", "SET_SECRET"), strict=True))
    output = import_block("aws_bedrock", BEDROCK + parts)
    assert credentials.reveal(Credential.objects.get()).reveal() == "AKIACANARY0000000001:canary/secret"
    assert "the values of SET_ID, SET_SECRET are read now and stored encrypted" in output.err


KEY = ("access_key_id", "secret_access_key")


def test_region_of_the_sdk_is_that_of_the_environment(import_block: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    import_block("aws_bedrock", BEDROCK.replace("us-east-1", "sdk"))
    assert row()[3]["region"] == "sa-east-1"


def test_service_account_file_of_the_machine_is_what_the_sdk_finds(import_block: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/etc/sa.json")
    import_block("gcp_vertex_gemini", VERTEX + 'credential_location = "sdk"')
    assert (row()[3], place()) == (PLACE, "path_from_env::GOOGLE_APPLICATION_CREDENTIALS")


@pytest.mark.parametrize(
    ("kind", "members", "section", "location", "where"),
    [
        ("gcp_vertex_gemini", VERTEX, "gcp_vertex_gemini", "credential_location = 'path::/a.json'", "path::/a.json"),
        ("google_ai_studio_gemini", 'model_name = "g"', "google_ai_studio", "api_key_location = 'env::TEAM'", "env::TEAM"),
        ("anthropic", 'model_name = "g"', "anthropic", "api_key_location = 'env::TEAM'", "env::TEAM"),
    ],
)
def test_defaults_of_a_type_say_where_its_credential_is(
    import_block: Import, kind: str, members: str, section: str, location: str, where: str
) -> None:
    import_block(kind, members, f"[provider_types.{section}.defaults]\n{location}\n")
    assert place() == where


@pytest.mark.parametrize(
    ("kind", "members", "reason"),
    [
        ("aws_bedrock", 'model_id = "x"', "region is missing, and no variable of AWS's says it"),
        ("aws_bedrock", BEDROCK.replace("us-east-1", "dynamic::r"), "region is not imported: it must be a value, or env::"),
        ("aws_bedrock", BEDROCK + 'endpoint_url = "path::/x"', "endpoint_url is not imported: it must be a value, or env::"),
        ("gcp_vertex_gemini", 'model_id = "x"\nlocation = "eu"', "project_id is missing"),
        ("aws_sagemaker", 'endpoint_name = "x"', "the provider type 'aws_sagemaker' is not available in this gateway"),
    ],
)
def test_block_that_cannot_be_served_is_left_out(import_block: Import, kind: str, members: str, reason: str) -> None:
    output = import_block(kind, members)
    assert not Route.objects.exists()
    assert any(reason in line for line in output.err.splitlines() if line.startswith("left out: "))


@pytest.mark.parametrize(
    ("kind", "members", "pointers"),
    [
        ("anthropic", 'model_name = "c"', ("/usage/input_tokens", "/usage/output_tokens")),
        ("gcp_vertex_gemini", VERTEX, ("/usageMetadata/promptTokenCount", "/usageMetadata/candidatesTokenCount")),
        ("aws_bedrock", BEDROCK, ("/usage/inputTokens", "/usage/outputTokens")),
    ],
)
def test_costs_are_found_where_the_vendors_answers_have_tokens(
    import_block: Import, kind: str, members: str, pointers: tuple[str, str]
) -> None:
    costs = ", ".join(
        f'{{ pointer = "{pointer}", cost_per_million = {price} }}' for pointer, price in zip(pointers, (3, 15), strict=True)
    )
    output = import_block(
        kind, f"{members}\ncost = [{costs}, {{ pointer = '/usage/cache_read_input_tokens', cost_per_unit = 1 }}]"
    )
    found = ModelDefinition.objects.get()
    assert (found.input_price, found.output_price) == (Decimal(3), Decimal(15))
    assert "cost[2]: is not imported" in output.err


def test_names_of_tensorzero_are_good_in_the_own_format(manage: Manage, write: Write) -> None:
    text = f'[models.m]\nendpoints = ["chat"]\nrouting = ["p"]\n[models.m.providers.p]\ntype = "aws_bedrock"\n{BEDROCK}'
    manage("import_config", write(text, "x.toml"))
    assert row() == ("bedrock", "us.amazon.nova", "", {"region": "us-east-1", "profile": "default"})
    with pytest.raises(CommandError, match="region is missing"):
        manage("import_config", write(text.replace("region", "regoin"), "x.toml"))


def test_own_options_are_written_by_their_names(manage: Manage, write: Write) -> None:
    options = {"project": "p", "location": "eu", "api_version": "v1", "token_source": "metadata"}
    block = "\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    manage(
        "import_config",
        write(f'[models.m]\nendpoints = ["chat"]\nrouting = ["p"]\n[models.m.providers.p]\ntype = "vertex_ai"\n{block}\n'),
    )
    assert row() == ("vertex_ai", "m", "", options)
    assert ModelDefinition.objects.get().capabilities == ["chat"]
