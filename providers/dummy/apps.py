"""Makes the offline provider known to the registry."""

from django.apps import AppConfig


class DummyConfig(AppConfig):
    name = "providers.dummy"
    label = "providers_dummy"
