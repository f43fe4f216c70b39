"""What does an operator edit? Credentials, providers, models with their ordered routes, and client keys."""

from __future__ import annotations

from models_catalog.models.base import CatalogModel
from models_catalog.models.client_key import ClientKey
from models_catalog.models.credential import Credential
from models_catalog.models.model import Fallback, ModelDefinition
from models_catalog.models.provider import Provider
from models_catalog.models.route import Route, RouteCheck
from models_catalog.models.version import CatalogVersion

__all__ = [
    "CatalogModel",
    "CatalogVersion",
    "ClientKey",
    "Credential",
    "Fallback",
    "ModelDefinition",
    "Provider",
    "Route",
    "RouteCheck",
]
