"""What does an operator edit? Credentials, providers, models with their ordered routes, client keys, and hooks."""

from __future__ import annotations

from models_catalog.models.audit import AuditEntry, AuditHead
from models_catalog.models.base import CatalogModel
from models_catalog.models.change_set import ChangeItem, ChangeSet
from models_catalog.models.client_key import ClientKey
from models_catalog.models.credential import Credential
from models_catalog.models.deleted_key import DeletedKey
from models_catalog.models.hook import Hook
from models_catalog.models.key_request import KeyRequest
from models_catalog.models.management_token import ManagementToken
from models_catalog.models.model import Fallback, ModelDefinition
from models_catalog.models.provider import Provider
from models_catalog.models.provider_credential import ProviderCredential
from models_catalog.models.publication import Publication
from models_catalog.models.route import Route, RouteCheck
from models_catalog.models.rules import Budget, Limit, Price
from models_catalog.models.tenancy import AccessGroup, Person, Project, Tenant
from models_catalog.models.version import CatalogVersion

__all__ = [
    "AccessGroup",
    "AuditEntry",
    "AuditHead",
    "Budget",
    "CatalogModel",
    "CatalogVersion",
    "ChangeItem",
    "ChangeSet",
    "ClientKey",
    "Credential",
    "DeletedKey",
    "Fallback",
    "Hook",
    "KeyRequest",
    "Limit",
    "ManagementToken",
    "ModelDefinition",
    "Person",
    "Price",
    "Project",
    "Provider",
    "ProviderCredential",
    "Publication",
    "Route",
    "RouteCheck",
    "Tenant",
]
