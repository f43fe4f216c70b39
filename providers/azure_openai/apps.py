"""Makes Azure OpenAI known to the registry."""

from django.apps import AppConfig


class AzureOpenAIConfig(AppConfig):
    name = "providers.azure_openai"
    label = "providers_azure_openai"
