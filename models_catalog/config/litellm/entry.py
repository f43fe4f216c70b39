"""What does one entry of LiteLLM's `model_list` say? A route, and what it asks of its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from models_catalog import addresses
from models_catalog.changes.values import ProviderContent, provider_content
from models_catalog.config.findings import Unservable
from models_catalog.config.litellm import names
from models_catalog.config.litellm.host import Host
from models_catalog.config.litellm.hosts import HOSTS
from models_catalog.config.litellm.rates import FURTHER, further_rates
from models_catalog.config.litellm.values import SHARED, api_base_of, credential_of, resolved
from models_catalog.config.provider_types import NoSuchType, find_type
from models_catalog.config.table import Table, nearest
from models_catalog.models.frozen import freeze
from models_catalog.models.model import MOST_RETRIES
from models_catalog.placeholders import is_placeholder
from models_catalog.snapshot import STAR
from providers.registry import ProviderType
from providers.types import Wire

SLIP = 0.9
VERSION = "anthropic-version"
MOST_COUNTED = 2**31 - 1
"""What the columns of limits hold."""
IMPORTED_INFO = ("input_cost_per_token", "output_cost_per_token", *FURTHER, "max_input_tokens", "max_tokens")
ONE_STAR = "a * is only allowed at the end of a name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `content` is None when its provider could not be read; times are in seconds, prices per million."""

    model: str
    place: str
    route_place: str
    upstream_model: str
    content: ProviderContent | None
    capabilities: frozenset[str]
    timeout: float | None
    stream_timeout: float | None
    num_retries: int | None
    order: float
    weight: float | None
    rpm: int | None
    tpm: int | None
    max_concurrent: int | None
    input_price: Decimal | None
    output_price: Decimal | None
    context_length: int | None
    rates: str
    """What else is billed, by tier, as frozen JSON."""


@dataclass(frozen=True, slots=True)
class Named:
    """The provider that an entry names: `provider` as LiteLLM calls it, its type here, and the upstream model at its host."""

    provider: str
    known: ProviderType
    host: Host
    vendor: names.Vendor | None = None

    @property
    def upstream_model(self) -> str:
        return self.host.upstream_model


def read_entry(table: Table, shared: Mapping[str, Mapping[str, object]]) -> Entry | None:
    """The entry; None when it cannot be served, which is said. `shared` are the credentials of the file."""
    try:
        return _entry(table, shared)
    except Unservable as missing:
        name = table.text("model_name") if isinstance(table.raw("model_name"), str) else ""
        table.findings.leave_out(table.place, name, missing.finding.message)
        return None


def _entry(table: Table, shared: Mapping[str, Mapping[str, object]]) -> Entry | None:
    model = table.required_text("model_name").strip() if table.findings.foreign else table.required_text("model_name")
    given = table.table("litellm_params")
    info = table.table("model_info") or Table({}, table.at("model_info"), table.findings)
    if given is None:
        if "litellm_params" not in table:
            table.findings.fail(table.place, "litellm_params is missing")
        table.close()
        return None
    if not table.findings.foreign:
        _close_entry(table)
    params = _complete(given, shared)
    named, upstream_model = _provider(params)
    _check_stars(table, model, upstream_model)
    found = Entry(
        model=model,
        place=table.place,
        route_place=params.place,
        upstream_model=upstream_model,
        content=_content(params, named) if named else None,
        capabilities=_capabilities(info, named, upstream_model),
        timeout=_number(params, "timeout"),
        stream_timeout=_number(params, "stream_timeout"),
        num_retries=_retries(params),
        order=params.count("order", 10**9),
        weight=_most(params.number("weight"), params, "weight", 1e6),
        rpm=_limit("rpm", params, info, table),
        tpm=_limit("tpm", params, info, table),
        max_concurrent=_limit("max_parallel_requests", params),
        input_price=_price(params, info, "input_cost_per_token"),
        output_price=_price(params, info, "output_cost_per_token"),
        context_length=_context_length(info),
        rates=further_rates(params, info),
    )
    if table.findings.foreign:
        _close_entry(table)
    _close(params, info, named)
    return found if model else None


