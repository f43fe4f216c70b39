"""Labels, help and limits of columns stand in one place: what the admin's forms said is said here."""

import django.core.validators
from django.db import migrations, models

import models_catalog.validation


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0004_client_keys_version"),
    ]

    operations = [
        migrations.AlterField(
            model_name="modeldefinition",
            name="context_length",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The most tokens that a request and its answer may have; empty: unknown. Shown in the list of models.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000000)],
            ),
        ),
        migrations.AlterField(
            model_name="modeldefinition",
            name="max_retry_delay_s",
            field=models.FloatField(
                default=10.0,
                help_text="Seconds between two passes over the routes, at most.",
                validators=[django.core.validators.MinValueValidator(0.0), models_catalog.validation.check_finite],
                verbose_name="longest pause",
            ),
        ),
        migrations.AlterField(
            model_name="modeldefinition",
            name="metadata",
            field=models.JSONField(blank=True, default=dict, help_text="Shown to clients in the list of models."),
        ),
        migrations.AlterField(
            model_name="modeldefinition",
            name="name",
            field=models.CharField(
                help_text="The name that clients send as `model`. With * at its end it stands for every name that begins like it and that no other model has; a * at the end of an upstream model is then the rest of the name.",
                max_length=200,
                unique=True,
                validators=[models_catalog.validation.check_name],
            ),
        ),
        migrations.AlterField(
            model_name="modeldefinition",
            name="num_retries",
            field=models.PositiveSmallIntegerField(
                default=2,
                help_text="How often all routes are tried again after a failure that may be temporary.",
                validators=[django.core.validators.MaxValueValidator(32767)],
                verbose_name="retries",
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="api_base",
            field=models.CharField(
                blank=True,
                help_text="Overrides the type's own address, e.g. https://host/v1 of a proxy, a region or your own server.",
                max_length=1000,
                verbose_name="API base",
            ),
        ),
        migrations.AlterField(
            model_name="route",
            name="name",
            field=models.CharField(
                blank=True,
                help_text="Its name in records, unique in the model; empty: the provider's name.",
                max_length=200,
                validators=[models_catalog.validation.check_name],
            ),
        ),
        migrations.AlterField(
            model_name="route",
            name="upstream_model",
            field=models.CharField(
                blank=True, help_text="The provider's name for the model; empty: the public name.", max_length=300
            ),
        ),
    ]
