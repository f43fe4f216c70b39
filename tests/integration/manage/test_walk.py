"""Could a program that knows nothing but the document manage every kind of object? It makes, reads, changes and deletes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.integration.manage.documented import document, operations
from tests.integration.manage.program import Api
from tests.integration.manage.rich import escaped

KNOWN: dict[str, Any] = {
    "tenant": "walked",
    "provider": "walked",
    "scopes": ["models:read"],
    "alert_url": "https://alerts.example/in",
    "alert_email": "alerts@walked.example",
    "email": "walked@walked.example",
    "api_base": "https://walked.example/v1",
}
"""What no schema can know: names of other objects, addresses."""
NEEDED: dict[str, dict[str, Any]] = {
    "credentials": {"source": "none"},
    "tokens": {"scopes": ["models:read"]},
    "limits": {"model": "walked"},
    "budgets": {"model": "walked"},
    "models": {"routes": [{"provider": "walked"}]},
    "hooks": {"type": "printer"},
    "providers": {"type": "openai"},
}
"""What the rules ask for beyond the types: exactly one subject, at least one route."""
ORDER = (
    "tenants", "credentials", "providers", "models", "access-groups", "projects", "people", "keys", "limits", "budgets",
    "hooks", "tokens",
)  # fmt: skip


def component(kind: str) -> dict[str, Any]:
    """The schema of what is sent to make one."""
    content = operations()["POST", f"/manage/v1/{kind}"]["requestBody"]["content"]["application/json"]
    found: dict[str, Any] = document()["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return found


def writable(kind: str) -> dict[str, Any]:
    return {name: schema for name, schema in component(kind)["properties"].items() if not schema.get("readOnly")}


def value_of(name: str, schema: Any, old: Any = None) -> Any:
    """A value that the schema takes, another one than the old; None if nothing is known of it."""
    kinds = schema.get("type", [])
    if name in KNOWN:
        return KNOWN[name]
    if "enum" in schema:
        return next((value for value in schema["enum"] if value not in (old, None, "")), None)
    if "boolean" in kinds:
        return old is not True
    if "integer" in kinds or "number" in kinds:
        least = max(schema.get("minimum", 0), 1)
        return least if old != least else least + 1
    if kinds == "string" and "format" not in schema:
        return "walked"
    return None


def smallest(kind: str) -> dict[str, Any]:
    required = set(component(kind).get("required", ())) & writable(kind).keys()
    return {**{name: value_of(name, writable(kind)[name]) for name in required}, **NEEDED.get(kind, {})}


def made(api: Api, kind: str) -> str:
    """The path of a new one: by name where the document has a PUT that makes it."""
    names = "201" in operations()["PUT", f"/manage/v1/{kind}/{{address}}"]["responses"]
    body = smallest(kind)
    if names and kind in ("tenants", "credentials", "providers", "models", "access-groups", "hooks"):
        path = f"{kind}/{escaped(body.pop('name'))}"
        api("PUT", path, body, 201)
        return path
    answer = api("POST", kind, body, 201)
    assert answer["Location"] == f"/manage/v1/{kind}/{answer.json()['id']}"
    return f"{kind}/{answer.json()['id']}"


def changes(kind: str, whole: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, schema in writable(kind).items():
        new = value_of(name, schema, whole.get(name))
        if name not in ("name", "type", "secret", *NEEDED.get(kind, {})) and new is not None and new != whole.get(name):
            yield name, new


def test_program_when_it_knows_the_document_only_then_it_makes_reads_changes_and_deletes_each_kind(api: Api) -> None:
    paths = {kind: made(api, kind) for kind in ORDER}
    assert {path.partition("/{")[0].rpartition("/")[2] for method, path in operations() if method == "PUT"} == set(ORDER)
    changed = 0
    for kind, path in paths.items():
        read = api("GET", path, status=200)
        again = api("PUT", path, read.json(), 200, if_match=read["ETag"])
        assert (again.json(), again["ETag"]) == (read.json(), read["ETag"])
        for name, new in changes(kind, read.json()):
            answer = api("PATCH", path, {name: new})
            assert answer.status_code in (200, 400), (kind, name, new, answer.content)
            if answer.status_code == 200:
                assert api("GET", path).json()[name] == answer.json()[name] == new, (kind, name)
                changed += 1
        listed = [one for one in api("GET", kind, status=200).json()["data"] if one == api("GET", path).json()]
        assert listed or kind == "tokens", kind
    assert changed > 40
    for path in reversed(paths.values()):
        etag = api("GET", path)["ETag"]
        api("DELETE", path, status=204, if_match=etag)
        assert api.error("GET", path, status=404)["code"] == "not_found"
