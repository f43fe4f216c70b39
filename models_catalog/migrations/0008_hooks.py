"""Hooks that operators configure."""

import uuid

import django.core.validators
from django.db import migrations, models

import models_catalog.secrets.fields
import models_catalog.validation


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0007_record_bodies"),
    ]

    operations = [
        migrations.CreateModel(
            name="Hook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, unique=True, validators=[models_catalog.validation.check_name])),
                ("type", models.CharField(help_text="The registered name of an interceptor.", max_length=100)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "position",
                    models.PositiveIntegerField(
                        db_index=True,
                        default=0,
                        help_text="Lower numbers run first; after an answer, in the reverse order.",
                        validators=[django.core.validators.MaxValueValidator(1000000)],
                        verbose_name="order",
                    ),
                ),
                ("options", models.JSONField(blank=True, default=dict)),
                ("secrets", models_catalog.secrets.fields.EncryptedHeadersField(blank=True, default=dict, editable=False)),
                (
                    "model_names",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Public names, one a line; a * at the end stands for any rest. Empty: all models.",
                        verbose_name="models",
                    ),
                ),
                ("all_client_keys", models.BooleanField(default=True, help_text="Off: only the client keys chosen below.")),
                (
                    "on_fault",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "As the type says"),
                            ("open", "The request goes on without it"),
                            ("closed", "The request fails"),
                        ],
                        default="",
                        help_text="What becomes of a request when the hook raises an error, or takes longer than its time limit.",
                        max_length=10,
                        verbose_name="if it fails",
                    ),
                ),
                (
                    "time_limit_s",
                    models.FloatField(
                        blank=True,
                        help_text="For each call of the hook; empty: what its type says, mostly 1 second.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(60.0),
                            models_catalog.validation.check_finite,
                        ],
                        verbose_name="time limit (s)",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("client_keys", models.ManyToManyField(blank=True, related_name="hooks", to="models_catalog.clientkey")),
            ],
            options={
                "ordering": ["position", "name"],
            },
        ),
    ]
