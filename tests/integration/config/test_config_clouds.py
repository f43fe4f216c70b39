"""Are models of Anthropic, Google, AWS and Ollama in LiteLLM's files imported with their place, and with who calls them?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog import credentials
from models_catalog.models import Credential, ModelDefinition, Provider, Route
from tests.integration.config.conftest import Manage, Output, Write

SET = {
    "SET_PROJECT": "project-1",
    "SET_REGION": "eu-west-1",
    "SET_ID": "AKIACANARY0000000001",
    "SET_SECRET": "canary/secret+key=",
}
UNSET = (
    *("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_BASE", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    *("OLLAMA_API_BASE", "AZURE_AI_API_BASE", "AZURE_AI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"),
    *("GCLOUD_PROJECT", "VERTEXAI_PROJECT", "VERTEXAI_LOCATION", "VERTEX_LOCATION", "VERTEXAI_CREDENTIALS", "AWS_REGION"),
    *("AWS_REGION_NAME", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_BEARER_TOKEN_BEDROCK", "AWS_BEDROCK_RUNTIME_ENDPOINT", "BEDROCK_MANTLE_API_KEY", "BEDROCK_MANTLE_REGION"),
    *("BEDROCK_MANTLE_API_BASE", "NOT_SET"),
)
FILE = {"type": "service_account", "project_id": "of-the-file", "client_email": "a@b.example", "private_key": "canary-pem"}
AT = {"vertex_project": "p-1", "vertex_location": "us-east5"}
IN = {"aws_region_name": "us-east-1"}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in SET.items():
        monkeypatch.setenv(name, value)


class Imports:
    """Imports one entry, and tells of the row that it became."""

    def __init__(self, manage: Manage, write: Write) -> None:
        self._manage, self._write = manage, write

    def __call__(self, model: str, params: Mapping[str, Any], name: str = "m") -> Output:
        entry = {"model_name": name, "litellm_params": {"model": model, **params}}
        path = self._write(json.dumps({"model_list": [entry]}), "config.yaml")
        output = self._manage("import_config", path)
        exported = self._manage("export_config").out
        assert self._manage("import_config", path).lines == ["nothing to change"]
        assert self._manage("import_config", self._write(exported, "exported.toml")).lines == ["nothing to change"]
        assert "canary" not in (output.out + output.err + exported).lower()
        return output


@pytest.fixture
def import_entry(manage: Manage, write: Write) -> Imports:
    return Imports(manage, write)


def row() -> tuple[str, str, str, dict[str, Any]]:
    """The one route: type, upstream model, address and options."""
    route = Route.objects.select_related("provider").get()
    return route.provider.type, route.upstream_model, route.provider.api_base, route.provider.options


def place() -> str:
    """Where the one credential is, "" if there is none."""
    found = Provider.objects.get().credential
    return "" if found is None else f"{found.source}::{found.location}"


def secret() -> str:
    return credentials.reveal(Credential.objects.get(source="stored")).reveal()


@pytest.mark.parametrize(
    ("model", "params", "found", "where"),
    [
        ("anthropic/claude-x", {}, ("anthropic", "claude-x", "", {}), "env::ANTHROPIC_API_KEY"),
        ("claude-3-opus-20240229", {}, ("anthropic", "claude-3-opus-20240229", "", {}), "env::ANTHROPIC_API_KEY"),
        ("anthropic/c", {"api_key": "os.environ/NOT_SET"}, ("anthropic", "c", "", {}), "env::NOT_SET"),
        ("anthropic/c", {"api_base": "https://h.example/v1/messages"}, ("anthropic", "c", "https://h.example", {}), None),
        ("azure_ai/claude-x", {}, ("azure_anthropic", "claude-x", "env::AZURE_AI_API_BASE", {}), "env::AZURE_AI_API_KEY"),
        (
            "azure_ai/claude-x",
            {"api_base": "https://r.services.ai.azure.com"},
            ("azure_anthropic", "claude-x", "https://r.services.ai.azure.com/anthropic", {}),
            None,
        ),
        ("gemini/gemini-x", {}, ("gemini", "gemini-x", "", {}), "env::GEMINI_API_KEY"),
        (
            "gemini/gemini-x",
            {"api_base": "https://h.example/v1beta"},
            ("gemini", "gemini-x", "https://h.example", {"api_version": "v1beta"}),
            None,
        ),
        ("ollama/llama3:8b", {}, ("ollama", "llama3:8b", "", {}), ""),
        ("ollama_chat/llama3", {"api_base": "http://h:11434"}, ("ollama", "llama3", "http://h:11434/v1", {}), ""),
        ("ollama/l", {"api_base": "http://h:11434/api/chat"}, ("ollama", "l", "http://h:11434/v1", {}), ""),
    ],
)
def test_model_of_a_vendor_with_keys(
    import_entry: Imports, model: str, params: dict[str, Any], found: tuple[str, str, str, dict[str, Any]], where: str | None
) -> None:
    import_entry(model, params)
    assert row() == found
    assert where is None or place() == where


@pytest.mark.parametrize(
    ("model", "params", "variable", "value", "found"),
    [
        ("anthropic/c", {}, "ANTHROPIC_API_BASE", "https://h.example", "env::ANTHROPIC_API_BASE"),
        ("gemini/g", {}, "GEMINI_API_BASE", "https://h.example", "env::GEMINI_API_BASE"),
        ("ollama/l", {}, "OLLAMA_API_BASE", "http://h:11434", "env::OLLAMA_API_BASE"),
        ("ollama_chat/l", {"api_base": "http://o:1/v1"}, "OLLAMA_API_BASE", "http://h:11434", "http://o:1/v1"),
    ],
)
def test_address_is_in_the_variable_that_moves_the_vendor_if_it_is_set(
    import_entry: Imports,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    params: dict[str, Any],
    variable: str,
    value: str,
    found: str,
) -> None:
    monkeypatch.setenv(variable, value)
    import_entry(model, params)
    assert row()[2] == found


def test_gemini_has_its_key_in_either_variable(import_entry: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-canary")
    import_entry("gemini/g", {})
    assert place() == "env::GOOGLE_API_KEY"


def test_version_of_anthropic_is_in_its_header(import_entry: Imports) -> None:
    import_entry("anthropic/c", {"extra_headers": {"Anthropic-Version": "2026-10-21", "anthropic-beta": "b-1"}})
    assert row()[3] == {"api_version": "2026-10-21"}
    assert list(Provider.objects.get().headers()) == ["anthropic-beta"]


def test_version_of_azure_is_none_of_anthropics(import_entry: Imports) -> None:
    output = import_entry("azure_ai/claude-x", {"api_base": "https://h.example", "api_version": "2024-05-01-preview"})
    assert row()[3] == {}
    assert "litellm_params.api_version: is not imported: Anthropic's API has its version in the header" in output.err


@pytest.mark.parametrize(
    ("model", "kind", "upstream"),
    [
        ("vertex_ai/gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"),
        ("vertex_ai_beta/gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"),
        ("gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"),
        ("vertex_ai/4965075652664360960", "vertex_ai", "endpoints/4965075652664360960"),
        ("vertex_ai/gemini/4965075652664360960", "vertex_ai", "endpoints/4965075652664360960"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "vertex_anthropic", "claude-sonnet-4-5@20250929"),
        ("vertex_ai/anthropic/claude-opus-4-5", "vertex_anthropic", "claude-opus-4-5"),
    ],
)
def test_model_of_vertex_is_googles_or_anthropics(import_entry: Imports, model: str, kind: str, upstream: str) -> None:
    import_entry(model, {**AT, "vertex_credentials": "/etc/sa.json"})
    assert row() == (kind, upstream, "", {"project": "p-1", "location": "us-east5"})
    assert place() == "path::/etc/sa.json"


@pytest.mark.parametrize(
    ("params", "options"),
    [
        ({"vertex_ai_project": "p-1", "vertex_ai_location": "eu"}, {"project": "p-1", "location": "eu"}),
        ({"vertex_project": "os.environ/SET_PROJECT", "vertex_location": "eu"}, {"project": "project-1", "location": "eu"}),
        ({"vertex_project": "p-1"}, {"project": "p-1", "location": "us-central1"}),
        ({"vertex_location": "eu"}, {"project": "of-the-file", "location": "eu"}),
    ],
)
def test_place_of_vertex(import_entry: Imports, params: dict[str, Any], options: dict[str, str]) -> None:
    import_entry("vertex_ai/gemini-2.5-pro", {**params, "vertex_credentials": json.dumps(FILE)})
    assert row()[3] == options


def test_place_of_vertex_is_where_litellm_looks_when_nothing_is_said(
    import_entry: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTEXAI_PROJECT", "p-2")
    monkeypatch.setenv("VERTEX_LOCATION", "europe-west4")
    output = import_entry("vertex_ai/claude-x", {})
    assert row()[3] == {"project": "p-2", "location": "europe-west4", "token_source": "metadata"}
    assert "the value of VERTEXAI_PROJECT is read now" in output.err


def test_gemini_3_is_at_no_single_region(import_entry: Imports) -> None:
    output = import_entry("vertex_ai/gemini-3-pro-preview", {"vertex_project": "p-1"})
    assert row()[3]["location"] == "global"
    assert "vertex_location is missing: it is 'global'" in output.err


@pytest.mark.parametrize("given", [FILE, json.dumps(FILE), json.dumps(FILE, indent=2)], ids=["table", "text", "lines"])
def test_service_account_in_the_file_is_stored_encrypted(import_entry: Imports, given: object) -> None:
    import_entry("vertex_ai/gemini-2.5-pro", {**AT, "vertex_credentials": given})
    assert json.loads(secret()) == FILE
    assert "canary" not in Credential.objects.get().secret.stored


@pytest.mark.parametrize(
    ("value", "variable", "where"),
    [
        (json.dumps(FILE), "GIVEN", "env::GIVEN"),
        ("/etc/sa.json", "GIVEN", "path_from_env::GIVEN"),
        ("", "SA_JSON", "env::SA_JSON"),
        ("", "SA_FILE", "path_from_env::SA_FILE"),
        ("", "GOOGLE_APPLICATION_CREDENTIALS", "path_from_env::GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_variable_holds_a_service_account_or_its_file(
    import_entry: Imports, monkeypatch: pytest.MonkeyPatch, value: str, variable: str, where: str
) -> None:
    if value:
        monkeypatch.setenv(variable, value)
    import_entry("vertex_ai/gemini-2.5-pro", {**AT, "vertex_credentials": f"os.environ/{variable}"})
    assert place() == where


def test_project_is_told_by_the_file_that_a_variable_names(
    import_entry: Imports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sa.json").write_text(json.dumps(FILE))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "sa.json"))
    import_entry("vertex_ai/claude-x", {"vertex_location": "eu"})
    assert (row()[3], place()) == (
        {"project": "of-the-file", "location": "eu"},
        "path_from_env::GOOGLE_APPLICATION_CREDENTIALS",
    )


def test_vertex_without_a_credential_has_that_of_the_machine(import_entry: Imports) -> None:
    output = import_entry("vertex_ai/gemini-2.5-pro", AT)
    assert (row()[3]["token_source"], place()) == ("metadata", "")
    assert "tokens are asked of the machine's metadata server" in output.err


def test_vertex_with_a_key_needs_no_project(import_entry: Imports) -> None:
    import_entry("vertex_ai/gemini-2.5-pro", {"api_key": "os.environ/NOT_SET"})
    assert (row()[3], place()) == ({}, "env::NOT_SET")


@pytest.mark.parametrize("given", ["<path to your file>", "${SA_FILE}", "{{ file }}"])
def test_credential_that_is_a_gap_is_to_be_entered(import_entry: Imports, given: str) -> None:
    output = import_entry("vertex_ai/gemini-2.5-pro", {**AT, "vertex_credentials": given})
    assert place().endswith("(to enter)") or "(to enter)" in Credential.objects.get().name
    assert "vertex_credentials: the credential is not imported" in output.err


@pytest.mark.parametrize(
    ("model", "params", "reason"),
    [
        ("vertex_ai/meta/llama-3.1-405b", AT, "models of 'meta' on Vertex AI are not served"),
        ("vertex_ai/mistral-large@2407", AT, "models of 'mistral' on Vertex AI are not served"),
        ("vertex_ai/openai/gpt-oss-120b", AT, "models of 'openai' on Vertex AI are not served"),
        ("vertex_ai/imagen-4", AT, "models of 'imagen' are not served"),
        ("gemini/veo-3", {}, "models of 'veo' are not served"),
        ("vertex_ai/agent_engine/1", AT, "agents of Vertex AI are not served"),
        ("vertex_ai/gemini-x", {"vertex_location": "eu"}, "vertex_project is missing, and the credential does not tell it"),
        ("vertex_ai/gemini-x", {"vertex_project": "os.environ/NOT_SET"}, "vertex_project: the environment variable NOT_SET"),
        ("vertex_ai/gemini-x", {"vertex_project": "your-project-id"}, "vertex_project is a placeholder"),
        (
            "bedrock_mantle/openai.gpt-oss-120b",
            {**IN, "aws_access_key_id": "a"},
            "need an api_key: requests to them are not signed",
        ),
        ("bedrock/agent/AGENT/ALIAS", IN, "agents of Bedrock are not served"),
        ("bedrock/async_invoke/twelvelabs.x", IN, "calls whose answer is put into S3 are not served"),
        ("bedrock/stability.sd3-5-large-v1:0", IN, "image_generation is not served for models of 'bedrock'"),
        ("anthropic/claude-embed", {}, "embedding is not served for models of 'anthropic'"),
        ("sagemaker/x", {}, "the provider 'sagemaker' is not available in this gateway"),
    ],
)
def test_what_cannot_be_served_is_left_out_with_the_reason(
    import_entry: Imports, model: str, params: dict[str, Any], reason: str
) -> None:
    output = import_entry(model, params)
    assert not ModelDefinition.objects.exists()
    (line,) = [line for line in output.err.splitlines() if line.startswith("left out: ")]
    assert reason in line


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


ARN = "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/abc"
PLAIN = "anthropic.claude-3-5-sonnet-20241022-v2:0"


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


AMBIENT = {"aws_access_key_id": "os.environ/AWS_ACCESS_KEY_ID", "aws_secret_access_key": "os.environ/AWS_SECRET_ACCESS_KEY"}
LITERAL = {"aws_access_key_id": "AKIACANARY0000000001", "aws_secret_access_key": "canary/secret"}


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


IN_OPTIONS = {"region": "us-east-1"}


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


@pytest.mark.parametrize(
    ("name", "model", "kind", "upstream"),
    [
        ("anthropic/*", "anthropic/*", "anthropic", "*"),
        ("gemini/*", "gemini/*", "gemini", "*"),
        ("ollama/*", "ollama_chat/*", "ollama", "*"),
        ("vertex_ai/*", "vertex_ai/*", "vertex_ai", "*"),
        ("vertex_ai/claude-*", "vertex_ai/claude-*", "vertex_anthropic", "claude-*"),
        ("bedrock/*", "bedrock/*", "bedrock", "*"),
        ("us.*", "bedrock/converse/us.anthropic.*", "bedrock", "us.anthropic.*"),
    ],
)
def test_pattern_can_do_what_its_host_can(import_entry: Imports, name: str, model: str, kind: str, upstream: str) -> None:
    import_entry(model, AT if model.startswith("vertex") else {}, name)
    assert row()[:2] == (kind, upstream)
    assert "chat" in ModelDefinition.objects.get().capabilities


@pytest.mark.parametrize(
    ("model", "capabilities"),
    [
        ("gemini/gemini-2.5-flash", ["chat"]),
        ("gemini/gemini-embedding-001", ["embedding"]),
        ("gemini/gemini-2.5-flash-image", ["chat", "image_generation"]),
        ("vertex_ai/text-embedding-005", ["embedding"]),
        ("ollama/nomic-embed-text", ["embedding"]),
        ("bedrock/amazon.titan-embed-text-v2:0", ["embedding"]),
        ("bedrock/cohere.rerank-v3-5:0", ["rerank"]),
        ("bedrock/amazon.nova-pro-v1:0", ["chat"]),
    ],
)
def test_capability_is_told_by_the_name(import_entry: Imports, model: str, capabilities: list[str]) -> None:
    import_entry(model, AT if model.startswith("vertex") else {})
    assert ModelDefinition.objects.get().capabilities == capabilities


def test_credential_list_gives_what_clouds_need(manage: Manage, write: Write) -> None:
    shared = {"vertex_credentials": json.dumps(FILE), "vertex_project": "os.environ/SET_PROJECT", "vertex_location": "eu"}
    params = {"model": "vertex_ai/gemini-2.5-pro", "litellm_credential_name": "team"}
    file = {
        "credential_list": [{"credential_name": "team", "credential_values": shared}],
        "model_list": [{"model_name": "m", "litellm_params": params}],
    }
    manage("import_config", write(json.dumps(file), "config.yaml"))
    assert row() == ("vertex_ai", "gemini-2.5-pro", "", {"project": "project-1", "location": "eu"})
    assert json.loads(secret()) == FILE


def test_key_beside_what_counts_before_it_is_named(import_entry: Imports) -> None:
    output = import_entry("vertex_ai/gemini-x", {**AT, "vertex_credentials": "/etc/sa.json", "api_key": "sk-canary-1"})
    assert "litellm_params.api_key: is not imported: vertex_credentials are" in output.err
    assert place() == "path::/etc/sa.json"


def test_what_is_beside_a_key_of_bedrock_is_named(import_entry: Imports) -> None:
    params = {**IN, **LITERAL, "aws_profile_name": "team", "api_key": "os.environ/NOT_SET"}
    output = import_entry(f"bedrock/{PLAIN}", params)
    assert "not imported: aws_access_key_id, aws_secret_access_key, aws_profile_name" in output.err
    assert (place(), row()[3]) == ("env::NOT_SET", IN_OPTIONS)


@pytest.mark.parametrize(
    ("model", "params", "error"),
    [
        ("vertex_ai/gemini-x", {"vertex_project": "os.environ/NOT_SET"}, "vertex_project: the environment variable NOT_SET"),
        ("vertex_ai/meta/llama", AT, "models of 'meta' on Vertex AI are not served"),
        ("bedrock/agent/A/B", IN, "agents of Bedrock are not served"),
        ("bedrock_mantle/openai.gpt-oss-120b", {**IN, **LITERAL}, "requests to them are not signed"),
    ],
)
def test_strict_import_refuses_what_cannot_be_served(
    manage: Manage, write: Write, model: str, params: dict[str, Any], error: str
) -> None:
    path = write(json.dumps({"model_list": [{"model_name": "m", "litellm_params": {"model": model, **params}}]}), "c.yaml")
    with pytest.raises(CommandError, match=error):
        manage("import_config", path, "--strict")
    assert not ModelDefinition.objects.exists()


def test_credential_that_is_elsewhere_is_to_be_entered_for_clouds_too(import_entry: Imports) -> None:
    import_entry("vertex_ai/gemini-2.5-pro", {**AT, "litellm_credential_name": "in-a-database"})
    assert Credential.objects.get().name == "in-a-database (to enter)"
