"""How often has what is cached been purged?"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0011_publication"),
    ]

    operations = [
        migrations.AddField(
            model_name="catalogversion",
            name="purges",
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
