"""Do the texts to copy call the gateway, whatever the model's name holds, and only as the model can be called?"""

from __future__ import annotations

import ast
import json
import shlex
import tomllib

import pytest

from models_catalog.snippets import ASKED, KEY, Snippet, snippets
from openai_api.routes import TABLE
from providers.capabilities import Capability

ODD = 'o\'dd "name" $(x) \\ ü'


def of(*capabilities: str, name: str = ODD) -> dict[str, Snippet]:
    return {found.id: found for found in snippets(name, capabilities, "http://gateway:8000")}


@pytest.mark.parametrize("capability", list(ASKED))
def test_curl_when_read_by_a_shell_then_it_sends_the_name_to_a_path_that_exists(capability: Capability) -> None:
    words = shlex.split(of(capability)[f"curl-{capability.replace('_', '-')}"].text.replace("\\\n", " "))
    assert words[0] == "curl"
    path = words[1].removeprefix("http://gateway:8000")
    assert TABLE.owns(path)
    assert f"Authorization: Bearer {KEY}" in words
    if ASKED[capability].form:
        assert f"model={ODD}" in words
    else:
        assert json.loads(words[words.index("-d") + 1])["model"] == ODD


@pytest.mark.parametrize("capability", [name for name, asked in ASKED.items() if asked.python])
def test_python_when_parsed_then_it_names_the_model(capability: Capability) -> None:
    tree = ast.parse(of(capability)["python"].text)
    assert ODD in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def test_codex_when_read_as_toml_then_it_has_the_name_and_the_address() -> None:
    read = tomllib.loads(of("responses")["codex"].text)
    assert (read["model"], read["model_providers"]["signalbox"]["base_url"]) == (ODD, "http://gateway:8000/v1")


def test_programs_when_the_model_cannot_serve_them_then_they_are_not_shown() -> None:
    assert set(of("embedding")) == {"curl-embedding", "python", "node"}
    assert {"claude-code", "open-webui"} < set(of("chat"))
    assert "codex" not in of("chat")
    assert set(of("rerank")) == {"curl-rerank"}
    assert of("realtime") == {}


def test_shell_when_the_name_is_odd_then_it_is_one_word() -> None:
    words = shlex.split(of("chat")["claude-code"].text)
    assert f"ANTHROPIC_MODEL={ODD}" in words
    assert "ANTHROPIC_BASE_URL=http://gateway:8000" in words
