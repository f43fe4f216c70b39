"""Does a bad file name every mistake with its place, show no secret, and leave the catalog as it was?"""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider
from models_catalog.publish import current_version
from tests.integration.config.conftest import DATA, Manage, Write

NOBODY = "unknown stored credential 'nobody'; add it in the admin or with import_provider_keys"
MISTAKES = f"""\
models."gpt-4".routing: duplicate 'openai'
models."gpt-4".routing: 'azur' is not one of the model's providers; did you mean 'azure'?
models."gpt-4".providers.azure: is not in the model's routing
models."gpt-4".endpoints: unknown capability 'chatt'; did you mean 'chat'?
models."gpt-4".fallback_modles: unknown name; did you mean 'fallback_models'?
models."gpt-4".fallback_models: unknown model 'missing', neither in this file nor in the catalog
models."gpt-4".retry_config.num_retries: must not be less than 0
models."gpt-4".retry_config.max_delay: unknown name; did you mean 'max_delay_s'?
models."gpt-4".timeouts.total_s: must be a finite number above 0
models."gpt-4".pricing: per_tokens is missing
models."gpt-4".pricing.input_cost: must be a number, not a string
models."gpt-4".pricing.currency: only "USD" is supported
models."gpt-4".enabled: must be true or false, not a string
models."gpt-4".providers.openai.type: unknown provider type 'opennai'; did you mean 'openai'?
models."gpt-4".providers.azure.api_base: A provider of type Azure OpenAI needs an API base.
models.claude.providers.sagemaker.type: the provider type 'aws_sagemaker' is not available in this gateway
models.claude.providers.local.api_base: The URL must begin with http:// or https://.
models.claude.providers.local.api_key_locaton: unknown name; did you mean 'api_key_location'?
models.claude.providers.local.extra_headers: The header Content-Length is set by the gateway and cannot be overridden.
models.claude.providers.named.provider: unknown provider 'nowhere', neither in this file nor in the catalog
models.b.providers.dummy.api_key_location: {NOBODY}
models.a.fallback_models: fallback cycle: a → b → a
models.empty.routing: must not be empty, unless the model is disabled
model: unknown name; did you mean 'models'?
api_keys[1]: A key has 20 to 512 characters.
api_keys[2].nothing: unknown model 'nothing', neither in this file nor in the catalog
api_keys[2].nothing.endpoint: unknown name; did you mean 'endpoint_id'?
"""

LITELLM_MISTAKES = """\
model_list[0].litellm_params.api_bse: unknown name; did you mean 'api_base'?
model_list[0].litellm_params.timeout: must be a number
model_list[0].litellm_params.max_retries: must be an integer, not a string
model_list[1]: model_name is missing
model_list[1].model_nme: unknown name; did you mean 'model_name'?
model_list[3].litellm_params.model: must name its provider: "provider/model"
model_list[4].model_name: a * is only allowed at the end of a name
model_list[5].litellm_params.litellm_credential_name: unknown credential 'nobody': it is not in credential_list
model_list[5].litellm_params.api_base: the environment variable NOT_SET_ANYWHERE is not set
model_list[5].model_info.mode: unknown mode 'chatt'; did you mean 'chat'?
model_list[5].model_info.input_cost_per_tokens: unknown name; did you mean 'input_cost_per_token'?
model_list[6]: must be a table, not a string
router_settings.num_retires: unknown name; did you mean 'num_retries'?
router_settings.fallbacks[0]."gtp-4o": unknown model 'gtp-4o': it is not in model_list; did you mean 'gpt-4o'?
router_settings.fallbacks[1]."gpt-4o": unknown model 'absent', neither in this file nor in the catalog
litellm_setings: unknown name; did you mean 'litellm_settings'?
"""


def errors_of(manage: Manage, *arguments: str) -> list[str]:
    """The error lines of a strict import that must fail, without their indent."""
    with pytest.raises(CommandError) as failed:
        manage("import_config", *arguments, "--strict")
    first, *lines = str(failed.value).splitlines()
    assert first.endswith("nothing was imported")
    return [line.strip() for line in lines]


def untouched() -> bool:
    tables = (ClientKey, Credential, ModelDefinition, Provider)
    return current_version() == 0 and not any(table.objects.exists() for table in tables)


def test_file_with_mistakes_has_them_all_told_with_their_places(manage: Manage) -> None:
    found = errors_of(manage, str(DATA / "mistakes.toml"))
    expected = MISTAKES.splitlines()
    place = 'models."gpt-4".providers.azure.api_key_location: expected "env::NAME"'
    wrong_place = [line for line in found if line.startswith(place)]
    assert len(wrong_place) == 1
    assert sorted(set(found) - set(wrong_place)) == sorted(expected)
    assert untouched()


