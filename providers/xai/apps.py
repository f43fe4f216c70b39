"""Makes xAI known to the registry."""

from django.apps import AppConfig


class XaiConfig(AppConfig):
    name = "providers.xai"
    label = "providers_xai"
