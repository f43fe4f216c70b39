"""Which session, agent and tenant was a request of? New columns without values: no row is written, whatever the table's size. The
indexes hold only rows that have a value, so they begin empty."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0008_session_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="session",
            field=models.CharField(help_text="The session that the request was part of.", max_length=256, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="agent",
            field=models.CharField(max_length=256, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="tenant",
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="tags",
            field=models.TextField(help_text="JSON: an object of texts.", null=True),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                condition=models.Q(("session__isnull", False)), fields=["session", "started_at"], name="usage_by_session"
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(condition=models.Q(("tenant__isnull", False)), fields=["tenant"], name="usage_by_tenant"),
        ),
    ]
