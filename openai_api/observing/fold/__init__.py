"""How do exchanges become events of sessions? `Fold` takes them one after the other, and remembers what it must."""

from openai_api.observing.fold.fold import Bodies, Fold

__all__ = ["Bodies", "Fold"]
