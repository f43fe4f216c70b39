"""What do the pages of sessions need? A permission to see what was said, and sessions that run or have errors found at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0009_sessions_of_requests"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="sessionrow",
            options={
                "ordering": ["-last_at"],
                "permissions": [("view_session_bodies", "Can view what was said in sessions")],
                "verbose_name": "session",
            },
        ),
        migrations.AddIndex(
            model_name="sessionrow",
            index=models.Index(condition=models.Q(("ended_at__isnull", True)), fields=["last_at"], name="session_by_live"),
        ),
        migrations.AddIndex(
            model_name="sessionrow",
            index=models.Index(condition=models.Q(("errors__gt", 0)), fields=["last_at"], name="session_by_errors"),
        ),
    ]
