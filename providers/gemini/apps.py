"""Makes Gemini known to the registry."""

from django.apps import AppConfig


class GeminiConfig(AppConfig):
    name = "providers.gemini"
    label = "providers_gemini"
