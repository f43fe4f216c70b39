"""Do a model's routes answer, what does a provider's account offer, and how do models come from there?"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from rest_framework.response import Response

from models_catalog.admin.testing import run_tests
from models_catalog.changes.prices import PriceState
from models_catalog.filling.adding import NotAdded, add
from models_catalog.filling.offers import NoList, Offer, offers_of
from models_catalog.models import ModelDefinition, Provider, RouteCheck
from models_catalog.models.frozen import thaw
from models_catalog.route_checks.plan import plan
from models_catalog.route_checks.run import Result
from openai_api.manage.fields import Count, Flag, Moment, Object, Text, Texts, body
from openai_api.manage.lists import parameters_of
from openai_api.manage.operations import Data, Operation
from openai_api.manage.problems import Problem, invalid
from openai_api.manage.resources.references import find_named
from openai_api.manage.views import View
from providers.capabilities import Capability

TEST = body(
    "ModelTest",
    {
        "model": Text(help_text="Its name."),
        "images": Flag(required=False, default=False, help_text="Also make images, which costs money."),
    },
)
CALL = body(
    "TestedCall",
    {
        "route": Text(),
        "provider": Text(),
        "capability": Text(bounds={"enum": [one.value for one in Capability]}),
        "outcome": Text(bounds={"enum": RouteCheck.Outcome.values}),
        "latency_ms": Count(allow_null=True),
        "code": Text(),
        "message": Text(),
    },
)
TESTED = body("ModelTested", {"data": CALL(many=True)})
OFFERS = {"provider": "the name of a provider"}
PRICE = body(
    "OfferedPrice",
    {"service_tier": Text(), "effective_from": Moment(allow_null=True), "rates": Object(), "source": Text()},
)
OFFER = body(
    "Offer",
    {
        "id": Text(help_text="Its name at the provider."),
        "capabilities": Texts(),
        "guessed": Flag(help_text="The provider does not tell the capabilities: they go by the name."),
        "context_length": Count(allow_null=True),
        "prices": PRICE(many=True),
        "served_as": Texts(help_text="Models that have a route to it."),
    },
)
OFFER_LIST = body("OfferList", {"data": OFFER(many=True)})
FILL = body(
    "ModelFill",
    {
        "provider": Text(help_text="Its name."),
        "ids": Texts(required=False, default=list, help_text="Of what it offers."),
        "prefix": Text(required=False, default="", bounds={"maxLength": 100}, help_text="Before the name of each."),
        "rest": Flag(required=False, default=False, help_text="Also a wildcard for every other name with the prefix."),
    },
)
FILLED = body("ModelsFilled", {"models": Texts(help_text="The names of those that were made.")})


class TestModel(Operation):
    """Make the smallest real call for each capability of each enabled route, which may take two minutes"""

    scope, taken = "models", TEST
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        data = self.told(request)
        rows = ModelDefinition.objects.prefetch_related("routes__provider")
        chosen = find_named(rows, "model", "model", [data["model"]])
        return Response({"data": [_call(one) for one in run_tests(plan(chosen, images=data["images"]))]})


def _call(result: Result) -> Data:
    planned = result.planned
    return {
        "route": planned.route.name or planned.route.provider.name,
        "provider": planned.route.provider.name,
        "capability": planned.capability.value,
        "outcome": str(result.outcome.value),
        "latency_ms": result.latency_ms,
        "code": result.code,
        "message": result.message,
    }


def _offers(name: str) -> tuple[Provider, list[Offer]]:
    """Raises `Problem`."""
    (row,) = find_named(Provider.objects.all(), "provider", "provider", [name])
    try:
        return row, offers_of(row)
    except NoList as error:
        raise Problem(409, "no_list", str(error)) from None


class Offers(View):
    """What the account of a provider offers: the provider is asked"""

    scope = "providers"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        given = parameters_of(request.query_params, OFFERS)
        if "provider" not in given:
            raise invalid({"provider": ["Name the provider."]})
        return Response({"data": [_offer(one) for one in _offers(given["provider"])[1]]})


def _offer(one: Offer) -> Data:
    return {
        "id": one.id,
        "capabilities": [name.value for name in one.capabilities],
        "guessed": one.guessed,
        "context_length": one.context_length,
        "prices": [_price(price) for price in one.prices],
        "served_as": list(one.served_as),
    }


def _price(price: PriceState) -> Data:
    since = price.effective_from or None
    return {"service_tier": price.service_tier, "effective_from": since, "rates": thaw(price.rates), "source": price.source}


class FillModels(Operation):
    """Make models of what the account of a provider offers, with a route to it each"""

    scope, taken = "models", FILL
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        self.caller.require("providers:read")
        data = self.told(request)
        provider, offers = _offers(data["provider"])
        wanted = [offer for offer in offers if offer.id in set(data["ids"])]
        if gone := sorted(set(data["ids"]) - {offer.id for offer in wanted}):
            raise invalid({"ids": [f"{name[:200]}: the account does not offer it." for name in gone[:20]]})
        if not wanted and not data["rest"]:
            raise invalid({"ids": ["Choose at least one model."]})
        try:
            made = add(provider, wanted, data["prefix"], rest=data["rest"])
        except NotAdded as error:
            raise invalid({"ids": list(error.faults[:20])}) from None
        except IntegrityError:
            raise Problem(409, "exists", "One of these models has just been made.") from None
        return Response({"models": [row.name for row in made]}, status=201)
