"""What do TensorZero's blocks of AWS's and Google's models say that others do not? Their members, in the catalog's terms.

Reference: TensorZero's configuration reference of 2026, `aws_bedrock`, `gcp_vertex_anthropic`, `gcp_vertex_gemini` and
`google_ai_studio_gemini`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from models_catalog.changes.values import NOTHING, Lookup, to_enter
from models_catalog.config.clouds import AMBIENT_REGION, MACHINE, UNTOLD, Part, access_key, ambient_google, in_variable, read_now
from models_catalog.config.locations import SDK, read_location
from models_catalog.config.table import Table
from models_catalog.validation import FROM_ENVIRONMENT

KEY = ("access_key_id", "secret_access_key", "session_token")
PATH, DYNAMIC, NONE = "path::", "dynamic::", "none"
VERTEX_FILE = Lookup("path_from_env", "GCP_VERTEX_CREDENTIALS_PATH")
STUDIO_KEY = Lookup("env", "GOOGLE_AI_STUDIO_API_KEY")
UNREADABLE = "is not imported: it must be a value, or env:: and the name of a variable"


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a block says: the catalog's options, the upstream model, the address, and where the credential is; None where that is
    found as for all providers."""

    options: Mapping[str, str] = field(default_factory=dict)
    upstream_model: str = ""
    api_base: str = ""
    credential: Lookup | None = None


def bedrock(table: Table, default: Lookup | None) -> Cloud:
    """`aws_bedrock`: a region, an address, and a token or a key of up to three parts."""
    table.ignore(("allow_auto_detect_region",), "is not imported: without a region the one of the machine is read")
    region = _said(table, "region") or read_now(AMBIENT_REGION, table.findings, table.at("region"))
    if not region:
        table.findings.fail(table.at("region"), "region is missing, and no variable of AWS's says it")
    credential, options = _bedrock_access(table)
    return Cloud({"region": region, **options}, table.text("model_id"), _address(table), credential)


def _bedrock_access(table: Table) -> tuple[Lookup, Mapping[str, str]]:
    """A token goes before a key. Neither means what the machine has."""
    names = ("api_key", *KEY)
    found = {name: read_location(table, name, sdk=True) for name in names}
    given = {name: lookup for name, lookup in found.items() if lookup is not None}
    if any(name in table and name not in given for name in names):
        return to_enter("bedrock key") if table.findings.foreign else NOTHING, {}
    if not given or SDK in given.values():
        return NOTHING, {"profile": MACHINE}
    if "api_key" in given:
        return given["api_key"], {}
    if all(lookup.source == "dynamic" for lookup in given.values()):
        brought = given.get(KEY[0], next(iter(given.values())))
        message = (
            f"requests bring the whole key as {brought.location!r}: ACCESS_KEY_ID:SECRET_ACCESS_KEY or that with :SESSION_TOKEN"
        )
        table.findings.warn(table.at(KEY[0]), message)
        return brought, {}
    if any(lookup.source != "env" for lookup in given.values()):
        table.error(
            KEY[0], "the parts of a key must all be in variables, all be brought by requests, or all be what the SDK finds"
        )
        return to_enter("bedrock key") if table.findings.foreign else NOTHING, {}
    parts = [Part(name, variable=given[name].location if name in given else "") for name in KEY]
    return access_key(parts, table.findings, table.place)


def vertex(table: Table, default: Lookup | None) -> Cloud:
    """`gcp_vertex_gemini` and `gcp_vertex_anthropic`: a project, a location, a model or an endpoint, and a file."""
    options = {"project": table.required_text("project_id"), "location": table.required_text("location")}
    endpoint, model = table.text("endpoint_id"), table.text("model_id")
    location = read_location(table, "credential_location", sdk=True)
    if location is None and "credential_location" in table:
        location = to_enter(UNTOLD)
    found, more = _google(table, location or default or VERTEX_FILE)
    return Cloud({**options, **more}, f"endpoints/{endpoint}" if endpoint else model, credential=found)


def _google(table: Table, location: Lookup) -> tuple[Lookup, Mapping[str, str]]:
    if location == SDK:
        return ambient_google(table.findings, table.at("credential_location"))
    return (in_variable(location.location) if location.source == "env" else location), {}


def studio(table: Table, default: Lookup | None) -> Cloud:
    """`google_ai_studio_gemini`: as all providers, but for the variable that is read when nothing is said."""
    return Cloud(credential=None if "api_key_location" in table else default or STUDIO_KEY)


READERS: Mapping[str, Callable[[Table, Lookup | None], Cloud]] = MappingProxyType(
    {
        "aws_bedrock": bedrock,
        "gcp_vertex_anthropic": vertex,
        "gcp_vertex_gemini": vertex,
        "google_ai_studio_gemini": studio,
    }
)
"""By the type that the block names; the second argument is where the credential of the type is when the block does not say."""


def _said(table: Table, name: str) -> str:
    """A text, or that in a variable, which is read now; "" if there is none, or the libraries of AWS should find it."""
    text = table.text(name).strip()
    if text.startswith(FROM_ENVIRONMENT):
        variable = text.removeprefix(FROM_ENVIRONMENT)
        if not os.environ.get(variable):
            table.findings.fail(table.at(name), f"{name}: the environment variable {variable} is not set")
        return read_now((variable,), table.findings, table.at(name))
    if text.startswith((PATH, DYNAMIC)):
        table.findings.fail(table.at(name), f"{name} {UNREADABLE}")
    return "" if text == SDK.location else text


def _address(table: Table) -> str:
    """An address, or `env::NAME`, which stays a reference."""
    text = table.text("endpoint_url").strip()
    if text.startswith((PATH, DYNAMIC)):
        table.findings.fail(table.at("endpoint_url"), f"endpoint_url {UNREADABLE}")
    return "" if text == NONE else text
