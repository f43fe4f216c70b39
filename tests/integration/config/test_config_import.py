"""Does an import bring the catalog to what the file says, once, and nothing else?"""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog.keys import hash_key
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider, Route
from models_catalog.publish import current_version
from models_catalog.secrets.fields import plain_headers
from tests.integration.config.conftest import DATA, Manage, Write

ONE = """
[models.one]
routing = ["dummy"]
[models.one.providers.dummy]
type = "dummy"
"""


def routes(model: str) -> list[tuple[str, str, str]]:
    rows = Route.objects.filter(model__name=model).order_by("position")
    return [(row.name, row.provider.name, row.upstream_model) for row in rows]


def columns(model: str) -> Any:
    return ModelDefinition.objects.filter(name=model).values().get()


def test_import_of_unified_models_stores_each_with_its_routes_in_order(manage: Manage) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    assert routes("gpt-4") == [
        ("primary_provider", "primary_provider", "gpt-4"),
        ("fallback_provider", "fallback_provider", "gpt-4-eu"),
    ]
    assert columns("whisper-1")["capabilities"] == ["audio_transcription", "audio_translation"]
    azure = Provider.objects.get(name="fallback_provider")
    assert (azure.type, azure.api_base, azure.options) == ("azure_openai", "https://example.openai.azure.com/", {})
    assert azure.credential is not None
    assert (azure.credential.name, azure.credential.source) == ("AZURE_OPENAI_API_KEY", "env")


def test_equal_provider_blocks_when_imported_share_one_row(manage: Manage) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    shared = Provider.objects.get(name="openai")
    assert set(shared.routes.values_list("model__name", flat=True)) == {
        "text-embedding-ada-002",
        "omni-moderation-latest",
        "whisper-1",
        "o1-responses",
    }
    assert shared.credential is not None
    assert shared.credential.location == "OPENAI_API_KEY"
    assert Credential.objects.filter(location="OPENAI_API_KEY").count() == 1


def test_import_of_tensorzero_configuration_keeps_what_belongs_to_a_catalog(manage: Manage) -> None:
    output = manage("import_config", str(DATA / "tensorzero.toml"))
    model = columns("gpt")
    assert model["capabilities"] == ["chat", "completion", "realtime"]
    assert (model["num_retries"], model["max_retry_delay_s"]) == (3, 4.5)
    assert (model["input_price"], model["output_price"]) == (Decimal("0.5"), Decimal("1.5"))
    assert list(ModelDefinition.objects.get(name="gpt").fallbacks.values_list("fallback__name", flat=True)) == ["spare"]
    vllm = Provider.objects.get(name="vllm")
    assert (vllm.credential, plain_headers(vllm.headers()), vllm.extra_body) == (None, {"x-team": "search"}, {"top_k": 40})
    assert columns("vectors")["capabilities"] == ["embedding"]
    assert columns("spare")["num_retries"] == 0
    warned = [line.removeprefix("warning: ").split(":")[0] for line in output.err.splitlines()]
    assert warned[:5] == [
        "models.gpt.rate_limits",
        "embedding_models.vectors.providers.together.parse_think_blocks",
        "functions",
        "gateway",
        "metrics",
    ]


def test_import_of_static_client_key_stores_its_hash_and_its_models(manage: Manage) -> None:
    output = manage("import_config", str(DATA / "tensorzero.toml"))
    key = ClientKey.objects.get(key_hash=hash_key("sk-CanaryStaticKey_123456"))
    assert not key.all_models
    assert [model.name for model in key.allowed_models.all()] == ["gpt"]
    assert "CanaryStatic" not in output.out + output.err


def test_import_of_every_field_stores_every_value(manage: Manage) -> None:
    manage("import_config", str(DATA / "every_field.toml"))
    model = columns("team/large: v2")
    assert (model["connect_timeout_s"], model["first_byte_timeout_s"], model["idle_timeout_s"], model["total_timeout_s"]) == (
        1.0,
        20.5,
        15.0,
        300.0,
    )
    assert (model["input_price"], model["output_price"]) == (Decimal("2.5"), Decimal(10))
    assert model["context_length"] == 128000
    assert model["metadata"] == {"owner": "search", "context length": 128000}
    assert routes("team/large: v2") == [
        ("first", "shared", "large"),
        ("second", "spare", "team/large: v2"),
        ("azure", "azure", "gpt-4o"),
    ]
    assert list(Route.objects.filter(enabled=False).values_list("name", flat=True)) == ["second"]
    shared, spare, azure = (Provider.objects.get(name=name) for name in ("shared", "spare", "azure"))
    assert shared.extra_body == {"user": None}
    assert shared.credential is not None
    assert (shared.credential.source, shared.credential.location) == ("path", "/run/secrets/llm")
    assert not spare.enabled
    assert azure.options == {"api_version": "2024-10-21", "deployment_id": "large-eu"}


@pytest.mark.parametrize("file", ["unified.toml", "tensorzero.toml", "every_field.toml"])
def test_second_import_of_the_same_file_changes_nothing(manage: Manage, file: str) -> None:
    manage("import_config", str(DATA / file))
    version = current_version()
    assert manage("import_config", str(DATA / file)).lines == ["nothing to change"]
    assert current_version() == version


