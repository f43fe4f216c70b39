"""Sessions, what they are found by, and their events: three new tables, empty at first."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0007_fewer_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SessionRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("session_id", models.CharField(max_length=256, verbose_name="session")),
                ("client_id", models.CharField(blank=True, default="", max_length=36, verbose_name="key id")),
                ("client_name", models.CharField(blank=True, default="", max_length=200, verbose_name="key")),
                ("tenant", models.CharField(blank=True, default="", max_length=200)),
                ("agent", models.CharField(blank=True, default="", max_length=256)),
                ("model", models.CharField(blank=True, default="", max_length=200)),
                ("tags", models.TextField(default="{}", help_text="A JSON object of texts.")),
                ("trace", models.CharField(help_text="The trace id of its events.", max_length=32)),
                ("started_at", models.DateTimeField()),
                ("last_at", models.DateTimeField(help_text="When its last event happened.")),
                (
                    "ended_at",
                    models.DateTimeField(
                        help_text="When it was idle for so long that it counts as ended; null while it runs.", null=True
                    ),
                ),
                ("events_count", models.PositiveIntegerField(default=0, verbose_name="events")),
                ("calls", models.PositiveIntegerField(default=0)),
                ("errors", models.PositiveIntegerField(default=0)),
                ("tools", models.PositiveIntegerField(default=0, verbose_name="tool calls")),
                ("input_tokens", models.BigIntegerField(default=0)),
                ("output_tokens", models.BigIntegerField(default=0)),
                (
                    "cost_usd",
                    models.DecimalField(
                        decimal_places=9,
                        default=0,
                        help_text="Of the calls whose price is known.",
                        max_digits=18,
                        verbose_name="cost (USD)",
                    ),
                ),
                ("unpriced", models.PositiveIntegerField(default=0, help_text="Calls whose price is not known.")),
                ("bodies", models.BooleanField(default=False, help_text="Some of its events hold what was said.")),
            ],
            options={
                "verbose_name": "session",
                "ordering": ["-last_at"],
                "indexes": [
                    models.Index(fields=["last_at"], name="session_by_time"),
                    models.Index(fields=["started_at"], name="session_by_start"),
                    models.Index(fields=["agent", "last_at"], name="session_by_agent"),
                    models.Index(fields=["client_id", "last_at"], name="session_by_key"),
                    models.Index(
                        condition=models.Q(("tenant", ""), _negated=True), fields=["tenant", "last_at"], name="session_by_tenant"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("session_id", "client_id"), name="one_session_a_key")],
            },
        ),
        migrations.CreateModel(
            name="SessionLabelRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("tag", "tag"), ("model", "model")], max_length=8)),
                ("name", models.CharField(help_text="Of the tag, or the model's.", max_length=200)),
                ("value", models.CharField(blank=True, default="", max_length=512)),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labels",
                        to="openai_api.sessionrow",
                    ),
                ),
            ],
            options={
                "verbose_name": "label of a session",
                "verbose_name_plural": "labels of sessions",
                "indexes": [models.Index(fields=["kind", "name", "value"], name="session_by_label")],
                "constraints": [models.UniqueConstraint(fields=("session", "kind", "name", "value"), name="one_label_a_session")],
            },
        ),
        migrations.CreateModel(
            name="SessionEventRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(help_text="Counts the session's events from 1, in their order.")),
                ("at", models.DateTimeField(db_index=True)),
                ("name", models.CharField(max_length=32)),
                ("level", models.CharField(max_length=8)),
                ("span", models.CharField(blank=True, default="", max_length=16)),
                ("request_id", models.CharField(blank=True, default="", max_length=128)),
                ("model", models.CharField(blank=True, default="", max_length=200)),
                ("attributes", models.TextField(default="{}")),
                ("bodies", models.BooleanField(default=False)),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="openai_api.sessionrow",
                    ),
                ),
            ],
            options={
                "verbose_name": "event of a session",
                "verbose_name_plural": "events of sessions",
                "indexes": [models.Index(fields=["request_id"], name="session_event_by_request")],
                "constraints": [models.UniqueConstraint(fields=("session", "number"), name="one_session_event_a_number")],
            },
        ),
    ]
