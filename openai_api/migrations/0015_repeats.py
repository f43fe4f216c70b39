"""Requests with an Idempotency-Key, and their answers."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0014_usage_by_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="RepeatRow",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("asked", models.CharField(max_length=64)),
                ("run", models.CharField(help_text="Who serves it.", max_length=48)),
                ("state", models.CharField(max_length=10)),
                ("status", models.PositiveSmallIntegerField(default=0)),
                ("head", models.TextField(default="[]", help_text="JSON: headers of the answer.")),
                ("streamed", models.BooleanField(default=False)),
                ("beat_at", models.DateTimeField(help_text="When whoever serves it was heard of last.")),
                ("followed_at", models.DateTimeField(help_text="When another worker has looked at it last.", null=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "repeatable request",
            },
        ),
        migrations.CreateModel(
            name="RepeatPieceRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("last", models.PositiveIntegerField(help_text="The number of the piece that comes next.")),
                ("data", models.BinaryField()),
                (
                    "repeat",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pieces", to="openai_api.repeatrow"
                    ),
                ),
            ],
            options={
                "verbose_name": "part of a repeatable answer",
                "constraints": [models.UniqueConstraint(fields=("repeat", "number"), name="one_piece_a_number")],
            },
        ),
    ]
