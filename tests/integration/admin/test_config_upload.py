"""Is a configuration file shown entry by entry before it is imported, and are only entries with a tick applied?"""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from models_catalog.models import ModelDefinition, Provider
from tests.integration.admin.pages import Pages
from tests.integration.admin.test_key_uploads import sealed

PLACE = "/admin/models_catalog/modeldefinition/import/"
FILE = """
[providers.one]
type = "openai"
api_key_location = "env::ONE_KEY"
[models.first]
routing = ["one"]
[models.first.providers.one]
provider = "one"
[models.second]
routing = ["one"]
[models.second.providers.one]
provider = "one"
"""
ALL = ["credential:ONE_KEY", "provider:one", "model:first", "model:second"]


def upload(client: Client, content: str, name: str = "config.toml", **more: str) -> str:
    answer = client.post(PLACE, {"file": SimpleUploadedFile(name, content.encode()), "form": "auto", **more})
    assert answer.status_code == 200
    return answer.content.decode()


def confirm(client: Client, page: str, chosen: list[str]) -> str:
    answer = client.post(PLACE, {"sealed": sealed(page), "choosing": "1", "chosen": chosen}, follow=True)
    return answer.content.decode()


def test_configuration_when_uploaded_then_the_entries_with_a_tick_are_applied(pages: Pages) -> None:
    page = upload(pages.client, FILE)
    assert all(f'value="{entry}"' in page for entry in ALL)
    assert not ModelDefinition.objects.exists()
    assert "3 of 3 entries change" in confirm(pages.client, page, ALL[:3])
    assert [row.name for row in ModelDefinition.objects.all()] == ["first"]
    page = upload(pages.client, FILE.replace("[models.second]", "[models.second]\nretries = 3"), prune="on")
    assert 'value="provider:one"' not in page
    confirm(pages.client, page, ["model:second"])
    assert {row.name for row in ModelDefinition.objects.all()} == {"first", "second"}


def test_configuration_when_something_needed_lost_its_tick_then_it_is_named_and_nothing_changes(pages: Pages) -> None:
    page = confirm(pages.client, upload(pages.client, FILE), ["model:first"])
    assert "model:first: needs the provider" in page
    assert page.count(" checked") == 1
    assert not Provider.objects.exists()
    assert "2 of 2" not in confirm(pages.client, page, [])
    assert not Provider.objects.exists()


def test_configuration_when_an_entry_is_wrong_then_it_is_named_and_there_is_nothing_to_confirm(pages: Pages) -> None:
    page = upload(pages.client, FILE.replace("[models.second]", "[models.second]\ncontext_length = -1"))
    assert "models.second.context_length" in page
    assert "sealed" not in page
    assert (
        "not UTF-8" in pages.client.post(PLACE, {"file": SimpleUploadedFile("x.toml", b"\xff"), "form": "auto"}).content.decode()
    )


def test_configuration_when_the_account_may_not_change_all_that_files_hold_then_403(client: Client) -> None:
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_modeldefinition", "add_modeldefinition"]))
    client.force_login(user)
    assert client.get(PLACE).status_code == 403
