"""What budgets were charged, entry by entry, with the sums of it, the holds that are open, and the alerts that were told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0012_limit_counters"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenHold",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("budget", models.CharField(max_length=36)),
                ("counter", models.CharField(max_length=80)),
                ("period", models.CharField(max_length=12)),
                ("unit", models.CharField(max_length=8)),
                ("request_id", models.CharField(max_length=128)),
                ("amount", models.BigIntegerField()),
                ("deadline", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "open hold",
            },
        ),
        migrations.CreateModel(
            name="BudgetAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("budget", models.CharField(max_length=36)),
                ("counter", models.CharField(max_length=80)),
                ("period", models.CharField(max_length=12)),
                ("percent", models.PositiveSmallIntegerField()),
                ("spent", models.BigIntegerField()),
                ("amount", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "budget alert",
                "indexes": [models.Index(fields=["budget", "at"], name="budget_alert_by_budget")],
                "constraints": [models.UniqueConstraint(fields=("counter", "period", "percent"), name="one_alert_a_percent")],
            },
        ),
        migrations.CreateModel(
            name="BudgetCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("budget", models.CharField(max_length=36)),
                ("counter", models.CharField(max_length=80)),
                ("period", models.CharField(max_length=12)),
                ("unit", models.CharField(max_length=8)),
                ("spent", models.BigIntegerField(default=0)),
                ("held", models.BigIntegerField(default=0)),
                ("version", models.BigIntegerField(default=0)),
                ("changed_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "budget counter",
                "indexes": [models.Index(fields=["budget", "period"], name="budget_counter_by_budget")],
                "constraints": [models.UniqueConstraint(fields=("counter", "period"), name="one_counter_a_period")],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("hold", "Hold"), ("settle", "Settle"), ("release", "Release"), ("adjust", "Adjust")],
                        max_length=8,
                    ),
                ),
                ("budget", models.CharField(help_text="The id of the budget.", max_length=36)),
                (
                    "counter",
                    models.CharField(help_text="What the budget counts: itself, or one of its keys or people.", max_length=80),
                ),
                ("period", models.CharField(max_length=12)),
                ("unit", models.CharField(max_length=8)),
                ("request_id", models.CharField(blank=True, default="", max_length=128)),
                ("amount", models.BigIntegerField()),
                (
                    "reason",
                    models.CharField(blank=True, default="", help_text="Of an adjustment: why, and by whom.", max_length=200),
                ),
            ],
            options={
                "verbose_name": "entry of the ledger",
                "verbose_name_plural": "ledger",
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["budget", "at"], name="ledger_by_budget"),
                    models.Index(
                        condition=models.Q(("request_id", ""), _negated=True), fields=["request_id"], name="ledger_by_request"
                    ),
                ],
            },
        ),
    ]
