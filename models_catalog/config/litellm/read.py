"""What does a LiteLLM configuration say? `model_list` and the settings of retries, time-outs and fallbacks.

Entries of the same `model_name` are the routes of one model, in order. `docs/configuration-files.md` lists every field.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from models_catalog.config.document import Document, KeySpec, ModelSpec
from models_catalog.config.findings import Findings
from models_catalog.config.litellm.entry import Entry, read_entry
from models_catalog.config.litellm.including import CannotInclude, included, text_of
from models_catalog.config.litellm.names import SECTIONS
from models_catalog.config.litellm.settings import Defaults, alias_specs, combine, read_defaults, report_rest
from models_catalog.config.litellm.values import FROM_ENVIRONMENT, shared_credentials
from models_catalog.config.litellm.yaml_text import InvalidYaml, load_yaml
from models_catalog.config.table import Table, kind, step
from models_catalog.keys import MIN_FOREIGN_LENGTH
from models_catalog.placeholders import is_placeholder
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

MOST_FILES = 100


def read_litellm(text: str, findings: Findings, file: str = "") -> Document:
    """The document of a LiteLLM configuration, with the files that it includes. What is wrong is added to the findings."""
    nothing = Document(names=NAMES)
    try:
        return _document(_files(text, file, findings), findings)
    except InvalidYaml as error:
        findings.fatal("", str(error))
    except RecursionError:  # YAML can hold itself
        findings.fatal("", "is nested too deeply")
    return nothing


def _document(roots: Sequence[Table], findings: Findings) -> Document:
    models, names = _models(roots, read_defaults(roots, findings), findings)
    keys = tuple(key for root in roots for key in _master_key(root))
    for root in roots:
        root.ignore(SECTIONS, "is not imported: not part of the catalog")
        root.close()
    return Document(models=models, client_keys=keys, names=NAMES, unread=names - {model.name for model in models})


def _files(text: str, file: str, findings: Findings) -> list[Table]:
    """The tables of the file and of those that it includes, each once. Raises `InvalidYaml` if one is no YAML."""
    top = Path(file).resolve() if file else None
    waiting: list[tuple[str, Path | None, str]] = [("", top, text)]
    seen = {top}
    roots: list[Table] = []
    while waiting:
        place, path, content = waiting.pop(0)
        root = _root(content, place, findings)
        if root is None:
            continue
        roots.append(root)
        for index, name in enumerate(root.texts("include") or ()):
            where = f"{root.at('include')}[{index}]"
            try:
                found = included(name, path, top)
                if found not in seen and len(seen) < MOST_FILES:
                    seen.add(found)
                    waiting.append((step("", name), found, text_of(found)))
                else:
                    findings.ignore(where, f"{name} is included already" if found in seen else f"more than {MOST_FILES} files")
            except CannotInclude as error:
                findings.leave_out(where, name, str(error))
    return roots


def _root(text: str, place: str, findings: Findings) -> Table | None:
    try:
        value = load_yaml(text, findings)
    except InvalidYaml as error:
        raise InvalidYaml(f"{place}: {error}" if place else str(error)) from None
    if value is None and findings.foreign:
        return Table({}, place, findings)
    if not isinstance(value, dict) and not place:
        findings.fatal("", f"must be a table, not {kind(value)}")
        return None
    return Table({}, "", findings).as_table(value, place)


def _models(roots: Sequence[Table], defaults: Defaults, findings: Findings) -> tuple[tuple[ModelSpec, ...], frozenset[str]]:
    """The models, and the names of all that the file has."""
    grouped: dict[str, list[Entry]] = {}
    shared = shared_credentials(table for root in roots for table in _list(root, "credential_list"))
    names: set[str] = set()
    for root in roots:
        for table in _list(root, "model_list", required=root.place == ""):
            if isinstance(name := table.raw("model_name"), str):
                names.add(name.strip())
            entry = read_entry(table, shared)
            if entry is not None:
                grouped.setdefault(entry.model, []).append(entry)
    defaults.check_names([*grouped, *defaults.aliases])
    models = [combine(name, entries, defaults, findings) for name, entries in grouped.items()]
    return (*models, *alias_specs(defaults, models, findings)), frozenset(names)


def _list(root: Table, name: str, *, required: bool = False) -> list[Table]:
    value = root.raw(name)
    if value is None:
        if required and not root.findings.foreign:
            root.findings.error("", f"{name} is missing")
        return []
    if not isinstance(value, list):
        root.error(name, f"must be a list, not {kind(value)}")
        return []
    tables = []
    for index, item in enumerate(value):
        place = f"{root.at(name)}[{index}]"
        if root.findings.foreign and not isinstance(item, dict):
            root.findings.leave_out(place, "", f"must be a table, not {kind(item)}")
        elif table := root.as_table(item, place):
            tables.append(table)
    return tables


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
            settings.findings.ignore(place, f"is not imported: the environment variable {variable} is not set")
    if not key:
        return ()
    if is_placeholder(key):
        settings.findings.ignore(place, "is not imported: it is a placeholder")
        return ()
    if len(key) < MIN_FOREIGN_LENGTH:
        settings.findings.ignore(place, f"is not imported: a client key has at least {MIN_FOREIGN_LENGTH} characters")
        return ()
    return (KeySpec(place=place, key=Secret(key)),)
