"""What is kept of sessions?"""

from __future__ import annotations

from django.db import models


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
        permissions = [("view_session_bodies", "Can view what was said in sessions")]
        constraints = [models.UniqueConstraint(fields=["session_id", "client_id"], name="one_session_a_key")]
        indexes = [
            models.Index(fields=["last_at"], name="session_by_time"),
            models.Index(fields=["started_at"], name="session_by_start"),
            models.Index(fields=["agent", "last_at"], name="session_by_agent"),
            models.Index(fields=["client_id", "last_at"], name="session_by_key"),
            models.Index(fields=["tenant", "last_at"], condition=~models.Q(tenant=""), name="session_by_tenant"),
            models.Index(fields=["last_at"], condition=models.Q(ended_at__isnull=True), name="session_by_live"),
            models.Index(fields=["last_at"], condition=models.Q(errors__gt=0), name="session_by_errors"),
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
