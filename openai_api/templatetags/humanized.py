"""How are numbers written on the pages of people?"""

from __future__ import annotations

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def whole(value: int) -> str:
    """With commas between thousands."""
    return f"{value:,}"


@register.filter
def usd(value: Decimal) -> str:
    """Without zeros at the end, and not finer than a millionth."""
    return f"{round(Decimal(value), 6).normalize():f}"
