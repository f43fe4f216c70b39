"""Where do texts stand in requests, in whole answers, and in the events of streams? One table for each wire.

A row is a path, and what stands there. In a path, `[]` is each element of a list, and `[#]` one whose number tells texts of a
stream apart: choices and calls. `?type=text` at the end asks for that field beside the text. A text may be a list of texts, too.

Formats: as in `providers/wire/`, of August 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from providers.types import Wire


class Part(StrEnum):
    """What a text is."""

    TEXT = "text"
    REASONING = "reasoning"
    CALLS = "calls"
    """What a tool is called with."""
    RESULTS = "results"
    """What it gave back."""


class Form(StrEnum):
    """How it is written."""

    PLAIN = "plain"
    JSON = "json"
    """JSON in a string."""
    VALUE = "value"
    """Any JSON value."""


class Row(NamedTuple):
    """`role` is whose it is where no `role` stands about it. `grows` names the text that goes on in the next event, "" for one
    that is whole."""

    path: str
    part: Part = Part.TEXT
    form: Form = Form.PLAIN
    role: str = ""
    grows: str = ""


Rows = tuple[Row, ...]
TEXT, REASONING, CALLS, RESULTS = Part.TEXT, Part.REASONING, Part.CALLS, Part.RESULTS
SYSTEM, USER, ASSISTANT, TOOL = "system", "user", "assistant", "tool"
ROLES: Mapping[str, str] = MappingProxyType({"developer": SYSTEM, "model": ASSISTANT, "function": TOOL, "ipython": TOOL})
"""Roles that wires call otherwise."""
OF_PARTS: Mapping[Part, str] = MappingProxyType({REASONING: ASSISTANT, CALLS: ASSISTANT, RESULTS: TOOL})
"""Whose a part is, whoever's message it stands in."""


def _chat(message: str) -> Rows:
    return (
        Row(f"{message}.content"),
        Row(f"{message}.content[].text"),
        Row(f"{message}.content[].refusal"),
        Row(f"{message}.content[].thinking[].text", REASONING),
        Row(f"{message}.refusal"),
        Row(f"{message}.reasoning_content", REASONING),
        Row(f"{message}.reasoning", REASONING),
        Row(f"{message}.reasoning_details[].text", REASONING),
        Row(f"{message}.reasoning_details[].summary", REASONING),
        Row(f"{message}.tool_calls[].function.arguments", CALLS, Form.JSON),
        Row(f"{message}.tool_calls[].custom.input", CALLS),
        Row(f"{message}.function_call.arguments", CALLS, Form.JSON),
        Row(f"{message}.audio.transcript"),
    )


def _item(item: str) -> Rows:
    """An item of Responses."""
    return (
        Row(f"{item}.content"),
        Row(f"{item}.content[].text?type=reasoning_text", REASONING),
        Row(f"{item}.content[].text"),
        Row(f"{item}.content[].refusal"),
        Row(f"{item}.content[].transcript"),
        Row(f"{item}.summary[].text", REASONING),
        Row(f"{item}.arguments", CALLS, Form.JSON),
        Row(f"{item}.input", CALLS),
        Row(f"{item}.code", CALLS),
        Row(f"{item}.action", CALLS, Form.VALUE),
        Row(f"{item}.operation.diff", CALLS),
        Row(f"{item}.outputs[].logs", RESULTS),
        Row(f"{item}.results[].text", RESULTS),
        Row(f"{item}.output", RESULTS),
        Row(f"{item}.output[].text", RESULTS),
        Row(f"{item}.output[].stdout", RESULTS),
        Row(f"{item}.output[].stderr", RESULTS),
    )


def _block(block: str) -> Rows:
    """A block of Messages."""
    return (
        Row(f"{block}.text"),
        Row(f"{block}.thinking", REASONING),
        Row(f"{block}.input", CALLS, Form.VALUE),
        Row(f"{block}.citations[].cited_text"),
        Row(f"{block}.source.data?type=text"),
        Row(f"{block}.source.content"),
        Row(f"{block}.source.content[].text"),
        Row(f"{block}.title"),
        Row(f"{block}.context"),
        Row(f"{block}.content", RESULTS),
        Row(f"{block}.content[].text", RESULTS),
        Row(f"{block}.content[].source.data?type=text", RESULTS),
        Row(f"{block}.content[].content[].text", RESULTS),
        Row(f"{block}.content.stdout", RESULTS),
        Row(f"{block}.content.stderr", RESULTS),
    )


def _parts(content: str, grows: bool = False) -> Rows:
    """A content of Gemini's; requests may spell names either way."""
    return (
        Row(f"{content}.parts[].text?thought=true", REASONING, grows="reasoning" if grows else ""),
        Row(f"{content}.parts[].text", grows="text" if grows else ""),
        Row(f"{content}.parts[].functionCall.args", CALLS, Form.VALUE),
        Row(f"{content}.parts[].function_call.args", CALLS, Form.VALUE),
        Row(f"{content}.parts[].functionResponse.response", RESULTS, Form.VALUE),
        Row(f"{content}.parts[].function_response.response", RESULTS, Form.VALUE),
        Row(f"{content}.parts[].executableCode.code", CALLS),
        Row(f"{content}.parts[].executable_code.code", CALLS),
        Row(f"{content}.parts[].codeExecutionResult.output", RESULTS),
        Row(f"{content}.parts[].code_execution_result.output", RESULTS),
    )


