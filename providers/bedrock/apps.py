"""Makes AWS Bedrock known to the registry."""

from django.apps import AppConfig


class BedrockConfig(AppConfig):
    name = "providers.bedrock"
    label = "providers_bedrock"
