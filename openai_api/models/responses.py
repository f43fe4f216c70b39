"""What is kept of responses and other work that outlives its request?"""

from __future__ import annotations

from django.db import models

from openai_api.jobs.job import State


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
