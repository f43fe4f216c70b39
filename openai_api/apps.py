"""The public surface as a Django app: the usage rows and their admin page."""

from django.apps import AppConfig


class OpenAIApiConfig(AppConfig):
    name = "openai_api"
    verbose_name = "Requests"