def _close_entry(table: Table) -> None:
    """After the entry is known to be served: what is left out needs no more words."""
    table.skip("rpm", "tpm")
    table.ignore(names.LIMITS, "is not imported: limits are not part of the catalog")
    table.close()


def _check_stars(table: Table, model: str, upstream_model: str) -> None:
    if STAR in model[:-1] or STAR in upstream_model[:-1]:
        table.findings.fail(table.at("model_name"), ONE_STAR)
    elif upstream_model.endswith(STAR) and not model.endswith(STAR):
        table.findings.fail(table.at("model_name"), f"the upstream model {upstream_model!r} needs a name that ends in *")


def _complete(given: Table, shared: Mapping[str, Mapping[str, object]]) -> Table:
    """The parameters with those of the named credential, and with `os.environ/NAME` read from the environment."""
    values = {name: given.raw(name) for name in given}
    name = given.text(SHARED)
    if name in shared:
        values = {**shared[name], **values}
        del values[SHARED]
    elif name:
        message = f"unknown credential {name!r}: it is not in credential_list{nearest(name, shared)}"
        if not given.findings.foreign:
            given.error(SHARED, message)
            del values[SHARED]
        elif "api_key" not in values:
            given.findings.warn(given.at(SHARED), f"the key is not imported: {message}; enter it in the admin")
    left = [name for name in values if _is_ignored(name)]
    return resolved(Table(values, given.place, given.findings), ["api_key", *left])


def _is_ignored(name: str) -> bool:
    return name in names.PARAMETERS or names.PARAMETER_FAMILIES.match(name) is not None


def _provider(params: Table) -> tuple[Named | None, str]:
    """The provider and the upstream model of `provider/upstream-model`."""
    model = params.required_text("model").strip()
    provider = params.text("custom_llm_provider")
    prefix, separator, rest = model.partition("/")
    if provider:
        upstream = rest if separator and prefix == provider else model
    elif separator:
        provider, upstream = prefix, rest
    else:
        provider, upstream = next((known for pattern, known in names.BY_MODEL if pattern.match(model)), ""), model
    if not model:
        return None, ""
    if is_placeholder(model):
        params.findings.fail(params.at("model"), "is a placeholder")
    elif not provider or not upstream:
        params.findings.fail(params.at("model"), 'must name its provider: "provider/model"')
    elif named := _known(params, provider, upstream):
        return named, named.upstream_model
    return None, upstream


def _known(params: Table, provider: str, upstream: str) -> Named | None:
    if vendor := names.VENDORS.get(provider):
        kind = "openai_compatible"
        return Named(provider, find_type(kind), Host(kind, _at_vendor(provider, upstream)), vendor)
    reader = HOSTS.get(provider)
    host = reader(params, upstream) if reader else Host(names.PROVIDERS.get(provider, provider), upstream)
    try:
        known = find_type(host.kind)
    except NoSuchType as error:
        place = params.at("custom_llm_provider" if "custom_llm_provider" in params else "model")
        foreign = f"the provider {provider!r} is not available in this gateway"
        params.findings.fail(place, foreign if params.findings.foreign else str(error))
        return None
    for hint in names.HINTS.get(known.name, ()):
        host = replace(host, upstream_model=host.upstream_model.removeprefix(hint))
    return Named(provider, known, host)


def _at_vendor(provider: str, upstream: str) -> str:
    """`huggingface/PROVIDER/ORGANIZATION/MODEL` is the router's `ORGANIZATION/MODEL:PROVIDER`."""
    first, _, rest = upstream.partition("/")
    return f"{rest}:{first}" if provider == "huggingface" and "/" in rest else upstream


def _content(params: Table, named: Named) -> ProviderContent:
    known = named.known
    headers = {**params.json("headers"), **params.json("extra_headers")}
    for name, value in headers.items():
        if not isinstance(value, str):
            params.error("extra_headers", f"the value of {name!r} must be a string")
    if organization := params.text("organization"):
        headers["OpenAI-Organization"] = organization
    said = {**named.host.options, **_version(params, known, headers)}
    options = {name: value for name, value in said.items() if value and name in known.options}
    base = named.host.api_base
    stored = addresses.tidied(
        known.name, api_base_of(params, known, named.provider, named.vendor) if base is None else base, options
    )
    credential = None if SHARED in params else named.host.credential
    return provider_content(
        credential_of(params, known, named.provider, named.vendor) if credential is None else credential,
        type=known.name,
        api_base=stored["api_base"],
        extra_headers=freeze({name: value for name, value in headers.items() if isinstance(value, str)}),
        extra_body=freeze(params.json("extra_body")),
        options=freeze(stored["options"]),
    )


