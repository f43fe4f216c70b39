"""Are bad values refused on the right field, with a text that helps?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from models_catalog import validation
from models_catalog.models import Credential, ModelDefinition, Provider
from providers import registry
from tests.unit.models_catalog.rows import CANARY

NAMES = "abcdef"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3), max_size=6)


def errors_of(**fields: Any) -> dict[str, list[str]]:
    """What a provider with these fields is told, by field."""
    row = Provider(**{"name": "p", "type": "openai", **fields})
    try:
        row.clean_fields()
    except ValidationError as err:
        return dict(err.message_dict)
    return {}


@pytest.mark.parametrize("name", ["gpt-4o", "org/model:latest", "Ünïcode", "with space", "a", "n" * 200])
def test_name_when_sound_then_passes(name: str) -> None:
    validation.check_name(name)


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "a\tb", "a\x00b", "a\x7f", "a\u2028b", "tensorzero::a", "\ud800"])
def test_name_when_unsound_then_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validation.check_name(name)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "https://api.example.com/v1",
        "https://api.example.com:8443/v1/",
        "http://127.0.0.1:3000/v1",
        "http://[::1]:3000/v1",
        "http://ollama_1.internal:11434/v1",
        "https://host/path?api-version=1",
        "https://xn--bcher-kva.example/v1",
    ],
)
def test_api_base_when_sound_then_passes(url: str) -> None:
    validation.check_api_base(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:3000",
        "/v1",
        "ftp://host/v1",
        "javascript:alert(1)",
        "http://",
        "http:///v1",
        "http://:3000",
        "http://user:pass@host/v1",
        "http://user@host/v1",
        "http://@host/v1",
        "http://host/v1#fragment",
        "http://host/v1#",
        "http://host:port/v1",
        "http://host:0/v1",
        "http://host:99999/v1",
        "http://ho st/v1",
        "http://host/a b",
        "http://host/v1\n",
        "http://host\\@evil/v1",
        "http://[::1/v1",
        "http://bücher.example/v1",
        "http://host%0d%0a/v1",
    ],
)
def test_api_base_when_unsound_then_is_refused_on_its_field(url: str) -> None:
    with pytest.raises(ValidationError):
        validation.check_api_base(url)
    if url:
        assert list(errors_of(api_base=url)) == ["api_base"]


@given(st.text())
def test_api_base_when_given_any_text_then_passes_or_is_a_validation_error(text: str) -> None:
    for url in (text, f"http://{text}", f"https://host/{text}"):
        try:
            validation.check_api_base(url)
        except ValidationError:
            continue
        assert url.isascii()
        assert not set(url) & set(" \r\n\0#")


def test_api_base_when_the_type_has_none_then_must_be_given() -> None:
    assert "needs an API base" in errors_of(type="vllm")["api_base"][0]
    assert errors_of(type="vllm", api_base="http://127.0.0.1:8000/v1") == {}
    assert errors_of(type="openai") == errors_of(type="dummy") == {}


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        ([], "object"),
        ({"a": 1}, "object"),
        ({"": "x"}, "not a valid header name"),
        ({"a b": "x"}, "not a valid header name"),
        ({"a:": "x"}, "not a valid header name"),
        ({"ä": "x"}, "not a valid header name"),
        ({"x": f"{CANARY}\r\nhost: evil"}, "line break"),
        ({"x": f"{CANARY}\0"}, "line break"),
        ({"x": f"{CANARY}\u20ac"}, "Latin-1"),
        ({"Host": "evil"}, "cannot be overridden"),
        ({"content-length": "0"}, "cannot be overridden"),
        ({"Transfer-Encoding": "chunked"}, "cannot be overridden"),
        ({"CONNECTION": "close"}, "cannot be overridden"),
        ({"Accept-Encoding": "gzip"}, "cannot be overridden"),
        ({"x-a": "1", "X-A": "2"}, "Duplicate header"),
    ],
)
def test_headers_when_unsound_then_are_refused_without_repeating_a_value(headers: Any, part: str) -> None:
    told = errors_of(extra_headers=headers) if headers else {"extra_headers": [_message(validation.check_headers, headers)]}
    assert list(told) == ["extra_headers"]
    assert part in told["extra_headers"][0]
    assert CANARY not in str(told)


def test_headers_when_sound_then_pass() -> None:
    validation.check_headers({"anthropic-version": "2023-06-01", "x-title": "caf\xe9", "authorization": "Bearer x"})


@pytest.mark.parametrize("value", [["a"], "text", 5, {"a": float("nan")}, {"a": "\ud800"}])
def test_extra_body_when_not_a_json_object_then_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        validation.check_object(value)
    assert "extra_body" in errors_of(extra_body=value)


def test_type_when_unknown_then_error_lists_the_known_ones() -> None:
    assert "openai" in " ".join(errors_of(type="opnai")["type"])


def test_options_when_unknown_to_the_type_then_are_refused() -> None:
    assert "has no option 'api_version'" in errors_of(options={"api_version": "1"})["options"][0]
    base = "https://x.openai.azure.com"
    assert errors_of(type="azure_openai", api_base=base, options={"api_version": "1", "deployment_id": "d"}) == {}
    assert "'apiversion'" in errors_of(type="azure_openai", api_base=base, options={"apiversion": "1"})["options"][0]


def test_provider_when_several_fields_are_bad_then_every_one_is_told() -> None:
    assert set(errors_of(name=" ", api_base="x", extra_headers={"a": 1}, extra_body=[1])) == {
        "name",
        "api_base",
        "extra_headers",
        "extra_body",
    }


def test_provider_when_a_form_leaves_bad_fields_out_then_they_are_not_told() -> None:
    row = Provider(name="p", type="openai", api_base="x")
    row.clean_fields(exclude={"api_base", "extra_headers"})


def test_provider_types_when_listed_then_are_those_of_the_registry() -> None:
    choices = validation.provider_type_choices()
    assert [name for name, _ in choices] == [known.name for known in registry.provider_types()]
    assert Provider._meta.get_field("type").flatchoices == choices


@pytest.mark.parametrize("value", [[], {}, "chat", ["chat", "chat"], ["fly"], ["chat", 5], [["chat"]], [None]])
def test_capabilities_when_unsound_then_are_refused(value: Any) -> None:
    row = ModelDefinition(name="m", capabilities=value)
    with pytest.raises(ValidationError) as caught:
        row.clean_fields()
    assert set(caught.value.message_dict) == {"capabilities"}


@pytest.mark.parametrize(
    "field", ["connect_timeout_s", "first_byte_timeout_s", "idle_timeout_s", "total_timeout_s", "max_retry_delay_s"]
)
@pytest.mark.parametrize("value", [-1, float("inf"), float("nan")])
def test_seconds_when_not_finite_and_positive_then_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelDefinition(name="m", **{field: value}).clean_fields()
    assert set(caught.value.message_dict) == {field}


@pytest.mark.parametrize("field", ["input_price", "output_price"])
def test_price_when_negative_then_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        ModelDefinition(name="m", **{field: "-1"}).clean_fields()


@pytest.mark.parametrize(
    ("source", "location", "field"),
    [
        ("stored", "", "source"),
        ("env", "", "location"),
        ("env", "A B", "location"),
        ("env", "A=B", "location"),
        ("path", "", "location"),
        ("path", "a\0b", "location"),
        ("path_from_env", "", "location"),
        ("dynamic", "", "location"),
        ("none", "X", "location"),
        ("vault", "", "source"),
    ],
)
def test_credential_when_unsound_then_the_right_field_is_told(source: str, location: str, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Credential(name="c", source=source, location=location).clean_fields()
    assert set(caught.value.message_dict) == {field}


def test_routing_when_empty_then_only_a_disabled_model_may() -> None:
    with pytest.raises(ValidationError, match="at least one route"):
        validation.check_routing([])
    validation.check_routing([], enabled=False)
    validation.check_routing(["a", "b"])


def test_routing_when_a_name_is_repeated_then_names_it() -> None:
    with pytest.raises(ValidationError, match="Duplicate route b"):
        validation.check_routing(["a", "b", "b"])


@pytest.mark.parametrize(
    ("fallbacks", "graph", "part"),
    [
        (["m"], {}, "its own fallback"),
        (["a", "a"], {}, "Duplicate fallback a"),
        (["a"], {"a": ["m"]}, "m → a → m"),
        (["x", "a"], {"a": ["b"], "b": ["m"]}, "m → a → b → m"),
    ],
)
def test_fallbacks_when_they_return_then_are_refused(fallbacks: list[str], graph: dict[str, list[str]], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        validation.check_fallbacks("m", fallbacks, graph)


def test_fallbacks_when_the_circle_is_elsewhere_or_old_then_pass() -> None:
    validation.check_fallbacks("m", ["a"], {"a": ["b"], "b": ["a"]})
    validation.check_fallbacks("m", ["a"], {"m": ["b"], "b": ["m"]})


@given(GRAPHS)
def test_find_cycle_when_it_finds_one_then_it_is_one_and_otherwise_there_is_none(graph: dict[str, list[str]]) -> None:
    cycle = validation.find_cycle(graph, graph)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(following in graph[name] for name, following in pairwise(cycle))
    else:
        reachable = {name: set(graph.get(name, ())) for name in NAMES}
        for _ in NAMES:
            for name in NAMES:
                reachable[name] |= set().union(*(reachable[other] for other in reachable[name]))
        assert not any(name in reachable[name] for name in NAMES)


def test_find_cycle_when_the_graph_is_deep_and_wide_then_is_quick() -> None:
    layers = [[f"{layer}-{number}" for number in range(20)] for layer in range(200)]
    graph = {name: following for names, following in pairwise(layers) for name in names}
    assert validation.find_cycle(graph, graph) == []


def _message(rule: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        rule(value)
    return caught.value.messages[0]


def test_allowed_fields_when_no_list_or_unknown_are_refused() -> None:
    assert errors_of(options={"allowed_request_fields": ["models", "tools[].model"]}) == {}
    assert "must be a list" in errors_of(options={"allowed_request_fields": "models"})["options"][0]
    assert "'model'" in errors_of(options={"allowed_request_fields": ["model"]})["options"][0]
