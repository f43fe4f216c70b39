"""How do the wires' upstreams run? A server each, which answers as the situation in play says."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.vendor import Said, Seen, Vendor, vendor
from tests.live import LiveGateway
from tests.matrix.situations import REFUSAL, SITUATIONS, Situation
from tests.matrix.wires import anthropic, bedrock, gemini, ollama, openai_chat, openai_responses
from tests.matrix.wires.wire import Upstream

UPSTREAMS = {
    upstream.name: upstream
    for upstream in (
        openai_chat.UPSTREAM,
        openai_responses.UPSTREAM,
        anthropic.UPSTREAM,
        gemini.UPSTREAM,
        bedrock.UPSTREAM,
        ollama.UPSTREAM,
    )
}
CONVERSATION = ("chat", "responses")
PAUSE_S = 0.01
"""Between the pieces of an answer that fails: an error that comes together with the first words is one before the answer."""
BROKEN = "The model has stumbled over its own feet."


@dataclass
class Played:
    """An upstream at work: what it plays now, and what it was asked."""

    server: Vendor
    upstream: Upstream
    situation: Situation = SITUATIONS["text"]
    stream: bool = False

    def get(self, path: str) -> Any:
        """The answer to whatever is asked for; `Vendor` looks it up."""
        return self.answer

    def answer(self, seen: Seen) -> Said:
        upstream, tell, fault = self.upstream, self.situation.tell, self.situation.fault
        if fault == "refused":
            return upstream.failure(400, REFUSAL)
        if fault == "before":
            return upstream.failure(503, "down")
        if fault == "midway":
            return replace(upstream.midway(tell, BROKEN), pause=PAUSE_S)
        said = upstream.streamed(tell) if self.stream else upstream.whole(tell)
        if fault == "cut":
            chunks = said.chunks[: len(said.chunks) // 2] if said.chunks is not None else [said.body[:40]]
            return replace(said, chunks=chunks, cut=True)
        return said


class Players:
    """The upstreams of one gateway, each started when it is first wanted."""

    def __init__(self, gateway: LiveGateway, running: ExitStack) -> None:
        self._gateway = gateway
        self._running = running
        self._played: dict[str, Played] = {}

    def start(self, name: str, models: Iterable[str]) -> Played:
        """The upstream of that wire, behind public models of these names."""
        if name not in self._played:
            upstream = UPSTREAMS[name]
            server = self._running.enter_context(vendor({}))
            found = self._played[name] = Played(server, upstream)
            server.answers = found  # type: ignore[assignment]
            row = upstream.provider(server.base)
            served = dict.fromkeys(models, (upstream.model, CONVERSATION))
            self._gateway.define_at(row.pop("type"), row.pop("api_base"), served, name=f"matrix-{name}", **row)
        return self._played[name]
