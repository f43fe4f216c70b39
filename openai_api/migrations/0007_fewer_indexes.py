"""A row of a request writes a quarter less: no second index for prefixes on PostgreSQL, and only errors in the index of errors."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0006_jobs"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_error",
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="client_id",
            field=models.CharField(max_length=36, null=True, verbose_name="key id"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="model",
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="request_id",
            field=models.CharField(max_length=128),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["request_id"], name="usage_by_request_id"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["client_id"], name="usage_by_client_id"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["model"], name="usage_by_model"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(condition=models.Q(("error__isnull", False)), fields=["error"], name="usage_by_error"),
        ),
    ]
