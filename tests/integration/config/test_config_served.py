"""Are imported models of clouds served, with nothing left to do?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from models_catalog.compiler import compile_snapshot
from tests.integration.config.conftest import Manage, Write
from tests.integration.config.entries import AT, FILE, IN, set_variables

KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-1",
    "GEMINI_API_KEY": "AIza1",
    "AZURE_AI_API_KEY": "azure-1",
    "AZURE_AI_API_BASE": "https://r.services.ai.azure.com",
    "OLLAMA_API_BASE": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE000000001",
    "AWS_SECRET_ACCESS_KEY": "secret/of+one",
    "BEDROCK_MANTLE_API_KEY": "bedrock-api-key-1",
}
LITERAL = {"aws_access_key_id": "AKIAEXAMPLE000000002", "aws_secret_access_key": "secret"}


def account() -> str:
    """A service account whose key is one."""
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return json.dumps({**FILE, "private_key": key.decode()})


def entries() -> dict[str, dict[str, Any]]:
    return {
        "anthropic": {"model": "anthropic/claude-x", "extra_headers": {"anthropic-version": "2026-10-21"}},
        "anthropic/*": {"model": "anthropic/*"},
        "foundry": {"model": "azure_ai/claude-x"},
        "gemini": {"model": "gemini/gemini-x"},
        "vertex": {"model": "vertex_ai/gemini-x", **AT, "vertex_credentials": account()},
        "vertex of the file": {"model": "vertex_ai/text-embedding-005", "vertex_credentials": account()},
        "vertex of the machine": {"model": "vertex_ai/claude-x", **AT},
        "bedrock": {"model": "bedrock/us.anthropic.claude-x", **IN},
        "bedrock by a key": {"model": "bedrock/converse/amazon.nova-pro-v1:0", **IN, **LITERAL},
        "bedrock by a temporary key": {"model": "bedrock/x", **IN, **LITERAL, "aws_session_token": "token=="},
        "mantle": {"model": "bedrock_mantle/anthropic.claude-x", **IN, "api_key": "bedrock-api-key-1"},
        "mantle by a key": {"model": "bedrock/mantle/anthropic.claude-x", **IN, **LITERAL},
        "mantle, open": {"model": "bedrock_mantle/openai.gpt-oss-120b", **IN},
        "ollama": {"model": "ollama_chat/llama3"},
    }


def test_each_entry_is_served(manage: Manage, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    given = entries()
    listed = [{"model_name": name, "litellm_params": params} for name, params in given.items()]
    output = manage("import_config", write(json.dumps({"model_list": listed}), "config.yaml"))
    assert output.err.splitlines()[-1].startswith(f"{len(given)} models, 0 left out, 0 settings ignored")
    compiled = compile_snapshot()
    assert [(problem.where, problem.message) for problem in compiled.problems] == []
    assert manage("import_config", write(manage("export_config").out, "exported.toml")).lines == ["nothing to change"]
