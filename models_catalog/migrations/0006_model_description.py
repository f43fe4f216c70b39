"""What a model is good for, in words."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0005_column_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="modeldefinition",
            name="description",
            field=models.TextField(
                blank=True,
                default="",
                help_text="What the model is good for, in up to 1000 characters. Shown to clients in the list of models.",
                validators=[django.core.validators.MaxLengthValidator(1000)],
            ),
        ),
    ]
