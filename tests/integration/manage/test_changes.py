"""Are change sets drafted, applied and rolled back by programs? Together or not at all, and not where a person must approve."""

from __future__ import annotations

from pytest_django import Settings

from tests.integration.manage.program import Api
from tests.integration.manage.rich import make_rich_catalog

DRAFT = '[models.drafted]\nrouting = ["one"]\n[models.drafted.providers.one]\nprovider = "one"\n'


def test_change_set_when_drafted_and_applied_then_the_catalog_has_it_until_it_is_rolled_back(api: Api) -> None:
    make_rich_catalog(api)
    made = api("POST", "changes", {"title": "A model", "text": DRAFT}, 201)
    path = made["Location"].removeprefix("/manage/v1/")
    assert (made.json()["state"], [one["name"] for one in made.json()["objects"]]) == ("draft", ["drafted"])
    assert made.json()["difference"][0].startswith("+ model drafted")
    api("GET", "models/drafted", status=404)
    assert api("POST", f"{path}/apply", status=200).json()["state"] == "applied"
    api("GET", "models/drafted", status=200)
    assert api.error("POST", f"{path}/apply", status=409)["code"] == "refused"
    assert api("POST", f"{path}/roll-back", status=200).json()["state"] == "rolled_back"
    api("GET", "models/drafted", status=404)
    second = api("POST", "changes", {"title": "Another"}, 201).json()["id"]
    first_page = api("GET", "changes?limit=1", status=200).json()
    rest = api("GET", f"changes?limit=1&cursor={first_page['next']}").json()
    assert ([one["id"] for one in first_page["data"] + rest["data"]], rest["next"]) == ([second, made.json()["id"]], None)
    assert api("POST", f"changes/{second}/discard", status=200).json()["state"] == "discarded"


def test_change_set_when_its_objects_changed_meanwhile_then_it_is_a_conflict_until_rebased(api: Api) -> None:
    make_rich_catalog(api)
    draft = {"title": "x", "removed": [{"kind": "model", "name": "vendor/name:7b*"}]}
    path = f"changes/{api('POST', 'changes', draft, 201).json()['id']}"
    api("PATCH", "models/vendor/name:7b*", {"description": "new"}, 200)
    error = api.error("POST", f"{path}/apply", status=409)
    assert (error["code"], error["objects"]) == ("conflict", [{"kind": "model", "name": "vendor/name:7b*"}])
    api("POST", f"{path}/rebase", status=200)
    api("POST", f"{path}/apply", status=200)
    api("GET", "models/vendor/name:7b*", status=404)


def test_change_set_when_it_is_wrong_then_the_error_says_where(api: Api) -> None:
    make_rich_catalog(api)
    for body, field in (
        ({"title": "x", "text": "[models.a]\nroutin = 1"}, "models.a"),
        ({"title": "x", "removed": [{"kind": "key", "name": "a"}]}, "removed"),
        ({"text": ""}, "title"),
        ({"title": ""}, "title"),
        ({"titel": "x"}, "titel"),
    ):
        assert api.error("POST", "changes", body)["field"].startswith(field)
    api.error("GET", "changes/nope", status=404)
    assert api.error("GET", "changes?state=open")["field"] == "state"
    assert api.error("GET", "changes?cursor=IngI")["field"] == "cursor"
    path = f"changes/{api('POST', 'changes', {'title': 'x', 'text': DRAFT}, 201).json()['id']}"
    assert api.error("POST", f"{path}/schedule", {"at": "2020-01-01T00:00:00Z"}, 409)["code"] == "refused"
    assert api.error("POST", f"{path}/schedule", {})["field"] == "at"


def test_catalog_when_changes_need_approval_then_programs_change_it_by_approved_change_sets_only(
    api: Api, settings: Settings
) -> None:
    make_rich_catalog(api)
    settings.GATEWAY_CHANGES_NEED_APPROVAL = True
    for method, path in (("PUT", "models/x"), ("PATCH", "providers/one"), ("DELETE", "models/plain"), ("POST", "models")):
        assert api.error(method, path, {}, 403)["code"] == "needs_approval"
    path = f"changes/{api('POST', 'changes', {'title': 'x', 'text': DRAFT}, 201).json()['id']}"
    assert api.error("POST", f"{path}/apply", status=409)["code"] == "refused"
    api("GET", "models", status=200)
    api("POST", "keys", {"name": "x"}, 201)
