"""How do tests of properties run? Without a deadline for one example: the machine may be busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")