def test_import_when_settings_differ_shows_old_and_new_value(manage: Manage, write: Write) -> None:
    manage("import_config", write(ONE))
    output = manage("import_config", write(ONE.replace("routing", "retry_config = {num_retries = 2}\nrouting")))
    assert output.lines == ["~ model one: num_retries 0 → 2", "1 change made"]


def test_dry_run_shows_the_changes_and_writes_nothing(manage: Manage, write: Write) -> None:
    output = manage("import_config", write(ONE), "--dry-run")
    assert output.lines == [
        "+ provider dummy: type dummy",
        "+ model one: capabilities [chat], routing [dummy]",
        "+ route one / dummy: provider dummy, model_name one",
        "3 changes to make; nothing was written (--dry-run)",
    ]
    assert not Provider.objects.exists()
    assert current_version() == 0


def test_import_without_prune_keeps_other_models_and_makes_routes_the_files(manage: Manage, write: Write) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    manage("import_config", write('[models."gpt-4"]\nrouting = ["xai"]\nproviders.xai.type = "xai"\n'))
    assert routes("gpt-4") == [("xai", "xai", "gpt-4")]
    assert routes("flux-schnell") == [("together", "together", "black-forest-labs/FLUX.1-schnell")]
    assert Provider.objects.filter(name="primary_provider").exists()


def test_import_when_routes_change_their_order_stores_the_new_order(manage: Manage, write: Write) -> None:
    text = '[models.one]\nrouting = ["{}", "{}"]\nproviders.a.type = "dummy"\nproviders.b.type = "dummy"\n'
    manage("import_config", write(text.format("a", "b")))
    output = manage("import_config", write(text.format("b", "a")))
    assert output.lines == ["~ model one: routing [a, b] → [b, a]", "1 change made"]
    assert [name for name, _, _ in routes("one")] == ["b", "a"]


def test_prune_removes_models_and_what_only_they_used(manage: Manage, write: Write) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    Credential.objects.create(name="never used", source="env", location="NEVER_USED")
    Provider.objects.create(name="never used", type="dummy")
    output = manage("import_config", write(ONE), "--prune")
    assert list(ModelDefinition.objects.values_list("name", flat=True)) == ["one"]
    assert set(Provider.objects.values_list("name", flat=True)) == {"dummy", "never used"}
    assert set(Credential.objects.values_list("name", flat=True)) == {"never used"}
    assert "- model gpt-4" in output.lines
    assert "- route gpt-4 / primary_provider" not in output.lines
    assert manage("import_config", write(ONE), "--prune").lines == ["nothing to change"]


def test_prune_removes_client_keys_only_when_the_file_lists_keys(manage: Manage, write: Write) -> None:
    manage("create_api_key", "mine")
    manage("import_config", write(ONE), "--prune")
    assert ClientKey.objects.count() == 1
    listed = ONE + '[api_keys."sk-CanaryStaticKey_123456".one]\nendpoint_id = "one"\n'
    output = manage("import_config", write(listed), "--prune")
    assert output.lines == ["+ client key imported …3456: models [one]", "- client key mine", "2 changes made"]
    assert [key.name for key in ClientKey.objects.all()] == ["imported …3456"]


def test_prune_of_a_model_takes_it_from_the_keys(manage: Manage, write: Write) -> None:
    manage("import_config", write(ONE + ONE.replace("one", "two")))
    manage("create_api_key", "mine", "--models", "one,two")
    output = manage("import_config", write(ONE), "--prune")
    assert "~ client key mine: models [one, two] → [one]" in output.lines
    assert [model.name for model in ClientKey.objects.get().allowed_models.all()] == ["one"]


def test_import_of_a_key_leaves_what_files_do_not_say_of_it(manage: Manage, write: Write) -> None:
    key = json.loads(manage("create_api_key", "mine", "--record-bodies", "--json").out)["key"]
    manage("import_config", write(ONE + f'[api_keys."{key}".one]\n'))
    row = ClientKey.objects.get()
    assert (row.name, row.all_models, row.record_bodies) == ("mine", False, True)


def test_import_of_a_revoked_key_does_not_bring_it_back(manage: Manage, write: Write) -> None:
    listed = write(ONE + '[api_keys."sk-CanaryStaticKey_123456".one]\n')
    manage("import_config", listed)
    manage("revoke_api_key", str(ClientKey.objects.get().pk))
    output = manage("import_config", listed)
    assert output.lines == ["nothing to change"]
    assert "stays that way" in output.err
    assert not ClientKey.objects.get().enabled


def test_import_warns_of_what_the_gateway_cannot_serve(manage: Manage) -> None:
    output = manage("import_config", str(DATA / "unified.toml"))
    assert "warning: credential XAI_API_KEY: Unusable: the environment variable XAI_API_KEY is not set." in output.err


def test_import_from_standard_input_finds_the_format_by_content(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + ONE.replace("\n", "\r\n").encode())))
    manage("import_config", "-")
    assert routes("one") == [("dummy", "dummy", "one")]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "is not UTF-8 text"), (None, "cannot be read: No such file or directory")],
)
def test_import_of_an_unreadable_file_says_why(manage: Manage, tmp_path: Any, content: bytes | None, message: str) -> None:
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        manage("import_config", str(path))
