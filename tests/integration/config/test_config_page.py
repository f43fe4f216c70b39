"""Does the page on configuration files name everything that the readers know?"""

from __future__ import annotations

from pathlib import Path

import pytest

from models_catalog.config.gateway import provider_block, read, tensorzero
from models_catalog.config.litellm import names
from models_catalog.config.locations import SOURCES

PAGE = (Path(__file__).parents[3] / "docs" / "configuration-files.md").read_text(encoding="utf-8")
NAMES = {
    *read.CAPABILITIES,
    *tensorzero.OTHER_SECTIONS,
    *tensorzero.MODEL_MEMBERS,
    *tensorzero.PROVIDER_MEMBERS,
    *provider_block.NOT_IMPORTED,
    *read.NOT_A_MODEL_SETTING,
    *read.KEY_FIELDS,
    *names.PROVIDERS,
    *names.KEY_VARIABLES.values(),
    *names.BASE_VARIABLES.values(),
    *names.VENDORS,
    *names.SECTIONS,
    *names.CAPABILITIES,
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_name_that_a_reader_knows_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("source", SOURCES)
def test_location_that_a_reader_knows_is_on_the_page(source: str) -> None:
    assert f'`"{source}::' in PAGE
