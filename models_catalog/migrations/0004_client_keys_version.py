"""How much of the catalog's version is due to client keys: of what was written so far, nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0003_encrypted_headers"),
    ]

    operations = [
        migrations.AddField("catalogversion", "client_keys", models.BigIntegerField(default=0)),
    ]
