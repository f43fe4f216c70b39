"""What does an import change in the catalog, and what does it leave alone?"""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from models_catalog.models import Credential, Provider
from models_catalog.publish import current_version
from models_catalog.secrets.encryption import is_stored_form, new_key
from models_catalog.secrets.fields import EncryptedText, plain_headers
from providers.types import Secret
from tests.integration.key_import.samples import GROQ_KEY, KEYS, OPENAI_KEY, Importer, csv_text, json_list, stored

OTHER_KEY = "sk-proj-another-0123456789abcdefghijklmn"


def provider(name: str, kind: str = "openai", key: str = "", **fields: object) -> Provider:
    credential = None
    if key:
        credential = Credential(name=f"key of {name}")
        credential.set_secret(Secret(key))
        credential.save()
    return Provider.objects.create(name=name, type=kind, credential=credential, **fields)


def test_provider_when_new_then_created_enabled_with_a_credential(imported: Importer) -> None:
    report = imported(csv_text({"openai": OPENAI_KEY}))
    row = Provider.objects.select_related("credential").get()
    assert row.credential is not None
    assert (row.name, row.type, row.enabled, row.api_base) == ("openai", "openai", True, "")
    assert (row.credential.name, row.credential.source, row.credential.last_four) == ("openai", "stored", OPENAI_KEY[-4:])
    assert report == [f"row 2  created    openai  …{OPENAI_KEY[-4:]}", "1 created, 0 updated, 0 unchanged, 0 skipped"]


def test_secret_when_stored_then_encrypted_at_rest(imported: Importer) -> None:
    imported(csv_text({"openai": OPENAI_KEY}))
    kept = Credential.objects.get().secret
    assert isinstance(kept, EncryptedText)
    assert is_stored_form(kept.stored)
    assert stored() == {"openai": OPENAI_KEY}


def test_provider_when_known_by_name_then_only_its_key_changes(imported: Importer) -> None:
    row = provider("mine", "openai_compatible", OTHER_KEY, api_base="https://m.example", enabled=False, extra_headers={"a": "b"})
    provider("bystander", "openai_compatible", GROQ_KEY, api_base="https://b.example")
    report = imported(csv_text({"mine": OPENAI_KEY}))
    after = Provider.objects.get(name="mine")
    assert (after.pk, after.api_base, after.enabled, plain_headers(after.headers())) == (
        row.pk,
        "https://m.example",
        False,
        {"a": "b"},
    )
    assert after.credential_id == row.credential_id
    assert stored() == {"mine": OPENAI_KEY, "bystander": GROQ_KEY}
    assert report[0].split()[2] == "updated"


def test_provider_when_the_only_one_of_its_type_then_found_by_type(imported: Importer) -> None:
    provider("our account", key=OTHER_KEY)
    imported(f"OPENAI_API_KEY={OPENAI_KEY}\n", ".env")
    assert stored() == {"our account": OPENAI_KEY}


def test_provider_when_several_have_the_type_then_refused_but_a_name_wins(imported: Importer) -> None:
    provider("one")
    provider("two")
    assert "row 2: several providers have this type" in imported.refusal(csv_text({"openai": OPENAI_KEY}))
    provider("openai")
    imported(csv_text({"openai": OPENAI_KEY}))
    assert stored() == {"one": "", "two": "", "openai": OPENAI_KEY}


def test_provider_when_file_makes_its_type_ambiguous_then_refused(imported: Importer) -> None:
    provider("one")
    said = imported.refusal(f"provider,type,api_key\nopenai,,{OPENAI_KEY}\ntwo,openai,{OTHER_KEY}\n")
    assert "row 2: names a provider by its type, but the file creates another" in said


