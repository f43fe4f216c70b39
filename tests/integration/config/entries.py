"""What do the tests of clouds in configuration files share? One entry, imported as it is and from its export, and its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from models_catalog import credentials
from models_catalog.models import Credential, Provider, Route
from tests.integration.config.conftest import Manage, Output, Write

SET = {
    "SET_PROJECT": "project-1",
    "SET_REGION": "eu-west-1",
    "SET_ID": "AKIACANARY0000000001",
    "SET_SECRET": "canary/secret+key=",
}
UNSET = (
    *("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_BASE", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    *("OLLAMA_API_BASE", "AZURE_AI_API_BASE", "AZURE_AI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"),
    *("GCLOUD_PROJECT", "VERTEXAI_PROJECT", "VERTEXAI_LOCATION", "VERTEX_LOCATION", "VERTEXAI_CREDENTIALS", "AWS_REGION"),
    *("AWS_REGION_NAME", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_BEARER_TOKEN_BEDROCK", "AWS_BEDROCK_RUNTIME_ENDPOINT", "BEDROCK_MANTLE_API_KEY", "BEDROCK_MANTLE_REGION"),
    *("BEDROCK_MANTLE_API_BASE", "NOT_SET"),
)
FILE = {"type": "service_account", "project_id": "of-the-file", "client_email": "a@b.example", "private_key": "canary-pem"}
AT = {"vertex_project": "p-1", "vertex_location": "us-east5"}
IN = {"aws_region_name": "us-east-1"}


def set_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets some variables, and unsets all that are read where nothing is said."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in SET.items():
        monkeypatch.setenv(name, value)


class Imports:
    """Imports one entry, and tells of the row that it became."""

    def __init__(self, manage: Manage, write: Write) -> None:
        self._manage, self._write = manage, write

    def __call__(self, model: str, params: Mapping[str, Any], name: str = "m") -> Output:
        entry = {"model_name": name, "litellm_params": {"model": model, **params}}
        path = self._write(json.dumps({"model_list": [entry]}), "config.yaml")
        output = self._manage("import_config", path)
        exported = self._manage("export_config").out
        assert self._manage("import_config", path).lines == ["nothing to change"]
        assert self._manage("import_config", self._write(exported, "exported.toml")).lines == ["nothing to change"]
        assert "canary" not in (output.out + output.err + exported).lower()
        return output


def row() -> tuple[str, str, str, dict[str, Any]]:
    """The one route: type, upstream model, address and options."""
    route = Route.objects.select_related("provider").get()
    return route.provider.type, route.upstream_model, route.provider.api_base, route.provider.options


def place() -> str:
    """Where the one credential is, "" if there is none."""
    found = Provider.objects.get().credential
    return "" if found is None else f"{found.source}::{found.location}"


def secret() -> str:
    """What the one stored credential holds."""
    return credentials.reveal(Credential.objects.get(source="stored")).reveal()
