from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0010_session_pages"),
    ]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="app",
            field=models.CharField(help_text="The name that the program gave itself.", max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="audio_tokens",
            field=models.BigIntegerField(help_text="Of the tokens in and out.", null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="cache",
            field=models.CharField(help_text="hit or joined: no provider was asked.", max_length=10, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="cache_write_tokens",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="image_tokens",
            field=models.BigIntegerField(help_text="Of the tokens in and out.", null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="person",
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="project",
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="service_tier",
            field=models.CharField(help_text="The tier that served, as the provider told it.", max_length=20, null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="units",
            field=models.TextField(
                help_text="JSON: what is billed by other units than tokens, like images or seconds.", null=True
            ),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="user_agent",
            field=models.CharField(max_length=200, null=True),
        ),
    ]
