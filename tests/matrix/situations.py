"""What is asked of a model, and what does it tell, in words of no vendor?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel, PNG in base64."""
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `parameters` is JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True)
class Ask:
    """One request: `results` are calls that the model has made, each with what came of it; `effort` is how hard to think."""

    text: str = "How is the weather in Zürich? «naïve»"
    system: str = ""
    tools: tuple[Tool, ...] = ()
    results: tuple[tuple[ToolCall, str], ...] = ()
    image: str = ""
    effort: str = ""
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int = 0
    stream: bool = False


@dataclass(frozen=True)
class Tell:
    """One answer. `why` it stopped: end, length, calls, or stop for a stop sequence. `cached` tokens are part of `input`."""

    text: str = ""
    thoughts: str = ""
    calls: tuple[ToolCall, ...] = ()
    why: str = "end"
    input: int = 31
    cached: int = 8
    output: int = 17


@dataclass(frozen=True)
class Situation:
    """`fault` is what goes wrong: refused (400), before (503), midway (an error in the stream), cut (the connection breaks)."""

    ask: Ask
    tell: Tell
    fault: str = ""


WEATHER = Tool("get_weather", "Tells the weather of a city.", CITY)
TIME = Tool("get_time", "Tells the time of a city.", CITY)
ZURICH = ToolCall("get_weather", {"city": "Zürich"}, "call_zurich_1")
BERN = ToolCall("get_time", {"city": 'Bern "B"'}, "call_bern_2")
FORECAST = {
    "type": "object",
    "properties": {"sky": {"type": "string", "enum": ["clear", "grey"]}, "degrees": {"type": "number"}},
    "required": ["sky", "degrees"],
    "additionalProperties": False,
}
SUNNY = Tell("It is sunny: 21 °C.\nEnjoy!")
REFUSAL = "max_tokens: 99999999 > 8192, which is the maximum"
"""What an upstream says of a request that it refuses; clients heal themselves by such texts."""

SITUATIONS: Mapping[str, Situation] = MappingProxyType(
    {
        "text": Situation(Ask(), SUNNY),
        "system": Situation(Ask(system="You are terse.\nNever lie."), SUNNY),
        "tools": Situation(Ask(tools=(WEATHER, TIME)), Tell(calls=(ZURICH,), why="calls")),
        "text before a call": Situation(Ask(tools=(WEATHER,)), Tell("Let me look.", calls=(ZURICH,), why="calls")),
        "parallel tools": Situation(Ask(tools=(WEATHER, TIME)), Tell(calls=(ZURICH, BERN), why="calls")),
        "tool result": Situation(Ask(tools=(WEATHER,), results=((ZURICH, "21 °C"),)), SUNNY),
        "tool results": Situation(Ask(tools=(WEATHER, TIME), results=((ZURICH, "21 °C"), (BERN, "noon"))), SUNNY),
        "image": Situation(Ask(image=PIXEL), SUNNY),
        "thinking": Situation(Ask(effort="high", max_tokens=8000), Tell("Sunny.", thoughts="The user asks of weather.")),
        "JSON schema": Situation(Ask(schema=FORECAST), Tell('{"sky":"clear","degrees":21.5}')),
        "stop": Situation(Ask(stop=("END", "\n\nHuman:")), Tell("It is", why="stop")),
        "max tokens": Situation(Ask(max_tokens=40), Tell("It is sunny and", why="length")),
        "refused": Situation(Ask(), SUNNY, "refused"),
        "error before": Situation(Ask(), SUNNY, "before"),
        "error midway": Situation(Ask(), SUNNY, "midway"),
        "cut": Situation(Ask(), SUNNY, "cut"),
    }
)
