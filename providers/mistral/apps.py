"""Makes Mistral known to the registry."""

from django.apps import AppConfig


class MistralConfig(AppConfig):
    name = "providers.mistral"
    label = "providers_mistral"
