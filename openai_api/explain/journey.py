"""Which steps would a request pass? They are asked in the order of the journey, and by its own code.

The request is decoded and its model looked up by the handler of its path, with a gateway whose only admission stops it there and
says what it has seen. What counts (limits, budgets, places at routes) is asked beside counters that are always full, so that
nothing is taken; hooks are named and not run; no upstream is asked.
"""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_address
from time import time
from typing import NoReturn

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError
from openai_api.explain.candidates import routes_of
from openai_api.explain.cost import cost_at
from openai_api.explain.paths import SMALLEST, USUAL, VARIABLE, body_of, form_of
from openai_api.explain.result import Explanation, HookSeen, Question, Reason, Refusal, Status, Step, Verdict
from openai_api.explain.rules import rule_of
from openai_api.hooks.chain import Chain
from openai_api.http.routing import Match
from openai_api.limits.admission import Asking
from openai_api.limits.bounded import Bounded
from openai_api.outlet import HeardOutlet
from openai_api.pipeline.authenticate import has_expired
from openai_api.pipeline.check_address import is_within
from openai_api.recording.events import Record
from openai_api.routes import TABLE

STEPS = ("path", "key", "address", "body", "model", "capability", "limits", "budgets", "hooks", "cache", "routes")
"""In the order of the journey."""
ANYBODY = Client(id="", name="any key")
REQUEST_ID = "explain"
OF_MODEL = {"model_not_found": "model", "capability_not_supported": "capability"}
"""Codes of errors that tell of another step than the body."""
PHASES = ("authentication", "before", "streaming", "after", "errors")
ANSWERED = "This request is answered without asking a model."


class _Seen(Exception):
    """The request has come as far as admission."""

    def __init__(self, asking: Asking) -> None:
        super().__init__("seen")
        self.asking = asking


class _Witness:
    """An `Admission` that lets nothing on."""

    async def admit(self, asking: Asking) -> NoReturn:
        raise _Seen(asking)


class _Refused(Exception):
    """A step refuses, and those behind it are not reached."""

    def __init__(self, step: str, error: ApiError, text: str = "", code: str = "") -> None:
        super().__init__(error.message)
        self.step, self.error = step, error
        self.text, self.code = text or error.message, code or error.code or error.type


async def explain(gateway: Gateway, question: Question) -> Explanation:
    """What would become of the request now, in this process. Sends nothing, counts nothing. For the event loop of the gateway."""
    catalog = gateway.catalog.current
    told = Explanation(asked_model=question.model, catalog_version=catalog.version, worker=os.getpid())
    journey = _Journey(gateway, question, catalog, told)
    try:
        await journey.steps()
    except _Refused as refused:
        error = refused.error
        told.steps.append(Step(refused.step, Verdict.REFUSES, refused.text, refused.code))
        told.refusal = told.refusal or Refusal(error.status, error.code or "", error.type, error.message)
    reached = {step.name for step in told.steps}
    told.steps += [Step(name, Verdict.NOT_REACHED, "A step before it refuses.") for name in STEPS if name not in reached]
    return told


