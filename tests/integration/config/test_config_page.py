"""Does the page on configuration files name everything that the readers know?"""

from __future__ import annotations

from pathlib import Path

import pytest

from models_catalog.config.gateway import provider_block, read, tensorzero, tensorzero_clouds
from models_catalog.config.litellm import aws, google, names
from models_catalog.config.litellm.hosts import HOSTS
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
    *names.OWN_KEY_VARIABLES.values(),
    *(variable for variables in names.MOVED_BY.values() for variable in variables),
    *names.VENDORS,
    *HOSTS,
    *(*google.PROJECT, *google.PROJECT_VARIABLES, *google.LOCATION, *google.LOCATION_VARIABLES, *google.CREDENTIALS),
    *(*aws.REGION_VARIABLES, *aws.PARTS, *aws.ROLES, aws.PROFILE, aws.MANTLE_KEY),
    *tensorzero_clouds.KEY,
    *names.SECTIONS,
    *names.CAPABILITIES,
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_name_that_a_reader_knows_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("source", SOURCES)
def test_location_that_a_reader_knows_is_on_the_page(source: str) -> None:
    assert f'`"{source}::' in PAGE
