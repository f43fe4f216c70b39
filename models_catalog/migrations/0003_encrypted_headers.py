"""The headers of providers are secrets: they are encrypted where they are."""

import json

from django.db import migrations, models

import models_catalog.secrets.fields
from models_catalog.secrets import encryption
from providers.types import Secret

COLUMN = "extra_headers"


def aad(row):
    """As the field has it: what binds a value to its place."""
    return f"{row._meta.db_table}|{row.pk}|{COLUMN}|v1".encode()


def encrypt(apps, schema_editor):
    rows = apps.get_model("models_catalog", "Provider").objects.using(schema_editor.connection.alias)
    for row in rows.all():
        headers = json.loads(row.extra_headers or "{}")
        if headers and encryption.from_file():
            encryption.ensure_key_file()
        value = encryption.key_ring().encrypt(Secret(json.dumps(headers)), aad(row)) if headers else ""
        rows.filter(pk=row.pk).update(extra_headers=value)


def decrypt(apps, schema_editor):
    rows = apps.get_model("models_catalog", "Provider").objects.using(schema_editor.connection.alias)
    for row in rows.all():
        stored = row.extra_headers
        text = encryption.key_ring().decrypt(stored, aad(row)).reveal() if stored else "{}"
        rows.filter(pk=row.pk).update(extra_headers=text)


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0002_context_length_and_route_checks"),
    ]

    operations = [
        migrations.AlterField("provider", COLUMN, models.TextField(blank=True, default="{}")),
        migrations.RunPython(encrypt, decrypt),
        migrations.AlterField("provider", COLUMN, models_catalog.secrets.fields.EncryptedHeadersField(blank=True, default=dict)),
    ]
