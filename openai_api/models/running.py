"""How do the workers and an operator tell each other of requests in flight? Two small tables, empty while nobody looks."""

from __future__ import annotations

from django.db import models


class RunningAsk(models.Model):
    """What somebody wants of all workers: to be told of their requests or, where one is named, that it is stopped."""

    at = models.DateTimeField(db_index=True)
    request_id = models.CharField(max_length=128, blank=True, default="")
    started = models.FloatField(null=True, help_text="Of the request that is named, seconds since the epoch.")

    class Meta:
        verbose_name = "question to the workers"

    def __str__(self) -> str:
        return self.request_id or "requests in flight"


class RunningTold(models.Model):
    """The requests in flight of one worker, as it told them last."""

    worker = models.CharField(primary_key=True, max_length=200)
    at = models.DateTimeField()
    requests = models.TextField(default="[]", help_text="JSON.")

    class Meta:
        verbose_name = "requests in flight"
        verbose_name_plural = "requests in flight"

    def __str__(self) -> str:
        return self.worker
