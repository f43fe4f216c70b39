"""How does a test edit the catalog of a running gateway? Through a process of its own, as an operator would.

`python -m tests.live_operator` reads one order a line, `{"do": name, "with": {...}}`, and answers `{"result": ...}` or
`{"error": text}`. It runs with the gateway's environment, so it works on the same database with the same keys.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class OperatorError(Exception):
    """An order was refused; the text is what the operator was told."""


class Operator:
    """The test's end of the pipe. Every method returns when the change is committed."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def command(self, *arguments: str) -> str:
        """A management command; what it wrote. Raises `OperatorError` for a `CommandError`."""
        return str(self._order("command", arguments=arguments))

    def define(self, providers: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]]) -> None:
        """Creates or replaces providers (with `api_key` stored encrypted, or the name of a `dynamic` one) and models (with
        `routes` and `fallbacks`)."""
        self._order("define", providers=providers, models=models)

    def update(self, model: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """Changes rows; how many."""
        return int(self._order("update", model=model, where=where, values=values))

    def rows(self, model: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows as dictionaries; what JSON does not know is a text."""
        found: list[dict[str, Any]] = self._order("rows", model=model, where=where)
        return found

    def create(self, model: str, /, **values: Any) -> Any:
        """Makes a row; its id. A field that ends in `_id` names another row."""
        return self._order("create", model=model, values=values)

    def delete(self, model: str, where: Mapping[str, Any]) -> int:
        return int(self._order("delete", model=model, where=where))

    def create_superuser(self, name: str, password: str) -> None:
        self._order("create_superuser", name=name, password=password)

    def create_staff(self, name: str, password: str, *rights: str, group: str = "", active: bool = True) -> int:
        """An account with these rights (`change_user`, …), given to it or to a group that is made for it; its id."""
        return int(self._order("create_staff", name=name, password=password, rights=rights, group=group, active=active))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdout:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            finally:
                self._process.kill()
                self._process.wait()

    def _order(self, name: str, /, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": name, "with": arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the operator process has ended"}')
        if "error" in answer:
            raise OperatorError(answer["error"])
        return answer["result"]


# What the process does


def _command(arguments: list[str]) -> str:
    from django.core.management import call_command

    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        call_command(*arguments, stdout=written)
    return written.getvalue()


def _define(providers: list[dict[str, Any]], models: list[dict[str, Any]]) -> None:
    from django.db import transaction

    with transaction.atomic():
        for provider in providers:
            _define_provider(**provider)
        _define_models(models)


def _define_provider(name: str, api_key: str = "", dynamic: str = "", **fields: Any) -> None:
    from models_catalog.models import Credential, Provider
    from providers.types import Secret

    credential = None
    if api_key or dynamic:
        credential, _ = Credential.objects.get_or_create(name=name)
        credential.source, credential.location = ("dynamic", dynamic) if dynamic else ("stored", "")
        credential.secret = Secret(api_key) if api_key else ""
        credential.full_clean()
        credential.save()
    provider, _ = Provider.objects.update_or_create(name=name, defaults={"credential": credential, **fields})
    provider.full_clean()


def _define_models(models: list[dict[str, Any]]) -> None:
    from models_catalog.models import Fallback, ModelDefinition, Provider, Route

    parts = {model["name"]: (model.pop("routes"), model.pop("fallbacks", ())) for model in models}
    ModelDefinition.objects.filter(name__in=parts).delete()
    ModelDefinition.objects.bulk_create([ModelDefinition(**model) for model in models])
    made = {model.name: model for model in ModelDefinition.objects.all()}
    known = {provider.name: provider for provider in Provider.objects.all()}
    routes = [
        Route(model=made[name], name=f"route {position}", position=position, **{**route, "provider": known[route["provider"]]})
        for name, (listed, _) in parts.items()
        for position, route in enumerate(listed)
    ]
    Route.objects.bulk_create(routes)
    chained = [
        Fallback(model=made[name], fallback=made[fallback], position=position)
        for name, (_, fallbacks) in parts.items()
        for position, fallback in enumerate(fallbacks)
    ]
    Fallback.objects.bulk_create(chained)


def _queryset(model: str, where: dict[str, Any]) -> Any:
    from django.apps import apps

    return apps.get_model(model if "." in model else f"models_catalog.{model}")._default_manager.filter(**where)


def _rows(model: str, where: dict[str, Any]) -> list[dict[str, Any]]:
    return list(_queryset(model, where).values())


def _update(model: str, where: dict[str, Any], values: dict[str, Any]) -> int:
    rows = _queryset(model, where)
    if "extra_headers" not in values:
        return int(rows.update(**values))
    for row in rows:  # what is encrypted is bound to its row
        vars(row).update(values)
        row.save()
    return len(rows)


def _create(model: str, values: dict[str, Any]) -> int | str:
    from django.apps import apps

    pk = apps.get_model(model)._default_manager.create(**values).pk
    return pk if isinstance(pk, int) else str(pk)


def _delete(model: str, where: dict[str, Any]) -> int:
    return int(_queryset(model, where).delete()[0])


def _create_superuser(name: str, password: str) -> None:
    from django.contrib.auth.models import User

    if not User.objects.filter(username=name).exists():
        User.objects.create_superuser(name, password=password)


def _create_staff(name: str, password: str, rights: list[str], group: str, active: bool) -> int:
    from django.contrib.auth.models import Group, Permission, User

    user = User.objects.create_user(name, password=password, is_staff=True, is_active=active)
    found = Permission.objects.filter(codename__in=rights)
    if group:
        made = Group.objects.create(name=group)
        made.permissions.set(found)
        user.groups.add(made)
    else:
        user.user_permissions.set(found)
    return int(user.pk)


ORDERS: dict[str, Callable[..., Any]] = {
    "command": _command,
    "define": _define,
    "create": _create,
    "update": _update,
    "delete": _delete,
    "rows": _rows,
    "create_superuser": _create_superuser,
    "create_staff": _create_staff,
}


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"result": ORDERS[order["do"]](**order["with"])}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever fails is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
