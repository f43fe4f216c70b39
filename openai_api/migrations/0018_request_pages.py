"""Requests are found by each of their names, newest first; failures, tests and what is slow or costly among them."""

from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0017_roll_ups_by_day"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_client_name",
        ),
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_provider",
        ),
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_model",
        ),
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_error",
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="started_at",
            field=models.DateTimeField(),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["started_at", "total_ms", "cost_usd"], name="usage_by_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["model", "started_at"], name="usage_by_model_and_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["served_model", "started_at"], name="usage_by_served_and_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["client_name", "started_at"], name="usage_by_key_name_and_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["provider", "started_at"], name="usage_by_provider_and_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("error__isnull", False)), fields=["error", "started_at"], name="usage_by_error_and_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("project__isnull", False)), fields=["project", "started_at"], name="usage_by_project_and_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("person__isnull", False)), fields=["person", "started_at"], name="usage_by_person_and_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("app__isnull", False)), fields=["app", "started_at"], name="usage_by_app_and_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("status__gt", 200), ("error__isnull", False), _connector="OR"),
                fields=["started_at", "status"],
                name="usage_unusual",
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("total_ms__gte", 10000.0)), fields=["started_at", "total_ms"], name="usage_slow"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("cost_usd__gte", Decimal("0.05"))), fields=["started_at", "cost_usd"], name="usage_costly"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(condition=models.Q(("cache__isnull", False)), fields=["started_at"], name="usage_from_cache"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(condition=models.Q(("test", True)), fields=["started_at"], name="usage_tests"),
        ),
    ]
