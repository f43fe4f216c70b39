"""Counters of limits and budgets, where neither the memory of one worker nor Redis counts them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0011_owners_and_costs"),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitCounterRow",
            fields=[
                ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("state", models.TextField(help_text="JSON, by the kind of the counter.")),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "limit counter",
            },
        ),
    ]
