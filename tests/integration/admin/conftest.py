"""What do the tests of the admin share? A key ring, an operator who is logged in, and a catalog to look at."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from models_catalog.secrets import encryption
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages


@pytest.fixture(autouse=True)
def key_ring(settings: Settings, db: None) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = [encryption.new_key()]


@pytest.fixture
def pages(client: Client) -> Pages:
    """The admin as a superuser sees it."""
    client.force_login(User.objects.create_superuser("operator"))
    return Pages(client)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()
