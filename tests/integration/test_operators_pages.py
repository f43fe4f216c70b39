"""Do the pages of a running gateway tell what is used of limits and which keys can use nothing, and makes a form one key?"""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body
from tests.live_admin import Visitor
from tests.live_fixtures import StartGateway

PASSWORD = "correct-horse-battery"
KEYS = "/admin/models_catalog/clientkey/"
TOKENS = "/admin/models_catalog/managementtoken/"
SHOWN = re.compile(r"sk-(?:gw|mgmt)-[0-9A-Za-z]{40,}")


@pytest.fixture(scope="module")
def running(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway()
    gateway.operator.create_superuser("operator", PASSWORD)
    gateway.define("ok", capabilities=["chat"])
    return gateway


@pytest.fixture(scope="module")
def visitor(running: LiveGateway) -> Visitor:
    found = Visitor(running)
    assert found.sign_in("operator", PASSWORD) == 302
    return found


@pytest.mark.parametrize(
    ("list_page", "model", "fields"),
    [
        (KEYS, "ClientKey", {"all_models": "on", "max_wait_s": "0"}),
        (TOKENS, "ManagementToken", {"scopes": "models:read"}),
    ],
)
def test_form_when_sent_five_times_at_once_then_makes_one_and_shows_it_once(
    running: LiveGateway, visitor: Visitor, list_page: str, model: str, fields: dict[str, str]
) -> None:
    chosen = str(uuid.uuid4())
    assert 'name="form_id" value="' in visitor.ask("GET", f"{list_page}add/").text
    name = f"sent often {model}"

    def send(_: int) -> httpx.Response:
        return visitor.post(f"{list_page}add/", name=name, form_id=chosen, **fields)

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(send, range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302, 302, 302], [
        answer.text[:300] for answer in answers
    ]
    assert len({found for answer in answers for found in SHOWN.findall(answer.text)}) == 1
    rows = running.operator.rows(f"models_catalog.{model}", {"name": name})
    assert [str(row["id"]) for row in rows] == [chosen]
    page = f"{list_page}{chosen}/change/"
    assert {answer.headers.get("location") for answer in answers} == {None, page}
    assert "shown only once" in visitor.ask("GET", page).text


def made(running: LiveGateway, name: str) -> tuple[dict[str, Any], str]:
    """A fresh key: its row and itself."""
    output = running.operator.command("create_api_key", name)
    key = next(line.partition("=")[2] for line in output.splitlines() if "OPENAI_API_KEY=" in line)
    (row,) = running.operator.rows("models_catalog.ClientKey", {"name": name})
    return row, key


def test_key_when_it_has_asked_then_list_and_page_say_what_is_used(running: LiveGateway, visitor: Visitor) -> None:
    row, key = made(running, "asker")
    running.operator.create("models_catalog.Limit", client_key_id=row["id"], amount=4, per="day")
    running.operator.create("models_catalog.Budget", client_key_id=row["id"], amount="5", unknown_price="allow")
    headers = {"authorization": f"Bearer {key}"}

    def asks() -> int:
        return httpx.post(
            f"{running.base_url}/v1/chat/completions", json=body("chaos/ok"), headers=headers, trust_env=False, timeout=30
        ).status_code

    assert eventually(lambda: asks() == 429, 20, 0.2)  # the limit is known to the worker, and used up
    shown = visitor.ask("GET", f"{KEYS}?q=asker").text
    assert "4 of 4 requests a day" in shown
    assert "0 USD of 5 USD a month" in shown
    page = f"{KEYS}{row['id']}/change/"
    assert eventually(lambda: re.search(r'<th scope="row">24 h</th><td>(?!0<)\d+</td>', visitor.ask("GET", page).text), 20, 0.3)


def test_key_when_its_only_model_is_disabled_then_overview_and_its_page_say_so(running: LiveGateway, visitor: Visitor) -> None:
    row, _ = made(running, "lonely")
    running.define("alone", capabilities=["chat"])
    (model,) = running.operator.rows("models_catalog.ModelDefinition", {"name": "chaos/alone"})
    running.operator.update("models_catalog.ClientKey", {"pk": row["id"]}, {"all_models": False})
    page = f"{KEYS}{row['id']}/change/"
    assert "It may use no model" in visitor.ask("GET", page).text
    running.operator.create("models_catalog.ClientKey_allowed_models", clientkey_id=row["id"], modeldefinition_id=model["id"])
    running.operator.update("models_catalog.ClientKey", {"pk": row["id"]}, {"name": "lonely"})  # a link alone raises no version
    assert "It may use" not in visitor.ask("GET", page).text
    running.operator.update("models_catalog.ModelDefinition", {"pk": model["id"]}, {"enabled": False})
    said = "It may use only models that are switched off: chaos/alone."
    assert said in visitor.ask("GET", page).text
    assert eventually(lambda: said in visitor.ask("GET", "/admin/").text, 10, 0.2)
    running.operator.update("models_catalog.ModelDefinition", {"pk": model["id"]}, {"enabled": True})
    assert said not in visitor.ask("GET", page).text
    assert eventually(lambda: said not in visitor.ask("GET", "/admin/").text, 10, 0.2)
