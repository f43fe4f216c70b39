"""How did the last tests of routes end? A word for each capability of a route, and one for a whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog.abilities import is_on, served_by
from models_catalog.admin import html
from models_catalog.models import ModelDefinition, Route, RouteCheck
from providers.capabilities import Capability

OK, FAILED, SKIPPED = RouteCheck.Outcome.OK, RouteCheck.Outcome.FAILED, RouteCheck.Outcome.SKIPPED
WORDS = {OK: ("ok", "good"), FAILED: ("failing", "bad"), SKIPPED: ("skipped", "")}


class Tested(NamedTuple):
    """One capability of a route; `check` is None if what is called now was never tested."""

    route: Route
    capability: Capability
    check: RouteCheck | None

    @property
    def word(self) -> tuple[str, str]:
        """The word and the kind of its mark."""
        return WORDS[RouteCheck.Outcome(self.check.outcome)] if self.check else ("untested", "")

    @property
    def details(self) -> str:
        """What is known of the test, in one line."""
        if self.check is None:
            return "untested"
        reason = ": ".join(text for text in (self.check.code, self.check.message) if text)
        took = "" if self.check.latency_ms is None else f"{self.check.latency_ms} ms"
        return " · ".join(text for text in (self.word[0], reason or took, moment(self.check)) if text)


def label(capability: str) -> str:
    return capability.replace("_", " ").capitalize()


def moment(check: RouteCheck) -> str:
    return f"{timezone.localtime(check.tested_at):%Y-%m-%d %H:%M} UTC"


def tested(route: Route, model: ModelDefinition) -> list[Tested]:
    """What the route can serve of the model, each with its last test."""
    known = {check.capability: check for check in route.checks.all() if check.upstream == route.upstream}
    return [Tested(route, capability, known.get(capability)) for capability in served_by(route, model)]


def of_route(route: Route, model: ModelDefinition) -> SafeString:
    """Which of the model's capabilities the route serves, how each was when it was last tested, and what went wrong."""
    found = tested(route, model)
    served = {one.capability.value for one in found}
    tags = [html.tag(f"{label(one.capability)} {one.word[0]}", one.word[1], one.details) for one in found]
    tags += [
        html.tag(f"{label(name)} not served", "", "Its provider does not support it.")
        for name in model.capabilities
        if name not in served
    ]
    if not is_on(route):
        tags.insert(0, html.tag("Not in use", "warn", "The route or its provider is disabled."))
    return format_html(
        '<div class="sb-serves">{}{}</div>',
        html.row_of(tags),
        format_html_join("", '<p class="sb-muted">{}</p>', ((line,) for line in _lines(found))),
    )


def _lines(found: Sequence[Tested]) -> Iterator[str]:
    troubled = [one for one in found if one.check and one.check.outcome != OK]
    yield from (f"{label(one.capability)} {one.details}" for one in troubled)
    latest = max((one.check for one in found if one.check), key=lambda check: check.tested_at, default=None)
    if latest and not troubled:
        yield f"Tested {moment(latest)}"


def of_model(model: ModelDefinition) -> SafeString:
    """One mark for all routes that are in use; its title tells of each."""
    found = [one for route in model.routes.all() if is_on(route) for one in tested(route, model)]
    title = "\n".join(f"{one.route.name}, {label(one.capability)} {one.details}" for one in found)
    return html.tag(*_summary([one.check for one in found]), title)


def _summary(checks: Iterable[RouteCheck | None]) -> tuple[str, str]:
    outcomes = [check.outcome if check else None for check in checks]
    good = outcomes.count(OK)
    if FAILED in outcomes:
        return f"Failing {outcomes.count(FAILED)} of {len(outcomes)}", "bad"
    if good:
        return "OK" if good == len(outcomes) else f"OK {good} of {len(outcomes)}", "good"
    return ("Skipped", "") if SKIPPED in outcomes else ("Untested", "")
