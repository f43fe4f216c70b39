"""What is kept of requests with an idempotency key?"""

from __future__ import annotations

from django.db import models


class RepeatRow(models.Model):
    """A request with an `Idempotency-Key`, until it is forgotten. `id` and `asked` are hashes, keyed by a secret."""

    id = models.CharField(primary_key=True, max_length=64)
    asked = models.CharField(max_length=64)
    run = models.CharField(max_length=48, help_text="Who serves it.")
    state = models.CharField(max_length=10)
    status = models.PositiveSmallIntegerField(default=0)
    head = models.TextField(default="[]", help_text="JSON: headers of the answer.")
    streamed = models.BooleanField(default=False)
    beat_at = models.DateTimeField(help_text="When whoever serves it was heard of last.")
    followed_at = models.DateTimeField(null=True, help_text="When another worker has looked at it last.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "repeatable request"

    def __str__(self) -> str:
        return self.id


class RepeatPieceRow(models.Model):
    """A part of its answer, compressed."""

    repeat = models.ForeignKey(RepeatRow, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    last = models.PositiveIntegerField(help_text="The number of the piece that comes next.")
    data = models.BinaryField()

    class Meta:
        verbose_name = "part of a repeatable answer"
        constraints = [models.UniqueConstraint(fields=["repeat", "number"], name="one_piece_a_number")]

    def __str__(self) -> str:
        return f"{self.repeat_id} {self.number}"
