"""Where is an Ollama server, of what people paste? Its OpenAI-compatible paths stand below `/v1`, its own below `/api`."""

from __future__ import annotations

import re

from providers.openai_compatible.address import bare

HERE = "http://127.0.0.1:11434"
_ENDING = re.compile(r"/+(?:v1|api(?:/[a-z]+)?)\Z")


def server_of(address: str) -> str:
    """The address of the server, without the path of either API; its query stays."""
    whole, mark, query = bare(address).partition("?")
    base = _ENDING.sub("", whole).rstrip("/")
    return f"{base}?{query}" if mark else base


def openai_base(address: str) -> str:
    """The base address of its OpenAI-compatible paths; one that has a path of its own is taken as it is."""
    whole, mark, query = bare(address).partition("?")
    server = server_of(whole)
    if server != whole or whole.count("/") == 2:  # it names an API, or nothing but a host
        whole = f"{server}/v1"
    return f"{whole}?{query}" if mark else whole