def test_litellm_file_with_mistakes_has_them_all_told_with_their_places(manage: Manage) -> None:
    found = errors_of(manage, str(DATA / "litellm_mistakes.yaml"))
    unknown = [line for line in found if line.startswith("model_list[2].litellm_params.model: unknown provider type 'sagemaker'")]
    assert len(unknown) == 1
    assert sorted(set(found) - set(unknown)) == sorted(LITELLM_MISTAKES.splitlines())
    assert untouched()


@pytest.mark.parametrize("file", ["mistakes.toml", "litellm_mistakes.yaml"])
def test_error_message_never_holds_a_secret(manage: Manage, file: str) -> None:
    assert "canary" not in "\n".join(errors_of(manage, str(DATA / file)))


def test_good_models_of_a_file_with_one_bad_row_are_not_written(manage: Manage, write: Write) -> None:
    bad = '[models.bad]\nrouting = ["x"]\n[models.bad.providers.x]\ntype = "openai"\napi_base = "nonsense"\n'
    path = write((DATA / "unified.toml").read_text() + bad)
    assert errors_of(manage, path) == ["models.bad.providers.x.api_base: The URL must begin with http:// or https://."]
    assert untouched()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[models", "not valid TOML at end of document: Expected ']' at the end of a table declaration"),
        ("[models]\nx = ", "not valid TOML at end of document: Invalid value"),
        ('[api_keys."canary-secret"]\n[api_keys."canary-secret"]', "not valid TOML at line 2, column 26: Duplicate key"),
        ("models = 3", "models: must be a table, not an integer"),
        ("[models.x]\nrouting = 'a'", "models.x.routing: must be a list of strings, not a string"),
        ("[models.x]\nrouting = [1]", "models.x.routing: must contain only strings, not an integer"),
        ("[models.x]\nenabled = false", "models.x: routing is missing"),
        ('[models."a\\u0000b"]\nrouting = []\nenabled = false', 'models."a\\u0000b": contains the character U+0000'),
        ('[models." "]\nrouting = []', 'models." ": the name must not be empty'),
        (
            '[models."x "]\nrouting = []\nenabled = false',
            'models."x ": A name must not be empty, and not begin or end with a space.',
        ),
        (
            '[models."tensorzero::x"]\nrouting = []\nenabled = false',
            'models."tensorzero::x": Names that begin with tensorzero:: are reserved.',
        ),
        ("[models.x]\nenabled = false\nrouting = []\nendpoints = []", "models.x.endpoints: must not be empty"),
        ("[models.x]\nenabled = false\nrouting = []\ncontext_length = 0", "models.x.context_length: must not be less than 1"),
        (
            "[models.x]\nenabled = false\nrouting = []\ncontext_length = 8e3",
            "models.x.context_length: must be an integer, not a number",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\nmetadata = { at = 2020-01-01 }",
            "models.x.metadata.at: is a date, which cannot be stored as JSON",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\nmetadata = { n = [1, nan] }",
            "models.x.metadata.n[1]: is not a finite number",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\nmetadata = '[1]'",
            "models.x.metadata: must be a table or a string with a JSON object, not a list",
        ),
        ("[models.x]\nenabled = false\nrouting = []\nmetadata = '{'", "models.x.metadata: the string must be a JSON object"),
        (
            "[models.x]\nenabled = false\nrouting = []\nretry_config = {max_delay_s = 1}",
            "models.x.retry_config: num_retries is missing",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\nretry_config = {num_retries = 40000}",
            "models.x.retry_config.num_retries: must not be more than 32767",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\ntimeouts = {idle_s = 0.0001}",
            "models.x.timeouts.idle_s: Ensure this value is greater than or equal to 0.001.",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\npricing = {input_cost = 1, per_tokens = 1e-3}",
            "models.x.pricing.per_tokens: must be an integer, not a number",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\npricing = {input_cost = 1000, per_tokens = 1}",
            "models.x.pricing.input_cost: the price is too high",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\nfallback_models = ['x']",
            "models.x.fallback_models: a model cannot be its own fallback",
        ),
        (
            "[models.x]\nenabled = false\nrouting = []\n[embedding_models.x]\nenabled = false\nrouting = []",
            "embedding_models.x: duplicate model 'x'",
        ),
        ("[providers.x]\ntype = 'dummy'\nmodel_name = 'y'", "providers.x.model_name: unknown name"),
        ("[providers.x]\nenabled = true", "providers.x: type is missing"),
        ("[providers.x]\ntype = ''", "providers.x.type: must not be empty"),
        (
            "[providers.x]\ntype = 'dummy'\napi_key_location = { env = 'A', path = 'B' }",
            'providers.x.api_key_location: expected "env::NAME", "path::FILE", "path_from_env::NAME", "dynamic::NAME", '
            '"stored::NAME" or "none", or a table with one of these names',
        ),
        ("[providers.x]\ntype = 'dummy'\napi_key_location = 'env::'", "providers.x.api_key_location: env needs a name"),
        (
            "[providers.x]\ntype = 'dummy'\napi_key_location = 'env::A-B'",
            "providers.x.api_key_location: Enter the name of an environment variable: letters, digits and _.",
        ),
        (
            "[providers.x]\ntype = 'dummy'\nextra_headers = { a = 1 }",
            "providers.x.extra_headers: the value of 'a' must be a string, not an integer",
        ),
        (
            "[providers.x]\ntype = 'dummy'\nextra_headers = [{ name = 'a', delete = true }]",
            "providers.x.extra_headers[0].delete: fields can be added or replaced, but not removed",
        ),
        (
            "[providers.x]\ntype = 'dummy'\nextra_body = [{ pointer = '/a/b', value = 1 }]",
            'providers.x.extra_body[0].pointer: only top-level fields are supported: "/name"',
        ),
        (
            "[providers.x]\ntype = 'azure'\napi_base = 'https://a'\nendpoint = 'https://b'",
            "providers.x.endpoint: is the same as api_base; give one of them",
        ),
        (
            "[models.x]\nrouting = ['y']\nproviders.y = { provider = 'z', type = 'dummy' }",
            "models.x.providers.y.provider: refers to a provider by name; its settings do not belong here",
        ),
        (
            f"[models.x]\nrouting = ['y']\nproviders.y = {{ type = 'dummy', model_name = '{'m' * 301}' }}",
            "models.x.providers.y.model_name: Ensure this value has at most 300 characters (it has 301).",
        ),
    ],
)
def test_mistake_in_toml_is_told_with_its_place(manage: Manage, write: Write, text: str, error: str) -> None:
    assert error in errors_of(manage, write(text))
    assert untouched()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("model_list: [", "not valid YAML at line 1, column 14: expected the node content, but found …"),
        ("model_list: []\nmodel_list: []", "not valid YAML at line 1, column 1: duplicate key in a table"),
        (
            "a: !!python/object:os.system {}",
            "not valid YAML at line 1, column 4: could not determine a constructor for the tag …",
        ),
        ("a: *canary-alias", "not valid YAML at line 1, column 4: found undefined alias …"),
        ("\x01", "not valid YAML: it contains a character that is not allowed"),
        ("- 1", "must be a table, not a list"),
        ("{}", "model_list is missing"),
        ("model_list: 3", "model_list: must be a list, not an integer"),
        ("model_list: [{model_name: x}]", "model_list[0]: litellm_params is missing"),
        ("model_list: [{model_name: x, litellm_params: {}}]", "model_list[0].litellm_params: model is missing"),
        (
            "model_list: [{model_name: 1, litellm_params: {model: openai/x}}]",
            "model_list[0].model_name: must be a string, not an integer",
        ),
        (
            "model_list: [{model_name: x, litellm_params: {model: openai/x, 1: 2}}]",
            "model_list[0].litellm_params: keys must be strings",
        ),
        (
            "model_list: [{model_name: x, litellm_params: {model: azure/x}}]",
            "model_list[0].litellm_params.api_base: A provider of type Azure OpenAI needs an API base.",
        ),
        (
            "model_list: [{model_name: x, litellm_params: {model: openai/x, api_key: os.environ/A B}}]",
            "model_list[0].litellm_params.api_key: Enter the name of an environment variable: letters, digits and _.",
        ),
    ],
)
def test_mistake_in_yaml_is_told_with_its_place(manage: Manage, write: Write, text: str, error: str) -> None:
    assert error in errors_of(manage, write(text, "config.yaml"))
    assert untouched()