def test_providers_when_new_and_of_one_type_then_all_created_and_found_again(imported: Importer) -> None:
    text = f"provider,type,api_key\nopenai,,{OPENAI_KEY}\ntwo,openai,{OTHER_KEY}\n"
    imported(text)
    assert imported(text)[-1] == "0 created, 0 updated, 2 unchanged, 0 skipped"
    assert stored() == {"openai": OPENAI_KEY, "two": OTHER_KEY}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f",openai,{OPENAI_KEY},", "the provider is missing"),
        (f"nobody,,{OPENAI_KEY},", "no provider has this name"),
        (f"nobody,opnai,{OPENAI_KEY},", "unknown type (known types: "),
        (f"known,groq,{OPENAI_KEY},", "it has another type"),
        (f"new,openai_compatible,{OPENAI_KEY},", "api_base"),
        (f"new,openai,{OPENAI_KEY},ftp://host", "must begin with http"),
        (f"known,openai,{OPENAI_KEY},https://user:{OPENAI_KEY}@host", "must not contain a user or password"),
        (f"{'n' * 201},openai,{OPENAI_KEY},", "name: Ensure this value has at most 200 characters"),
        (f"known,openai,{OPENAI_KEY},\nknown,,{OTHER_KEY},", "row 3: names the same provider as row 2"),
        (f"known,openai,{OPENAI_KEY},\nopenai,,{OPENAI_KEY},", "row 3: names the same provider as row 2"),
        (f"new,openai,{OPENAI_KEY},\nnew,openai,{OPENAI_KEY},", "row 3: names the same provider as row 2"),
        (f"{OPENAI_KEY},openai,openai,", "are the columns swapped?"),
        (f"{OPENAI_KEY},openai,known,", "are the columns swapped?"),
        ("an-unusual-key-1,openai,an-unusual-key-1,", "are the columns swapped?"),
        (f"{OPENAI_KEY},openai,{OTHER_KEY},", "are the columns swapped?"),
    ],
)
def test_row_when_it_cannot_be_right_then_refused(row: str, fault: str, imported: Importer) -> None:
    provider("known")
    said = imported.refusal(f"provider,type,api_key,api_base\n{row}\n")
    assert fault in said
    assert OPENAI_KEY not in said


def test_key_when_the_same_word_as_a_local_provider_then_accepted(imported: Importer) -> None:
    imported(csv_text({"ollama": "ollama"}))
    assert stored() == {"ollama": "ollama"}


def test_address_when_given_for_a_known_provider_then_set_and_kept_when_absent(imported: Importer) -> None:
    provider("known", key=OPENAI_KEY)
    text = f"provider,api_key,api_base\nknown,{OPENAI_KEY},https://eu.example/v1\n"
    assert imported(text)[-1] == "0 created, 1 updated, 0 unchanged, 0 skipped"
    assert imported(text)[-1] == "0 created, 0 updated, 1 unchanged, 0 skipped"
    assert imported(csv_text({"known": OPENAI_KEY}))[-1] == "0 created, 0 updated, 1 unchanged, 0 skipped"
    assert Provider.objects.get().api_base == "https://eu.example/v1"


class TestCredentials:
    @pytest.mark.parametrize(
        ("source", "location"), [("env", "OPENAI_API_KEY"), ("path", "/run/key"), ("dynamic", "k"), ("none", "")]
    )
    def test_source_when_elsewhere_then_becomes_stored(self, source: str, location: str, imported: Importer) -> None:
        elsewhere = Credential.objects.create(name="elsewhere", source=source, location=location)
        Provider.objects.create(name="openai", type="openai", credential=elsewhere)
        imported(csv_text({"openai": OPENAI_KEY}))
        after = Credential.objects.get()
        assert (after.pk, after.source, after.location) == (elsewhere.pk, "stored", "")
        assert stored() == {"openai": OPENAI_KEY}

    def test_source_when_elsewhere_with_the_same_secret_left_then_becomes_stored(self, imported: Importer) -> None:
        row = provider("openai", key=OPENAI_KEY)
        Credential.objects.update(source="env", location="OPENAI_API_KEY")
        assert imported(csv_text({"openai": OPENAI_KEY}))[-1].startswith("0 created, 1 updated")
        after = Credential.objects.get()
        assert (after.pk, after.source, after.location) == (row.credential_id, "stored", "")

    def test_credential_when_named_and_known_then_used(self, imported: Importer) -> None:
        row = provider("known", key=OTHER_KEY)
        provider("second")
        imported(f"provider,api_key,credential\nsecond,{OPENAI_KEY},key of known\n")
        assert stored() == {"known": OPENAI_KEY, "second": OPENAI_KEY}
        assert Provider.objects.get(name="second").credential_id == row.credential_id

    def test_credential_when_named_by_two_rows_then_one_key_for_both(self, imported: Importer) -> None:
        text = f"provider,api_key,credential\nopenai,{OPENAI_KEY},shared\nazure_openai,{OPENAI_KEY},shared\n"
        Provider.objects.create(name="azure_openai", type="azure_openai", api_base="https://a.example")
        assert imported(text)[-1] == "1 created, 1 updated, 0 unchanged, 0 skipped"
        assert stored() == {"openai": OPENAI_KEY, "azure_openai": OPENAI_KEY}
        assert Credential.objects.count() == 1
        said = imported.refusal(text.replace(OPENAI_KEY, OTHER_KEY, 1))
        assert "row 3: has another key for the credential that row 2 sets" in said

    def test_credential_when_shared_by_known_providers_then_both_reported_as_updated(self, imported: Importer) -> None:
        row = provider("one", key=OTHER_KEY)
        Provider.objects.create(name="two", type="openai", credential=row.credential)
        assert imported(csv_text({"one": OPENAI_KEY, "two": OPENAI_KEY}))[-1].startswith("0 created, 2 updated")
        assert "row 3: has another key" in imported.refusal(csv_text({"one": OPENAI_KEY, "two": OTHER_KEY}))

    def test_credential_when_another_has_the_name_then_refused(self, imported: Importer) -> None:
        Credential.objects.create(name="openai", source="none")
        assert "row 2: another credential has the provider's name" in imported.refusal(csv_text({"openai": OPENAI_KEY}))

    def test_secret_when_undecryptable_then_replaced(self, imported: Importer, settings: Settings) -> None:
        imported(csv_text(KEYS))
        settings.GATEWAY_ENCRYPTION_KEYS = [new_key()]
        assert imported(csv_text(KEYS))[-1] == "0 created, 2 updated, 0 unchanged, 0 skipped"
        assert stored() == KEYS


