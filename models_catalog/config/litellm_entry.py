"""What does one entry of LiteLLM's `model_list` say? A route, and what it asks of its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from models_catalog.config import litellm_names as names
from models_catalog.config.document import MOST_RETRIES, NOTHING, Lookup, ProviderContent, freeze
from models_catalog.config.prices import per_million
from models_catalog.config.provider_types import NoSuchType, find_type, usual_location
from models_catalog.config.table import Table, nearest
from providers.registry import ProviderType
from providers.types import Secret

FROM_ENVIRONMENT = "os.environ/"
SLIP = 0.9
IMPORTED_INFO = ("input_cost_per_token", "output_cost_per_token", "max_input_tokens", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `content` is None when its provider could not be read; times are in seconds, prices per million."""

    model: str
    place: str
    route_place: str
    upstream_model: str
    content: ProviderContent | None
    capability: str
    timeout: float | None
    stream_timeout: float | None
    num_retries: int | None
    order: float
    input_price: Decimal | None
    output_price: Decimal | None
    context_length: int | None


def read_entry(table: Table, shared: Mapping[str, Mapping[str, object]]) -> Entry | None:
    """The entry; None when it names no model or has no parameters. `shared` are the credentials of the file."""
    model = table.required_text("model_name")
    given = table.table("litellm_params")
    info = table.table("model_info") or Table({}, table.at("model_info"), table.findings)
    table.ignore(names.LIMITS, "is not imported: limits are not part of the catalog")
    if given is None:
        if "litellm_params" not in table:
            table.findings.error(table.place, "litellm_params is missing")
        table.close()
        return None
    table.close()
    params = _complete(given, shared)
    known, upstream_model = _provider(params)
    entry = Entry(
        model=model,
        place=table.place,
        route_place=params.place,
        upstream_model=upstream_model,
        content=_content(params, known) if known else None,
        capability=_capability(info, upstream_model),
        timeout=_number(params, "timeout"),
        stream_timeout=_number(params, "stream_timeout"),
        num_retries=_retries(params),
        order=params.count("order", 10**9),
        input_price=_price(params, info, "input_cost_per_token"),
        output_price=_price(params, info, "output_cost_per_token"),
        context_length=_context_length(info),
    )
    _close(params, info, known)
    if "*" in model:
        table.error("model_name", "names with * are not available; list the models")
    return entry if model else None


def _complete(given: Table, shared: Mapping[str, Mapping[str, object]]) -> Table:
    """The parameters with those of the named credential, and with `os.environ/NAME` read from the environment."""
    values = {name: given.raw(name) for name in given}
    name = given.text("litellm_credential_name")
    if name and name not in shared:
        given.error("litellm_credential_name", f"there is no credential {name!r} in credential_list{nearest(name, shared)}")
    values = {**shared.get(name, {}), **values}
    values.pop("litellm_credential_name", None)
    params = Table(values, given.place, given.findings)
    resolved = {key: value if key == "api_key" else _resolved(params, key, value) for key, value in values.items()}
    return Table(resolved, given.place, given.findings)


