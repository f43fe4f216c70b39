"""Do the further credentials of a provider go into a file and back?"""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from models_catalog.models import Credential, Provider, ProviderCredential
from tests.integration.config.conftest import Manage, Write

FILE = """
[providers.vendor]
type = "openai_compatible"
api_base = "http://127.0.0.1:9000/v1"
api_key_location = "env::FIRST"
credential_weight = 3.0
more_credentials = [{ api_key_location = "env::SECOND", weight = 2 }, { api_key_location = "env::THIRD", enabled = false }]
"""


def shares() -> list[tuple[str, float, bool]]:
    return [(row.credential.location, row.weight, row.enabled) for row in ProviderCredential.objects.order_by("pk")]


def test_further_credentials_when_exported_and_imported_again_say_the_same(manage: Manage, write: Write) -> None:
    manage("import_config", write(FILE))
    assert shares() == [("SECOND", 2.0, True), ("THIRD", 1.0, False)]
    assert Provider.objects.get().credential_weight == 3.0
    ids = set(ProviderCredential.objects.values_list("pk", flat=True))
    text = manage("export_config").out
    manage("import_config", write(text))
    assert set(ProviderCredential.objects.values_list("pk", flat=True)) == ids
    assert manage("export_config").out == text


def test_further_credential_when_it_leaves_the_file_then_it_leaves_the_provider(manage: Manage, write: Write) -> None:
    manage("import_config", write(FILE))
    manage("import_config", write(FILE.replace(', { api_key_location = "env::THIRD", enabled = false }', "")))
    assert shares() == [("SECOND", 2.0, True)]
    assert Credential.objects.filter(location="SECOND").exists()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ('"env::SECOND"', "must be a list of tables"),
        ('["env::SECOND"]', "must be a table"),
        ("[{ weight = 1 }]", "api_key_location is missing"),
        ('[{ api_key_location = "env::A", weight = -1 }]', "must be a finite number"),
        ('[{ api_key_location = "env::A", wieght = 1 }]', "unknown name"),
        ('[{ api_key_location = "env::A" }, { api_key_location = "env::A" }]', "duplicate credential"),
    ],
)
def test_further_credentials_when_they_are_wrong_then_the_place_is_told(
    manage: Manage, write: Write, entries: str, told: str
) -> None:
    text = FILE.split("more_credentials", maxsplit=1)[0] + f"more_credentials = {entries}\n"
    with pytest.raises(CommandError, match=told):
        manage("import_config", write(text))
    assert not Provider.objects.exists()
