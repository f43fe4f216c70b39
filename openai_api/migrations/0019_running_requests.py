"""Workers and operators tell each other of requests in flight."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0018_request_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunningAsk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True)),
                ("request_id", models.CharField(blank=True, default="", max_length=128)),
                ("started", models.FloatField(help_text="Of the request that is named, seconds since the epoch.", null=True)),
            ],
            options={
                "verbose_name": "question to the workers",
            },
        ),
        migrations.CreateModel(
            name="RunningTold",
            fields=[
                ("worker", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("requests", models.TextField(default="[]", help_text="JSON.")),
            ],
            options={
                "verbose_name": "requests in flight",
                "verbose_name_plural": "requests in flight",
            },
        ),
    ]
