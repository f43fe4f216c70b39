"""Do requests get the tags that the operator's rules give them, whatever they ask for, and within bounds?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from openai_api.hooks.specs import HookSpec, HookSpecError, build
from tests.fakes.speaker import FORMATS, Format, Speaker, speaker
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

RULES = [
    {"tag": "site", "value": "berlin"},
    {"tag": "team", "source": "header", "header": "X-Team"},
    {"tag": "release", "source": "header", "header": "user-agent", "pattern": r"^myapp/(\d+)\.(\d+)", "value": "v{1}-{2}"},
    {"tag": "kind", "source": "path", "pattern": r"/(?:v1|api|v1beta)/(\w+)"},
    {"tag": "family", "source": "model", "pattern": r"^says-\w+"},
    {"tag": "by", "source": "client"},
    {"tag": "user", "source": "user"},
]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


@pytest.fixture(scope="module")
def says() -> Iterator[Speaker]:
    with speaker() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def tagged(start_gateway: StartGateway, says: Speaker) -> LiveGateway:
    gateway = start_gateway(
        GATEWAY_HOOKS=json.dumps([{"hook": "session_tagger", "options": {"rules": RULES}}, "tests.fakes.hooks.TellsTags"])
    )
    says.define(gateway)
    return gateway


def tags_of(gateway: LiveGateway, path: str, body: Any, **headers: str) -> dict[str, str]:
    """The tags of a request, as a hook behind the tagger tells them in the place of an answer."""
    answer = gateway.http.post(path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 418, answer.text
    error = answer.json()["error"]
    tags: dict[str, str] = json.loads(error if isinstance(error, str) else error["message"])
    return tags


@pytest.mark.parametrize("stream", [False, True])
@every_format
def test_request_when_rules_meet_then_it_has_their_tags(tagged: LiveGateway, form: Format, stream: bool) -> None:
    tags = tags_of(tagged, form.path(stream), form.body("", "Hi", stream), x_team="blue", user_agent="myapp/2.7 (x)")
    assert tags == {
        "site": "berlin",
        "team": "blue",
        "release": "v2-7",
        "kind": tags["kind"],
        "family": form.model,
        "by": "tests",
    }
    assert tags["kind"] in form.path(stream)


def test_embeddings_when_rules_meet_then_they_have_their_tags(tagged: LiveGateway) -> None:
    tags = tags_of(tagged, "/v1/embeddings", {"model": "says-chat", "input": "x", "user": "ann"})
    assert tags == {"site": "berlin", "kind": "embeddings", "family": "says-chat", "by": "tests", "user": "ann"}


def test_values_when_they_are_long_or_cannot_be_shown_then_they_are_cut_and_cleaned(tagged: LiveGateway) -> None:
    body = FORMATS["chat"].body("", "Hi", False)
    tags = tags_of(tagged, "/v1/chat/completions", {**body, "user": "a\u0000\u2028b" + "x" * 600}, x_team="b" * 3000)
    assert tags["team"] == "b" * 512
    assert tags["user"] == "a b" + "x" * 509
    assert "user" not in tags_of(tagged, "/v1/chat/completions", {**body, "metadata": {"user_id": 7}})


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"tag": "a"}, "give a value or a source"),
        ({"tag": "a", "pattern": "x", "value": "y"}, "give a value or a source"),
        ({"tag": "", "value": "x"}, "length >= 1"),
        ({"tag": "a" * 65, "value": "x"}, "length <= 64"),
        ({"tag": "a\n", "value": "x"}, "cannot be shown"),
        ({"tag": "a", "source": "header"}, "name a header"),
        ({"tag": "a", "source": "path", "header": "x"}, "name a header"),
        ({"tag": "a", "source": "header", "header": "Authorization"}, "may carry credentials"),
        ({"tag": "a", "source": "header", "header": "cookie"}, "may carry credentials"),
        ({"tag": "a", "source": "weather"}, "Invalid enum value 'weather'"),
        ({"tag": "a", "source": "path", "pattern": "("}, "not a regular expression"),
        ({"tag": "a", "source": "path", "pattern": "x*"}, "matches the empty text"),
        ({"tag": "a", "source": "path", "pattern": "(a|aa)+[bc]$"}, "takes too long"),
        ({"tag": "a", "source": "path", "pattern": "(x)", "value": "{2}"}, "tag 'a'"),
    ],
)
def test_rule_when_it_cannot_be_used_then_the_error_says_why(rule: dict[str, Any], fault: str) -> None:
    with pytest.raises(HookSpecError, match=fault):
        build(HookSpec(hook="session_tagger", options={"rules": [rule]}))
