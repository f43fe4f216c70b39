"""Does every dialect reach every wire, in every situation, whole and streamed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.matrix.players import UPSTREAMS, Played, Players
from tests.matrix.situations import REFUSAL, SITUATIONS, Ask, Tell
from tests.matrix.wires import anthropic, gemini, ollama, openai_chat, openai_responses
from tests.matrix.wires.wire import Client, Upstream

CLIENTS = {
    client.name: client
    for client in (openai_chat.CLIENT, openai_responses.CLIENT, anthropic.CLIENT, gemini.CLIENT, ollama.CLIENT)
}
SEQUENCE_TOLD = {("messages", "anthropic_messages"), ("messages", "bedrock_converse")}
"""Where both sides tell that a stop sequence was met; elsewhere it is an ordinary end."""
WITHOUT_IDS = frozenset({"generateContent", "ollama"})
"""Dialects whose clients need no ids of calls."""
FAULTS = sorted({situation.fault for situation in SITUATIONS.values()} - {""})


Play = Callable[[str], Played]


@pytest.fixture(scope="module")
def own_gateway(start_gateway: StartGateway) -> LiveGateway:
    """A gateway of its own: its many models would stand in the lists that other tests read."""
    return start_gateway()


@pytest.fixture(scope="module")
def play(own_gateway: LiveGateway) -> Iterator[Play]:
    """Starts the upstream of a wire, with a model for each client and fault, so that no circuit breaker opens for another."""
    with ExitStack() as running:
        players = Players(own_gateway, running)

        def start(name: str) -> Played:
            models = [model_of(client, UPSTREAMS[name], fault) for client in CLIENTS.values() for fault in ("", *FAULTS)]
            return players.start(name, models)

        yield start


def model_of(client: Client, upstream: Upstream, fault: str) -> str:
    return "-".join(("matrix", client.name.replace(" ", "-"), upstream.name, fault or "well"))


def asked(client: Client, upstream: Upstream, ask: Ask) -> Ask:
    """What the upstream is to see."""
    lacking = {**client.lacks, **upstream.lacks}
    unsaid: dict[str, Any] = {field.name: field.default for field in fields(Ask) if field.name in lacking}
    return replace(ask, **unsaid)


def told(client: Client, upstream: Upstream, tell: Tell) -> Tell:
    """What the client is to hear."""
    if tell.why == "stop" and (client.name, upstream.name) not in SEQUENCE_TOLD:
        tell = replace(tell, why="end")
    return replace(tell, cached=0) if "cached" in {**client.silent, **upstream.silent} else tell


def without_ids(value: Any) -> Any:
    """The same, where calls are told apart by their place only."""
    if isinstance(value, Ask):
        return replace(value, results=tuple((replace(call, id=""), text) for call, text in value.results))
    return replace(value, calls=tuple(replace(call, id="") for call in value.calls))


def send(gateway: LiveGateway, client: Client, model: str, ask: Ask) -> httpx.Response:
    sent = client.ask(model, ask)
    headers = dict([client.key_header(gateway.key)])
    return httpx.post(
        gateway.base_url + sent.path, json=sent.body, headers={**sent.headers, **headers}, trust_env=False, timeout=15
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", [name for name, situation in SITUATIONS.items() if not situation.fault])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_situation_when_all_is_well_is_understood_on_both_sides(
    own_gateway: LiveGateway, play: Play, client: str, upstream: str, name: str, stream: bool
) -> None:
    side, at, situation = CLIENTS[client], play(upstream), SITUATIONS[name]
    at.situation, at.stream = situation, stream
    ask = replace(situation.ask, stream=stream)
    answer = send(own_gateway, side, model_of(side, at.upstream, ""), ask)
    assert answer.status_code == 200, answer.text
    seen, wanted = without_ids(at.upstream.read(at.server.last)), without_ids(asked(side, at.upstream, ask))
    if not ask.max_tokens:  # Anthropic's clients must name a limit, and its upstreams must be named one
        seen = replace(seen, max_tokens=0)
    assert seen == wanted
    heard = side.streamed(answer.content) if stream else side.whole(answer.json())
    if side.name not in WITHOUT_IDS:
        ids = [call.id for call in heard.calls]
        assert all(ids)
        assert len(set(ids)) == len(ids)
    assert without_ids(heard) == without_ids(told(side, at.upstream, situation.tell))
    lost = set(at.upstream.lacks) - set(side.lacks)
    for field in lost & {field.name for field in fields(Ask) if getattr(ask, field.name) != field.default}:
        assert field in answer.headers["x-gateway-lossy"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", [name for name, situation in SITUATIONS.items() if situation.fault])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_situation_when_something_goes_wrong_is_told_in_the_clients_own_words(
    own_gateway: LiveGateway, play: Play, client: str, upstream: str, name: str, stream: bool
) -> None:
    side, at, situation = CLIENTS[client], play(upstream), SITUATIONS[name]
    if situation.fault == "midway" and not stream:
        return  # a whole answer has no middle
    at.situation, at.stream = situation, stream
    answer = send(own_gateway, side, model_of(side, at.upstream, situation.fault), replace(situation.ask, stream=stream))
    if situation.fault == "refused":
        assert (answer.status_code, side.failed(answer.json())) == (400, REFUSAL)
    elif situation.fault == "before" or not stream:
        assert answer.status_code in (502, 503)
        assert side.failed(answer.json())
    else:
        assert answer.status_code == 200, answer.text
        assert side.broken(answer.content)
