"""What is kept of every request? One row, written in batches off the data path and never changed."""

from __future__ import annotations

import uuid

from django.db import models

from openai_api.jobs.job import State


class UsageRecord(models.Model):
    """One request to an inference path. Times in milliseconds; bodies are not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    started_at = models.DateTimeField(db_index=True)
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

    class Meta:
        ordering = ["-started_at"]
        verbose_name = "request"
        # Not `db_index`, with which a text has a second index for prefixes on PostgreSQL: a fifth of what a row writes.
        indexes = [
            models.Index(fields=["request_id"], name="usage_by_request_id"),
            models.Index(fields=["client_id"], name="usage_by_client_id"),
            models.Index(fields=["model"], name="usage_by_model"),
            models.Index(fields=["client_name"], name="usage_by_client_name"),
            models.Index(fields=["provider"], name="usage_by_provider"),
            models.Index(fields=["error"], condition=models.Q(error__isnull=False), name="usage_by_error"),
            models.Index(fields=["session", "started_at"], condition=models.Q(session__isnull=False), name="usage_by_session"),
            models.Index(fields=["tenant"], condition=models.Q(tenant__isnull=False), name="usage_by_tenant"),
        ]

    def __str__(self) -> str:
        return self.request_id


class StoredResponseRow(models.Model):
    """A response that the gateway makes itself, with the items it is made from. `items` and `body` are compressed JSON.

    That of a response in the background has the id of its job: until it has ended, `status` is "queued" and `body` is that of the
    beginning.
    """

    id = models.CharField(primary_key=True, max_length=80)
    owner = models.CharField(max_length=36, help_text="The id of the client key that asked.")
    model = models.CharField(max_length=200)
    items = models.BinaryField()
    body = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status = models.CharField(max_length=20, default="completed", db_index=True)

    class Meta:
        verbose_name = "stored response"
        indexes = [
            models.Index(fields=["owner"], name="response_by_owner"),
            models.Index(fields=["model"], name="response_by_model"),
        ]

    def __str__(self) -> str:
        return self.id


class JobRow(models.Model):
    """Background work that outlives its request. What a kind keeps beside its jobs has the same id, in a table of its own."""

    id = models.CharField(primary_key=True, max_length=80)
    kind = models.CharField(max_length=40, db_index=True)
    owner = models.CharField(max_length=36, help_text="The id of the client key that asked.")
    payload = models.BinaryField(null=True, help_text="What the job is begun from, compressed; null when it has ended.")
    state = models.CharField(max_length=20, choices=[(state.value, state.value) for state in State])
    worker = models.CharField(max_length=32, default="", blank=True, help_text="The worker that runs it.")
    beat_at = models.DateTimeField(null=True, help_text="When its worker was heard of last.")
    next_number = models.PositiveIntegerField(default=0, help_text="The number of the first event of the next try.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="Tries that failed before this one.")
    not_before = models.DateTimeField(null=True, help_text="When the next try may begin.")
    streamed = models.BooleanField(default=False, help_text="Its events can be followed.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "job"
        indexes = [
            models.Index(fields=["state", "created_at"], name="job_by_state"),
            models.Index(fields=["owner"], name="job_by_owner"),
            models.Index(fields=["worker"], name="job_by_worker"),
        ]

    def __str__(self) -> str:
        return self.id


class JobEventsRow(models.Model):
    """Some events of a job, one after the other: `frames` are compressed server-sent events."""

    job = models.ForeignKey(JobRow, on_delete=models.CASCADE, related_name="events")
    first = models.PositiveIntegerField(help_text="The number of the first of them.")
    last = models.PositiveIntegerField()
    frames = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "first"], name="one_event_a_number")]
        verbose_name = "events of a job"
        verbose_name_plural = "events of jobs"

    def __str__(self) -> str:
        return f"{self.job_id} {self.first}-{self.last}"


class SessionRow(models.Model):
    """A conversation of an agent, or of whoever sent the requests that belong together. Written by the `database` sink of events,
    which adds to its numbers; `model` is the last one, all of them are among its labels.

    Two keys may call their sessions alike: they are two sessions.
    """

    session_id = models.CharField("session", max_length=256)
    client_id = models.CharField("key id", max_length=36, default="", blank=True)
    client_name = models.CharField("key", max_length=200, default="", blank=True)
    tenant = models.CharField(max_length=200, default="", blank=True)
    agent = models.CharField(max_length=256, default="", blank=True)
    model = models.CharField(max_length=200, default="", blank=True)
    tags = models.TextField(default="{}", help_text="A JSON object of texts.")
    trace = models.CharField(max_length=32, help_text="The trace id of its events.")
    started_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="When its last event happened.")
    ended_at = models.DateTimeField(
        null=True, help_text="When it was idle for so long that it counts as ended; null while it runs."
    )
    events_count = models.PositiveIntegerField("events", default=0)
    calls = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    tools = models.PositiveIntegerField("tool calls", default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(
        "cost (USD)", max_digits=18, decimal_places=9, default=0, help_text="Of the calls whose price is known."
    )
    unpriced = models.PositiveIntegerField(default=0, help_text="Calls whose price is not known.")
    bodies = models.BooleanField(default=False, help_text="Some of its events hold what was said.")

    class Meta:
        ordering = ["-last_at"]
        verbose_name = "session"
        constraints = [models.UniqueConstraint(fields=["session_id", "client_id"], name="one_session_a_key")]
        indexes = [
            models.Index(fields=["last_at"], name="session_by_time"),
            models.Index(fields=["started_at"], name="session_by_start"),
            models.Index(fields=["agent", "last_at"], name="session_by_agent"),
            models.Index(fields=["client_id", "last_at"], name="session_by_key"),
            models.Index(fields=["tenant", "last_at"], condition=~models.Q(tenant=""), name="session_by_tenant"),
        ]

    def __str__(self) -> str:
        return self.session_id


class SessionLabelRow(models.Model):
    """What a session is found by: a tag, with its value, or a model."""

    TAG = "tag"
    MODEL = "model"

    session = models.ForeignKey(SessionRow, on_delete=models.CASCADE, related_name="labels", db_index=False)
    kind = models.CharField(max_length=8, choices=[(TAG, TAG), (MODEL, MODEL)])
    name = models.CharField(max_length=200, help_text="Of the tag, or the model's.")
    value = models.CharField(max_length=512, default="", blank=True)

    class Meta:
        verbose_name = "label of a session"
        verbose_name_plural = "labels of sessions"
        constraints = [models.UniqueConstraint(fields=["session", "kind", "name", "value"], name="one_label_a_session")]
        indexes = [models.Index(fields=["kind", "name", "value"], name="session_by_label")]

    def __str__(self) -> str:
        return f"{self.name}:{self.value}" if self.value else self.name


class SessionEventRow(models.Model):
    """One event of a session, as docs/events.md has it. `attributes` is JSON; without `bodies` they do not hold what was said."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(SessionRow, on_delete=models.CASCADE, related_name="events", db_index=False)
    number = models.PositiveIntegerField(help_text="Counts the session's events from 1, in their order.")
    at = models.DateTimeField(db_index=True)
    name = models.CharField(max_length=32)
    level = models.CharField(max_length=8)
    span = models.CharField(max_length=16, default="", blank=True)
    request_id = models.CharField(max_length=128, default="", blank=True)
    model = models.CharField(max_length=200, default="", blank=True)
    attributes = models.TextField(default="{}")
    bodies = models.BooleanField(default=False)

    class Meta:
        verbose_name = "event of a session"
        verbose_name_plural = "events of sessions"
        constraints = [models.UniqueConstraint(fields=["session", "number"], name="one_session_event_a_number")]
        indexes = [models.Index(fields=["request_id"], name="session_event_by_request")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.number} {self.name}"
