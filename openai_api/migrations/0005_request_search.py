"""What the pages of requests and stored responses search by has indexes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0004_possible_duplicate"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="storedresponserow",
            index=models.Index(fields=["owner"], name="response_by_owner"),
        ),
        migrations.AddIndex(
            model_name="storedresponserow",
            index=models.Index(fields=["model"], name="response_by_model"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["client_name"], name="usage_by_client_name"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["provider"], name="usage_by_provider"),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["error"], name="usage_by_error"),
        ),
    ]
