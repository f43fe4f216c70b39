"""What does a LiteLLM configuration say? `model_list` and the settings of retries, time-outs and fallbacks.

Entries of the same `model_name` are the routes of one model, in order. `docs/configuration-files.md` lists every field.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from models_catalog.config.document import Document, Findings, KeySpec, ModelSpec
from models_catalog.config.litellm_entry import Entry, read_entry
from models_catalog.config.litellm_names import SECTIONS
from models_catalog.config.litellm_settings import Defaults, combine, read_defaults, report_rest
from models_catalog.config.table import Table, kind
from models_catalog.config.yaml_text import InvalidYaml, load_yaml
from models_catalog.keys import MIN_FOREIGN_LENGTH
from providers.types import Secret

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "capabilities": "model_info.mode",
        "num_retries": "litellm_params.num_retries",
        "first_byte_timeout_s": "litellm_params.stream_timeout",
        "total_timeout_s": "litellm_params.timeout",
        "input_price": "model_info.input_cost_per_token",
        "output_price": "model_info.output_cost_per_token",
        "upstream_model": "model",
        "credential": "api_key",
        "options": "api_version",
    }
)
"""What the catalog's fields are called in the file, where it is not the same."""

FROM_ENVIRONMENT = "os.environ/"


def read_litellm(text: str, findings: Findings) -> Document:
    """The document of a LiteLLM configuration. What is wrong with it is added to the findings."""
    nothing = Document(names=NAMES)
    try:
        root = Table({}, "", findings).as_table(load_yaml(text), "")
    except InvalidYaml as error:
        findings.error("", str(error))
        return nothing
    if root is None:
        return nothing
    try:
        return _document(root)
    except RecursionError:  # YAML can hold itself
        findings.error("", "is nested too deeply")
        return nothing


def _document(root: Table) -> Document:
    models = _models(root, read_defaults(root))
    keys = _master_key(root)
    root.ignore(SECTIONS, "is not imported: it is no part of the catalog")
    root.close()
    return Document(models=models, client_keys=keys, names=NAMES)


def _models(root: Table, defaults: Defaults) -> tuple[ModelSpec, ...]:
    grouped: dict[str, list[Entry]] = {}
    shared = _shared_credentials(root)
    for table in _list(root, "model_list", required=True):
        entry = read_entry(table, shared)
        if entry is not None:
            grouped.setdefault(entry.model, []).append(entry)
    defaults.check_names(grouped)
    return tuple(combine(name, entries, defaults, root.findings) for name, entries in grouped.items())


def _list(root: Table, name: str, *, required: bool = False) -> list[Table]:
    value = root.raw(name)
    if value is None:
        if required:
            root.findings.error("", f"{name} is missing")
        return []
    if not isinstance(value, list):
        root.error(name, f"must be a list, not {kind(value)}")
        return []
    tables = [root.as_table(item, f"{root.at(name)}[{index}]") for index, item in enumerate(value)]
    return [table for table in tables if table is not None]


def _shared_credentials(root: Table) -> dict[str, Mapping[str, object]]:
    """`credential_list`: the members that an entry gets when it names one of them."""
    found: dict[str, Mapping[str, object]] = {}
    for table in _list(root, "credential_list"):
        name = table.required_text("credential_name")
        values = table.table("credential_values")
        table.skip("credential_info")
        table.close()
        if name and values is not None:
            found[name] = {member: values.raw(member) for member in values}
    return found


def _master_key(root: Table) -> tuple[KeySpec, ...]:
    """`general_settings.master_key` becomes a client key for all models if it is long enough for one."""
    settings = root.table("general_settings")
    if settings is None:
        return ()
    key = settings.text("master_key")
    place = settings.at("master_key")
    report_rest(settings, ("master_key",))
    if key.startswith(FROM_ENVIRONMENT):
        variable = key.removeprefix(FROM_ENVIRONMENT)
        key = os.environ.get(variable, "")
        if not key:
            settings.findings.warn(place, f"is not imported: the environment variable {variable} is not set")
    if not key:
        return ()
    if len(key) < MIN_FOREIGN_LENGTH:
        settings.findings.warn(place, f"is not imported: a client key has at least {MIN_FOREIGN_LENGTH} characters")
        return ()
    return (KeySpec(place=place, key=Secret(key)),)
