"""Which provider row does a provider block of a model stand for?"""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from models_catalog.models import Credential, ModelDefinition, Provider, Route
from tests.integration.config.conftest import Manage, Write


def model(name: str, base: str, *, block: str = "openai", key: str = "env::KEY") -> str:
    return f"""
[models.{name}]
routing = ["{block}"]
[models.{name}.providers.{block}]
type = "openai"
api_base = "{base}"
api_key_location = "{key}"
"""


A, B, C = "https://a.example/v1", "https://b.example/v1", "https://c.example/v1"


def used() -> dict[str, tuple[str, str]]:
    return {
        row.model.name: (row.provider.name, row.provider.api_base) for row in Route.objects.select_related("model", "provider")
    }


def test_blocks_of_one_name_with_other_content_get_numbered_rows(manage: Manage, write: Write) -> None:
    text = model("x", A) + model("y", B) + model("z", B)
    manage("import_config", write(text))
    assert used() == {"x": ("openai", A), "y": ("openai-2", B), "z": ("openai-2", B)}
    assert manage("import_config", write(text)).lines == ["nothing to change"]


def test_block_whose_provider_nobody_else_uses_changes_it_in_place(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    output = manage("import_config", write(model("x", B)))
    assert output.lines == [f"~ provider openai: api_base {A} → {B}", "1 change made"]


def test_block_whose_provider_another_model_uses_gets_a_row_of_its_own(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A)))
    manage("import_config", write(model("x", B)))
    assert used() == {"x": ("openai-2", B), "y": ("openai", A)}


def test_all_blocks_of_a_shared_provider_when_they_change_alike_change_it_in_place(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A)))
    manage("import_config", write(model("x", B) + model("y", B)))
    assert used() == {"x": ("openai", B), "y": ("openai", B)}
    assert Provider.objects.count() == 1


def test_blocks_of_a_shared_provider_when_they_part_keep_the_users_that_stay(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A) + model("z", A)))
    text = model("x", B) + model("y", C) + model("z", A)
    manage("import_config", write(text))
    assert used() == {"x": ("openai-2", B), "y": ("openai-3", C), "z": ("openai", A)}
    assert manage("import_config", write(text)).lines == ["nothing to change"]


def test_blocks_of_a_shared_provider_when_all_part_leave_none_behind(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A)))
    manage("import_config", write(model("x", B) + model("y", C)))
    assert used() == {"x": ("openai", B), "y": ("openai-2", C)}


def test_new_block_whose_content_a_changing_provider_has_keeps_that_provider(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    manage("import_config", write(model("x", B) + model("new", A)))
    assert used() == {"x": ("openai-2", B), "new": ("openai", A)}


def test_prune_lets_a_provider_change_in_place_when_its_other_user_goes(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A)))
    manage("import_config", write(model("x", B)), "--prune")
    assert used() == {"x": ("openai", B)}


def test_route_that_keeps_its_provider_under_another_name_stays_with_it(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    Provider.objects.update(name="renamed in the admin")
    assert manage("import_config", write(model("x", A))).lines == ["nothing to change"]
    assert manage("import_config", write(model("x", B))).lines[0].startswith("~ provider renamed in the admin: api_base")


def test_route_stays_with_a_shared_provider_of_another_name(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A) + model("y", A)))
    Provider.objects.update(name="renamed in the admin")
    assert manage("import_config", write(model("x", A))).lines == ["nothing to change"]


def test_referred_provider_is_never_changed_for_a_block(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    reference = '[models.y]\nrouting = ["openai"]\n[models.y.providers.openai]\nprovider = "openai"\n'
    manage("import_config", write(model("x", B) + reference))
    assert used() == {"x": ("openai-2", B), "y": ("openai", A)}


def test_provider_table_changes_the_row_and_its_blocks_follow(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    table = f'[providers.openai]\ntype = "openai"\napi_base = "{B}"\napi_key_location = "env::KEY"\n'
    manage("import_config", write(table + model("x", B)))
    assert used() == {"x": ("openai", B)}


def test_provider_table_is_not_changed_for_a_block_that_differs(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    table = f'[providers.openai]\ntype = "openai"\napi_base = "{B}"\napi_key_location = "env::KEY"\n'
    text = write(table + model("x", C))
    manage("import_config", text)
    assert used() == {"x": ("openai-2", C)}
    assert Provider.objects.get(name="openai").api_base == B
    assert manage("import_config", text).lines == ["nothing to change"]


def test_absent_location_means_the_usual_variable_or_no_key(manage: Manage, write: Write) -> None:
    text = """
[models.x]
routing = ["mistral", "vllm"]
providers.mistral.type = "mistral"
providers.vllm = { type = "vllm", api_base = "http://127.0.0.1:8000/v1" }
"""
    manage("import_config", write(text))
    mistral, vllm = Provider.objects.order_by("name")
    assert mistral.credential is not None
    assert (mistral.credential.source, mistral.credential.location) == ("env", "MISTRAL_API_KEY")
    assert vllm.credential is None


def test_location_when_a_credential_of_another_kind_has_its_name_gets_a_numbered_one(manage: Manage, write: Write) -> None:
    Credential.objects.create(name="KEY", source="env", location="OTHER")
    manage("import_config", write(model("x", A)))
    assert Credential.objects.get(location="KEY").name == "KEY-2"


def test_location_when_a_credential_has_it_under_another_name_uses_that(manage: Manage, write: Write) -> None:
    Credential.objects.create(name="the team's", source="env", location="KEY")
    manage("import_config", write(model("x", A)))
    assert Credential.objects.count() == 1
    assert manage("import_config", write(model("x", A))).lines == ["nothing to change"]


def test_disabled_provider_and_other_admin_settings_survive_an_import(manage: Manage, write: Write) -> None:
    manage("import_config", write(model("x", A)))
    Provider.objects.update(enabled=False)
    manage("import_config", write(model("x", B)))
    assert not Provider.objects.get().enabled
    assert ModelDefinition.objects.get().enabled


def test_allowed_request_fields_when_given_are_imported_exported_and_taken_away(manage: Manage, write: Write) -> None:
    line = 'allowed_request_fields = ["models", "provider"]'
    output = manage("import_config", write(f"{model('x', A)}{line}\n"))
    assert output.lines[-1].endswith("changes made")
    assert Provider.objects.get().options == {"allowed_request_fields": ["models", "provider"]}
    assert line.replace(" ", "") in manage("export_config").out.replace(" ", "").replace("\n", "").replace(",]", "]")
    manage("import_config", write(model("x", A)))
    assert Provider.objects.get().options == {}


def test_allowed_request_fields_when_unknown_are_an_error_with_their_place(manage: Manage, write: Write) -> None:
    with pytest.raises(CommandError, match=r"allowed_request_fields cannot hold 'model'"):
        manage("import_config", write(f"{model('x', A)}allowed_request_fields = ['model']\n"))
