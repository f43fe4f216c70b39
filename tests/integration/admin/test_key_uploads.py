"""Are files of keys shown before they are imported, and never in clear?"""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from models_catalog.keys import hash_key
from models_catalog.models import ClientKey, Credential, Limit, Provider
from tests.integration.admin.pages import Pages

CLIENT_KEYS = "/admin/models_catalog/clientkey/import/"
PROVIDER_KEYS = "/admin/models_catalog/credential/import/"
KEY = "sk-foreign-0123456789abcdef"
PROVIDER_KEY = "sk-proj-Kx93canaryLq71vTzWm5Rb"
SEALED = re.compile(r'name="sealed" value="([^"]+)"')


def upload(client: Client, url: str, content: str, name: str = "keys.csv", **more: str) -> str:
    """The page after the first step."""
    file = SimpleUploadedFile(name, content.encode())
    answer = client.post(url, {"file": file, "form": "auto", "keys": "auto", **more})
    assert answer.status_code == 200
    return answer.content.decode()


def sealed(page: str) -> str:
    found = SEALED.search(page)
    assert found, page
    return found[1]


def test_client_keys_when_uploaded_then_previewed_and_imported_when_confirmed(pages: Pages) -> None:
    page = upload(pages.client, CLIENT_KEYS, f"name,key,rpm\ncrawler,{KEY},60\n")
    assert "crawler" in page
    assert "60 requests a minute" in page
    assert KEY not in page
    assert not ClientKey.objects.exists()
    answer = pages.client.post(CLIENT_KEYS, {"sealed": sealed(page)}, follow=True)
    assert "1 created" in answer.content.decode()
    row = ClientKey.objects.get(key_hash=hash_key(KEY))
    assert Limit.objects.get(client_key=row).amount == 60
    assert [entry.object_id for entry in LogEntry.objects.all()] == [str(row.pk)]
    assert all(KEY not in str(session.get_decoded()) for session in Session.objects.all())


def test_provider_keys_when_uploaded_then_previewed_and_imported_when_confirmed(pages: Pages) -> None:
    page = upload(pages.client, PROVIDER_KEYS, f"provider,api_key\nopenai,{PROVIDER_KEY}\n")
    assert f"…{PROVIDER_KEY[-4:]}" in page
    assert PROVIDER_KEY not in page
    assert not Credential.objects.exists()
    pages.client.post(PROVIDER_KEYS, {"sealed": sealed(page)})
    assert Provider.objects.get().credential == Credential.objects.get()


def test_file_when_a_row_is_wrong_then_it_is_named_and_there_is_nothing_to_confirm(pages: Pages) -> None:
    page = upload(pages.client, CLIENT_KEYS, f"key,rpm\n{KEY},0\n")
    assert "row 2: rpm must be a whole number" in page
    assert "sealed" not in page
    assert KEY not in page


def test_preview_when_of_somebody_else_or_for_something_else_then_not_imported(pages: Pages) -> None:
    page = sealed(upload(pages.client, CLIENT_KEYS, f"key\n{KEY}\n"))
    assert "too old" in pages.client.post(PROVIDER_KEYS, {"sealed": page}).content.decode()
    pages.client.force_login(User.objects.create_superuser("other"))
    assert "too old" in pages.client.post(CLIENT_KEYS, {"sealed": page}).content.decode()
    assert "too old" in pages.client.post(CLIENT_KEYS, {"sealed": "x"}).content.decode()
    assert not ClientKey.objects.exists()


@pytest.mark.parametrize(("right", "client_keys"), [("add_clientkey", 200), ("view_clientkey", 403)], ids=["issuer", "viewer"])
def test_upload_when_account_issues_keys_then_client_keys_only(right: str, client_keys: int, client: Client) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=right))
    client.force_login(user)
    assert client.get(CLIENT_KEYS).status_code == client_keys
    assert client.get(PROVIDER_KEYS).status_code == 403


def test_published_key_when_followed_then_it_is_read_only_and_can_be_filtered(pages: Pages, settings: Settings) -> None:
    settings.GATEWAY_REDIS_PUBLICATION = True
    row = ClientKey.objects.create(name="published", key_hash=hash_key(KEY), origin="redis:1234")
    ClientKey.objects.create(name="own", key_hash=hash_key(PROVIDER_KEY))
    page = f"/admin/models_catalog/clientkey/{row.pk}/"
    assert pages.client.post(f"{page}change/", {"name": "other"}).status_code == 403
    assert pages.client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    pages.run(ClientKey, "disable", row)
    assert ClientKey.objects.get(pk=row.pk).enabled
    listed = pages.open("/admin/models_catalog/clientkey/?origin=redis").content.decode()
    assert "published" in listed
    assert ">own<" not in listed
    settings.GATEWAY_REDIS_PUBLICATION = False
    pages.client.post(f"{page}delete/", {"post": "yes"})
    assert not ClientKey.objects.filter(pk=row.pk).exists()


def test_preview_when_rows_lose_their_tick_then_only_the_others_are_imported(pages: Pages) -> None:
    page = upload(pages.client, CLIENT_KEYS, f"name,key\nfirst,{KEY}\nsecond,{KEY}2\n")
    assert page.count('name="chosen"') == 2
    pages.client.post(CLIENT_KEYS, {"sealed": sealed(page), "choosing": "1", "chosen": ["3"]})
    assert [row.name for row in ClientKey.objects.all()] == ["second"]
    page = upload(pages.client, PROVIDER_KEYS, f"provider,api_key\nopenai,{PROVIDER_KEY}\nanthropic,{PROVIDER_KEY}2\n")
    pages.client.post(PROVIDER_KEYS, {"sealed": sealed(page), "choosing": "1", "chosen": ["2"]})
    assert [row.name for row in Provider.objects.all()] == ["openai"]
