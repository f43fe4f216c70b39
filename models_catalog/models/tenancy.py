"""Whose are the client keys? Of projects and people, which belong to tenants."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from models_catalog import rule_validation, validation
from models_catalog.models.model import ModelDefinition
from models_catalog.models.revised import RevisedManager, RevisedModel


class Tenant(RevisedModel):
    """An organisation. What belongs to one is not seen by the people of another."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    enabled = models.BooleanField(default=True, help_text="Off: none of its keys is accepted.")
    operators = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="tenants",
        help_text="Accounts that see and edit this tenant's projects, people and keys, as far as their groups allow. One that is "
        "named at no tenant sees all.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RevisedManager["Tenant"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AccessGroup(RevisedModel):
    """Models that are granted together. A model that is added to a group is granted to all that have the group."""

    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    models = models.ManyToManyField(ModelDefinition, blank=True, related_name="access_groups")

    objects = RevisedManager["AccessGroup"]()

    class Meta:
        ordering = ["name"]
        verbose_name = "access group"

    def __str__(self) -> str:
        return self.name


class Project(RevisedModel):
    """What keys are for: a team, an application, a customer. What it may use bounds what its keys may use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=200, validators=[validation.check_name])
    enabled = models.BooleanField(default=True, help_text="Off: none of its keys is accepted.")
    all_models = models.BooleanField(default=True, help_text="Off: only the models and groups chosen below.")
    allowed_models = models.ManyToManyField(ModelDefinition, blank=True, related_name="projects")
    access_groups = models.ManyToManyField(AccessGroup, blank=True, related_name="projects")
    aliases = models.JSONField(
        default=dict, blank=True, help_text="JSON: names that its keys send as `model`, and the models that they mean."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RevisedManager["Project"]()

    class Meta:
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="project_name_unique_in_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant} / {self.name}"

    def check_rules(self) -> None:
        rule_validation.clean_aliases(self.aliases)


class Person(RevisedModel):
    """Somebody who has keys. Limits and spend of a person are those of all the keys together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="people")
    name = models.CharField(max_length=200, validators=[validation.check_name])
    email = models.EmailField(blank=True, default="")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="person",
        help_text="The account with which the person signs in; empty: none.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: none of the person's keys is accepted.")
    may_make_keys = models.BooleanField(
        "may make keys", default=False, help_text="Whether the person may make keys on the page /me, for the projects below."
    )
    projects = models.ManyToManyField(Project, blank=True, related_name="people")
    most_keys = models.PositiveSmallIntegerField("most keys", default=5, help_text="Keys in force that the person may have.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RevisedManager["Person"]()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="person_name_unique_in_tenant")]

    def __str__(self) -> str:
        return self.name
