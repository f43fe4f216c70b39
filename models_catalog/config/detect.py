"""Which format is a configuration file in? Its extension says so, or else its content."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType

from models_catalog.config.document import Document, Findings
from models_catalog.config.read_gateway import read_gateway
from models_catalog.config.read_litellm import read_litellm

FORMATS: Mapping[str, Callable[[str, Findings], Document]] = MappingProxyType(
    {"gateway": read_gateway, "tensorzero": read_gateway, "litellm": read_litellm}
)
"""The reader of each format. TensorZero's is part of the gateway's own."""

EXTENSIONS = MappingProxyType({".toml": "gateway", ".yaml": "litellm", ".yml": "litellm"})


def detect_format(text: str, name: str = "") -> str:
    """The name of the format in `FORMATS`."""
    return EXTENSIONS.get(PurePath(name).suffix.lower()) or _by_content(text)


def _by_content(text: str) -> str:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return "litellm" if "model_list" in text else "gateway"
    return "gateway"
