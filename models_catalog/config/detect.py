"""Which format is a configuration file in? Its extension says so, or else its content."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType

from models_catalog.config.document import Document
from models_catalog.config.findings import Findings
from models_catalog.config.gateway.read import read_gateway
from models_catalog.config.gateway.tensorzero import DEFAULTS, MODEL_MEMBERS, OTHER_SECTIONS, PROVIDER_MEMBERS
from models_catalog.config.litellm.read import read_litellm
from models_catalog.config.provider_types import THEIRS
from models_catalog.models import ModelDefinition
from models_catalog.models.columns import columns_of

OWN = "gateway"
READERS: Mapping[str, Callable[[str, Findings, str], Document]] = MappingProxyType(
    {OWN: read_gateway, "tensorzero": read_gateway, "litellm": read_litellm}
)
"""The reader of each format; it gets the text, the findings and the file's path ("" if there is none). TensorZero's format is
part of the gateway's own, but a file of it is another program's."""

YAML = (".yaml", ".yml")
SHARED_MEMBERS = frozenset({"timeouts"})
OWN_MEMBERS = {"fallback_models", *(column.file.partition(".")[0] for column in columns_of(ModelDefinition))} - SHARED_MEMBERS
"""Members of a model that TensorZero itself does not know."""


def detect_format(text: str, name: str = "") -> str:
    """The name of the format in `READERS`."""
    suffix = PurePath(name).suffix.lower()
    if suffix in YAML:
        return "litellm"
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return "litellm" if suffix != ".toml" and "model_list" in text else OWN
    return "tensorzero" if "tensorzero" in PurePath(name).name.lower() or _is_tensorzero(values) else OWN


def _is_tensorzero(values: Mapping[str, object]) -> bool:
    """Whether a TOML file was written for TensorZero or a fork: it has a section or a member that only they know, or a type of
    theirs and nothing that is ours."""
    if any(name in values for name in (*OTHER_SECTIONS, DEFAULTS)):
        return True
    models = [model for section in ("models", "embedding_models") for model in _tables(values.get(section))]
    blocks = [block for model in models for block in _tables(model.get("providers"))]
    times = [time for model in models for time in [model.get("timeouts")] if isinstance(time, dict)]
    if any(name in model for model in models for name in MODEL_MEMBERS):
        return True
    if any(name in block for block in blocks for name in PROVIDER_MEMBERS):
        return True
    if any(name in time for time in times for name in ("non_streaming", "streaming")):
        return True
    ours = "providers" in values or any(name in model for model in models for name in OWN_MEMBERS)
    return not ours and any(str(block.get("type")) in THEIRS for block in blocks)


def _tables(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, dict):
        yield from (item for item in value.values() if isinstance(item, dict))
