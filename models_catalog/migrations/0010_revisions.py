"""Which keys, owners and rules were written since a version of the catalog?"""

from django.db import migrations

import models_catalog.models.revised


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0009_access_limits_and_budgets"),
    ]

    operations = [
        migrations.AddField(
            model_name="accessgroup",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="budget",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="limit",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="person",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="project",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="tenant",
            name="revision",
            field=models_catalog.models.revised.RevisionField(db_default=0, db_index=True, default=0, editable=False),
        ),
    ]
