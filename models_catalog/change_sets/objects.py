"""What does an object of the catalog look like as a text, and what will the catalog be with such texts in it?

The texts are tables of the gateway's own file format. A model's refers to its providers by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models_catalog.changes.state import CatalogState
from models_catalog.config.check import check_plan
from models_catalog.config.detect import OWN, READERS, detect_format
from models_catalog.config.findings import Finding, Findings
from models_catalog.config.gateway.write import write_object
from models_catalog.config.plan import make_plan
from models_catalog.config.sift import sift
from models_catalog.models.frozen import thaw

REFERENCES = "env::"
KINDS = ("provider", "model", "hook")
Name = tuple[str, str]
"""The kind and the name of an object."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What one object shall be: `after` is its text, "" removes it; `before` is what it was when that was decided."""

    kind: str
    name: str
    before: str
    after: str

    @property
    def key(self) -> Name:
        return self.kind, self.name


class CannotChange(Exception):
    """The catalog cannot be changed so; `findings` say why, each at its place."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


def objects_of(state: CatalogState) -> dict[str, Mapping[str, Any]]:
    return {"provider": state.providers, "model": state.models, "hook": state.hooks}


def names_of(state: CatalogState) -> set[Name]:
    return {(kind, name) for kind, rows in objects_of(state).items() for name in rows}


def text_of(state: CatalogState, kind: str, name: str) -> str:
    """An object as text, "" if there is none."""
    return write_object(kind, name, state) if name in objects_of(state)[kind] else ""


def texts(state: CatalogState) -> dict[Name, str]:
    return {key: text_of(state, *key) for key in names_of(state)}


def planned(
    before: CatalogState, text: str, removed: Iterable[Name] = (), *, prune: bool = False, name: str = ""
) -> CatalogState:
    """The catalog `before` with a document in it, and without some objects. `name` is that of its file: another program's is read
    as far as that is possible. Raises `CannotChange`."""
    form = detect_format(text, name) if name else OWN
    findings = Findings(foreign=form != OWN)
    document = READERS[form](text, findings, name)
    if findings.foreign and not findings.errors:
        document = sift(document, () if prune else before.models, findings)
    if document.client_keys:
        findings.fatal("api_keys", "client keys are no part of a change set: import them on their own page")
    plan = make_plan(replace(document, client_keys=(), lists_keys=False), before, findings, prune=prune)
    check_plan(plan)
    after = plan.after
    after.credentials = {**before.credentials, **after.credentials}
    for kind, name in removed:
        objects_of(after)[kind].pop(name, None)  # type: ignore[attr-defined]
    _check_references(after, findings)
    _check_secrets(before, after, findings)
    if findings.errors:
        raise CannotChange(*findings.errors)
    return after


def _check_references(after: CatalogState, findings: Findings) -> None:
    """What is removed must not be in use."""
    for name, model in after.models.items():
        for route in model.routes:
            if route.provider not in after.providers:
                findings.fatal(
                    f"models.{name}", f"the route {route.name!r} needs the provider {route.provider!r}, which is removed"
                )
        for fallback in model.fallbacks:
            if fallback not in after.models:
                findings.fatal(f"models.{name}", f"the fallback model {fallback!r} is removed")


def _check_secrets(before: CatalogState, after: CatalogState, findings: Findings) -> None:
    """A draft is read by many, so that it says secrets by reference only."""
    for name, provider in after.providers.items():
        old = before.providers.get(name)
        known = set(old.content.json("extra_headers").values()) if old else set()
        if set(provider.content.json("extra_headers").values()) - known:
            findings.fatal(f"providers.{name}.extra_headers", "values of headers are secrets: set them on the provider's page")
    for name, hook in after.hooks.items():
        old_hook = before.hooks.get(name)
        known = set(thaw(old_hook.settings.text("secrets")).values()) if old_hook else set()
        new = set(thaw(hook.settings.text("secrets")).values()) - known
        if any(not str(value).startswith(REFERENCES) for value in new):
            findings.fatal(f"hooks.{name}.options", "secrets are set on the hook's page; env::NAME names a variable")
    for name, credential in after.credentials.items():
        if credential.secret is not None:
            findings.fatal("", f"the secret of {name!r} is no part of a change set: add a credential, and name it")


def edited(before: CatalogState, edits: Iterable[Edit]) -> CatalogState:
    """The catalog with edits in it. Raises `CannotChange`."""
    known = list(edits)
    text = "\n".join(edit.after for edit in known if edit.after)
    return planned(before, text, [edit.key for edit in known if not edit.after])


def edits_between(before: CatalogState, after: CatalogState) -> list[Edit]:
    """What must be edited to come from one catalog to the other."""
    old, new = texts(before), texts(after)
    keys = sorted(old.keys() | new.keys(), key=lambda key: (KINDS.index(key[0]), key[1]))
    return [Edit(*key, old.get(key, ""), new.get(key, "")) for key in keys if old.get(key, "") != new.get(key, "")]


def conflicts(now: CatalogState, edits: Iterable[Edit]) -> list[Edit]:
    """The edits whose objects are no longer what they were, each with what they are now as its `before`."""
    found = [(edit, text_of(now, *edit.key)) for edit in edits]
    return [replace(edit, before=text) for edit, text in found if text not in (edit.before, edit.after)]
