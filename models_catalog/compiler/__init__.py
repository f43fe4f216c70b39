"""How do rows become a snapshot?"""

from __future__ import annotations

from models_catalog.compiler.compile import compile_newer, compile_routing, compile_snapshot

__all__ = ["compile_newer", "compile_routing", "compile_snapshot"]
