"""Does a model's description go everywhere that a field of models goes: in from a file, out again, and into the listing?"""

from __future__ import annotations

import json
import tomllib

import pytest
from django.core.management.base import CommandError

from models_catalog.models import ModelDefinition
from tests.integration.config.conftest import Manage, Write

TEXT = 'Fast, "cheap" — and\nin two lines.'
FILE = "[models.x]\nenabled = false\nrouting = []\n"


def with_description(text: str) -> str:
    return f"{FILE}description = {json.dumps(text)}\n"


def test_description_when_imported_then_stored_told_listed_and_exported(manage: Manage, write: Write) -> None:
    made = manage("import_config", write(with_description(TEXT))).lines
    assert made[0] == f"+ model x: enabled no, capabilities [chat], description {TEXT!r}"
    assert ModelDefinition.objects.get().description == TEXT
    assert json.loads(manage("show_catalog", "--json").out)["models"][0]["description"] == TEXT
    exported = manage("export_config").out
    assert tomllib.loads(exported)["models"]["x"]["description"] == TEXT
    assert manage("import_config", write(exported)).lines == ["nothing to change"]


def test_description_when_changed_or_left_out_then_the_difference_is_told(manage: Manage, write: Write) -> None:
    manage("import_config", write(with_description("old")))
    assert manage("import_config", write(with_description("new"))).lines[0] == "~ model x: description old → new"
    assert manage("import_config", write(FILE)).lines[0] == "~ model x: description new → (none)"
    assert ModelDefinition.objects.get().description == ""
    assert "description" not in manage("export_config").out


def test_description_when_too_long_or_no_text_then_refused_at_its_place(manage: Manage, write: Write) -> None:
    manage("import_config", write(with_description("x" * 1000)))
    with pytest.raises(CommandError, match=r"models\.x\.description: Ensure this value has at most 1000 characters"):
        manage("import_config", write(with_description("x" * 1001)))
    with pytest.raises(CommandError, match=r"models\.x\.description: must be a string, not an integer"):
        manage("import_config", write(f"{FILE}description = 5\n"))
    assert len(ModelDefinition.objects.get().description) == 1000
