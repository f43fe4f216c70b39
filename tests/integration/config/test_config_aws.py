"""Are models of AWS in LiteLLM's files imported with their region, and with who calls them?"""

from __future__ import annotations

from typing import Any

import pytest

from models_catalog.models import Credential
from tests.integration.config.conftest import Manage, Write
from tests.integration.config.entries import IN, Imports, place, row, secret, set_variables

ARN = "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/abc"
PLAIN = "anthropic.claude-3-5-sonnet-20241022-v2:0"
AMBIENT = {"aws_access_key_id": "os.environ/AWS_ACCESS_KEY_ID", "aws_secret_access_key": "os.environ/AWS_SECRET_ACCESS_KEY"}
LITERAL = {"aws_access_key_id": "AKIACANARY0000000001", "aws_secret_access_key": "canary/secret"}
IN_OPTIONS = {"region": "us-east-1"}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch)


@pytest.fixture
def import_entry(manage: Manage, write: Write) -> Imports:
    return Imports(manage, write)


@pytest.mark.parametrize(
    ("model", "params", "found", "where"),
    [
        (
            "bedrock_mantle/anthropic.claude-x",
            IN,
            ("bedrock_mantle", "anthropic.claude-x", "https://bedrock-mantle.us-east-1.api.aws/anthropic", {}),
            "env::BEDROCK_MANTLE_API_KEY",
        ),
        (
            "bedrock/mantle/anthropic.claude-x",
            {**IN, "aws_profile_name": "team"},
            ("bedrock_mantle", "anthropic.claude-x", "https://bedrock-mantle.us-east-1.api.aws/anthropic", {"profile": "team"}),
            "",
        ),
        (
            "bedrock_mantle/openai.gpt-oss-120b",
            {"api_key": "os.environ/NOT_SET"},
            ("openai_compatible", "openai.gpt-oss-120b", "https://bedrock-mantle.us-east-1.api.aws/v1", {}),
            "env::NOT_SET",
        ),
        (
            "bedrock_mantle/openai.gpt-5.5",
            {"aws_region_name": "os.environ/SET_REGION"},
            ("openai_compatible", "openai.gpt-5.5", "https://bedrock-mantle.eu-west-1.api.aws/openai/v1", {}),
            "env::BEDROCK_MANTLE_API_KEY",
        ),
    ],
)
def test_model_of_mantle_is_anthropics_or_speaks_openais_formats(
    import_entry: Imports, model: str, params: dict[str, Any], found: tuple[str, str, str, dict[str, Any]], where: str
) -> None:
    import_entry(model, params)
    assert (row(), place()) == (found, where)


@pytest.mark.parametrize(
    ("model", "params", "upstream", "region"),
    [
        (f"bedrock/{PLAIN}", {}, PLAIN, "us-west-2"),
        (f"bedrock/us.{PLAIN}", IN, f"us.{PLAIN}", "us-east-1"),
        (f"us.{PLAIN}", IN, f"us.{PLAIN}", "us-east-1"),
        (f"bedrock_converse/{PLAIN}", IN, PLAIN, "us-east-1"),
        (f"bedrock/converse/{PLAIN}", IN, PLAIN, "us-east-1"),
        (f"bedrock/invoke/eu.{PLAIN}", IN, f"eu.{PLAIN}", "us-east-1"),
        (f"bedrock/eu-central-1/{PLAIN}", {}, PLAIN, "eu-central-1"),
        (f"bedrock/converse/ap-northeast-1/{PLAIN}", {}, PLAIN, "ap-northeast-1"),
        (f"bedrock/us-west-2/1-month-commitment/{PLAIN}", {}, PLAIN, "us-west-2"),
        (f"bedrock/{ARN}", {}, ARN, "us-east-2"),
        (f"bedrock/converse/{ARN}", IN, ARN, "us-east-1"),
        (f"bedrock/deepseek_r1/{ARN}", {}, ARN, "us-east-2"),
        (f"bedrock/{PLAIN}", {"model_id": ARN}, ARN, "us-east-2"),
        (f"bedrock/{PLAIN}", {"aws_region_name": "os.environ/SET_REGION"}, PLAIN, "eu-west-1"),
        (f"bedrock/{PLAIN}", {"aws_region_name": "os.environ/NOT_SET"}, PLAIN, "us-west-2"),
    ],
)
def test_model_and_region_of_bedrock(
    import_entry: Imports, model: str, params: dict[str, Any], upstream: str, region: str
) -> None:
    import_entry(model, params)
    assert row() == ("bedrock", upstream, "", {"region": region, "profile": "default"})


