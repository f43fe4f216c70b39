"""How are small facts shown in lists? As words with a colour, never as a colour alone."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def tag(text: object, kind: str = "", title: str = "") -> SafeString:
    """A short word on a coloured ground; `kind` is "good", "bad", "warn" or neutral."""
    return format_html('<span class="sb-tag {}" title="{}">{}</span>', f"sb-tag-{kind}" if kind else "", title, text)


def tags(texts: Iterable[object]) -> SafeString:
    return row_of(map(tag, texts))


def row_of(made: Iterable[SafeString]) -> SafeString:
    """Tags side by side."""
    return format_html('<span class="sb-tags">{}</span>', format_html_join("", "{}", ((one,) for one in made)))


def switch(on: bool) -> SafeString:
    return tag("On", "good") if on else tag("Off")


def mono(text: object) -> SafeString:
    return format_html('<span class="sb-mono">{}</span>', text)


def muted(text: object) -> SafeString:
    return format_html('<span class="sb-muted">{}</span>', text)
