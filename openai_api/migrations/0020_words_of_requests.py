"""Requests are found by their agent, their program and their tags; tags have rows of their own for it."""

from django.db import migrations, models

REQUESTS, TAGS = "openai_api_usagerecord", "openai_api_usagetag"
LONGEST = 200
KNOWN = {
    "postgresql": f"""INSERT INTO {TAGS} (request, at, name, value)
        SELECT id, started_at, left(tag.key, {LONGEST}), left(tag.value, {LONGEST})
        FROM {REQUESTS}, json_each_text(tags::json) AS tag WHERE tags LIKE '{{%}}'""",  # noqa: S608 - names only
    "sqlite": f"""INSERT INTO {TAGS} (request, at, name, value)
        SELECT {REQUESTS}.id, started_at, substr(tag.key, 1, {LONGEST}), substr(tag.value, 1, {LONGEST})
        FROM {REQUESTS}, json_each(tags) AS tag WHERE tags LIKE '{{%}}'""",  # noqa: S608
}


def fill(apps, schema_editor):
    schema_editor.execute(KNOWN[schema_editor.connection.vendor], params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0019_running_requests"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("agent__isnull", False)), fields=["agent", "started_at"], name="usage_by_agent_and_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("user_agent__isnull", False)),
                fields=["user_agent", "started_at"],
                name="usage_by_program_and_time",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        migrations.CreateModel(
            name="UsageTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("request", models.UUIDField(help_text="The id of its row.")),
                ("at", models.DateTimeField(help_text="When the request began.")),
                ("name", models.CharField(max_length=200)),
                ("value", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name": "tag of a request",
                "verbose_name_plural": "tags of requests",
                "indexes": [
                    models.Index(fields=["name", "value", "at"], name="usage_tag_by_value"),
                    models.Index(fields=["request"], name="usage_tag_by_request"),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
