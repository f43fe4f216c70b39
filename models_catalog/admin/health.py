"""How did the last tests of routes end? A word for each capability of a route, and one for a whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog.abilities import is_on, served_by
from models_catalog.admin import html
from models_catalog.models import ModelDefinition, Provider, Route, RouteCheck
from models_catalog.route_state import Traffic, circuits, full_routes, last_failures
from models_catalog.target_ids import route_of, share_of
from providers.breaker import CircuitState, LastFailure
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
    if seconds := full_routes().get(str(route.pk)):
        tags.insert(0, html.tag(f"Full, {seconds:.0f} s", "warn", "At a limit of its own: it is passed over."))
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
    routes = [route for route in model.routes.all() if is_on(route)]
    found = [one for route in routes for one in tested(route, model)]
    title = "\n".join(f"{one.route.name}, {label(one.capability)} {one.details}" for one in found)
    tag = html.tag(*_summary([one.check for one in found]), title)
    full = full_routes()
    named = [route.name for route in routes if str(route.pk) in full]
    if not named:
        return tag
    said = "Full" if len(named) == len(routes) else f"Full {len(named)} of {len(routes)}"
    return html.row_of([tag, html.tag(said, "warn", f"At a limit: {', '.join(named)}")])


def of_provider(provider: Provider, served: Mapping[str, Traffic]) -> SafeString:
    """How its routes were when they were last tested, whether some rest now, and how many of its requests failed lately."""
    routes = [route for route in provider.routes.all() if route.enabled]
    known = [check for route in routes for check in route.checks.all() if check.upstream == route.upstream]
    title = "\n".join(f"{check.route.name}, {label(check.capability)}: {check.outcome}" for check in known)
    tags = [html.tag(*_summary(known or [None]), title)] if routes else [html.tag("not routed", "", "No route leads here.")]
    resting = [state for target, state in circuits().items() if route_of(target) in {str(route.pk) for route in routes}]
    if resting:
        tags.append(html.tag(f"Resting {len(resting)}", "warn", "Left alone after failures, as this worker sees it."))
    found = served.get(provider.name)
    if found is not None and found.requests:
        percent = 100 * found.errors / found.requests
        kind = "bad" if percent >= 20 else "warn" if percent >= 5 else "good"
        text = f"{percent:.1f} % of {found.requests} failed" if found.errors else f"{found.requests} served"
        tags.append(html.tag(text, kind, "In the last hour."))
    return html.row_of(tags)


def of_credential(provider: Provider, share: str) -> SafeString:
    """How the targets with one credential of the provider are: `share` is the key of a further one, "" for its own."""
    routes = {str(route.pk): route for route in provider.routes.all()}
    states = {target: state for target, state in circuits().items() if route_of(target) in routes and share_of(target) == share}
    failures = [found for target, found in last_failures().items() if route_of(target) in routes and share_of(target) == share]
    tags = [
        html.tag(f"{routes[route_of(target)].model.name}: {_rest(state)}", "warn", f"{state.failures} failures in a row")
        for target, state in states.items()
    ]
    shown = [html.row_of(tags or [html.tag("no rest", "good", "No circuit is open in this worker.")])]
    if failures:
        shown.append(_told(max(failures)))
    return format_html('<div class="sb-serves">{}</div>', format_html_join("", "{}", ((part,) for part in shown)))


def _rest(state: CircuitState) -> str:
    return f"rests {state.seconds:.0f} s" if state.seconds else "is tried again"


def _told(failure: LastFailure) -> SafeString:
    """A last failure in a line, with its time."""
    at = datetime.fromtimestamp(failure.at, UTC)
    status = f" ({failure.status})" if failure.status else ""
    detail = f": {failure.detail}" if failure.detail else ""
    text = f"Last error {failure.code}{status}{detail}"
    moment = format_html('<time datetime="{}">{} UTC</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")
    return format_html('<p class="sb-muted">{} · {}</p>', text, moment)


def _summary(checks: Iterable[RouteCheck | None]) -> tuple[str, str]:
    outcomes = [check.outcome if check else None for check in checks]
    good = outcomes.count(OK)
    if FAILED in outcomes:
        return f"Failing {outcomes.count(FAILED)} of {len(outcomes)}", "bad"
    if good:
        return "OK" if good == len(outcomes) else f"OK {good} of {len(outcomes)}", "good"
    return ("Skipped", "") if SKIPPED in outcomes else ("Untested", "")
