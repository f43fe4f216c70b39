"""Makes Together known to the registry."""

from django.apps import AppConfig


class TogetherConfig(AppConfig):
    name = "providers.together"
    label = "providers_together"
