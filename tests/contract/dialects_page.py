"""What does docs/dialects.md say? The names that encoders give to what they cannot carry, for every pair of wires.

`python -m tests.contract.dialects_page` writes the page anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from providers.convert.codecs import codecs
from providers.types import Wire
from tests.contract.goldens import KINDS, MAKE, refusal_of, refused, rich

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
BEGIN, END = "<!-- made from the encoders -->", "<!-- until here -->"
COLUMNS = {
    "request": "fields of a request that the upstream is not told",
    "refused": "requests that are refused (400), by their `param`",
    "answer": "fields of an answer that the client is not told",
    "stream": "of a stream",
}


def tables() -> str:
    """The tables, in Markdown."""
    return "\n".join(
        line for source in codecs() for target in codecs() if source is not target for line in _table(source, target)
    )


def _table(source: Wire, target: Wire) -> Iterator[str]:
    yield f"\n### Asked in `{source}`, answered by an upstream of `{target}`\n"
    yield "| | |\n|---|---|"
    for kind, title in COLUMNS.items():
        yield f"| {title} | {', '.join(f'`{name}`' for name in _names(kind, source, target)) or '·'} |"


def _names(kind: str, client: Wire, upstream: Wire) -> list[str]:
    """What is lost on the way there, or on the way back."""
    if kind == "refused":
        found = (refusal_of(client, upstream, body) for body in refused(client))
        return list(dict.fromkeys(param for param in found if param is not None))
    source, target = (client, upstream) if kind == KINDS[0] else (upstream, client)
    return list(MAKE[kind](source, target, rich(source, kind)).lossy)


def page() -> str:
    """The page as it should be."""
    text = PAGE.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    return f"{before}\n{tables()}\n\n{after}"


if __name__ == "__main__":
    PAGE.write_text(page())
