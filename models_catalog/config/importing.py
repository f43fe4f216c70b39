"""How does a file get into the catalog? Read, plan, check, then write everything or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from models_catalog.changes.apply import apply
from models_catalog.changes.diff import Change, changes
from models_catalog.changes.state import CatalogState, load
from models_catalog.config.check import check_circles, check_plan
from models_catalog.config.choice import ALL, CannotChoose, Choice, Chosen, Entry, choose, entries_between
from models_catalog.config.detect import OWN, READERS, detect_format
from models_catalog.config.document import Document
from models_catalog.config.findings import Finding, Findings, InvalidConfiguration
from models_catalog.config.plan import Plan, make_plan
from models_catalog.config.sift import sift
from models_catalog.models import CatalogVersion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import has changed, or would change. `warnings` name what of the file is not imported, and `left_out` the
    entries of another program's file that cannot be served; `models` and `ignored` count models and settings. `entries` are the
    objects that would change if all were chosen, `chosen` those that are, and `followed` says which of them others need."""

    changes: tuple[Change, ...]
    warnings: tuple[Finding, ...]
    left_out: tuple[Finding, ...] = ()
    models: int = 0
    ignored: int = 0
    entries: tuple[Entry, ...] = ()
    chosen: tuple[Entry, ...] = ()
    followed: tuple[tuple[Entry, str], ...] = ()


def import_text(
    text: str,
    *,
    name: str = "",
    form: str = "auto",
    prune: bool = False,
    dry_run: bool = False,
    strict: bool = False,
    choice: Choice = ALL,
) -> Outcome:
    """Brings the catalog to what the text says. `name` is the file's path, `form` one of `READERS` or "auto". A file of another
    program is imported as far as that is possible, unless `strict`. Of what would change only the `choice` is applied.

    Raises `InvalidConfiguration` with every error of the file, and then, as with `dry_run`, nothing is written.
    """
    form = detect_format(text, name) if form == "auto" else form
    findings = Findings(foreign=form != OWN and not strict)
    document = READERS[form](text, findings, name)
    if findings.foreign and findings.errors:
        raise InvalidConfiguration(findings)
    with transaction.atomic():
        # Writers raise the version first: whoever holds its row sees a catalog that does not change meanwhile.
        CatalogVersion.objects.select_for_update().first()
        before = load(with_secrets=_has_secrets(document), published=not prune)
        if findings.foreign:
            document = sift(document, () if prune else before.models, findings)
        plan = make_plan(document, before, findings, prune=prune)
        check_plan(plan)
        if findings.errors:
            raise InvalidConfiguration(findings)
        chosen = _chosen(before, plan, choice, findings)
        found = tuple(changes(before, chosen.after))
        if found and not dry_run:
            apply(before, chosen.after)
        entries = entries_between(before, plan.after) if choice != ALL else chosen.entries
    return Outcome(
        found,
        tuple(findings.warnings),
        tuple(findings.left_out),
        len(document.models),
        findings.ignored,
        tuple(entries),
        tuple(chosen.entries),
        tuple(chosen.followed),
    )


def _chosen(before: CatalogState, plan: Plan, choice: Choice, findings: Findings) -> Chosen:
    """The catalog with what is chosen of the plan, which may be a circle that the whole plan is not. Raises
    `InvalidConfiguration`."""
    try:
        chosen = choose(before, plan.after, choice)
    except CannotChoose as error:
        findings.errors.extend(error.findings)
        raise InvalidConfiguration(findings) from None
    if choice != ALL and not findings.foreign:
        plan.after = chosen.after
        check_circles(plan)
        if findings.errors:
            raise InvalidConfiguration(findings)
    return chosen


def _has_secrets(document: Document) -> bool:
    contents = [route.provider for model in document.models for route in model.routes]
    return any(not isinstance(content, str) and content.credential.secret is not None for content in contents)
