"""What could be added from a provider? What its account offers, with what is known of it and what is there already."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

from models_catalog.changes.prices import PriceState
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.targets import listing_config
from models_catalog.compiler.upstreams import Upstream, Upstreams
from models_catalog.models import Credential, ModelDefinition, Provider, ProviderCredential, Route
from models_catalog.models.frozen import freeze
from models_catalog.price_sync.known import NotInstalled, find
from providers.capabilities import Capability
from providers.errors import CallerError, ConfigurationError, ProviderError
from providers.http_vendor import HttpVendor
from providers.masking import mask_of
from providers.offered import Offered, offered
from providers.transport.build import build_transport

TOTAL_S = 25.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class NoList(Exception):
    """Nobody knows what the account offers; the text says why and what to do, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that the account offers. `served_as` are the names of the catalog's models that have a route to it; `prices` are
    rows for its price list."""

    id: str
    capabilities: tuple[Capability, ...]
    guessed: bool
    context_length: int | None
    prices: tuple[PriceState, ...]
    served_as: tuple[str, ...]


def offers_of(provider: Provider) -> list[Offer]:
    """What the provider's account offers, by id. Asks the vendor. Raises `NoList`."""
    upstream = upstream_of(provider)
    routes: dict[str, list[str]] = {}
    for upstream_model, name in Route.objects.filter(provider=provider).values_list("upstream_model", "model__name"):
        routes.setdefault(upstream_model, []).append(name)
    return [_offer(provider, upstream, one, routes) for one in _asked(upstream)]


def upstream_of(provider: Provider) -> Upstream:
    """The provider with its first credential. Raises `NoList`."""
    shares = list(ProviderCredential.objects.filter(provider=provider, enabled=True).order_by("pk"))
    wanted = {pk for pk in (provider.credential_id, *(share.credential_id for share in shares)) if pk is not None}
    rows = {row.pk: row for row in Credential.objects.filter(pk__in=wanted)}
    problems = Problems()
    upstream = Upstreams(rows, {provider.pk: shares}, problems).of(provider)
    if upstream is None:
        raise NoList(" ".join(problem.message for problem in problems.found))
    credential = upstream.shares[0].credential
    if credential.dynamic is not None:
        raise NoList("Each request brings its own key for this provider: there is none to ask with.")
    if not credential.secret and upstream.kind.needs_key and not upstream.api_base:
        raise NoList(f"It has no key. {upstream.kind.label} needs one: choose a credential on the provider's page.")
    return upstream


def _asked(upstream: Upstream) -> Sequence[Offered]:
    config = listing_config(upstream)
    mask = mask_of(config, {})
    try:
        adapter = upstream.kind.build(config)
        if not isinstance(adapter, HttpVendor):
            raise NoList(f"{upstream.kind.label} has no list of its models. Add them by hand.")
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(_ask(adapter))).result()
    except ConfigurationError as err:
        raise NoList(f"{err.message[:1].upper()}{err.message[1:]}.") from err
    except TimeoutError as err:
        raise NoList(f"The vendor has not answered within {TOTAL_S:g} seconds.") from err
    except CallerError as err:
        raise NoList(_line(mask(f"The vendor refused: status {err.upstream_status}. {err.message}"))) from err
    except ProviderError as err:
        raise NoList(_line(mask(f"{err.public_message} {err.detail}"))) from err


async def _ask(adapter: HttpVendor) -> Sequence[Offered]:
    transport = build_transport(
        settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, settings.GATEWAY_PRIVATE_UPSTREAMS, settings.NO_PROXY
    )
    try:
        async with asyncio.timeout(TOTAL_S):
            return await offered(adapter, transport)
    finally:
        await transport.aclose()


def _line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:500]


def _offer(provider: Provider, upstream: Upstream, one: Offered, routes: Mapping[str, list[str]]) -> Offer:
    able = upstream.kind.capabilities_of(one.id)
    wanted = one.capabilities | ({Capability.RESPONSES} if Capability.CHAT in one.capabilities else frozenset())
    return Offer(
        id=one.id,
        capabilities=tuple(name for name in Capability if name in wanted & able),
        guessed=one.guessed,
        context_length=one.context_length,
        prices=_prices(provider, upstream, one),
        served_as=tuple(sorted(routes.get(one.id, ()))),
    )


def _prices(provider: Provider, upstream: Upstream, one: Offered) -> tuple[PriceState, ...]:
    """What the library knows, else what the vendor's list says."""
    try:
        known = find(provider.type, upstream.api_base, one.id)
    except NotInstalled:
        known = None
    if known is not None:
        return known.prices
    return (PriceState(rates=freeze(dict(one.prices)), source=f"list of {provider.name}"),) if one.prices else ()


def names_taken(names: Sequence[str]) -> set[str]:
    """Those of the names that models of the catalog have."""
    return {
        name
        for start in range(0, len(names), 500)
        for name in ModelDefinition.objects.filter(name__in=names[start : start + 500]).values_list("name", flat=True)
    }