def _ollama(message: str) -> Rows:
    return (
        Row(f"{message}.content"),
        Row(f"{message}.thinking", REASONING),
        Row(f"{message}.tool_calls[].function.arguments", CALLS, Form.VALUE),
    )


def _prompt(*names: str) -> Rows:
    return tuple(Row(name, role=USER) for name in names)


REQUESTS: Mapping[Wire, Rows] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: (
            *_chat("messages[]"),
            *_prompt("prediction.content", "prediction.content[].text"),
            Row("tools[].function.description", role=SYSTEM),
            Row("tools[].custom.description", role=SYSTEM),
            Row("functions[].description", role=SYSTEM),
        ),
        Wire.OPENAI_COMPLETION: _prompt("prompt", "suffix"),
        Wire.OPENAI_RESPONSES: (
            Row("instructions", role=SYSTEM),
            *_prompt("input"),
            *_item("input[]"),
            Row("prompt.variables", form=Form.VALUE, role=USER),
            Row("tools[].description", role=SYSTEM),
        ),
        Wire.ANTHROPIC_MESSAGES: (
            Row("system", role=SYSTEM),
            Row("system[].text", role=SYSTEM),
            Row("messages[].content"),
            *_block("messages[].content[]"),
            Row("tools[].description", role=SYSTEM),
        ),
        Wire.GEMINI: (
            Row("systemInstruction.parts[].text", role=SYSTEM),
            Row("system_instruction.parts[].text", role=SYSTEM),
            *_parts("contents[]"),
            Row("tools[].functionDeclarations[].description", role=SYSTEM),
            Row("tools[].function_declarations[].description", role=SYSTEM),
        ),
        Wire.OLLAMA: (*_ollama("messages[]"), Row("tools[].function.description", role=SYSTEM)),
        Wire.OPENAI_EMBEDDING: _prompt("input", "title"),
        Wire.OPENAI_MODERATION: _prompt("input", "input[].text"),
        Wire.OPENAI_SPEECH: _prompt("input", "instructions"),
        Wire.OPENAI_TRANSCRIPTION: _prompt("prompt"),
        Wire.OPENAI_TRANSLATION: _prompt("prompt"),
        Wire.OPENAI_IMAGE: _prompt("prompt", "negative_prompt"),
        Wire.OPENAI_IMAGE_EDIT: _prompt("prompt", "negative_prompt"),
        Wire.OPENAI_IMAGE_VARIATION: _prompt("prompt"),
        Wire.RERANK: _prompt("query", "documents", "documents[].text"),
    }
)
"""Requests. The messages of Bedrock come from no client."""

_HEARD: Rows = (Row("text"), Row("segments[].text"))

ANSWERS: Mapping[Wire, Rows] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _chat("choices[].message"),
        Wire.OPENAI_COMPLETION: (Row("choices[].text"),),
        Wire.OPENAI_RESPONSES: _item("output[]"),
        Wire.ANTHROPIC_MESSAGES: _block("content[]"),
        Wire.GEMINI: _parts("candidates[].content"),
        Wire.OLLAMA: (*_ollama("message"), Row("response"), Row("thinking", REASONING)),
        Wire.OPENAI_TRANSCRIPTION: _HEARD,
        Wire.OPENAI_TRANSLATION: _HEARD,
        Wire.OPENAI_IMAGE: (Row("data[].revised_prompt"),),
        Wire.OPENAI_IMAGE_EDIT: (Row("data[].revised_prompt"),),
        Wire.RERANK: (Row("results[].document"), Row("results[].document.text")),
    }
)

