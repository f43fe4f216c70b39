"""Whether what is said with a client key may be recorded."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0006_model_description"),
    ]

    operations = [
        migrations.AddField(
            model_name="clientkey",
            name="record_bodies",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether what is said in its requests and answers may be recorded, for session pages. "
                "Off: only numbers are.",
            ),
        ),
    ]
