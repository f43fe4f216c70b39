"""What do the tests of the management API share? A key ring, and a program with a token."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from models_catalog.secrets import encryption
from tests.integration.manage.program import Api


@pytest.fixture(autouse=True)
def key_ring(settings: Settings, db: None) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = [encryption.new_key()]


@pytest.fixture
def api() -> Api:
    """A program that may do everything."""
    return Api()