_DELTA = "choices[#].delta"
EVENTS: Mapping[Wire, Rows] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: (
            Row(f"{_DELTA}.content", grows="text"),
            Row(f"{_DELTA}.content[].text", grows="text"),
            Row(f"{_DELTA}.content[].thinking[].text", REASONING, grows="reasoning"),
            Row(f"{_DELTA}.refusal", grows="refusal"),
            Row(f"{_DELTA}.reasoning_content", REASONING, grows="reasoning"),
            Row(f"{_DELTA}.reasoning", REASONING, grows="reasoning again"),
            Row(f"{_DELTA}.reasoning_details[].text", REASONING, grows="reasoning in detail"),
            Row(f"{_DELTA}.reasoning_details[].summary", REASONING, grows="summary"),
            Row(f"{_DELTA}.tool_calls[#].function.arguments", CALLS, Form.JSON, grows="call"),
            Row(f"{_DELTA}.tool_calls[#].custom.input", CALLS, grows="custom call"),
            Row(f"{_DELTA}.function_call.arguments", CALLS, Form.JSON, grows="function call"),
            Row(f"{_DELTA}.audio.transcript", grows="transcript"),
        ),
        Wire.OPENAI_COMPLETION: (Row("choices[#].text", grows="text"),),
        Wire.OPENAI_RESPONSES: (
            Row("delta?type=response.output_text.delta", grows="text"),
            Row("delta?type=response.refusal.delta", grows="refusal"),
            Row("delta?type=response.reasoning_text.delta", REASONING, grows="reasoning"),
            Row("delta?type=response.reasoning_summary_text.delta", REASONING, grows="summary"),
            Row("delta?type=response.function_call_arguments.delta", CALLS, Form.JSON, grows="call"),
            Row("delta?type=response.mcp_call_arguments.delta", CALLS, Form.JSON, grows="call"),
            Row("delta?type=response.custom_tool_call_input.delta", CALLS, grows="call"),
            Row("delta?type=response.code_interpreter_call_code.delta", CALLS, grows="call"),
            Row("delta?type=response.audio.transcript.delta", grows="transcript"),
            Row("text?type=response.reasoning_text.done", REASONING),
            Row("text?type=response.reasoning_summary_text.done", REASONING),
            Row("text"),
            Row("refusal"),
            Row("arguments", CALLS, Form.JSON),
            Row("input", CALLS),
            Row("code", CALLS),
            Row("part.text?type=reasoning_text", REASONING),
            Row("part.text?type=summary_text", REASONING),
            Row("part.text"),
            Row("part.refusal"),
            *_item("item"),
            *_item("response.output[]"),
        ),
        Wire.ANTHROPIC_MESSAGES: (
            Row("delta.text", grows="text"),
            Row("delta.thinking", REASONING, grows="reasoning"),
            Row("delta.partial_json", CALLS, Form.JSON, grows="call"),
            Row("delta.citation.cited_text"),
            Row("content_block.text", grows="text"),
            Row("content_block.thinking", REASONING, grows="reasoning"),
            *(row for row in _block("content_block") if not row.path.endswith((".text", "block.thinking"))),
            Row("content_block.content[].text", RESULTS),
            Row("content_block.content[].content[].text", RESULTS),
            *_block("message.content[]"),
        ),
        Wire.GEMINI: _parts("candidates[#].content", grows=True),
        Wire.OLLAMA: (
            Row("message.content", grows="text"),
            Row("message.thinking", REASONING, grows="reasoning"),
            Row("message.tool_calls[].function.arguments", CALLS, Form.VALUE),
            Row("response", grows="text"),
            Row("thinking", REASONING, grows="reasoning"),
        ),
        Wire.OPENAI_TRANSCRIPTION: (Row("delta", grows="text"), Row("text")),
        Wire.OPENAI_TRANSLATION: (Row("delta", grows="text"), Row("text")),
    }
)

LEAKS: Mapping[Wire, Mapping[str, object]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: MappingProxyType({"choices[].logprobs": None}),
        Wire.OPENAI_COMPLETION: MappingProxyType({"choices[].logprobs": None}),
        Wire.OPENAI_RESPONSES: MappingProxyType(
            {
                "logprobs": [],
                "part.logprobs": [],
                "item.content[].logprobs": [],
                "output[].content[].logprobs": [],
                "response.output[].content[].logprobs": [],
            }
        ),
        Wire.GEMINI: MappingProxyType({"candidates[].logprobsResult": None}),
        Wire.OLLAMA: MappingProxyType({"logprobs": []}),
        Wire.OPENAI_TRANSCRIPTION: MappingProxyType({"logprobs": [], "words": []}),
        Wire.OPENAI_TRANSLATION: MappingProxyType({"words": []}),
    }
)
"""What tells a text once more, token by token, and is emptied where a text is changed."""

NUMBERED: Mapping[Wire, tuple[str, ...]] = MappingProxyType(
    {
        Wire.ANTHROPIC_MESSAGES: ("index",),
        Wire.OPENAI_RESPONSES: ("output_index", "content_index", "summary_index"),
    }
)
"""Fields of an event whose numbers tell its text from others."""
CHOICES: Mapping[Wire, tuple[str, str]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: ("choices", "finish_reason"),
        Wire.OPENAI_COMPLETION: ("choices", "finish_reason"),
        Wire.GEMINI: ("candidates", "finishReason"),
    }
)
"""Where a stream tells that one of its answers has ended."""
ENDS: Mapping[Wire, tuple[str, ...]] = MappingProxyType(
    {
        Wire.ANTHROPIC_MESSAGES: ("content_block_stop", "message_delta", "message_stop", "error"),
        Wire.OPENAI_RESPONSES: (".done", ".completed", ".failed", ".incomplete", "error"),
        Wire.OPENAI_TRANSCRIPTION: (".done",),
        Wire.OPENAI_TRANSLATION: (".done",),
    }
)
"""How the `type` of an event ends that ends the texts before it."""
