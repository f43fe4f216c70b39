"""Does a LiteLLM configuration give the catalog that serves the same?"""

from __future__ import annotations

from decimal import Decimal

import pytest

from models_catalog import credentials
from models_catalog.keys import hash_key
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider, Route
from models_catalog.secrets.fields import EncryptedText, plain_headers
from tests.integration.config.conftest import DATA, Manage, Output, Write

LITERAL = "sk-canary-litellm-literal-key"


@pytest.fixture(autouse=True)
def speech_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_BASE", "http://127.0.0.1:9000/v1")


@pytest.fixture
def imported(manage: Manage) -> Output:
    return manage("import_config", str(DATA / "litellm.yaml"))


def model(name: str) -> ModelDefinition:
    return ModelDefinition.objects.get(name=name)


def test_entries_of_one_name_become_routes_in_order(imported: Output) -> None:
    rows = Route.objects.filter(model__name="gpt-4o").order_by("position").select_related("provider")
    assert [(row.name, row.provider.type, row.upstream_model, row.shares, row.rpm) for row in rows] == [
        ("azure_openai", "azure_openai", "gpt-4o-eu", False, 6),
        ("openai", "openai", "gpt-4o", True, None),
    ]
    assert model("gpt-4o").strategy == "weighted"


def test_parameters_of_an_entry_become_its_provider(imported: Output) -> None:
    azure, openai = Provider.objects.get(name="azure_openai"), Provider.objects.get(name="openai")
    assert (azure.api_base, azure.options) == ("https://example-eu.openai.azure.com/", {"api_version": "2024-10-21"})
    assert azure.credential is not None
    assert (azure.credential.source, azure.credential.location) == ("env", "AZURE_API_KEY_EU")
    assert plain_headers(openai.headers()) == {"x-team": "search", "OpenAI-Organization": "org-123"}
    assert openai.extra_body == {"user": None}
    assert Provider.objects.get(name="ollama").api_base == "http://127.0.0.1:11434/v1"
    assert Provider.objects.get(name="vllm").api_base == "http://127.0.0.1:9000/v1"


def test_model_info_and_settings_become_the_models(imported: Output) -> None:
    large, small = model("gpt-4o"), model("small")
    assert (large.input_price, large.output_price) == (Decimal("2.5"), Decimal(10))
    assert (large.context_length, small.context_length) == (128_000, None)
    assert (large.num_retries, large.total_timeout_s, large.first_byte_timeout_s) == (3, 300.0, 60.0)
    assert (small.num_retries, small.total_timeout_s, small.first_byte_timeout_s) == (5, 120.0, None)
    assert [row.fallback.name for row in large.fallbacks.all()] == ["small"]
    assert model("vectors").capabilities == ["embedding"]
    assert model("speech").capabilities == ["audio_transcription"]


def test_literal_key_is_stored_encrypted_once_and_never_shown(imported: Output, manage: Manage) -> None:
    stored = Credential.objects.get(source="stored")
    assert credentials.reveal(stored).reveal() == LITERAL
    assert set(stored.providers.values_list("name", flat=True)) == {"openai"}
    shown = imported.out + imported.err + manage("export_config").out + manage("show_catalog", "--json").out
    assert "canary" not in shown


def test_named_credential_gives_its_key_to_the_entry(imported: Output) -> None:
    credential = Provider.objects.get(name="together").credential
    assert credential is not None
    assert credential.location == "TOGETHERAI_API_KEY"


def test_master_key_becomes_a_client_key_for_all_models(imported: Output) -> None:
    key = ClientKey.objects.get(key_hash=hash_key("sk-canary-master-key-1234"))
    assert key.all_models


def test_what_is_not_imported_is_named_with_its_place(imported: Output) -> None:
    for line in (
        "model_list[0].model_info: not imported: base_model",
        "model_list[1].litellm_params: not imported: temperature",
        "litellm_settings.drop_params: is not imported: not part of the catalog",
        "general_settings.database_url: is not imported: not part of the catalog",
        "environment_variables: is not imported: not part of the catalog",
    ):
        assert f"warning: {line}" in imported.err


