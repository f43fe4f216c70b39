"""How is said on the command line whose a new key is, and what it may use? `--project`, `--person`, `--alias` and others."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError

from models_catalog.config.table import nearest
from models_catalog.models import AccessGroup, ClientKey, ModelDefinition, Person, Project


def add_owner(parser: ArgumentParser) -> None:
    """The options of a key that say whose it is."""
    parser.add_argument("--project", metavar="TENANT/PROJECT", help="the project that it belongs to")
    parser.add_argument("--person", metavar="[TENANT/]NAME", help="the person that it belongs to")
    parser.add_argument(
        "--access-group", action="append", metavar="NAME", help="a group of models that it may use; default: all models"
    )
    parser.add_argument(
        "--alias", action="append", metavar="NAME=MODEL", help="a name that it may send, and the model that it means"
    )
    parser.add_argument(
        "--network", action="append", metavar="CIDR", help="an address or range that it may be used from; default: any"
    )
    parser.add_argument("--ends-streams", action="store_true", help="break running answers off when it is revoked or expires")


def owner_columns(options: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that the options say. Raises `CommandError`."""
    project = _project(options["project"]) if options["project"] else None
    person = _person(options["person"], project) if options["person"] else None
    return {
        "project": project,
        "person": person,
        "aliases": dict(_alias(text) for text in options["alias"] or ()),
        "allowed_networks": options["network"] or [],
        "ends_streams": options["ends_streams"],
    }


def groups_of(names: Sequence[str] | None) -> list[AccessGroup]:
    """The groups of these names. Raises `CommandError`."""
    known = {row.name: row for row in AccessGroup.objects.all()}
    for name in names or ():
        if name not in known:
            raise CommandError(f"unknown access group {name!r}{nearest(name, known)}")
    return [known[name] for name in dict.fromkeys(names or ())]


def check_aliases(row: ClientKey) -> None:
    """An alias must mean a model that the key may use. Raises `CommandError`."""
    known = set(ModelDefinition.objects.values_list("name", flat=True))
    own = {*row.allowed_models.values_list("name", flat=True), *row.access_groups.values_list("models__name", flat=True)}
    for name, meant in row.aliases.items():
        if not _fits(meant, known) or not (row.all_models or _fits(meant, own)):
            raise CommandError(
                f"the alias {name!r} means {meant!r}, which is no model that the key may use{nearest(meant, known)}"
            )


def _fits(name: str, known: set[str]) -> bool:
    return name in known or any(one.endswith("*") and name.startswith(one[:-1]) for one in known if one)


def _project(text: str) -> Project:
    tenant, _, name = text.partition("/")
    row = Project.objects.filter(tenant__name=tenant, name=name).first()
    if row is None:
        known = [f"{row.tenant.name}/{row.name}" for row in Project.objects.select_related("tenant")[:1000]]
        raise CommandError(f"unknown project {text!r}{nearest(text, known)}: write TENANT/PROJECT")
    return row


def _person(text: str, project: Project | None) -> Person:
    tenant, slash, name = text.rpartition("/")
    found = Person.objects.filter(name=name)
    if slash:
        found = found.filter(tenant__name=tenant)
    elif project is not None:
        found = found.filter(tenant=project.tenant)
    rows = list(found[:2])
    if len(rows) != 1:
        raise CommandError(f"{'several people are' if rows else 'nobody is'} called {text!r}: write TENANT/NAME")
    if project is not None and rows[0].tenant_id != project.tenant_id:
        raise CommandError(f"the person {text!r} belongs to another tenant than the project")
    return rows[0]


def _alias(text: str) -> tuple[str, str]:
    name, equals, model = text.partition("=")
    if not (equals and name and model):
        raise CommandError(f"--alias {text!r} is not NAME=MODEL")
    return name, model
