"""What do the catalog's tests share? A key ring of one key, and caplog that hears structlog."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.unit.models_catalog.rows import KEYS


@pytest.fixture(autouse=True)
def _key_ring(settings: Settings) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[0]]
