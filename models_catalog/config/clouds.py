"""As whom do files of other programs call AWS and Google? Keys of several parts, service accounts, and what a machine has."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from models_catalog.changes.values import NOTHING, Lookup, to_enter
from models_catalog.config.findings import Findings
from models_catalog.placeholders import is_placeholder, shell_variable
from providers.types import Secret

AMBIENT_KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""The variables that hold the parts of a key for every program; the gateway reads them, too."""
BEDROCK_TOKEN = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105 - a variable's name
MACHINE = "default"
"""The profile that means whatever AWS's own programs would use on this machine (`providers/aws/chain.py`)."""
AMBIENT_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
AMBIENT_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
AMBIENT_PROJECT = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
"""The variables by which Google's own libraries know the project, where no file is named."""
FILE_VARIABLE = re.compile(r".*(FILE|PATH)|GOOGLE_APPLICATION_CREDENTIALS")
TOKENS: Mapping[str, str] = MappingProxyType({"token_source": "metadata"})
"""The option for tokens of a machine's own service account."""
UNTOLD = "vertex_ai credential"


class Part(NamedTuple):
    """A part of an access key of AWS: what the file calls it, and its value, or else the variable that holds it."""

    name: str
    text: str = ""
    variable: str = ""

    @property
    def value(self) -> str:
        return os.environ.get(self.variable, "").strip() if self.variable else self.text

    def fault(self) -> str:
        """Why it is none; "" if it may be one. Does not repeat it."""
        if not (self.text or self.variable):
            return f"{self.name} is missing"
        if not self.value:
            return f"the environment variable {self.variable} is not set"
        if is_placeholder(self.value):
            return f"{self.name} is a placeholder"
        return f"{self.name} contains a colon or a space" if re.search(r"[\s:]", self.value) else ""


def access_key(parts: Sequence[Part], findings: Findings, place: str) -> tuple[Lookup, Mapping[str, str]]:
    """Where an access key is, of its id, its secret and perhaps a token: one text; and the options that go with it. The parts are
    read now, unless they stand where the machine's own do."""
    given = [part for part in parts if part.text or part.variable]
    usual = dict(zip((part.name for part in parts), AMBIENT_KEY, strict=True))
    if len(given) > 1 and all(part.variable == usual[part.name] for part in given):
        return NOTHING, {"profile": MACHINE}
    asked = [part for part in parts if part in parts[:2] or part in given]
    if fault := next(filter(None, (part.fault() for part in asked)), ""):
        findings.warn(place, f"the key is not imported: {fault}; enter it in the admin")
        names = (name for part in parts for name in (part.variable, shell_variable(part.text)) if name)
        return to_enter(next(names, "bedrock key")), {}
    if read := [part.variable for part in given if part.variable]:
        findings.warn(place, f"the values of {', '.join(read)} are read now and stored encrypted; later changes have no effect")
    return Lookup("stored", secret=Secret(":".join(part.value for part in given))), {}


def read_now(variables: Iterable[str], findings: Findings, place: str) -> str:
    """The value of the first of the variables that is set; "" if none is."""
    for variable in variables:
        if value := os.environ.get(variable, "").strip():
            findings.warn(place, f"the value of {variable} is read now; later changes of the variable have no effect")
            return value
    return ""


def in_variable(variable: str) -> Lookup:
    """A variable that holds the JSON of a credential or the name of its file: by what it holds now, else by what it is called."""
    value = os.environ.get(variable, "").strip()
    is_file = not value.startswith("{") if value else bool(FILE_VARIABLE.fullmatch(variable))
    return Lookup("path_from_env" if is_file else "env", variable)


def ambient_google(findings: Findings, place: str) -> tuple[Lookup, Mapping[str, str]]:
    """What Google's own libraries find on this machine, and the options that go with it: the file that a variable names, or
    tokens of the machine's own service account."""
    if os.environ.get(AMBIENT_FILE):
        return in_variable(AMBIENT_FILE), {}
    findings.warn(
        place, f"no credential is named and {AMBIENT_FILE} is not set: tokens are asked of the machine's metadata server"
    )
    return NOTHING, TOKENS


def project_of(credential: Lookup) -> str:
    """The project that the JSON of a credential names, "" if it cannot be read now."""
    with suppress(OSError, ValueError):
        found = json.loads(_text(credential))
        named = found.get("project_id") or found.get("quota_project_id") if isinstance(found, dict) else ""
        return named if isinstance(named, str) else ""
    return ""


def _text(credential: Lookup) -> str:
    if credential.secret is not None:
        return credential.secret.reveal()
    where = os.environ.get(credential.location, "") if credential.source.endswith("env") else credential.location
    return where if credential.source == "env" else Path(where).read_text(encoding="utf-8")
