"""Makes the OpenAI-compatible vendors known to the registry."""

from django.apps import AppConfig


class OpenAICompatibleConfig(AppConfig):
    name = "providers.openai_compatible"
    label = "providers_openai_compatible"
