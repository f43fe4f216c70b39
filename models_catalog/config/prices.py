"""How does a price of a file become the catalog's, in US dollars for a million tokens?"""

from __future__ import annotations

from decimal import Decimal

from models_catalog.config.table import Table

MILLION = Decimal(1_000_000)
STEP = Decimal("0.000001")
LIMIT = Decimal(10) ** 8


def per_million(table: Table, name: str, cost: float, per: int = 1) -> Decimal | None:
    """The price when `per` tokens cost `cost` dollars, as exact as it is stored; None after an error at that name."""
    price = Decimal(repr(cost)) * MILLION / per
    if price >= LIMIT:
        table.error(name, "is too high a price")
        return None
    return price.quantize(STEP)
