"""How many rows belong to each row of a list? Counted for the rows that are shown, not for all that there are."""

from __future__ import annotations

from django.db.models import Count, IntegerField, Model, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce


def counted(model: type[Model], column: str, condition: Q | None = None) -> Coalesce:
    """For `annotate`: how many rows of the model name the row in that column. A join would be made for each row of the table, and
    one with a second such number for each pair."""
    own = model._default_manager.filter(condition or Q(), **{column: OuterRef("pk")}).order_by().values(column)
    return Coalesce(Subquery(own.annotate(number=Count("pk")).values("number"), output_field=IntegerField()), 0)
