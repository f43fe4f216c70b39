"""Does the page on configuration files name everything that the readers know?"""

from __future__ import annotations

from pathlib import Path

import pytest

from models_catalog.config import litellm_names, provider_block, read_gateway, tensorzero
from models_catalog.config.locations import SOURCES

PAGE = (Path(__file__).parents[3] / "docs" / "configuration-files.md").read_text(encoding="utf-8")
NAMES = {
    *read_gateway.CAPABILITIES,
    *tensorzero.OTHER_SECTIONS,
    *tensorzero.MODEL_MEMBERS,
    *tensorzero.PROVIDER_MEMBERS,
    *provider_block.NOT_IMPORTED,
    *read_gateway.NOT_A_MODEL_SETTING,
    *read_gateway.KEY_FIELDS,
    *litellm_names.PROVIDERS,
    *litellm_names.KEY_VARIABLES.values(),
    *litellm_names.BASE_VARIABLES.values(),
    *litellm_names.VENDORS,
    *litellm_names.SECTIONS,
    *litellm_names.CAPABILITIES,
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_name_that_a_reader_knows_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("source", SOURCES)
def test_location_that_a_reader_knows_is_on_the_page(source: str) -> None:
    assert f'`"{source}::' in PAGE