def test_region_is_that_of_the_environment_when_nothing_is_said(import_entry: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    output = import_entry(f"bedrock/{PLAIN}", {})
    assert row()[3]["region"] == "sa-east-1"
    assert "the value of AWS_REGION is read now" in output.err


@pytest.mark.parametrize("name", ["aws_bedrock_runtime_endpoint", "api_base"])
def test_address_of_bedrock(import_entry: Imports, name: str) -> None:
    import_entry(f"bedrock/{PLAIN}", {**IN, name: "https://vpce.example"})
    assert row()[2] == "https://vpce.example"


@pytest.mark.parametrize(
    ("params", "where", "options"),
    [
        ({}, "", {"profile": "default"}),
        (AMBIENT, "", {"profile": "default"}),
        ({**AMBIENT, "aws_session_token": "os.environ/AWS_SESSION_TOKEN"}, "", {"profile": "default"}),
        ({"aws_profile_name": "team"}, "", {"profile": "team"}),
        ({"api_key": "os.environ/AWS_BEARER_TOKEN_BEDROCK"}, "env::AWS_BEARER_TOKEN_BEDROCK", {}),
    ],
)
def test_who_calls_bedrock(import_entry: Imports, params: dict[str, Any], where: str, options: dict[str, str]) -> None:
    import_entry(f"bedrock/{PLAIN}", {**IN, **params})
    assert (place(), row()[3]) == (where, {**IN_OPTIONS, **options})


@pytest.mark.parametrize(
    ("params", "found"),
    [
        (LITERAL, "AKIACANARY0000000001:canary/secret"),
        ({**LITERAL, "aws_session_token": "canary-token"}, "AKIACANARY0000000001:canary/secret:canary-token"),
        (
            {"aws_access_key_id": "os.environ/SET_ID", "aws_secret_access_key": "os.environ/SET_SECRET"},
            "AKIACANARY0000000001:canary/secret+key=",
        ),
        ({"api_key": "bedrock-api-key-canary"}, "bedrock-api-key-canary"),
    ],
)
def test_key_of_aws_is_stored_in_one_piece(import_entry: Imports, params: dict[str, Any], found: str) -> None:
    import_entry(f"bedrock/{PLAIN}", {**IN, **params})
    assert (secret(), row()[3]) == (found, IN_OPTIONS)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({**LITERAL, "aws_secret_access_key": "os.environ/NOT_SET"}, "the environment variable NOT_SET is not set"),
        ({"aws_access_key_id": "AKIACANARY0000000001"}, "aws_secret_access_key is missing"),
        ({**LITERAL, "aws_access_key_id": "<your-key-id>"}, "aws_access_key_id is a placeholder"),
        ({**LITERAL, "aws_secret_access_key": "canary canary"}, "aws_secret_access_key contains a colon or a space"),
        (
            {"aws_role_name": "arn:aws:iam::1:role/r", "aws_session_name": "s"},
            "aws_role_name: is not imported: roles are assumed",
        ),
    ],
)
def test_key_of_aws_that_is_none_is_to_be_entered(import_entry: Imports, params: dict[str, Any], said: str) -> None:
    output = import_entry(f"bedrock/{PLAIN}", {**IN, **params})
    assert Credential.objects.get().name.endswith(" (to enter)")
    assert said in output.err


def test_what_is_beside_a_key_of_bedrock_is_named(import_entry: Imports) -> None:
    params = {**IN, **LITERAL, "aws_profile_name": "team", "api_key": "os.environ/NOT_SET"}
    output = import_entry(f"bedrock/{PLAIN}", params)
    assert "not imported: aws_access_key_id, aws_secret_access_key, aws_profile_name" in output.err
    assert (place(), row()[3]) == ("env::NOT_SET", IN_OPTIONS)


def test_guardrail_is_named_with_the_place_it_has_here(import_entry: Imports) -> None:
    output = import_entry(f"bedrock/{PLAIN}", {**IN, "guardrailConfig": {"guardrailIdentifier": "g"}})
    assert "litellm_params.guardrailConfig: is not imported: Converse gets it where extra_body" in output.err
