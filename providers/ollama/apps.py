"""Makes Ollama known to the registry."""

from django.apps import AppConfig


class OllamaConfig(AppConfig):
    name = "providers.ollama"
    label = "providers_ollama"
