"""What people ask for on their own page."""

import uuid
from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0012_cache_purges"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "wanted",
                    models.CharField(
                        choices=[
                            ("model", "A model"),
                            ("requests", "More requests"),
                            ("tokens", "More tokens"),
                            ("concurrent", "More requests at once"),
                            ("usd", "A higher budget"),
                            ("other", "Something else"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "model_name",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="As it stands in requests; who asks is not told if it exists.",
                        max_length=200,
                        verbose_name="model",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="What it should be, in all: requests, tokens or US dollars.",
                        max_digits=18,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.000001")),
                            django.core.validators.MaxValueValidator(Decimal(1000000000000)),
                        ],
                    ),
                ),
                (
                    "per",
                    models.CharField(
                        choices=[("second", "Second"), ("minute", "Minute"), ("hour", "Hour"), ("day", "Day")],
                        default="minute",
                        max_length=8,
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "Day"), ("week", "Week"), ("month", "Month"), ("total", "For good")],
                        default="month",
                        max_length=8,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="", help_text="What it is for.", max_length=2000)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("approved", "Approved"), ("declined", "Declined")],
                        default="open",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("answer", models.TextField(blank=True, default="", editable=False, max_length=2000)),
                ("decided_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "client_key",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: for all keys of the person together.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requests",
                        to="models_catalog.clientkey",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="models_catalog.person"
                    ),
                ),
            ],
            options={
                "verbose_name": "request for more",
                "verbose_name_plural": "requests for more",
                "ordering": ["-created_at"],
                "indexes": [models.Index(fields=["state", "created_at"], name="key_request_by_state")],
            },
        ),
    ]
