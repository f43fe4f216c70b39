"""What the rows of responses said of their making is moved into rows of jobs, and their events become events of jobs."""

import zlib

import django.db.models.deletion
import msgspec
from django.db import migrations, models

KIND = "response"
ACTIVE = ("queued", "in_progress")
ENDED = {"failed": "failed", "cancelled": "cancelled"}
SAME = ("owner", "worker", "beat_at", "next_number", "streamed", "created_at", "expires_at")
ROWS = 1000
STATES = ("queued", "running", "done", "failed", "cancelled")


def move(apps, schema_editor):
    """A job for each response that was, or is, made in the background: those have a beat."""
    responses, jobs = _tables(apps, schema_editor)
    made = responses.exclude(beat_at=None, request=None)
    for row in made.filter(status__in=ACTIVE).exclude(request=None).defer("items").iterator(ROWS):
        asked = msgspec.json.decode(zlib.decompress(row.request), type=dict[str, msgspec.Raw])
        asked |= {"response": msgspec.Raw(zlib.decompress(row.body)), "model": msgspec.Raw(msgspec.json.encode(row.model))}
        jobs.create(
            id=row.pk,
            kind=KIND,
            state="running" if row.worker else "queued",
            payload=zlib.compress(msgspec.json.encode(asked), 1),
            **{name: getattr(row, name) for name in SAME},
        )
    ended = made.exclude(status__in=ACTIVE, request__isnull=False)
    new = []
    for row in ended.values("id", "status", *SAME).iterator(ROWS):
        new.append(jobs.model(kind=KIND, state=ENDED.get(row.pop("status"), "done"), **row))
        if len(new) == ROWS:
            jobs.bulk_create(new)
            new.clear()
    jobs.bulk_create(new)
    made.filter(status__in=ACTIVE, request__isnull=False).update(status="queued")


def move_back(apps, schema_editor):
    responses, jobs = _tables(apps, schema_editor)
    for job in jobs.filter(kind=KIND).iterator(ROWS):
        values = {name: getattr(job, name) for name in ("worker", "beat_at", "next_number", "streamed")}
        if job.payload is not None:
            asked = msgspec.json.decode(zlib.decompress(job.payload), type=dict[str, msgspec.Raw])
            kept = {name: value for name, value in asked.items() if name not in ("response", "model")}
            values["request"] = zlib.compress(msgspec.json.encode(kept), 1)
            values["status"] = "in_progress" if job.state == "running" else "queued"
        responses.filter(pk=job.pk).update(**values)


def drop_events_of_other_jobs(apps, schema_editor):
    """Before events belong to responses again: those of jobs that have none."""
    events = apps.get_model("openai_api", "JobEventsRow").objects.using(schema_editor.connection.alias)
    responses = apps.get_model("openai_api", "StoredResponseRow").objects.values("pk")
    events.exclude(job_id__in=responses).delete()


def _tables(apps, schema_editor):
    alias = schema_editor.connection.alias
    return tuple(apps.get_model("openai_api", name).objects.using(alias) for name in ("StoredResponseRow", "JobRow"))


class Migration(migrations.Migration):
    dependencies = [
        ("openai_api", "0005_request_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="JobRow",
            fields=[
                ("id", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("kind", models.CharField(db_index=True, max_length=40)),
                ("owner", models.CharField(help_text="The id of the client key that asked.", max_length=36)),
                (
                    "payload",
                    models.BinaryField(help_text="What the job is begun from, compressed; null when it has ended.", null=True),
                ),
                ("state", models.CharField(choices=[(state, state) for state in STATES], max_length=20)),
                ("worker", models.CharField(blank=True, default="", help_text="The worker that runs it.", max_length=32)),
                ("beat_at", models.DateTimeField(help_text="When its worker was heard of last.", null=True)),
                (
                    "next_number",
                    models.PositiveIntegerField(default=0, help_text="The number of the first event of the next try."),
                ),
                ("failures", models.PositiveSmallIntegerField(default=0, help_text="Tries that failed before this one.")),
                ("not_before", models.DateTimeField(help_text="When the next try may begin.", null=True)),
                ("streamed", models.BooleanField(default=False, help_text="Its events can be followed.")),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "job",
                "indexes": [
                    models.Index(fields=["state", "created_at"], name="job_by_state"),
                    models.Index(fields=["owner"], name="job_by_owner"),
                    models.Index(fields=["worker"], name="job_by_worker"),
                ],
            },
        ),
        migrations.RunPython(move, move_back),
        migrations.RemoveConstraint("ResponseEventsRow", "one_event_a_number"),
        migrations.RenameModel("ResponseEventsRow", "JobEventsRow"),
        migrations.RenameField("JobEventsRow", "response", "job"),
        migrations.AlterField(
            model_name="jobeventsrow",
            name="job",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="events", to="openai_api.jobrow"),
        ),
        migrations.AddConstraint(
            model_name="jobeventsrow",
            constraint=models.UniqueConstraint(fields=["job", "first"], name="one_event_a_number"),
        ),
        migrations.RunPython(migrations.RunPython.noop, drop_events_of_other_jobs),
        migrations.AlterModelOptions(
            name="jobeventsrow",
            options={"verbose_name": "events of a job", "verbose_name_plural": "events of jobs"},
        ),
        migrations.RemoveField(model_name="storedresponserow", name="beat_at"),
        migrations.RemoveField(model_name="storedresponserow", name="next_number"),
        migrations.RemoveField(model_name="storedresponserow", name="request"),
        migrations.RemoveField(model_name="storedresponserow", name="streamed"),
        migrations.RemoveField(model_name="storedresponserow", name="worker"),
    ]
