"""Who reads what is published elsewhere, and what is there to say of it?"""

from __future__ import annotations

from django.db import models


class Publication(models.Model):
    """One row for each place where keys and models are published. Writers of `names` and `problems` raise the version of client
    keys; the lease of the reader (`holder`, `held_until`) raises none."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=100, blank=True, default="")
    held_until = models.DateTimeField(null=True)
    server = models.CharField(max_length=100, blank=True, default="", help_text="The run of the server that was read last.")
    read_at = models.DateTimeField(null=True, help_text="When everything was compared last.")
    names = models.JSONField(
        default=dict, help_text="The names that every key of a certain beginning may send, and their models."
    )
    problems = models.JSONField(default=list, help_text="What was not taken over, each as a place and a message.")

    objects = models.Manager["Publication"]()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