def test_yaml_that_holds_itself_is_refused(manage: Manage, write: Write) -> None:
    text = "model_list: [{model_name: x, litellm_params: {model: openai/x, extra_body: &a {b: *a}}}]"
    assert errors_of(manage, write(text, "config.yaml")) == ["is nested too deeply"]


def test_deeply_nested_toml_is_refused(manage: Manage, write: Write) -> None:
    assert errors_of(manage, write("x = " + "[" * 100_000)) == ["is nested too deeply"]


def test_circle_with_models_of_the_catalog_is_refused(manage: Manage, write: Write) -> None:
    text = '[models.{}]\nrouting = ["d"]\nproviders.d.type = "dummy"\nfallback_models = [{}]\n'
    manage("import_config", write(text.format("b", "") + text.format("a", "'b'")))
    version = current_version()
    found = errors_of(manage, write(text.format("b", "'a'")))
    assert found == ["models.b.fallback_models: fallback cycle: b → a → b"]
    assert current_version() == version


def test_prune_of_a_model_that_is_a_fallback_is_refused(manage: Manage, write: Write) -> None:
    text = '[models.{}]\nrouting = ["d"]\nproviders.d.type = "dummy"\nfallback_models = [{}]\n'
    manage("import_config", write(text.format("b", "") + text.format("a", "'b'")))
    found = errors_of(manage, write(text.format("a", "'b'")), "--prune")
    assert found == ["models.a.fallback_models: unknown model 'b', neither in this file nor in the catalog"]
    assert ModelDefinition.objects.count() == 2
