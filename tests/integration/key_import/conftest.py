"""What surrounds the tests of the key import? A database, a key ring, and no RSA key unless a test sets one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from models_catalog.secrets.encryption import new_key
from tests.integration.key_import.samples import Importer


@pytest.fixture(autouse=True)
def _catalog(db: None, settings: Settings) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = [new_key()]


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)
