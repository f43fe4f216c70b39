"""Context lengths of models, and how the last test calls of routes ended."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="modeldefinition",
            name="context_length",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The most tokens that a request and its answer may have; empty: unknown.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000000)],
            ),
        ),
        migrations.CreateModel(
            name="RouteCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("capability", models.CharField(max_length=50)),
                ("upstream", models.CharField(max_length=1400)),
                (
                    "outcome",
                    models.CharField(choices=[("ok", "OK"), ("failed", "Failing"), ("skipped", "Skipped")], max_length=10),
                ),
                ("latency_ms", models.PositiveIntegerField(null=True)),
                ("code", models.CharField(blank=True, max_length=100)),
                ("message", models.CharField(blank=True, max_length=500)),
                ("tested_at", models.DateTimeField()),
                (
                    "route",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="checks", to="models_catalog.route"
                    ),
                ),
            ],
            options={
                "ordering": ["route", "capability"],
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("route", "capability"), name="check_unique_in_route")],
            },
        ),
    ]