def _version(params: Table, known: ProviderType, headers: dict[str, Any]) -> dict[str, str]:
    """The option `api_version`: a member, which is Azure's and Google's, or the header of Anthropic's API."""
    said = params.text("api_version")
    if Wire.ANTHROPIC_MESSAGES not in known.wires:
        return {"api_version": said} if said else {}
    if said:
        params.findings.ignore(
            params.at("api_version"), "is not imported: Anthropic's API has its version in the header " + VERSION
        )
    own = next((headers.pop(name) for name in list(headers) if name.lower() == VERSION), None)
    return {"api_version": own} if isinstance(own, str) else {}


def _capabilities(info: Table, named: Named | None, upstream_model: str) -> frozenset[str]:
    """What `mode` says, or the name of the model. A name that stands for many models can do whatever its provider can."""
    mode = info.text("mode")
    if mode and mode not in names.CAPABILITIES:
        info.error("mode", f"unknown mode {mode!r}{nearest(mode, names.CAPABILITIES)}")
        mode = ""
    if not mode and named and upstream_model.endswith(STAR):
        return frozenset(capability.value for capability in named.known.capabilities)
    if not mode and named and named.provider in names.COMPLETING:
        mode = "completion"
    guess = next((known for pattern, known in names.MODES_BY_MODEL if pattern.search(upstream_model)), "chat")
    found = frozenset({names.CAPABILITIES[mode or guess]})
    if named and not found & named.known.capabilities_of(upstream_model):
        info.findings.fail(info.at("mode"), f"{', '.join(found)} is not served for models of {named.provider!r}")
    return found | {"chat"} if not mode and names.CHATS_TOO.search(upstream_model) else found


def _number(params: Table, name: str) -> float | None:
    """Seconds; a text that holds a number is accepted, as LiteLLM does."""
    value = params.raw(name)
    if isinstance(value, str) and not params.findings.foreign:
        try:
            params = Table({name: float(value)}, params.place, params.findings)
        except ValueError:
            params.error(name, "must be a number")
            return None
    return params.number(name, positive=True)


def _limit(name: str, *tables: Table) -> int | None:
    """What the first of the tables that has it says; LiteLLM takes 0 for none."""
    for table in tables:
        if table.raw(name) is not None:
            return table.count(name, 0, most=MOST_COUNTED) or None
    return None


def _most(value: float | None, params: Table, name: str, most: float) -> float | None:
    if value is not None and value > most:
        params.error(name, f"must not be more than {most:g}")
        return None
    return value


def _retries(params: Table) -> int | None:
    counts = [params.count(name, 0, most=MOST_RETRIES) for name in ("num_retries", "max_retries") if name in params]
    return counts[0] if counts else None


def _price(params: Table, info: Table, name: str) -> Decimal | None:
    for table in (info, params):
        if table.number(name) is not None:
            return table.price(name)
    return None


def _context_length(info: Table) -> int | None:
    """`max_input_tokens`, or the older `max_tokens`."""
    found = [info.count(name, 0, least=1) for name in ("max_input_tokens", "max_tokens")]
    return found[0] or found[1] or None


def _close(params: Table, info: Table, named: Named | None) -> None:
    """Says what is not imported; unknown names are errors, and so are slips in the names of `model_info` that count."""
    if named is None:  # its other members were not looked at
        params.skip(*params)
    ignored = [name for name in params.rest() if _is_ignored(name)]
    params.skip(*ignored)
    params.close()
    for table, found in ((params, ignored), (info, info.rest())):
        if found:
            table.findings.ignore(table.place, "not imported: " + ", ".join(found), len(found))
    for name in info.rest():
        if hint := nearest(name, IMPORTED_INFO, SLIP):
            info.error(name, f"unknown name{hint}")
