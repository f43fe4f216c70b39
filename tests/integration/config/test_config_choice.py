"""Are only those entries of a file applied that are chosen, with what they need, and nothing where that cannot be?"""

from __future__ import annotations

import re

import pytest
from django.core.management.base import CommandError

from models_catalog.changes.state import load
from models_catalog.models import Credential, ModelDefinition, Provider
from tests.integration.config.conftest import Manage, Write

FILE = """
[providers.one]
type = "openai"
api_key_location = "env::ONE_KEY"
[providers.two]
type = "anthropic"
api_key_location = "env::TWO_KEY"
[models.a]
routing = ["one"]
fallback_models = ["b"]
[models.a.providers.one]
provider = "one"
[models.b]
routing = ["two"]
[models.b.providers.two]
provider = "two"
[models.two]
routing = ["one"]
[models.two.providers.one]
provider = "one"
"""


def names() -> tuple[set[str], set[str]]:
    found = (set(model.objects.values_list("name", flat=True)) for model in (ModelDefinition, Provider))
    return next(found), next(found)


def test_import_when_only_some_entries_are_named_then_what_they_need_comes_with_them(manage: Manage, write: Write) -> None:
    output = manage("import_config", write(FILE), "--only", "b")
    assert names() == ({"b"}, {"two"})
    assert Credential.objects.get().location == "TWO_KEY"
    assert "also: provider:two, which model:b needs" in output.err
    assert "also: credential:TWO_KEY, which provider:two needs" in output.err
    manage("import_config", write(FILE), "--only", "model:a", "--only", "provider:one")
    assert names() == ({"a", "b"}, {"one", "two"})


def test_import_when_entries_are_skipped_then_the_others_are_applied(manage: Manage, write: Write) -> None:
    manage("import_config", write(FILE), "--skip", "model:two")
    assert names() == ({"a", "b"}, {"one", "two"})
    manage("import_config", write(FILE), "--dry-run")
    assert names() == ({"a", "b"}, {"one", "two"})
    changed = FILE.replace('"anthropic"', '"openai"').replace("[models.b]", "[models.b]\ncontext_length = 3")
    output = manage("import_config", write(changed), "--skip", "two")
    assert "~ model b" in output.out, output
    assert (Provider.objects.get(name="two").type, ModelDefinition.objects.get(name="b").context_length) == ("anthropic", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--skip", "provider:two"], "model:b: needs the provider 'two', which is left out"),
        (["--only", "c"], "there is no change of 'c' to choose"),
        (["--only", "model:bb"], "did you mean 'model:b'?"),
    ],
)
def test_import_when_the_choice_cannot_be_then_it_says_why_and_changes_nothing(
    manage: Manage, write: Write, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        manage("import_config", write(FILE), *arguments)
    assert names() == (set(), set())


def test_import_when_something_in_use_would_be_removed_then_both_are_named(manage: Manage, write: Write) -> None:
    manage("import_config", write(FILE))
    smaller = FILE.partition("[models.b]")[0].replace('fallback_models = ["b"]\n', "")
    before = load()
    with pytest.raises(CommandError, match=re.escape("model a: needs the fallback model 'b', which would be removed")):
        manage("import_config", write(smaller), "--prune", "--skip", "model:a")
    assert load() == before
    manage("import_config", write(smaller), "--prune", "--only", "model:two")
    assert names() == ({"a", "b"}, {"one", "two"})


def test_import_when_a_part_of_it_is_a_circle_then_it_is_refused(manage: Manage, write: Write) -> None:
    manage("import_config", write(FILE))
    turned = FILE.replace('fallback_models = ["b"]\n', "").replace("[models.b]", '[models.b]\nfallback_models = ["a"]')
    with pytest.raises(CommandError, match="fallback cycle"):
        manage("import_config", write(turned), "--only", "model:b")
    manage("import_config", write(turned))


def test_import_when_an_entry_is_wrong_then_nothing_is_applied_although_others_are_chosen(manage: Manage, write: Write) -> None:
    with pytest.raises(CommandError, match=re.escape("models.b.context_length")):
        manage("import_config", write(FILE.replace("[models.b]", "[models.b]\ncontext_length = -1")), "--only", "model:two")
    assert names() == (set(), set())
