"""Makes Fireworks known to the registry."""

from django.apps import AppConfig


class FireworksConfig(AppConfig):
    name = "providers.fireworks"
    label = "providers_fireworks"
