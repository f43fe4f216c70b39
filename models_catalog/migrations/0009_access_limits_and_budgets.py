import uuid
from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import models_catalog.validation


class Migration(migrations.Migration):
    dependencies = [
        ("models_catalog", "0008_hooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="clientkey",
            name="aliases",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="JSON: names that are sent as `model`, and the models that they mean for this key.",
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="allowed_networks",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='JSON: a list of addresses and ranges from which it may be used, like ["10.0.0.0/8"]; empty: from everywhere.',
                verbose_name="allowed addresses",
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="ends_streams",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether running answers are broken off when the key is revoked."
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="labels",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="JSON: what its origin says of it, recorded with its requests.",
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="last_used_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="lineage",
            field=models.UUIDField(
                blank=True,
                editable=False,
                help_text="The id of the first of the keys that have replaced each other: they are counted together. Empty: its own.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="max_wait_s",
            field=models.FloatField(
                db_default=0.0,
                default=0.0,
                help_text="Seconds that a request may wait for its limits instead of being refused.",
                validators=[
                    django.core.validators.MinValueValidator(0.0),
                    django.core.validators.MaxValueValidator(600.0),
                    models_catalog.validation.check_finite,
                ],
                verbose_name="longest wait",
            ),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="origin",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Where it is published, if it is.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="credential",
            name="origin",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Where it is published, if it is.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="affinity",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Whether requests of a session, or with the same prompt_cache_key, go to the same one of routes that share: its prompt cache stays warm.",
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="cache",
            field=models.CharField(
                choices=[("off", "Off"), ("on", "Read and write"), ("read_only", "Read only"), ("write_only", "Write only")],
                db_default="off",
                default="off",
                help_text="Whether answers are kept and given again to equal requests of the same key that do not say otherwise.",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="cache_joins",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether equal requests that come at the same time wait for the first one's answer. Needs the cache.",
                verbose_name="equal requests share a call",
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="cache_max_age_s",
            field=models.FloatField(
                blank=True,
                help_text="Seconds for which an answer is given again; empty: as GATEWAY_CACHE_MAX_AGE_S says.",
                null=True,
                validators=[django.core.validators.MinValueValidator(0.001), models_catalog.validation.check_finite],
                verbose_name="longest age",
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="most_output_tokens",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many tokens an answer is expected to have at most where the request does not say; held by budgets.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000000)],
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="origin",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Where it is published, if it is.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="modeldefinition",
            name="strategy",
            field=models.CharField(
                choices=[
                    ("ordered", "In their order"),
                    ("weighted", "By weight"),
                    ("least_busy", "The least busy"),
                    ("fastest", "The fastest"),
                    ("cheapest", "The cheapest"),
                ],
                db_default="ordered",
                default="ordered",
                help_text="Which route takes the next request.",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="origin",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Where it is published, if it is.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="max_concurrent",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="What the upstream takes: the route is passed over while it is at this. Empty: any.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2147483647)],
                verbose_name="requests at once",
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="origin",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="route",
            name="rpm",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="What the upstream takes: the route is passed over while it is at this. Empty: any.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2147483647)],
                verbose_name="requests a minute",
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="shares",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether it takes its part of the requests, by weight; else it takes what the one above could not serve.",
                verbose_name="shares with the one above",
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="tpm",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="What the upstream takes: the route is passed over while it is at this. Empty: any.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2147483647)],
                verbose_name="tokens a minute",
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="weight",
            field=models.FloatField(
                db_default=1.0,
                default=1.0,
                help_text="Its part of the requests, beside those of the routes that it shares them with; 0: none while another can.",
                validators=[
                    django.core.validators.MinValueValidator(0.0),
                    django.core.validators.MaxValueValidator(1000000.0),
                    models_catalog.validation.check_finite,
                ],
            ),
        ),
        migrations.CreateModel(
            name="AccessGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True, validators=[models_catalog.validation.check_name])),
                ("models", models.ManyToManyField(blank=True, related_name="access_groups", to="models_catalog.modeldefinition")),
            ],
            options={
                "verbose_name": "access group",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="clientkey",
            name="access_groups",
            field=models.ManyToManyField(
                blank=True,
                help_text="Models that it may use beside those chosen one by one.",
                related_name="client_keys",
                to="models_catalog.accessgroup",
            ),
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, validators=[models_catalog.validation.check_name])),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                ("enabled", models.BooleanField(default=True, help_text="Off: none of the person's keys is accepted.")),
                (
                    "may_make_keys",
                    models.BooleanField(
                        default=False,
                        help_text="Whether the person may make keys on the page /me, for the projects below.",
                        verbose_name="may make keys",
                    ),
                ),
                (
                    "most_keys",
                    models.PositiveSmallIntegerField(
                        default=5, help_text="Keys in force that the person may have.", verbose_name="most keys"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.OneToOneField(
                        blank=True,
                        help_text="The account with which the person signs in; empty: none.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="person",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "people",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="clientkey",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="client_keys",
                to="models_catalog.person",
            ),
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("effective_from", models.DateTimeField(blank=True, help_text="Empty: since ever.", null=True)),
                (
                    "service_tier",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The tier that served, like flex or priority; empty: the standard one.",
                        max_length=20,
                    ),
                ),
                (
                    "rates",
                    models.JSONField(
                        default=dict,
                        help_text="JSON: US dollars by unit. Per million tokens: input, output, cached, cache_write, cache_write_1h, reasoning, audio_input, audio_output, image_input, image_output. Each: request, image. Per second: audio_second. Per million: character.",
                    ),
                ),
                ("source", models.CharField(blank=True, default="", help_text="Where the price comes from.", max_length=200)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="price_list",
                        to="models_catalog.modeldefinition",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: every route.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="price_list",
                        to="models_catalog.route",
                    ),
                ),
            ],
            options={
                "ordering": ["model", "route", "effective_from", "service_tier"],
            },
        ),
        migrations.CreateModel(
            name="Project",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, validators=[models_catalog.validation.check_name])),
                ("enabled", models.BooleanField(default=True, help_text="Off: none of its keys is accepted.")),
                ("all_models", models.BooleanField(default=True, help_text="Off: only the models and groups chosen below.")),
                (
                    "aliases",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="JSON: names that its keys send as `model`, and the models that they mean.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("access_groups", models.ManyToManyField(blank=True, related_name="projects", to="models_catalog.accessgroup")),
                (
                    "allowed_models",
                    models.ManyToManyField(blank=True, related_name="projects", to="models_catalog.modeldefinition"),
                ),
            ],
            options={
                "ordering": ["tenant", "name"],
            },
        ),
        migrations.AddField(
            model_name="person",
            name="projects",
            field=models.ManyToManyField(blank=True, related_name="people", to="models_catalog.project"),
        ),
        migrations.AddField(
            model_name="clientkey",
            name="project",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="client_keys",
                to="models_catalog.project",
            ),
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, unique=True, validators=[models_catalog.validation.check_name])),
                ("enabled", models.BooleanField(default=True, help_text="Off: none of its keys is accepted.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "operators",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Accounts that see and edit this tenant's projects, people and keys, as far as their groups allow. One that is named at no tenant sees all.",
                        related_name="tenants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="project",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="projects", to="models_catalog.tenant"
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="people", to="models_catalog.tenant"
            ),
        ),
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "each",
                    models.CharField(
                        blank=True,
                        choices=[("", "All together"), ("key", "Each key"), ("person", "Each person")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "counted",
                    models.CharField(
                        choices=[("requests", "Requests"), ("tokens", "Tokens"), ("concurrent", "Requests at once")],
                        default="requests",
                        max_length=12,
                    ),
                ),
                (
                    "amount",
                    models.PositiveBigIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(9007199254740992),
                        ]
                    ),
                ),
                (
                    "per",
                    models.CharField(
                        choices=[("second", "Second"), ("minute", "Minute"), ("hour", "Hour"), ("day", "Day")],
                        default="minute",
                        help_text="Not looked at for requests at once.",
                        max_length=8,
                    ),
                ),
                (
                    "algorithm",
                    models.CharField(
                        choices=[
                            ("fixed_window", "Fixed window"),
                            ("sliding_window", "Sliding window"),
                            ("token_bucket", "Token bucket"),
                        ],
                        default="sliding_window",
                        max_length=16,
                    ),
                ),
                (
                    "burst",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Of a token bucket: how much may come at once; empty: the amount.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(9007199254740992),
                        ],
                    ),
                ),
                (
                    "client_key",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.clientkey",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.modeldefinition",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.person",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.project",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "each",
                    models.CharField(
                        blank=True,
                        choices=[("", "All together"), ("key", "Each key"), ("person", "Each person")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("unit", models.CharField(choices=[("usd", "US dollars"), ("tokens", "Tokens")], default="usd", max_length=8)),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="US dollars, or a whole number of tokens.",
                        max_digits=18,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.000001"))],
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "Day"), ("week", "Week"), ("month", "Month"), ("total", "For good")],
                        default="month",
                        max_length=8,
                    ),
                ),
                (
                    "hard",
                    models.BooleanField(
                        default=True,
                        help_text="Off: requests go on when it is used up, and alerts tell of it.",
                        verbose_name="stops",
                    ),
                ),
                (
                    "unknown_price",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "As GATEWAY_UNKNOWN_PRICE says"),
                            ("refuse", "Refuse the request"),
                            ("allow", "Allow it, at no cost"),
                        ],
                        default="",
                        help_text="What becomes of a request whose price is not known.",
                        max_length=8,
                    ),
                ),
                (
                    "alerts",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="JSON: a list of percents at which an alert is sent, like [50, 80, 100].",
                        verbose_name="alert at",
                    ),
                ),
                (
                    "alert_url",
                    models.URLField(
                        blank=True,
                        default="",
                        help_text="Alerts are posted there, as JSON.",
                        max_length=500,
                        verbose_name="webhook",
                    ),
                ),
                (
                    "alert_email",
                    models.EmailField(
                        blank=True, default="", help_text="Alerts are sent there.", max_length=254, verbose_name="mail"
                    ),
                ),
                (
                    "client_key",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.clientkey",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.modeldefinition",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.person",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.project",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="models_catalog.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="project_name_unique_in_tenant"),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="person_name_unique_in_tenant"),
        ),
    ]
