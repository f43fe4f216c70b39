"""What is kept of every request? One row, written in batches off the data path and never changed; and sums of many rows."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models

SLOW_MS = 10_000.0
COSTLY_USD = Decimal("0.05")
"""Requests that take or cost so much are few, and have small indexes of their own."""


class UsageRecord(models.Model):
    """One request to an inference path. Times in milliseconds; bodies are not kept.

    On PostgreSQL its table has partitions by `started_at` (`openai_api/database/partitions.py`), whose key is that and the id. An
    id begins with the time and is made once, so that it is still the key of a row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    started_at = models.DateTimeField()
    request_id = models.CharField(max_length=128)
    method = models.CharField(max_length=20)
    path = models.CharField(max_length=200)
    status = models.PositiveSmallIntegerField(help_text="499: the client left before the answer was complete.")
    client_id = models.CharField("key id", max_length=36, null=True)  # noqa: DJ001 - unknown is not ""
    client_name = models.CharField("key", max_length=200, null=True)  # noqa: DJ001
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001
    served_model = models.CharField(max_length=200, null=True, help_text="A fallback model, perhaps.")  # noqa: DJ001
    provider = models.CharField(max_length=200, null=True)  # noqa: DJ001
    upstream_model = models.CharField(max_length=300, null=True)  # noqa: DJ001
    attempts = models.TextField(
        default="[]", help_text="JSON: every try with target, provider, upstream_model, outcome, upstream_s."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=100, null=True)  # noqa: DJ001
    stream = models.BooleanField(default=False)
    client_aborted = models.BooleanField(default=False)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    estimated = models.BooleanField(default=False, help_text="The provider did not tell the tokens; they are a guess.")
    cost_usd = models.DecimalField("cost (USD)", max_digits=18, decimal_places=9, null=True)
    first_byte_ms = models.FloatField("first byte (ms)", null=True)
    upstream_ms = models.FloatField("upstream (ms)", help_text="Waiting for providers until the answer began.")
    gateway_ms = models.FloatField("gateway (ms)", null=True, help_text="What the gateway added until the first byte.")
    total_ms = models.FloatField("total (ms)")
    possible_duplicate = models.BooleanField(
        default=False, db_default=False, help_text="A try that was given up may have been served, and paid for, as well."
    )
    session = models.CharField(max_length=256, null=True, help_text="The session that the request was part of.")  # noqa: DJ001
    agent = models.CharField(max_length=256, null=True)  # noqa: DJ001
    tenant = models.CharField(max_length=200, null=True)  # noqa: DJ001
    tags = models.TextField(null=True, help_text="JSON: an object of texts.")  # noqa: DJ001
    project = models.CharField(max_length=200, null=True)  # noqa: DJ001
    person = models.CharField(max_length=200, null=True)  # noqa: DJ001
    app = models.CharField(max_length=200, null=True, help_text="The name that the program gave itself.")  # noqa: DJ001
    user_agent = models.CharField(max_length=200, null=True)  # noqa: DJ001
    service_tier = models.CharField(max_length=20, null=True, help_text="The tier that served, as the provider told it.")  # noqa: DJ001
    cache = models.CharField(max_length=10, null=True, help_text="hit or joined: no provider was asked.")  # noqa: DJ001
    cache_write_tokens = models.BigIntegerField(null=True)
    audio_tokens = models.BigIntegerField(null=True, help_text="Of the tokens in and out.")
    image_tokens = models.BigIntegerField(null=True, help_text="Of the tokens in and out.")
    test = models.BooleanField(default=False, db_default=False, help_text="The client said that it only tries something.")
    revision = models.BigIntegerField(null=True, help_text="The version of the catalog that served it.")
    units = models.TextField(null=True, help_text="JSON: what is billed by other units than tokens, like images or seconds.")  # noqa: DJ001

    class Meta:
        ordering = ["-started_at"]
        verbose_name = "request"
        # Not `db_index`, with which a text has a second index for prefixes on PostgreSQL: a fifth of what a row writes. Each
        # name goes with the time, so that the newest of its rows are found without sorting them; names that most requests
        # lack are in it only where they are set. Failures, answers of the cache and tests are few.
        indexes = [
            models.Index(fields=["started_at", "total_ms", "cost_usd"], name="usage_by_time"),
            models.Index(fields=["request_id"], name="usage_by_request_id"),
            models.Index(fields=["client_id", "started_at"], name="usage_by_key_and_time"),
            models.Index(fields=["model", "started_at"], name="usage_by_model_and_time"),
            models.Index(fields=["served_model", "started_at"], name="usage_by_served_and_time"),
            models.Index(fields=["client_name", "started_at"], name="usage_by_key_name_and_time"),
            models.Index(fields=["provider", "started_at"], name="usage_by_provider_and_time"),
            *(
                models.Index(fields=[name, "started_at"], condition=models.Q(**{f"{name}__isnull": False}), name=index)
                for name, index in (
                    ("error", "usage_by_error_and_time"),
                    ("session", "usage_by_session"),
                    ("tenant", "usage_by_tenant_and_time"),
                    ("project", "usage_by_project_and_time"),
                    ("person", "usage_by_person_and_time"),
                    ("app", "usage_by_app_and_time"),
                    ("agent", "usage_by_agent_and_time"),
                )
            ),
            models.Index(
                fields=["user_agent", "started_at"],
                condition=models.Q(user_agent__isnull=False),
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
                name="usage_by_program_and_time",
            ),
            models.Index(
                fields=["started_at", "status"],
                condition=models.Q(status__gt=200) | models.Q(error__isnull=False),
                name="usage_unusual",
            ),
            models.Index(fields=["started_at", "total_ms"], condition=models.Q(total_ms__gte=SLOW_MS), name="usage_slow"),
            models.Index(fields=["started_at", "cost_usd"], condition=models.Q(cost_usd__gte=COSTLY_USD), name="usage_costly"),
            models.Index(fields=["started_at"], condition=models.Q(cache__isnull=False), name="usage_from_cache"),
            models.Index(fields=["started_at"], condition=models.Q(test=True), name="usage_tests"),
        ]

    def __str__(self) -> str:
        return self.request_id


