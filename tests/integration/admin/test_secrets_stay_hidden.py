"""Is a secret on any page of the admin? Every page is opened, and searched for canaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from models_catalog import keys
from models_catalog.admin.roles import ROLES
from models_catalog.models import ClientKey, Credential, Hook, Provider
from models_catalog.secrets.fields import EncryptedText
from openai_api.models import UsageRecord
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address, links, posted

MOST_PAGES = 900
LEAST_PAGES = 10
HEADER = "header-canary-7Yt3WqN8uD2s"
WEBHOOK = "whsec_aG9vayBjYW5hcnkgMDEyMzQ1Njc4OSBhYmNkZWZnaGk="
FROM_ENVIRONMENT = "together-canary-4Qm8ZcR1vB6n"


@pytest.fixture
def canaries(catalog: Catalog, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: object, pages: Pages) -> list[str]:
    """A catalog in which every way to hold a secret is used, and what must not be seen of it."""
    file = f"{tmp_path}/key"
    with open(file, "w") as opened:  # noqa: PTH123
        opened.write("file-canary-9Xw2LpT5sK7d")
    monkeypatch.setenv("TOGETHER_API_KEY", FROM_ENVIRONMENT)
    stored = catalog.credential()
    env = Credential.objects.create(name="env", source="env", location="TOGETHER_API_KEY")
    path = Credential.objects.create(name="path", source="path", location=file)
    providers = [
        catalog.provider("openai", type="openai", credential=stored),
        catalog.provider("together", type="together", credential=env),
        catalog.provider("file", type="groq", credential=path),
        catalog.provider("broken", type="openai", credential=catalog.credential("broken", "broken-canary-1111222233334444")),
    ]
    Credential.objects.filter(name="broken").update(secret=EncryptedText("v1.00000000.AAAA" + "A" * 40))
    fallback = catalog.model("fallback", providers[1])
    catalog.model("gpt", *providers, fallbacks=(fallback,))
    row, key = keys.create_client_key("client", models=[fallback])
    edit(pages, stored, row)
    encrypted = Credential.objects.get(pk=stored.pk).secret.stored
    pages.save(address(Provider, "change", providers[0]), {"extra_headers": f'{{"x-team": "{HEADER}", "x-also": "{HEADER}"}}'})
    pages.save(address(Provider, "change", providers[0]), {"extra_headers": '{"x-team": "***"}', "name": "edited"})
    headers = Provider.objects.get(name="edited").extra_headers.stored
    hook = Hook(name="notify", type="webhook", options={"url": "https://example.com/"}, secrets={"secret": WEBHOOK})
    hook.save()
    of_hook = [WEBHOOK[6:], hook.secrets.stored[12:]]
    hidden = [HEADER, headers[12:], SECRET, FROM_ENVIRONMENT, "file-canary-9Xw2LpT5sK7d", key[14:], row.key_hash, encrypted[12:]]
    return [*hidden, *of_hook, *settings.GATEWAY_ENCRYPTION_KEYS, settings.SECRET_KEY]


def edit(pages: Pages, credential: Credential, key: ClientKey) -> None:
    """Gives rows a history, and the secret back under another form."""
    pages.save(address(Credential, "change", credential), {"new_secret": SECRET, "name": "edited"})
    pages.save(address(ClientKey, "change", key), {"name": "edited"})


def body_of(response: Any) -> str:
    body: bytes = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode()


def crawl(client: Client) -> Iterator[tuple[str, str]]:
    """Every page of the admin that can be reached by links, with its text."""
    waiting, seen = [("/admin/", "")], set[str]()
    while waiting:
        url, linked = waiting.pop()
        if url in seen or url == "/admin/autocomplete/" or "/logout/" in url:
            continue
        seen.add(url)
        assert len(seen) < MOST_PAGES
        response = client.get(url)
        if response.status_code in (301, 302):
            waiting.append((urljoin(url, response["Location"]), url))
            continue
        assert response.status_code == 200, f"{url}: {response.status_code}, linked by {linked}"
        text = body_of(response)
        yield url, text
        if not urlsplit(url).query:  # a filtered list shows nothing that the list does not
            waiting += [(urljoin(url, link), url) for link in links(text) if "__fk__" not in link]


def slices(secret: str) -> set[str]:
    """The secret cut into pieces of 12 characters."""
    return {secret[start : start + 12] for start in range(0, len(secret) - 11, 4)}


def test_pages_when_all_are_opened_then_no_secret_is_on_any(pages: Pages, canaries: list[str]) -> None:
    opened = dict(crawl(pages.client))
    kinds = {urlsplit(url).path.rstrip("/").split("/")[-1] for url in opened}
    assert {
        "add",
        "change",
        "delete",
        "history",
        "modeldefinition",
        "duplicate_one",
        "test_one",
        "revoke_one",
        "rotate_one",
        "password",
    } <= kinds
    assert len(opened) > 60
    found = [(url, piece) for url, text in opened.items() for secret in canaries for piece in slices(secret) if piece in text]
    assert found == []


def test_autocompletion_and_search_when_asked_then_no_secret_is_found_by_them(pages: Pages, canaries: list[str]) -> None:
    base = "/admin/autocomplete/?app_label=models_catalog&model_name="
    answer = pages.open(f"{base}clientkey&field_name=allowed_models&term=fall").json()
    assert [result["text"] for result in answer["results"]] == ["fallback"]
    answer = pages.open(f"{base}provider&field_name=credential&term=env").json()
    assert answer["results"] == [{"id": str(Credential.objects.get(name="env").pk), "text": "env"}]
    for piece in (SECRET[:8], SECRET[-4:], canaries[3][:10], canaries[4][:10], "v1."):
        for model in (Credential, ClientKey):
            assert pages.open(f"{address(model)}?q={piece}").context["cl"].result_count == 0
    for page, lookup in (
        (Credential, "secret__startswith=v1"),
        (Credential, "last_four=m5Rb"),
        (Provider, "credential__secret__contains=v"),
        (Provider, "extra_headers__startswith=v1"),
        (ClientKey, "key_hash__startswith=a"),
    ):
        pages.open(f"{address(page)}?{lookup}", status=400)


def test_history_when_secrets_were_written_then_it_names_fields_only(pages: Pages, canaries: list[str]) -> None:
    texts = [f"{entry.object_repr} {entry.change_message} {entry.object_id}" for entry in LogEntry.objects.all()]
    assert any("Secret" in text for text in texts)
    assert [text for text in texts for secret in canaries if secret in text] == []


def test_delete_pages_when_rows_are_in_use_then_they_show_names_only(pages: Pages, canaries: list[str]) -> None:
    response = pages.client.post(
        address(Credential),
        {"action": "delete_selected", "_selected_action": list(Credential.objects.values_list("pk", flat=True))},
    )
    text = response.content.decode()
    assert "protected" in text
    assert [secret for secret in canaries if secret in text] == []


@pytest.mark.parametrize(("model", "field"), [(Credential, "new_secret"), (Provider, "api_key"), (Provider, "extra_headers")])
def test_error_page_when_a_save_fails_then_reports_hold_no_secret(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, pages: Pages, model: type[Model], field: str
) -> None:
    """The page of DEBUG and the report to administrators show the form and the local variables of every function."""

    def fail(**kwargs: object) -> None:
        raise RuntimeError("the disk is full")

    form = posted(pages.open(address(model, "add")))
    sender = Provider if field == "extra_headers" else Credential
    settings.DEBUG = True
    monkeypatch.setattr(pre_save, "receivers", [])
    pre_save.connect(fail, sender=sender)
    client.raise_request_exception = False
    value = f'{{"x-team": "{SECRET}"}}' if field == "extra_headers" else SECRET
    form |= {"name": "it", "type": "openai", "source": "stored", field: value}
    try:
        response = client.post(address(model, "add"), form)
    finally:
        pre_save.disconnect(fail, sender=sender)  # a signal remembers its receivers beyond the list of them
    assert response.status_code == 500
    assert "Traceback" in response.content.decode()
    assert [piece for piece in slices(SECRET) if piece in response.content.decode()] == []


@pytest.mark.parametrize("role", ROLES)
def test_pages_when_a_role_follows_its_links_then_none_is_refused_and_no_secret_is_on_any(role: str, canaries: list[str]) -> None:
    UsageRecord.objects.create(
        started_at=timezone.now(), request_id="r", method="POST", path="/v1/chat/completions", status=200, model="gpt",
        provider="edited", client_name="edited", upstream_ms=1, total_ms=2,
    )  # fmt: skip
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()  # without the messages of the operator
    client.force_login(user)
    opened = [(url, text) for url, text in crawl(client)]
    assert len(opened) > LEAST_PAGES
    assert [(url, piece) for url, text in opened for secret in canaries for piece in slices(secret) if piece in text] == []
