"""Are models of Anthropic, Google and Ollama in LiteLLM's files imported with their place, and with who calls them?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog.models import Credential, ModelDefinition, Provider
from tests.integration.config.conftest import Manage, Write
from tests.integration.config.entries import AT, FILE, IN, Imports, place, row, secret, set_variables


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch)


@pytest.fixture
def import_entry(manage: Manage, write: Write) -> Imports:
    return Imports(manage, write)


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


@pytest.mark.parametrize(
    ("model", "params", "error"),
    [
        ("vertex_ai/gemini-x", {"vertex_project": "os.environ/NOT_SET"}, "vertex_project: the environment variable NOT_SET"),
        ("vertex_ai/meta/llama", AT, "models of 'meta' on Vertex AI are not served"),
        ("bedrock/agent/A/B", IN, "agents of Bedrock are not served"),
        (
            "bedrock_mantle/openai.gpt-oss-120b",
            {**IN, "aws_access_key_id": "AKIACANARY0000000001"},
            "requests to them are not signed",
        ),
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
