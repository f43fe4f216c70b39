"""Does a secret go into a credential, and never come out of its page again?"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from pytest_django import Settings

from models_catalog.credentials import reveal
from models_catalog.models import Credential
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address, errors

ADD = "/admin/models_catalog/credential/add/"


def change(row: Credential) -> str:
    return address(Credential, "change", row)


def test_secret_when_entered_then_stored_encrypted_and_four_characters_are_shown(pages: Pages) -> None:
    pages.save(ADD, {"name": "openai", "source": "stored", "new_secret": SECRET})
    row = Credential.objects.get()
    assert reveal(row).reveal() == SECRET
    assert row.secret.stored.startswith("v1.")
    text = pages.open(change(row)).content.decode()
    assert f"stored …{SECRET[-4:]}" in text
    assert SECRET not in text


def test_secret_when_left_empty_then_the_stored_one_is_kept_byte_for_byte(pages: Pages, catalog: Catalog) -> None:
    row = catalog.credential()
    before = Credential.objects.get().secret.stored
    pages.save(change(row), {"name": "renamed"})
    after = Credential.objects.get()
    assert (after.name, after.secret.stored, after.last_four) == ("renamed", before, SECRET[-4:])


def test_secret_when_replaced_then_history_says_that_and_not_what(pages: Pages, catalog: Catalog) -> None:
    row = catalog.credential()
    pages.save(change(row), {"new_secret": "another-canary-0123456789"})
    assert reveal(Credential.objects.get()).reveal() == "another-canary-0123456789"
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "Changed Secret."
    assert "canary" not in entry.change_message


def test_source_when_changed_then_the_stored_secret_is_removed(pages: Pages, catalog: Catalog) -> None:
    row = catalog.credential()
    pages.save(change(row), {"source": "env", "location": "OPENAI_API_KEY"})
    after = Credential.objects.get()
    assert (after.secret.stored, after.last_four, after.location) == ("", "", "OPENAI_API_KEY")


def test_source_when_changed_and_the_form_is_refused_then_the_secret_stays(pages: Pages, catalog: Catalog) -> None:
    row = catalog.credential()
    response = pages.send(change(row), {"source": "env", "location": "not a variable"})
    assert list(errors(response)) == ["location"]
    assert reveal(Credential.objects.get()).reveal() == SECRET


def test_source_when_stored_again_without_a_secret_then_the_field_asks_for_one(pages: Pages) -> None:
    row = Credential.objects.create(name="env", source="env", location="OPENAI_API_KEY")
    response = pages.send(change(row), {"source": "stored"})
    assert errors(response) == {"new_secret": ["Enter the secret, or choose another source."]}


def test_location_when_the_source_needs_none_then_it_is_dropped(pages: Pages) -> None:
    row = Credential.objects.create(name="env", source="env", location="OPENAI_API_KEY")
    pages.save(change(row), {"source": "none"})
    assert Credential.objects.get().location == ""


def test_secret_when_there_is_no_encryption_key_then_the_field_says_so(pages: Pages, settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "missing"
    response = pages.send(ADD, {"name": "it", "source": "stored", "new_secret": SECRET})
    assert errors(response)["new_secret"][0].startswith("It cannot be stored: ")
    assert not Credential.objects.exists()


def test_form_when_refused_then_the_secret_that_was_typed_is_not_sent_back(pages: Pages) -> None:
    response = pages.send(ADD, {"name": "", "source": "stored", "new_secret": SECRET})
    assert list(errors(response)) == ["name"]
    assert SECRET not in response.content.decode()


@pytest.mark.parametrize(
    ("source", "location", "shown"),
    [
        ("env", "NO_SUCH_VARIABLE", 'env NO_SUCH_VARIABLE</span> <span class="sb-tag sb-tag-bad" title="The key cannot be used'),
        ("env", "PRESENT", "env PRESENT</span>"),
        ("path", "/no/such/file", "file /no/such/file</span> <span"),
        ("path_from_env", "NO_SUCH_VARIABLE", "file named by NO_SUCH_VARIABLE</span> <span"),
        ("dynamic", "openai_key", "brought by requests as openai_key"),
        ("none", "", "none needed"),
    ],
)
def test_key_when_it_comes_from_elsewhere_then_the_page_says_where_and_whether_it_is_there(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, source: str, location: str, shown: str
) -> None:
    monkeypatch.setenv("PRESENT", SECRET)
    row = Credential.objects.create(name="it", source=source, location=location)
    for url in (change(row), address(Credential)):
        text = pages.open(url).content.decode()
        assert shown in text
        assert SECRET not in text


def test_secret_when_it_cannot_be_decrypted_then_the_page_says_so_and_it_is_kept(pages: Pages, catalog: Catalog) -> None:
    row = catalog.credential()
    broken = Credential.objects.get().secret.stored[:-4] + "AAAA"
    Credential.objects.update(secret=type(Credential.objects.get().secret)(broken))
    assert "unreadable" in pages.open(change(row)).content.decode()
    pages.save(change(row), {"name": "renamed"})
    assert Credential.objects.get().secret.stored == broken