class _Journey:
    """One request on its way. What it finds is written into `told`."""

    def __init__(self, gateway: Gateway, question: Question, catalog: CatalogSnapshot, told: Explanation) -> None:
        self._gateway, self._question, self._catalog, self._told = gateway, question, catalog, told

    async def steps(self) -> None:
        """Raises `_Refused` at the first step that refuses, but a limit or a budget: what lies behind these is told, too."""
        match = self._path()
        client = self._key()
        self._address(client)
        asking = await self._asked(match, client)
        await self._rules(asking)
        self._hooks(asking)
        self._cache(asking)
        await self._routes(asking)

    def _note(self, step: str, text: str, verdict: Verdict = Verdict.PASSES, code: str = "") -> None:
        self._told.steps.append(Step(step, verdict, text, code))

    def _path(self) -> Match:
        asked = self._question.path or self._usual_path()
        path = asked.replace(VARIABLE, self._question.model or VARIABLE)
        try:
            match = TABLE.place(path).match("POST", path)
        except ApiError as error:
            raise _Refused("path", error) from error
        self._told.path = match.path
        if match.label not in SMALLEST:
            raise _Refused("path", ApiError(400, "not_explained", f"POST {match.label} asks no model for anything."))
        self._note("path", f"POST {match.label}, in the dialect of {match.route.dialect.name}.")
        return match

    def _usual_path(self) -> str:
        entry = self._catalog.entry(self._question.model)
        able = entry.targets if entry is not None else ()
        return next((path for capability, path in USUAL.items() if capability in able), next(iter(SMALLEST)))

    def _key(self) -> Client:
        if not self._question.key:
            text = "No key was given: this is what a key is told that may use every model and has no limits."
            self._note("key", text, Verdict.SKIPPED)
            return ANYBODY
        client = self._catalog.client(self._question.key)
        refused = ApiError(401, "invalid_api_key", "Missing or invalid API key.")
        if client is None:
            text = "The key is not among those that this worker lets in: it is unknown, revoked or switched off, or its owner is."
            raise _Refused("key", refused, text, "not_in_force")
        self._told.key = client.name
        if has_expired(client):
            raise _Refused("key", refused, f"The key {client.name} has expired.", "expired")
        self._note("key", f"The key {client.name} is in force.")
        return client

    def _address(self, client: Client) -> None:
        networks = client.networks
        if networks is None:
            return self._note("address", "The key may be used from everywhere.")
        listed = ", ".join(map(str, networks))
        if not self._question.address:
            return self._note("address", f"It is not known where the request comes from. Allowed: {listed}.", Verdict.SKIPPED)
        try:
            address = ip_address(self._question.address)
        except ValueError as error:
            unknown = ApiError(400, "invalid_value", f"{self._question.address[:60]!r} is not an IP address.")
            raise _Refused("address", unknown) from error
        if not is_within(address, networks):
            refused = ApiError(401, "invalid_api_key", "Missing or invalid API key.")
            raise _Refused("address", refused, f"The key may not be used from {address}. Allowed: {listed}.", "address")
        return self._note("address", f"The key may be used from {address}.")

    async def _asked(self, match: Match, client: Client) -> Asking:
        """The request as admissions see it, by the handler of its path."""
        told = self._told
        try:
            asking = await self._seen(match, client)
        except ApiError as error:
            step = OF_MODEL.get(error.code or "", "body")
            if step != "body":
                self._note("body", "The body is a request of this path.")
            if step == "capability":
                self._note("model", "The model is there, and the key may use it.")
            raise await self._told_apart(step, error, match, client) from error
        call, entry = asking.call, asking.entry
        told.asked_model, told.model, told.pattern = told.asked_model or call.model, entry.name, entry.pattern
        told.capability, told.wire, told.stream = call.capability.value, call.wire.value, call.stream
        streamed = "streamed " if call.stream else ""
        self._note("body", f"A {streamed}request in the format {call.wire.value}, {len(call.body)} bytes.")
        by = f", by the pattern {entry.pattern}" if entry.pattern else ""
        named = f"{call.model!r} means the model {entry.name}" if call.model != entry.name else f"The model is {entry.name}"
        self._note("model", f"{named}{by}; the key may use it.")
        self._note("capability", f"The model has the capability {call.capability.value}.")
        self._problems(entry.pattern or entry.name)
        return asking

    async def _seen(self, match: Match, client: Client) -> Asking:
        """Raises `ApiError` of the decoder, the model or its capability."""
        question, gateway = self._question, self._gateway
        body = body_of(question, match)
        record = Record(REQUEST_ID, "POST", match.path, route=match.label)
        inbound = Inbound(REQUEST_ID, "POST", match.path, match.argument, {}, msgspec.json.encode(body), record, HeardOutlet())
        inbound.form = form_of(body, match)
        if inbound.form is not None:
            inbound.body = b""
        inbound.catalog, inbound.caller = self._catalog, replace(client, ends_streams=False)
        inbound.dialect = match.route.dialect
        if question.model and VARIABLE in match.label:
            inbound.argument = question.model
        dry = replace(gateway, admissions=(_Witness(),), sessions=None, repeats=None)
        try:
            await match.route.handler(dry, inbound)
        except _Seen as seen:
            return seen.asking
        raise ApiError(400, "not_explained", ANSWERED)

    async def _told_apart(self, step: str, error: ApiError, match: Match, client: Client) -> _Refused:
        """Clients are told the same of a model that is not there and of one that their key may not use."""
        if step != "model":
            return _Refused(step, error)
        name = self._question.model or str((self._question.body or {}).get("model", ""))
        self._problems(name)
        try:
            asking = await self._seen(match, replace(client, models=None, prefixes=()))
        except ApiError as again:
            if again.code == error.code:
                text = f"No model that is served is called {name[:200]!r}, and no pattern fits it."
                return _Refused("model", error, text, "unknown_model")
            return _Refused("model", error, f"The key may not use the model {name!r}.", "not_allowed")
        return _Refused("model", error, f"The model {asking.entry.name} is there, but the key may not use it.", "not_allowed")

    def _problems(self, name: str) -> None:
        """Notes what is wrong with the model and its routes, and with providers."""
        known = {problem.code for problem in self._told.problems}
        for one in self._catalog.problems:
            of_model = one.where == f"model {name}" or one.where.startswith(f"model {name}, ")
            if (of_model or one.where.startswith("provider ")) and one.where not in known:
                self._told.problems.append(Reason(one.where, one.message))

    async def _rules(self, asking: Asking) -> None:
        told = self._told
        for admission in self._gateway.admissions:
            if not isinstance(admission, Bounded):
                continue
            try:
                looked = await admission.look(asking)
            except ApiError as error:  # a price that is not known, or a ledger that cannot be read
                told.refusal = _refusal(error)
                self._note("limits", "They are not asked where a budget refuses.", Verdict.SKIPPED)
                return self._note("budgets", error.message, Verdict.REFUSES, error.code or "")
            told.rules += [rule_of(seen, asking.client.owner) for seen in looked.seen]
            if looked.refusal is not None:
                told.refusal = told.refusal or _refusal(looked.refusal)
        self._say_rules("limits", "limit", asking.client.max_wait_s)
        return self._say_rules("budgets", "budget", 0.0)

    def _say_rules(self, step: str, kind: str, waits: float) -> None:
        rules = [rule for rule in self._told.rules if rule.kind == kind]
        refusing = [rule for rule in rules if rule.refuses]
        if not rules:
            return self._note(step, f"No {kind} is for this request.", Verdict.SKIPPED)
        if not refusing:
            return self._note(step, f"{len(rules)} {kind}{'' if len(rules) == 1 else 's'} with room for it.")
        text = "; ".join(f"{rule.subject}: {rule.counts}, {rule.used:g} of {rule.amount:g} used" for rule in refusing)
        waiting = f" The key lets it wait for {waits:g} s at most." if waits else ""
        return self._note(step, f"Full: {text}.{waiting}", Verdict.REFUSES, f"{kind}_reached")

    def _hooks(self, asking: Asking) -> None:
        book, client = self._gateway.hooks, asking.client
        chain = book.narrowed(asking.entry.name, client.name, client.id)
        self._told.hooks = [] if chain is None else _hooks_of(chain)
        named = ", ".join(hook.name for hook in self._told.hooks)
        if not named:
            return self._note("hooks", "No hook sees this request.", Verdict.SKIPPED)
        return self._note("hooks", f"These would see it, and could change or refuse it; they are not run here: {named}.")

    def _cache(self, asking: Asking) -> None:
        if self._gateway.cache is None:
            return self._note("cache", "There is no cache.", Verdict.SKIPPED)
        use = asking.entry.cache
        if not (use.reads or use.writes):
            return self._note("cache", "The model does not use the cache, unless the request asks for it.", Verdict.SKIPPED)
        return self._note("cache", "An answer that is stored would be given again; it is not looked for here.")

    async def _routes(self, asking: Asking) -> None:
        told = self._told
        walk = await routes_of(self._gateway, asking)
        told.legs, told.most_tries = walk.legs, walk.most_tries
        for leg in told.legs[1:]:
            self._problems(leg.model)
        if asking.call.response.previous_id:
            told.notes.append("It continues a stored response, which may bind it to the route that made it: not looked up here.")
        ways = [one for leg in told.legs for one in leg.routes if one.status is not Status.EXCLUDED]
        if walk.error is not None:
            told.refusal = told.refusal or _refusal(walk.error)
            raise _Refused("routes", walk.error, f"No route is left: {walk.error.message}", walk.error.code or "no_route")
        first = min(ways, key=lambda one: one.order or 0)
        served = self._catalog.models.get(first.model, asking.entry)
        target = next(one for one in served.targets[asking.call.capability] if one.id == first.id)
        told.cost = cost_at(asking, served, target, time())
        self._note("routes", f"{len(ways)} would be tried in turn; the first is {first.provider} / {first.upstream_model}.")


def _refusal(error: ApiError) -> Refusal:
    return Refusal(error.status, error.code or "", error.type, error.message)


def _hooks_of(chain: Chain) -> list[HookSeen]:
    found = []
    for built in chain.hooks:
        alone = Chain((built,), {built.name: chain.manner(built.name)})
        found.append(HookSeen(built.name, built.spec.hook, [phase for phase in PHASES if getattr(alone, phase)]))
    return found