class TestAgain:
    def test_import_when_repeated_in_another_format_then_nothing_is_written(self, imported: Importer) -> None:
        imported(csv_text(KEYS))
        before = (current_version(), [*Credential.objects.values()], [*Provider.objects.values()])
        assert imported(json_list(KEYS), "keys.json")[-1] == "0 created, 0 updated, 2 unchanged, 0 skipped"
        assert (current_version(), [*Credential.objects.values()], [*Provider.objects.values()]) == before

    def test_import_when_one_key_is_new_then_only_that_one_is_written(self, imported: Importer) -> None:
        imported(csv_text(KEYS))
        ciphertexts = {credential.name: credential.secret for credential in Credential.objects.all()}
        before = Credential.objects.get(name="groq")
        report = imported(csv_text({**KEYS, "groq": GROQ_KEY + "2"}))
        after = {credential.name: credential.secret for credential in Credential.objects.all()}
        assert [line.split()[2] for line in report[:2]] == ["unchanged", "updated"]
        assert after["openai"] == ciphertexts["openai"]
        assert after["groq"] != ciphertexts["groq"]
        changed = Credential.objects.get(name="groq")
        assert changed.created_at == before.created_at
        assert changed.updated_at > before.updated_at
        assert stored() == {**KEYS, "groq": GROQ_KEY + "2"}


class TestAllOrNothing:
    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_rows_when_one_is_bad_then_nothing_changes(self, position: int, imported: Importer) -> None:
        provider("openai", key=OTHER_KEY)
        entries = [{"name": "openai", "key": OPENAI_KEY}, {"name": "groq", "key": GROQ_KEY}]
        entries.insert(position, {"name": "xai", "key": ""})
        version = current_version()
        said = imported.refusal(json.dumps(entries), "keys.json")
        assert said == f"Some rows are wrong, so nothing was imported.\nrow {position + 1}: the key is empty"
        assert stored() == {"openai": OTHER_KEY}
        assert current_version() == version

    def test_rows_when_several_are_bad_then_all_are_named_in_order(self, imported: Importer) -> None:
        said = imported.refusal(f"provider,api_key\nopenai,{OPENAI_KEY}\nnobody,{GROQ_KEY}\ngroq,\nopenai,{OPENAI_KEY}\n")
        assert [line.split(":")[0] for line in said.splitlines()[1:]] == ["row 3", "row 4", "row 5"]

    def test_rows_when_very_many_are_bad_then_a_hundred_are_named(self, imported: Importer) -> None:
        said = imported.refusal("provider,api_key\n" + "openai,\n" * 150).splitlines()
        assert len(said) == 102
        assert said[-1] == "… and 50 more rows"

    def test_dry_run_when_all_is_well_then_reported_and_nothing_written(self, imported: Importer) -> None:
        provider("openai", key=OTHER_KEY)
        version = current_version()
        report = imported(csv_text(KEYS), dry_run=True)
        assert [line.split()[2:4] for line in report[:2]] == [["updated", "openai"], ["created", "groq"]]
        assert report[2].endswith("(dry run: nothing was written)")
        assert stored() == {"openai": OTHER_KEY}
        assert current_version() == version

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_key_ring_when_missing_then_refused_even_as_a_dry_run(
        self, dry_run: bool, imported: Importer, settings: Settings
    ) -> None:
        settings.GATEWAY_ENCRYPTION_KEYS = []
        settings.GATEWAY_ENCRYPTION_KEY_FILE = imported.directory / "none.key"
        assert "There is no encryption key" in imported.refusal(csv_text(KEYS), dry_run=dry_run)