def test_second_import_changes_nothing(imported: Output, manage: Manage) -> None:
    assert manage("import_config", str(DATA / "litellm.yaml")).lines == ["nothing to change"]


def test_prune_keeps_the_client_keys_of_the_gateway(imported: Output, manage: Manage) -> None:
    manage("create_api_key", "mine")
    manage("import_config", str(DATA / "litellm.yaml"), "--prune")
    assert ClientKey.objects.count() == 2


def test_changed_literal_key_replaces_the_stored_one(manage: Manage, write: Write) -> None:
    text = "model_list:\n" + "".join(
        f"- {{model_name: m{number}, litellm_params: {{model: openai/x, api_key: {{key}}}}}}\n" for number in range(2)
    )
    manage("import_config", write(text.replace("{key}", "sk-canary-old-key"), "config.yaml"))
    output = manage("import_config", write(text.replace("{key}", "sk-canary-new-key"), "config.yaml"))
    assert output.lines == ["~ credential openai: secret *** → ***", "1 change made"]
    assert credentials.reveal(Credential.objects.get()).reveal() == "sk-canary-new-key"
    assert "canary" not in output.out + output.err


def test_changed_literal_key_leaves_a_provider_that_keeps_the_old_one_alone(manage: Manage, write: Write) -> None:
    text = """
model_list:
- {model_name: a, litellm_params: {model: openai/x, api_key: sk-canary-old-key}}
- {model_name: b, litellm_params: {model: openai/x, api_key: sk-canary-old-key, api_base: "https://b.example/v1"}}
"""
    manage("import_config", write(text, "config.yaml"))
    assert Credential.objects.count() == 1
    manage("import_config", write(text.replace("old-key}", "new-key}"), "config.yaml"))
    found = {row.name: credentials.reveal(row.credential).reveal() for row in Provider.objects.all() if row.credential}
    assert found == {"openai": "sk-canary-new-key", "openai-2": "sk-canary-old-key"}


def test_stored_key_that_does_not_decrypt_is_replaced(manage: Manage, write: Write) -> None:
    path = write("model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: sk-canary-key}}]", "config.yaml")
    manage("import_config", path)
    Credential.objects.update(secret=EncryptedText("v1.00000000." + "A" * 60))
    manage("import_config", path)
    assert credentials.reveal(Credential.objects.get()).reveal() == "sk-canary-key"


def test_keys_that_differ_make_two_providers(manage: Manage, write: Write) -> None:
    entry = "- {{model_name: {0}, litellm_params: {{model: openai/x, api_key: sk-canary-{0}}}}}\n"
    path = write("model_list:\n" + entry.format("a") + entry.format("b"), "config.yaml")
    manage("import_config", path)
    assert {row.name: credentials.reveal(row).reveal() for row in Credential.objects.all()} == {
        "openai": "sk-canary-a",
        "openai-2": "sk-canary-b",
    }
    assert {row.model.name: row.provider.name for row in Route.objects.all()} == {"a": "openai", "b": "openai-2"}
    assert manage("import_config", path).lines == ["nothing to change"]


@pytest.mark.parametrize(
    ("model_name", "provider", "upstream", "capability"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o", "chat"),
        ("gpt-4o", "openai", "gpt-4o", "chat"),
        ("o3-mini", "openai", "o3-mini", "chat"),
        ("text-embedding-3-small", "openai", "text-embedding-3-small", "embedding"),
        ("openai/tts-1", "openai", "tts-1", "text_to_speech"),
        ("dall-e-3", "openai", "dall-e-3", "image_generation"),
        ("together_ai/meta-llama/Llama-3-70b", "together", "meta-llama/Llama-3-70b", "chat"),
        ("fireworks_ai/accounts/fireworks/models/x", "fireworks", "accounts/fireworks/models/x", "chat"),
        ("nvidia_nim/meta/llama3", "nvidia", "meta/llama3", "chat"),
        ("jina_ai/jina-reranker-v2-base-multilingual", "jina", "jina-reranker-v2-base-multilingual", "rerank"),
        ("voyage/voyage-4-embed", "voyage", "voyage-4-embed", "embedding"),
        ("cohere_chat/command-a-03-2025", "cohere", "command-a-03-2025", "chat"),
        ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o", "chat"),
        ("groq/llama3-8b", "groq", "llama3-8b", "chat"),
        ("ollama_chat/llama3", "ollama", "llama3", "chat"),
    ],
)
def test_model_parameter_names_provider_and_upstream_model(
    manage: Manage, write: Write, model_name: str, provider: str, upstream: str, capability: str
) -> None:
    manage("import_config", write(f"model_list: [{{model_name: m, litellm_params: {{model: {model_name}}}}}]", "c.yml"))
    route = Route.objects.select_related("provider", "model").get()
    assert (route.provider.type, route.upstream_model, route.model.capabilities) == (provider, upstream, [capability])


