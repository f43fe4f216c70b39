"""Makes Anthropic and the hosts of its models known to the registry."""

from django.apps import AppConfig


class AnthropicConfig(AppConfig):
    name = "providers.anthropic"
    label = "providers_anthropic"
