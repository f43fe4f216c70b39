"""The tables of the catalog."""

import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import models_catalog.secrets.fields
import models_catalog.validation


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="CatalogVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, unique=True, validators=[models_catalog.validation.check_name])),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("stored", "Stored here, encrypted"),
                            ("env", "Environment variable"),
                            ("path", "File"),
                            ("path_from_env", "File named by an environment variable"),
                            ("dynamic", "Brought by each request"),
                            ("none", "None needed"),
                        ],
                        default="stored",
                        max_length=20,
                    ),
                ),
                (
                    "location",
                    models.CharField(
                        blank=True,
                        help_text="Name of the variable, path of the file, or name of the request's credential.",
                        max_length=1000,
                    ),
                ),
                ("secret", models_catalog.secrets.fields.EncryptedTextField(blank=True, default="", editable=False)),
                ("last_four", models.CharField(blank=True, default="", editable=False, max_length=4)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Fallback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(db_index=True, default=0)),
            ],
            options={
                "verbose_name": "fallback model",
                "ordering": ["model", "position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ModelDefinition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="The name that clients send as `model`.",
                        max_length=200,
                        unique=True,
                        validators=[models_catalog.validation.check_name],
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("capabilities", models.JSONField(blank=True, default=models_catalog.validation.default_capabilities)),
                (
                    "num_retries",
                    models.PositiveSmallIntegerField(
                        default=2, help_text="Further passes over all routes after a failure that may pass by itself."
                    ),
                ),
                (
                    "max_retry_delay_s",
                    models.FloatField(
                        default=10.0,
                        validators=[django.core.validators.MinValueValidator(0.0), models_catalog.validation.check_finite],
                        verbose_name="longest pause between retries (s)",
                    ),
                ),
                (
                    "connect_timeout_s",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001), models_catalog.validation.check_finite],
                        verbose_name="connect time-out (s)",
                    ),
                ),
                (
                    "first_byte_timeout_s",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001), models_catalog.validation.check_finite],
                        verbose_name="first byte time-out (s)",
                    ),
                ),
                (
                    "idle_timeout_s",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001), models_catalog.validation.check_finite],
                        verbose_name="idle time-out (s)",
                    ),
                ),
                (
                    "total_timeout_s",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001), models_catalog.validation.check_finite],
                        verbose_name="total time-out (s)",
                    ),
                ),
                (
                    "input_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="US dollars per million tokens; empty: unknown.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="input price",
                    ),
                ),
                (
                    "output_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="US dollars per million tokens; empty: unknown.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="output price",
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "fallback_models",
                    models.ManyToManyField(
                        blank=True,
                        related_name="fallback_of",
                        through="models_catalog.Fallback",
                        to="models_catalog.modeldefinition",
                    ),
                ),
            ],
            options={
                "verbose_name": "model",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="fallback",
            name="fallback",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="models_catalog.modeldefinition"
            ),
        ),
        migrations.AddField(
            model_name="fallback",
            name="model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="fallbacks", to="models_catalog.modeldefinition"
            ),
        ),
        migrations.CreateModel(
            name="ClientKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, validators=[models_catalog.validation.check_name])),
                ("public_id", models.CharField(blank=True, db_index=True, default="", editable=False, max_length=32)),
                ("key_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("last_four", models.CharField(blank=True, default="", editable=False, max_length=4)),
                ("enabled", models.BooleanField(default=True)),
                ("all_models", models.BooleanField(default=True, help_text="Off: only the models chosen below.")),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "allowed_models",
                    models.ManyToManyField(blank=True, related_name="client_keys", to="models_catalog.modeldefinition"),
                ),
            ],
            options={
                "verbose_name": "client key",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True, validators=[models_catalog.validation.check_name])),
                ("type", models.CharField(choices=models_catalog.validation.provider_type_choices, max_length=50)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "api_base",
                    models.CharField(
                        blank=True,
                        help_text="Overrides the type's own address, e.g. https://host/v1",
                        max_length=1000,
                        verbose_name="API base",
                    ),
                ),
                (
                    "extra_headers",
                    models.JSONField(blank=True, default=dict, help_text='Headers for every request: {"name": "value"}'),
                ),
                (
                    "extra_body",
                    models.JSONField(
                        blank=True, default=dict, help_text='Top-level fields for every request body: {"field": value}'
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text="Settings of this provider type, e.g. Azure's api_version."
                    ),
                ),
                (
                    "credential",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="providers",
                        to="models_catalog.credential",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        blank=True,
                        help_text="Name within the model; empty: the provider's name.",
                        max_length=200,
                        validators=[models_catalog.validation.check_name],
                    ),
                ),
                (
                    "upstream_model",
                    models.CharField(blank=True, help_text="The provider's name for it; empty: the public name.", max_length=300),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("position", models.PositiveIntegerField(db_index=True, default=0)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="routes", to="models_catalog.modeldefinition"
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="routes", to="models_catalog.provider"
                    ),
                ),
            ],
            options={
                "ordering": ["model", "position", "pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="fallback",
            constraint=models.UniqueConstraint(fields=("model", "fallback"), name="fallback_unique_in_model"),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("model", "name"), name="route_name_unique_in_model"),
        ),
    ]
