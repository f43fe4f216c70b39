"""What does the proxy's file say, under the command line, and which files are refused?"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway_project.proxy.config import load
from gateway_project.proxy.own_paths import shown_config
from gateway_project.proxy.yaml_file import BadFile, plain, read

SAMPLE = Path(__file__).parents[2] / "data" / "config" / "proxy.yaml"
GIVEN: dict[str, Any] = {"base_url": "http://h.example", "type": "openai"}


def loaded(tmp_path: Path, text: str, variables: dict[str, str] | None = None, **given: Any) -> Any:
    path = tmp_path / "proxy.yaml"
    path.write_text(text)
    return load(path, given, variables or {})


def test_sample_when_read_then_all_of_it_is_understood() -> None:
    config = load(SAMPLE, {}, {"UPSTREAM": "http://up.example/v1/", "UPSTREAM_TYPE": "openai"})
    assert (config.server.port, config.server.host) == (4000, "127.0.0.1")
    assert config.upstream().base_url == "http://up.example/v1"
    known = frozenset({"printer", "message_logger", "event_recorder", "http_recorder"})
    assert [one.type for one in config.wanted(known)] == ["printer", "message_logger", "event_recorder", "http_recorder"]
    assert [warning for warning in config.warnings() if "live_trace" in warning]


def test_values_when_said_in_several_places_then_the_command_line_the_file_the_default(tmp_path: Path) -> None:
    text = "server: {port: 5000, host: '::1'}\nllm: {base_url: http://a.example, type: openai, api_key: of-file}\n"
    text += "logging: {level: WARNING}"
    config = loaded(tmp_path, text)
    assert (config.server.port, config.server.host, config.logging.level) == (5000, "::1", "WARNING")
    given: dict[str, Any] = {
        "port": 0,
        "host": "127.0.0.1",
        "log_level": "DEBUG",
        "type": "anthropic",
        "api_key": "k",
        "base_url": "http://b.example/",
    }
    config = loaded(tmp_path, text, **given)
    assert (config.server.port, config.server.host, config.logging.level) == (0, "127.0.0.1", "DEBUG")
    assert (config.llm.base_url, config.llm.type, config.llm.api_key) == ("http://b.example", "anthropic", "k")
    config = load(None, GIVEN, {})
    assert (config.server.port, config.server.host, config.logging.level, config.llm.api_key) == (4000, "127.0.0.1", "INFO", None)


def test_variables_when_exactly_named_then_replaced(tmp_path: Path) -> None:
    text = "llm: {base_url: '${UP}', type: openai, api_key: '${KEY}'}\ninterceptors: [{type: printer, config: {a: 'x${UP}'}}]"
    config = loaded(tmp_path, text, {"UP": "http://up.example", "KEY": "secret-of-the-environment"})
    assert (config.llm.base_url, config.llm.api_key) == ("http://up.example", "secret-of-the-environment")
    assert config.interceptors[0].config == {"a": "x${UP}"}
    assert "secret-of-the-environment" not in str(shown_config(config))


def test_key_when_its_variable_is_not_set_then_none_and_a_warning(tmp_path: Path) -> None:
    config = loaded(tmp_path, "llm: {base_url: http://a.example, type: openai, api_key: '${KEY}'}")
    assert config.upstream().key is None
    assert any("${KEY}" in warning for warning in config.warnings())


def test_options_when_shown_then_without_secrets(tmp_path: Path) -> None:
    text = """
llm: {base_url: 'http://a.example', type: openai}
interceptors:
  - type: cylestio_trace
    config: {access_key: abc-secret, api_url: 'https://u:pw-secret@h.example/x?k=q-secret', headers: {x-a: h-secret}, n: 1}
  - type: webhook
    config: {secret: s-secret, list: [{token: t-secret}], env: '${HIDDEN}'}
"""
    config = loaded(tmp_path, text, {"HIDDEN": "e-secret"})
    assert "-secret" not in str(shown_config(config)["interceptors"])
    assert "h.example/x" in str(shown_config(config))
    msgspec.json.encode(plain(shown_config(config)))


NAMES = "abcdefghijklmn"
PAIRS = list(pairwise(NAMES))
BOMB = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in PAIRS)
MERGES = "a: &a {x: 1}\n" + "".join(f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n" for old, new in PAIRS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "values"),
        (MERGES, "values"),
        ("a: &a [*a]", "contains itself"),
        ("a: " + "[" * 5000, "YAML"),
        ("[" * 40 + "]" * 40, "nested"),
        ("x: !!python/object/apply:os.system [id]", "YAML"),
        ("llm: [1, 2", "line 1"),
        ("llm: {type: openai, type: anthropic}", "twice"),
        ("- a\n- b", "no table"),
        ("lllm: {}", "lllm"),
        ("llm: {base_ur: x}", "base_ur"),
        ("server: {port: 70000}", "port"),
        ("server: {port: many}", "port"),
        ("logging: {level: LOUD}", "log level"),
        ("logging: {format: detailed}", "text or json"),
        ("logging: {max_file_size: big}", "max_file_size"),
        ("interceptors: [{config: {}}]", "type"),
        ("interceptors: [{type: printer, config: {a: '${NOT_SET}'}}]", "NOT_SET"),
        ("\0", "YAML"),
    ],
)
def test_file_when_it_cannot_be_used_then_refused_with_its_reason(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=said):
        loaded(tmp_path, text, **GIVEN)


def test_file_when_too_large_then_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="KiB"):
        loaded(tmp_path, "# " + "x" * 2_000_000)
    with pytest.raises(BadFile, match="No such file"):
        read(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "--base-url"),
        ({"base_url": "http://a.example"}, "--type"),
        ({**GIVEN, "type": "gemini"}, "openai or anthropic"),
        ({**GIVEN, "base_url": "ftp://a.example"}, "http or https"),
        ({**GIVEN, "base_url": "http://a.example/?x=1"}, "query"),
        ({**GIVEN, "api_key": "a\nb"}, "character"),
    ],
)
def test_upstream_when_it_is_not_said_or_wrong_then_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadFile, match=said):
        load(None, given, {}).upstream()


@pytest.mark.parametrize("name", ["auth", "rate_limit", "prinetr", "webhook"])
def test_interceptor_when_unknown_and_switched_on_then_refused(name: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, f"interceptors: [{{type: {name}}}]")
    with pytest.raises(BadFile, match=name):
        config.wanted(frozenset({"printer"}))
    assert loaded(tmp_path, f"interceptors: [{{type: {name}, enabled: false}}]").wanted(frozenset()) == []