def test_absent_key_means_the_variable_that_litellm_reads(manage: Manage, write: Write) -> None:
    text = (
        "model_list: [{model_name: a, litellm_params: {model: together_ai/x}}, {model_name: b, litellm_params: {model: xai/x}}]"
    )
    manage("import_config", write(text, "config.yaml"))
    assert set(Credential.objects.values_list("location", flat=True)) == {"TOGETHERAI_API_KEY", "XAI_API_KEY"}


def test_order_of_an_entry_counts_before_its_place(manage: Manage, write: Write) -> None:
    text = """
model_list:
- {model_name: m, litellm_params: {model: openai/second, order: 2}}
- {model_name: m, litellm_params: {model: openai/first, order: 1}}
- {model_name: m, litellm_params: {model: openai/last}}
"""
    manage("import_config", write(text, "config.yaml"))
    assert list(Route.objects.order_by("position").values_list("name", "upstream_model")) == [
        ("openai", "first"),
        ("openai-2", "second"),
        ("openai-3", "last"),
    ]


def test_entries_that_differ_in_a_time_out_get_the_largest_with_a_warning(manage: Manage, write: Write) -> None:
    entry = "- {{model_name: m, litellm_params: {{model: openai/x, timeout: {0}}}}}\n"
    output = manage("import_config", write("model_list:\n" + entry.format("30") + entry.format('"90.5"'), "config.yaml"))
    assert model("m").total_timeout_s == 90.5
    assert "model_list[0], model_list[1]: these routes of one model differ in timeout" in output.err


def test_default_fallbacks_serve_every_model_but_themselves(manage: Manage, write: Write) -> None:
    entry = "- {{model_name: {0}, litellm_params: {{model: openai/x}}}}\n"
    text = "model_list:\n" + "".join(map(entry.format, "abc")) + "litellm_settings: {default_fallbacks: [b, c]}\n"
    manage("import_config", write(text, "config.yaml"))
    found = {row.name: [entry.fallback.name for entry in row.fallbacks.all()] for row in ModelDefinition.objects.all()}
    assert found == {"a": ["b", "c"], "b": [], "c": []}


@pytest.mark.parametrize(
    ("key", "warning"),
    [
        ("sk-1234", "general_settings.master_key: is not imported: a client key has at least 20 characters"),
        (
            "os.environ/NOT_SET_ANYWHERE",
            "general_settings.master_key: is not imported: the environment variable NOT_SET_ANYWHERE is",
        ),
    ],
)
def test_master_key_that_cannot_be_a_client_key_is_reported(manage: Manage, write: Write, key: str, warning: str) -> None:
    text = f"model_list: [{{model_name: m, litellm_params: {{model: openai/x}}}}]\ngeneral_settings: {{master_key: {key}}}\n"
    assert warning in manage("import_config", write(text, "config.yaml")).err
    assert not ClientKey.objects.exists()


def test_format_of_a_file_without_telling_extension_is_found_by_content(manage: Manage, write: Write) -> None:
    manage("import_config", write("model_list: [{model_name: m, litellm_params: {model: openai/x}}]", "config"))
    assert ModelDefinition.objects.filter(name="m").exists()