class UsageTag(models.Model):
    """A tag of a request, to find it by; what the request says of its tags stands in its row. Cut to what a column takes."""

    request = models.UUIDField(help_text="The id of its row.")
    at = models.DateTimeField(help_text="When the request began.")
    name = models.CharField(max_length=200)
    value = models.CharField(max_length=200)

    class Meta:
        verbose_name = "tag of a request"
        verbose_name_plural = "tags of requests"
        indexes = [
            models.Index(fields=["name", "value", "at"], name="usage_tag_by_value"),
            models.Index(fields=["request"], name="usage_tag_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"


class UsageRollUp(models.Model):
    """What the requests of a minute, an hour or a day (UTC) amount to, for one name of one dimension; those of a tenant apart.

    "total" counts all requests, "all" those of each tenant: both have the name "". A request of the tenant "a" counts in the rows
    of "a" alone, and in "total": whoever may see all tenants adds the others. Times are histograms:
    `openai_api/database/histograms.py` says how. Tests count as well.
    """

    class Span(models.IntegerChoices):
        MINUTE = 60, "Minute"
        HOUR = 3600, "Hour"
        DAY = 86400, "Day"

    class Dimension(models.TextChoices):
        TOTAL = "total", "Total"
        ALL = "all", "All"
        MODEL = "model", "Model"
        KEY = "key", "Key"
        PERSON = "person", "Person"
        PROJECT = "project", "Project"
        APP = "app", "App"
        PROVIDER = "provider", "Provider"

    span = models.PositiveIntegerField(choices=Span.choices, help_text="Seconds.")
    at = models.DateTimeField(help_text="When it began.")
    dimension = models.CharField(max_length=10, choices=Dimension.choices)
    name = models.CharField(max_length=300, blank=True, default="")
    tenant = models.CharField(max_length=200, blank=True, default="", help_text="Empty for requests of no tenant.")
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(
        default=0, help_text="Of the requests, those with a status of 400 or more but 499, or an error."
    )
    cache_hits = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField("cost (USD)", max_digits=24, decimal_places=9, default=0)
    uncosted = models.BigIntegerField(default=0, help_text="Requests whose cost is not known.")
    total_ms = models.TextField(default="[]", help_text="JSON: the histogram of the whole time.")
    first_byte_ms = models.TextField(default="[]", help_text="JSON: the histogram of the time to the first byte.")
    gateway_ms = models.TextField(default="[]", help_text="JSON: the histogram of what the gateway added.")

    class Meta:
        verbose_name = "roll-up"
        constraints = [
            models.UniqueConstraint(fields=["span", "dimension", "at", "tenant", "name"], name="roll_up_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.name} at {self.at:%Y-%m-%d %H:%M}"