def _resolved(params: Table, name: str, value: object) -> object:
    if isinstance(value, dict):
        return {key: _resolved(params, name, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(params, name, item) for item in value]
    if not isinstance(value, str) or not value.startswith(FROM_ENVIRONMENT):
        return value
    variable = value.removeprefix(FROM_ENVIRONMENT)
    if variable not in os.environ:
        params.error(name, f"the environment variable {variable} is not set")
        return None
    params.findings.warn(params.at(name), f"the value of {variable} is taken now; later changes of the variable have no effect")
    return os.environ[variable]


def _provider(params: Table) -> tuple[ProviderType | None, str]:
    """The provider's type and the upstream model of `provider/upstream-model`."""
    model = params.required_text("model")
    named = params.text("custom_llm_provider")
    prefix, separator, rest = model.partition("/")
    if named:
        upstream = rest if separator and prefix == named else model
    elif separator:
        named, upstream = prefix, rest
    else:
        named, upstream = next((known for pattern, known in names.BY_MODEL if pattern.match(model)), ""), model
    if not model:
        return None, ""
    if "*" in upstream:
        params.error("model", "names with * are not available; list the models")
    elif not named or not upstream:
        params.error("model", 'must name its provider: "provider/model"')
    else:
        return _known(params, named), upstream
    return None, upstream


def _known(params: Table, named: str) -> ProviderType | None:
    try:
        return find_type(names.PROVIDERS.get(named, named))
    except NoSuchType as error:
        params.error("custom_llm_provider" if "custom_llm_provider" in params else "model", str(error))
        return None


def _content(params: Table, known: ProviderType) -> ProviderContent:
    headers = {**params.json("headers"), **params.json("extra_headers")}
    for name, value in headers.items():
        if not isinstance(value, str):
            params.error("extra_headers", f"the value of {name!r} must be a text")
    if organization := params.text("organization"):
        headers["OpenAI-Organization"] = organization
    version = params.text("api_version")
    return ProviderContent(
        type=known.name,
        api_base=_api_base(params, known),
        credential=_credential(params, known),
        extra_headers=freeze({name: value for name, value in headers.items() if isinstance(value, str)}),
        extra_body=freeze(params.json("extra_body")),
        options=freeze({"api_version": version} if version and "api_version" in known.options else {}),
    )


def _api_base(params: Table, known: ProviderType) -> str:
    base = params.text("api_base") or params.text("base_url")
    # LiteLLM speaks Ollama's own API; its OpenAI-compatible one is below /v1.
    if base and known.name == "ollama" and urlsplit(base).path in ("", "/"):
        base = base.rstrip("/") + "/v1"
    return base


def _credential(params: Table, known: ProviderType) -> Lookup:
    key = params.text("api_key").strip()
    if key.startswith(FROM_ENVIRONMENT):
        return Lookup("env", key.removeprefix(FROM_ENVIRONMENT))
    if key:
        return Lookup("stored", secret=Secret(key))
    usual = usual_location(known)
    return usual if usual == NOTHING else Lookup("env", names.KEY_VARIABLES.get(known.name, usual.location))


def _capability(info: Table, upstream_model: str) -> str:
    mode = info.text("mode") or next((mode for pattern, mode in names.MODES_BY_MODEL if pattern.search(upstream_model)), "chat")
    if mode not in names.CAPABILITIES:
        info.error("mode", f"unknown mode {mode!r}{nearest(mode, names.CAPABILITIES)}")
    return names.CAPABILITIES.get(mode, "chat")


def _number(params: Table, name: str) -> float | None:
    """Seconds; a text that holds a number is accepted, as LiteLLM does."""
    value = params.raw(name)
    if isinstance(value, str):
        try:
            params = Table({name: float(value)}, params.place, params.findings)
        except ValueError:
            params.error(name, "must be a number")
            return None
    return params.number(name, positive=True)


def _retries(params: Table) -> int | None:
    counts = [params.count(name, 0, most=MOST_RETRIES) for name in ("num_retries", "max_retries") if name in params]
    return counts[0] if counts else None


def _price(params: Table, info: Table, name: str) -> Decimal | None:
    for table in (info, params):
        cost = table.number(name)
        if cost is not None:
            return per_million(table, name, cost)
    return None


def _context_length(info: Table) -> int | None:
    """`max_input_tokens`, or the older `max_tokens`."""
    found = [info.count(name, 0, least=1) for name in ("max_input_tokens", "max_tokens")]
    return found[0] or found[1] or None


def _close(params: Table, info: Table, known: ProviderType | None) -> None:
    """Says what is not imported; unknown names are errors, and so are slips in the names of `model_info` that count."""
    if known is None:  # its other members were not looked at
        params.skip(*params)
    ignored = [name for name in params.rest() if name in names.PARAMETERS or names.PARAMETER_FAMILIES.match(name)]
    params.skip(*ignored)
    params.close()
    for table, found in ((params, ignored), (info, info.rest())):
        if found:
            table.findings.warn(table.place, "not imported: " + ", ".join(found))
    for name in info.rest():
        if hint := nearest(name, IMPORTED_INFO, SLIP):
            info.error(name, f"unknown name{hint}")
