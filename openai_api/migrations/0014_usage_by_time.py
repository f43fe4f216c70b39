"""What keys and tenants have used lately is found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0013_budget_ledger"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_client_id",
        ),
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_by_tenant",
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["client_id", "started_at"], name="usage_by_key_and_time"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("tenant__isnull", False)), fields=["tenant", "started_at"], name="usage_by_tenant_and_time"
            ),
        ),
    ]
