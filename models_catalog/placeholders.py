"""Is this a key, or what an example has in its place? Example files are copied, and their keys with them."""

from __future__ import annotations

import re

SHELL = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::?[-?=][^}]*)?\}?")
"""`${NAME}`, `$NAME`, `${NAME:-default}`: what a shell or a tool for templates should have replaced."""

AROUND_SHELL = re.compile(r"[\w.-]*\$\{[A-Za-z_][A-Za-z0-9_]*[^}]*\}[\w.-]*")
"""`sk-${NAME}`."""

PLACEHOLDER = re.compile(
    r"""
    [<\[{(%].*[>\]})%]                                           # <key>, [key], {{ key }}, %KEY%
    | .*(\.\.\.|…).*                                             # sk-...
    | ([a-z]{1,6}[-_])*(your|insert|enter|put|add|paste|replace|set)[-_ ].*(key|token|secret|here|me|it)\b.*
    | ([a-z]{1,6}[-_])*your[-_ ].*                               # sk-your-project
    | .*[-_ ](goes[-_ ])?here                                    # api-key-goes-here
    | change[-_ ]?(me|this|it).* | replace[-_ ]?(me|this|it).* | fill[-_ ]?(me|in).*
    | (my[-_ ])?api[-_ ]?key | my[-_ ](key|token|secret) | placeholder | example | todo | tbd | fixme
    | ([a-z]{1,6}[-_])*(x{3,64}|\*{3,64}|_{3,64}|\.{2,64})([-_]x+)*      # sk-xxxx, ****
    """,
    re.IGNORECASE | re.VERBOSE,
)


def shell_variable(text: str) -> str:
    """The name in a text that is nothing but a reference to a shell variable, "" for any other text."""
    found = SHELL.fullmatch(text.strip())
    return found[1] if found else ""


def is_placeholder(text: str) -> bool:
    """Whether the text stands where somebody is to put a key."""
    stripped = text.strip()
    return bool(PLACEHOLDER.fullmatch(stripped) or shell_variable(stripped) or AROUND_SHELL.fullmatch(stripped))


def is_unfilled(address: str) -> bool:
    """Whether an address has a gap that a template should have filled."""
    return "${" in address or "{{" in address or is_placeholder(address)
