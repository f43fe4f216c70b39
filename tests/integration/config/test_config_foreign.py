"""Is of another program's file imported what can be, and the rest left out and named?"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from models_catalog import credentials
from models_catalog.compiler import compile_snapshot
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider, Route
from models_catalog.publish import current_version
from providers.types import Secret
from tests.integration.config.conftest import DATA, Manage, Output, Write

PROXY = str(DATA / "litellm_proxy.yaml")
VARIABLES = ("FOREIGN_GROQ_KEY", "FOREIGN_OPENAI_KEY", "FOREIGN_BASE", "FOREIGN_ORG", "OPENAI_API_KEY", "AZURE_API_KEY")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def imported(manage: Manage) -> Output:
    return manage("import_config", PROXY)


def entry(model: str, name: str = "m", **params: str) -> str:
    more = "".join(f", {key}: {value!r}" for key, value in params.items())
    return f"- {{model_name: {name!r}, litellm_params: {{model: {model!r}{more}}}}}\n"


def listed(*entries: str, **sections: str) -> str:
    return "model_list:\n" + "".join(entries) + "".join(f"{name}: {text}\n" for name, text in sections.items())


def problems(where: str) -> list[str]:
    return [problem.message for problem in compile_snapshot().problems if problem.where == where]


def routes(model: str) -> list[tuple[str, str]]:
    rows = Route.objects.filter(model__name=model).order_by("position").select_related("provider")
    return [(row.provider.type, row.upstream_model) for row in rows]


def fallbacks(model: str) -> list[str]:
    return list(ModelDefinition.objects.get(name=model).fallbacks.values_list("fallback__name", flat=True))


def test_what_can_be_served_is_imported_and_counted(imported: Output) -> None:
    assert set(ModelDefinition.objects.values_list("name", flat=True)) == {
        *("fast", "with spaces/模型", "placeholder", "spaced", "elsewhere", "azure", "shared", "openai/*"),
        *("gpt-4", "hidden-one", "by-pattern"),
    }
    assert imported.err.splitlines()[-1].startswith("11 models, 8 left out, ")


def test_each_entry_that_is_left_out_is_named_once_with_its_reason(imported: Output) -> None:
    found = [line for line in imported.err.splitlines() if line.startswith("left out: ")]
    assert found == [
        "left out: model_list[13]: must be a table, not a string",
        "left out: model_list[2]: claude: the provider 'sagemaker' is not available in this gateway",
        "left out: model_list[3]: fast: vertex_project: the environment variable SOME_PROJECT is not set",
        "left out: model_list[12]: a/*/b: a * is only allowed at the end of a name",
        "left out: model_list[14]: model_name is missing",
        "left out: model_list[15]: nothing: litellm_params is missing",
        "left out: router_settings.model_group_alias.lost: lost: unknown model 'nowhere': it is not in model_list; "
        "did you mean 'elsewhere'?",
        "left out: model_list[9].litellm_params: broken: The URL contains a character that must be percent-encoded "
        "(host names: punycode).",
    ]
    assert "SOME_REGION" not in imported.err


def test_nothing_secret_is_said_or_stored(imported: Output, manage: Manage) -> None:
    assert "canary" not in imported.out + imported.err + manage("export_config").out
    assert not ClientKey.objects.exists()


def test_second_import_changes_nothing(imported: Output, manage: Manage) -> None:
    assert manage("import_config", PROXY).lines == ["nothing to change"]


def test_strict_import_refuses_all_of_it(manage: Manage) -> None:
    with pytest.raises(CommandError, match="nothing was imported"):
        manage("import_config", PROXY, "--strict")
    assert current_version() == 0


def test_dry_run_writes_nothing_and_fails_for_no_variable(manage: Manage) -> None:
    output = manage("import_config", PROXY, "--dry-run")
    assert output.lines[-1].endswith("changes to make; nothing was written (--dry-run)")
    assert current_version() == 0


def test_numbers_in_quotes_and_merged_tables_are_read(imported: Output) -> None:
    fast, spaced = ModelDefinition.objects.get(name="fast"), ModelDefinition.objects.get(name="with spaces/模型")
    assert (fast.total_timeout_s, fast.num_retries) == (45.0, 1)
    assert (spaced.context_length, spaced.input_price) == (32768, Decimal(1))
    assert routes("fast") == [("groq", "llama-3.3-70b-versatile"), ("together", "meta-llama/Llama-3.3-70B")]
    assert "usage-based-routing-v2 is imported as least_busy, which is the nearest" in imported.err


@pytest.mark.parametrize(
    ("model", "credential"),
    [
        ("placeholder", "FOREIGN_OPENAI_KEY (to enter)"),
        ("spaced", "mistral key (to enter)"),
        ("shared", "in-a-database (to enter)"),
    ],
)
def test_key_that_is_none_is_not_stored_and_its_model_waits_for_one(
    imported: Output, manage: Manage, model: str, credential: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREIGN_OPENAI_KEY", "sk-set-in-the-environment")
    row = Credential.objects.get(name=credential)
    assert (row.source, bool(row.secret)) == ("stored", False)
    assert problems(f"credential {credential}") == ["Unusable: no secret is stored."]
    assert problems(f"model {model}") == ["Not served: no usable route."]
    row.set_secret(Secret("sk-entered-by-hand"))
    row.save()
    assert problems(f"model {model}") == []
    assert manage("import_config", PROXY).lines == ["nothing to change"]
    assert credentials.reveal(Credential.objects.get(name=credential)).reveal() == "sk-entered-by-hand"


def test_address_in_a_variable_that_is_not_set_keeps_its_model_out_of_service_until_it_is(
    imported: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider.objects.get(api_base="env::FOREIGN_BASE")
    assert problems(f"provider {provider.name}") == ["Skipped: api_base: the environment variable FOREIGN_BASE is not set."]
    monkeypatch.setenv("FOREIGN_BASE", "canary-password@host")
    (problem,) = problems(f"provider {provider.name}")
    assert "FOREIGN_BASE does not contain a valid address" in problem
    assert "canary" not in problem
    monkeypatch.setenv("FOREIGN_BASE", "http://127.0.0.1:9/v1")
    assert problems("model elsewhere") == []
    assert provider.headers() == {}
    assert "organization: the environment variable FOREIGN_ORG is not set; the value is skipped" in imported.err


def test_target_uri_is_taken_apart(imported: Output) -> None:
    azure = Provider.objects.get(type="azure_openai")
    assert azure.api_base == "https://res.openai.azure.com/openai"
    assert azure.options == {"deployment_id": "eu-4o", "api_version": "2025-01-01-preview"}


def test_fallbacks_may_run_in_a_circle_and_lose_only_what_is_not_there(imported: Output) -> None:
    assert (fallbacks("fast"), fallbacks("azure")) == (["azure"], ["fast"])
    assert "'claude' is not a valid fallback: no such model is imported" in imported.err


def test_alias_has_the_routes_of_its_model(imported: Output) -> None:
    assert routes("gpt-4") == routes("azure") == [("azure_openai", "gpt-4o")]
    assert routes("hidden-one") == routes("fast")
    assert routes("by-pattern") == [("openai", "gpt-4o-mini")]
    assert "model_group_alias.fast: is not imported: there is a model of this name" in imported.err


def test_pattern_can_do_what_its_provider_can(imported: Output) -> None:
    row = ModelDefinition.objects.get(name="openai/*")
    assert {"chat", "embedding", "text_to_speech", "responses"} <= set(row.capabilities)
    assert routes("openai/*") == [("openai", "*")]


def test_prune_keeps_the_models_whose_entries_are_left_out(imported: Output, manage: Manage, write: Write) -> None:
    manage("import_config", write('[models.claude]\nrouting = ["d"]\nproviders.d.type = "dummy"\n'))
    manage("import_config", PROXY, "--prune")
    assert ModelDefinition.objects.filter(name="claude").exists()


def test_fallback_in_the_catalog_is_kept_unless_it_is_pruned(manage: Manage, write: Write) -> None:
    manage("import_config", write('[models.old]\nrouting = ["d"]\nproviders.d.type = "dummy"\n'))
    path = write(listed(entry("groq/x"), router_settings="{fallbacks: [{m: [old]}]}"), "config.yaml")
    manage("import_config", path)
    assert fallbacks("m") == ["old"]
    assert "'old' is not a valid fallback" in manage("import_config", path, "--prune").err
    assert fallbacks("m") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# model_list:\n",
        "model_list: []",
        "model_list:\nrouter_settings:\nlitellm_settings:\ngeneral_settings:\n",
        "general_settings: {master_key: sk-1}",
        "model_list: {}",
        "router_settings: [1]",
        "\ufeffmodel_list: []",
        "model_list: []\nmodel_list: []",
    ],
)
def test_file_without_models_is_no_error(manage: Manage, write: Write, text: str) -> None:
    output = manage("import_config", write(text, "config.yaml"))
    assert output.lines == ["nothing to change"]
    assert "0 models, 0 left out, " in output.err


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("model_list: [", "not valid YAML at line 1"),
        ("model_list:\n\t- x: 1", "not valid YAML at line 2"),
        ("- model_name: x", "must be a table, not a list"),
        ("a: *b", "not valid YAML at line 1"),
    ],
)
def test_file_that_is_no_yaml_is_an_error_with_its_line(manage: Manage, write: Write, text: str, error: str) -> None:
    with pytest.raises(CommandError, match=error):
        manage("import_config", write(text, "config.yaml"))


@pytest.mark.parametrize(
    ("model", "params", "found"),
    [
        ("github/gpt-4o", {}, ("openai_compatible", "https://models.inference.ai.azure.com", "gpt-4o", "GITHUB_API_KEY")),
        ("moonshot/kimi-k2", {}, ("openai_compatible", "https://api.moonshot.ai/v1", "kimi-k2", "MOONSHOT_API_KEY")),
        (
            "moonshot/kimi-k2",
            {"api_base": "https://h.example/v1"},
            ("openai_compatible", "https://h.example/v1", "kimi-k2", None),
        ),
        (
            "huggingface/together/meta/llama",
            {},
            ("openai_compatible", "https://router.huggingface.co/v1", "meta/llama:together", "HUGGINGFACE_API_KEY"),
        ),
        ("litellm_proxy/x", {}, ("openai_compatible", "env::LITELLM_PROXY_API_BASE", "x", "LITELLM_PROXY_API_KEY")),
        ("azure/x", {}, ("azure_openai", "env::AZURE_API_BASE", "x", "AZURE_API_KEY")),
        ("azure/o_series/x", {}, ("azure_openai", "env::AZURE_API_BASE", "x", "AZURE_API_KEY")),
        (
            "azure_ai/m",
            {"api_base": "https://r.services.ai.azure.com/models"},
            ("azure_openai", "https://r.services.ai.azure.com/openai/v1", "m", "AZURE_AI_API_KEY"),
        ),
        (
            "azure_ai/m",
            {"api_base": "https://m.eastus.models.ai.azure.com/v1"},
            ("openai_compatible", "https://m.eastus.models.ai.azure.com/v1", "m", None),
        ),
        ("openai/responses/gpt-5", {}, ("openai", "", "gpt-5", "OPENAI_API_KEY")),
        ("text-completion-openai/davinci", {}, ("openai", "", "davinci", "OPENAI_API_KEY")),
        ("ft:gpt-4o-mini:org::id", {}, ("openai", "", "ft:gpt-4o-mini:org::id", "OPENAI_API_KEY")),
        (
            "groq/x",
            {"api_base": "https://h.example/v1/chat/completions?x=1"},
            ("groq", "https://h.example/v1?x=1", "x", "GROQ_API_KEY"),
        ),
    ],
)
def test_provider_of_an_entry(
    manage: Manage, write: Write, model: str, params: dict[str, str], found: tuple[str, str, str, str | None]
) -> None:
    manage("import_config", write(listed(entry(model, **params)), "config.yaml"))
    route = Route.objects.select_related("provider__credential").get()
    credential = route.provider.credential
    assert found == (
        route.provider.type,
        route.provider.api_base,
        route.upstream_model,
        credential.location if credential else None,
    )


@pytest.mark.parametrize(
    "key", ["<your-key>", "sk-...", "your-api-key", "changeme", "{{ key }}", "$KEY", "os.environ/A B", "clé"]
)
def test_placeholder_is_never_stored_as_a_key(manage: Manage, write: Write, key: str) -> None:
    output = manage("import_config", write(listed(entry("openai/x", api_key=key)), "config.yaml"))
    assert not any(Credential.objects.values_list("secret", flat=True))
    assert problems("model m") == ["Not served: no usable route."]
    assert "model_list[0].litellm_params.api_key: the key is not imported" in output.err


@pytest.mark.parametrize("key", ["none", "dummy", "sk-1234", "EMPTY", "not-needed", "anything"])
def test_key_of_a_server_that_takes_any_is_stored(manage: Manage, write: Write, key: str) -> None:
    manage("import_config", write(listed(entry("openai/x", api_key=key)), "config.yaml"))
    assert credentials.reveal(Credential.objects.get()).reveal() == key


def test_included_files_of_the_same_folder_are_read_once(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "top.yaml").write_text(
        "include: [a.yaml, more/b.yaml, gone.yaml, ../other.yaml, /etc/passwd]\n" + listed(entry("groq/t", "t"))
    )
    (tmp_path / "a.yaml").write_text("include: top.yaml\n" + listed(entry("groq/a", "a"), router_settings="{num_retries: 5}"))
    (tmp_path / "more" / "b.yaml").write_text(listed(entry("nobody/b", "left"), entry("groq/b", "b")))
    output = manage("import_config", str(tmp_path / "top.yaml"))
    assert set(ModelDefinition.objects.values_list("name", "num_retries")) == {("t", 5), ("a", 5), ("b", 5)}
    for line in (
        "left out: include[2]: gone.yaml: it cannot be read: No such file or directory",
        "left out: include[3]: ../other.yaml: only files in the folder of top.yaml and below it are included",
        "left out: include[4]: /etc/passwd: only files in the folder of top.yaml and below it are included",
        'left out: "more/b.yaml".model_list[0]: left: the provider',
        'warning: "a.yaml".include[0]: top.yaml is included already',
    ):
        assert line in output.err


def test_included_file_that_is_no_yaml_is_an_error_that_names_it(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "top.yaml").write_text("include: [a.yaml]\n")
    (tmp_path / "a.yaml").write_text("model_list: [")
    with pytest.raises(CommandError, match=r"\"a\.yaml\": not valid YAML at line 1"):
        manage("import_config", str(tmp_path / "top.yaml"))


def test_link_out_of_the_folder_is_not_followed(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text(listed(entry("groq/s", "s")))
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "in" / "top.yaml").write_text("include: [link.yaml]\n")
    assert "left out: include[0]: link.yaml: only files" in manage("import_config", str(tmp_path / "in" / "top.yaml")).err
    assert not ModelDefinition.objects.exists()
