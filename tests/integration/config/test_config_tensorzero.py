"""Is a TensorZero file read as TensorZero means it, and told from the gateway's own?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog.config.detect import detect_format
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider, Route
from tests.integration.config.conftest import DATA, Manage, Write

FILE = """
[gateway]
bind_address = "0.0.0.0:3000"

[provider_types.openai.defaults]
api_key_location = "env::TEAM_OPENAI_KEY"

[models.timed]
routing = ["openai", "sagemaker"]
timeouts = { non_streaming.total_ms = 15000, streaming.ttft_ms = 3000, streaming.total_ms = 60000 }
retries = { num_retries = 2, max_delay_s = 5 }
skip_relay = true

[models.timed.providers.openai]
type = "openai"
model_name = "gpt-5-mini"
api_type = "responses"
discard_unknown_chunks = true
cost = [
    { pointer = "/usage/prompt_tokens", cost_per_million = 0.25, required = true },
    { pointer_nonstreaming = "/usage/completion_tokens", pointer_streaming = "/usage/completion_tokens", cost_per_unit = 2e-6 },
    { pointer = "/usage/prompt_tokens_details/cached_tokens", cost_per_million = -0.1 },
]

[models.timed.providers.sagemaker]
type = "aws_sagemaker"
endpoint_name = "claude"

[models.gone]
routing = ["bedrock"]
[models.gone.providers.bedrock]
type = "aws_bedrock"
model_id = "us.amazon.nova"
region = "env::TZ_UNSET_REGION"

[models.keyed]
routing = ["together", "azure", "unused"]
[models.keyed.providers.together]
type = "together"
model_name = "x"
api_key_location = { default = "dynamic::together_key", fallback = "env::TOGETHER_API_KEY" }
timeouts = { non_streaming.total_ms = 9000 }
[models.keyed.providers.azure]
type = "azure"
endpoint = "env::TZ_AZURE_ENDPOINT"
deployment_id = "gpt"
api_key_location = "sk-canary-in-the-wrong-place"
[models.keyed.providers.spare]
type = "openai"
model_name = "y"

[functions.f]
type = "chat"

[api_keys."sk-CanaryStaticKey_123456".chat]
endpoint_id = "timed"
[api_keys."sk-CanaryStaticKey_123456".nowhere]
endpoint_id = "missing"
[api_keys."canary-short".timed]
"""


@pytest.fixture
def warned(manage: Manage, write: Write) -> str:
    output = manage("import_config", write(FILE))
    assert "canary" not in (output.out + output.err).lower()
    return output.err


def columns(model: str) -> Any:
    return ModelDefinition.objects.filter(name=model).values().get()


def test_time_outs_retries_and_costs_become_the_models(warned: str) -> None:
    timed, keyed = columns("timed"), columns("keyed")
    assert (timed["first_byte_timeout_s"], timed["total_timeout_s"]) == (3.0, 60.0)
    assert (timed["num_retries"], timed["max_retry_delay_s"]) == (2, 5.0)
    assert (timed["input_price"], timed["output_price"]) == (Decimal("0.25"), Decimal(2))
    assert keyed["total_timeout_s"] == 9.0
    assert "models.timed.timeouts: there is one total time-out for streamed and other answers; the larger value is used" in warned
    assert "ttft_ms: the first byte time-out of a model also applies to answers that are not streamed" in warned


def test_api_type_responses_means_the_provider_of_responses(warned: str) -> None:
    provider = Provider.objects.get(routes__model__name="timed")
    assert (provider.type, columns("timed")["capabilities"]) == ("openai_responses", ["chat", "responses"])


def test_keys_are_where_the_file_or_its_defaults_say(warned: str) -> None:
    found = {row.provider.type: row.provider.credential for row in Route.objects.select_related("provider__credential")}
    assert found["openai_responses"] is not None
    assert found["openai_responses"].location == "TEAM_OPENAI_KEY"
    assert found["together"] is not None
    assert (found["together"].source, found["together"].location) == ("env", "TOGETHER_API_KEY")
    assert Credential.objects.get(name="azure_openai key (to enter)").secret.stored == ""
    assert Provider.objects.get(type="azure_openai").api_base == "env::TZ_AZURE_ENDPOINT"


def test_what_cannot_be_served_is_left_out_and_named(warned: str) -> None:
    for line in (
        "left out: models.timed.providers.sagemaker: timed: the provider type 'aws_sagemaker' is not available in this gateway",
        "left out: models.gone.providers.bedrock: gone: region: the environment variable TZ_UNSET_REGION is not set",
        "left out: models.keyed.providers.spare: keyed: is not in the model's routing",
        "warning: models.keyed.routing: 'unused' is not one of the model's providers",
        "left out: api_keys[2]: client key: A key has 20 to 512 characters.",
        "warning: api_keys[1].nowhere: no model 'nowhere' is imported",
        "warning: functions: is not imported",
        "3 models, 4 left out, ",
    ):
        assert line in warned


def test_name_by_which_a_key_knows_a_model_becomes_a_model(warned: str) -> None:
    assert [model.name for model in ClientKey.objects.get().allowed_models.all()] == ["chat"]
    assert Route.objects.get(model__name="chat").upstream_model == "gpt-5-mini"


def test_second_import_changes_nothing(warned: str, manage: Manage, write: Write) -> None:
    assert manage("import_config", write(FILE)).lines == ["nothing to change"]


def test_strict_import_refuses_it(manage: Manage, write: Write) -> None:
    with pytest.raises(CommandError, match="'aws_sagemaker' is not available"):
        manage("import_config", write(FILE), "--strict")
    assert not ModelDefinition.objects.exists()


BLOCK = '[models.m]\nrouting = ["p"]\n[models.m.providers.p]\ntype = "openai"\n'


@pytest.mark.parametrize(
    ("text", "name", "form"),
    [
        (BLOCK, "x.toml", "gateway"),
        (BLOCK, "tensorzero.toml", "tensorzero"),
        (BLOCK + 'api_type = "responses"\n', "x.toml", "tensorzero"),
        (BLOCK + "timeouts = { non_streaming.total_ms = 1 }\n", "x.toml", "tensorzero"),
        (BLOCK + "[functions.f]\n", "", "tensorzero"),
        (BLOCK + "[provider_types.openai.defaults]\n", "x.toml", "tensorzero"),
        (BLOCK.replace("openai", "aws_bedrock"), "x.toml", "tensorzero"),
        (BLOCK.replace("openai", "anthropic"), "x.toml", "gateway"),
        (BLOCK.replace("openai", "aws_bedrock").replace("routing", 'endpoints = ["chat"]\nrouting'), "x.toml", "gateway"),
        (BLOCK + "[providers.x]\ntype = 'aws_bedrock'\n", "x.toml", "gateway"),
        (BLOCK.replace("routing", "timeouts = { total_s = 1 }\nrouting"), "x.toml", "gateway"),
        ("[", "x.toml", "gateway"),
        ("model_list: []", "config", "litellm"),
        ("x", "x.yml", "litellm"),
    ],
)
def test_format_is_told_by_name_and_content(text: str, name: str, form: str) -> None:
    assert detect_format(text, name) == form


@pytest.mark.parametrize("file", ["unified.toml", "every_field.toml", "mistakes.toml", "every_endpoint.toml"])
def test_own_files_stay_strict(file: str) -> None:
    assert detect_format((DATA / file).read_text(encoding="utf-8"), file) == "gateway"
