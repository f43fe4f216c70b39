"""Keys that are published as hashes, and who reads what is published."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0010_revisions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Publication",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("holder", models.CharField(blank=True, default="", max_length=100)),
                ("held_until", models.DateTimeField(null=True)),
                (
                    "server",
                    models.CharField(
                        blank=True, default="", help_text="The run of the server that was read last.", max_length=100
                    ),
                ),
                ("read_at", models.DateTimeField(help_text="When everything was compared last.", null=True)),
                (
                    "names",
                    models.JSONField(
                        default=dict, help_text="The names that every key of a certain beginning may send, and their models."
                    ),
                ),
                ("problems", models.JSONField(default=list, help_text="What was not taken over, each as a place and a message.")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="clientkey",
            name="hash_prefix",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="What stands before the key where its hash is taken; keys that are published as hashes have one.",
                max_length=8,
            ),
        ),
    ]
