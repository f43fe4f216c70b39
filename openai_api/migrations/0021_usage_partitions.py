"""On PostgreSQL, requests move into partitions by time: the table that there is becomes the first of them, and none is copied."""

from datetime import UTC, datetime, timedelta

from django.db import migrations

TABLE = "openai_api_usagerecord"
FIRST, REST, KEY = f"{TABLE}_first", f"{TABLE}_rest", f"{TABLE}_pkey"
KEY_OF = """SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'"""


def _until():
    """Where the first partition ends: late enough that the next one is there before it."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{midnight + timedelta(days=2):%Y-%m-%d}T00:00:00Z"


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    indexes = apps.get_model("openai_api", "UsageRecord")._meta.indexes
    until = _until()
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        _drop_key(cursor, TABLE)
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {FIRST}")
        for index in indexes:
            cursor.execute(f"ALTER INDEX {index.name} RENAME TO {index.name}_first")
        cursor.execute(f"ALTER TABLE {FIRST} ADD CONSTRAINT {FIRST}_pkey PRIMARY KEY (id, started_at)")
        cursor.execute(
            f"CREATE TABLE {TABLE} (LIKE {FIRST} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            " PARTITION BY RANGE (started_at)"
        )
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {KEY} PRIMARY KEY (id, started_at)")
    for index in indexes:
        schema_editor.add_index(apps.get_model("openai_api", "UsageRecord"), index)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {REST} PARTITION OF {TABLE} DEFAULT")
        moved = f"DELETE FROM {FIRST} WHERE started_at >= %s RETURNING *"  # noqa: S608 - names only
        cursor.execute(f"WITH moved AS ({moved}) INSERT INTO {REST} SELECT * FROM moved", [until])  # noqa: S608
        cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {FIRST} FOR VALUES FROM (MINVALUE) TO ('{until}')")


def gather(apps, schema_editor):
    """The way back copies every row."""
    if schema_editor.connection.vendor != "postgresql":
        return
    model = apps.get_model("openai_api", "UsageRecord")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        whole = f"{TABLE}_whole"
        cursor.execute(f"CREATE TABLE {whole} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
        cursor.execute(f"INSERT INTO {whole} SELECT * FROM {TABLE}")  # noqa: S608 - names only
        cursor.execute(f"DROP TABLE {TABLE}")
        cursor.execute(f"ALTER TABLE {whole} RENAME TO {TABLE}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {KEY} PRIMARY KEY (id)")
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)


def _drop_key(cursor, table):
    cursor.execute(KEY_OF, [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0020_words_of_requests"),
    ]

    operations = [
        migrations.RunPython(partition, gather),
    ]
