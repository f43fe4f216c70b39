"""What do hosts have that are told by more than a name, an address and a key? And how is a member of an entry read for them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models_catalog.changes.values import Lookup
from models_catalog.config.clouds import read_now
from models_catalog.config.litellm.values import FROM_ENVIRONMENT
from models_catalog.config.table import Table
from models_catalog.placeholders import is_placeholder


@dataclass(frozen=True, slots=True)
class Host:
    """The type of provider that an entry means, and what only its reader knows: options, the credential and the address, the last
    two None where they are found as for all providers."""

    kind: str
    upstream_model: str
    options: Mapping[str, str] = field(default_factory=dict)
    credential: Lookup | None = None
    api_base: str | None = None


def given(params: Table, names: Iterable[str]) -> str:
    """The first of these members that is there; "" if none is."""
    found = [name for name in names if params.raw(name) is not None]
    return found[0] if found else ""


def variable_of(text: str) -> str:
    """The variable of `os.environ/NAME`, "" for any other text."""
    return text.removeprefix(FROM_ENVIRONMENT).strip() if text.startswith(FROM_ENVIRONMENT) else ""


def setting(params: Table, names: Iterable[str], variables: Iterable[str] = (), *, usual: bool = False) -> str:
    """The value of the first of these members that is there, `os.environ/NAME` read now; else that of the first variable that is
    set; else "". A variable that is not set makes the entry unservable, unless there is a usual value in its place."""
    name = given(params, names)
    value = params.text(name).strip() if name else ""
    variable = variable_of(value)
    if variable:
        value = read_now((variable,), params.findings, params.at(name))
    if variable and not value:
        unset = f"the environment variable {variable} is not set"
        if not usual:
            params.findings.fail(params.at(name), f"{name}: {unset}")
        params.findings.warn(params.at(name), f"{unset}; what is usual is taken instead")
    if is_placeholder(value):
        params.findings.fail(params.at(name), f"{name} is a placeholder")
    return value or read_now(variables, params.findings, params.place)
