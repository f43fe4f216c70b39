"""Which settings does the gateway have? Each is a variable of the environment; `docs/settings.md` explains them all."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gateway_project import env, sso_settings
from gateway_project.admin_settings import ADMIN_APPS, ADMIN_CSP, UNFOLD  # noqa: F401
from gateway_project.logs import logging_config
from openai_api.observing.otlp.config import OtlpConfig, checked_endpoint, pairs_of, secret_headers
from openai_api.observing.otlp.conventions import Conventions
from providers.types import CONNECT_S, Secret

# Server
HOST = env.text("HOST", "127.0.0.1")
PORT = env.count("PORT", 3000, least=0, most=65535)
WEB_CONCURRENCY = env.count("WEB_CONCURRENCY", 1)
LOG_LEVEL = env.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error", "critical"))
LOG_FORMAT = env.choice("LOG_FORMAT", "console", ("console", "json"))
LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT)

# Data
GATEWAY_DATA_DIR = Path(env.text("GATEWAY_DATA_DIR", "data")).expanduser().resolve()
GATEWAY_RECORDINGS_DIR = Path(env.text("GATEWAY_RECORDINGS_DIR", str(GATEWAY_DATA_DIR / "recordings"))).expanduser().resolve()
DATABASES = {"default": env.database("DATABASE_URL", GATEWAY_DATA_DIR / "gateway.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.text("REDIS_URL")
GATEWAY_REDIS_PUBLICATION = env.switch("GATEWAY_REDIS_PUBLICATION", False)
GATEWAY_REDIS_PUBLICATION_URL = env.read("TENSORZERO_REDIS_URL", env.redis_address, REDIS_URL)
GATEWAY_REDIS_PUBLICATION_S = env.number("GATEWAY_REDIS_PUBLICATION_S", 60, least=1)
GATEWAY_REDIS_PUBLICATION_OLD_PADDING = env.switch("GATEWAY_REDIS_PUBLICATION_OLD_PADDING", False)
CACHES = {"default": env.cache("REDIS_URL")}

# Secrets
SECRET_KEY_PATH = GATEWAY_DATA_DIR / "secret.key"
SECRET_KEY = env.secret_key(SECRET_KEY_PATH)

GATEWAY_ENCRYPTION_KEYS = env.words("GATEWAY_ENCRYPTION_KEYS")
GATEWAY_ENCRYPTION_KEY_FILE = Path(env.text("GATEWAY_ENCRYPTION_KEY_FILE", str(GATEWAY_DATA_DIR / "encryption.key"))).expanduser()
GATEWAY_RSA_PRIVATE_KEY = env.text("GATEWAY_RSA_PRIVATE_KEY", env.text("TENSORZERO_RSA_PRIVATE_KEY"))
GATEWAY_RSA_PRIVATE_KEY_PATH = env.text("GATEWAY_RSA_PRIVATE_KEY_PATH", env.text("TENSORZERO_RSA_PRIVATE_KEY_PATH"))
GATEWAY_RSA_PRIVATE_KEY_PASSWORD = env.text("GATEWAY_RSA_PRIVATE_KEY_PASSWORD", env.text("TENSORZERO_RSA_PRIVATE_KEY_PASSWORD"))

# Data path
GATEWAY_ROLE = env.choice("GATEWAY_ROLE", "all", ("all", "data", "control"))
GATEWAY_AUTHENTICATION = env.switch("GATEWAY_AUTHENTICATION", True)
GATEWAY_ALLOW_OPEN = env.switch("GATEWAY_ALLOW_OPEN", False)
GATEWAY_GUESSES_PER_MINUTE = env.count("GATEWAY_GUESSES_PER_MINUTE", 60, least=0)
GATEWAY_TRANSPORT = env.choice("GATEWAY_TRANSPORT", "slim", ("slim", "httpx"))
GATEWAY_UPSTREAM_PROXY = env.proxy("GATEWAY_UPSTREAM_PROXY")
NO_PROXY = env.words("no_proxy") or env.words("NO_PROXY")
SSL_CERT_FILE = env.certificates("SSL_CERT_FILE")
SSL_CERT_DIR = env.certificate_folders("SSL_CERT_DIR")
GATEWAY_PRIVATE_UPSTREAMS = env.hosts("GATEWAY_PRIVATE_UPSTREAMS")
GATEWAY_CORS_ORIGINS = env.origins("GATEWAY_CORS_ORIGINS")
GATEWAY_MAX_BODY_BYTES = env.count("GATEWAY_MAX_BODY_BYTES", 64 * 1024 * 1024, least=1024)
GATEWAY_USAGE_DAYS = env.count("GATEWAY_USAGE_DAYS", 365, least=0)
GATEWAY_ROLL_UP_DAYS = env.count("GATEWAY_ROLL_UP_DAYS", 1830, least=0)
GATEWAY_CACHE = env.choice("GATEWAY_CACHE", "auto", ("auto", "memory", "redis", "off"))
if GATEWAY_CACHE == "redis" and not REDIS_URL:
    raise ImproperlyConfigured("GATEWAY_CACHE is redis, which needs REDIS_URL")
GATEWAY_CACHE_MEMORY_BYTES = env.count("GATEWAY_CACHE_MEMORY_BYTES", 64 * 1024 * 1024)
GATEWAY_CACHE_ANSWER_BYTES = env.count("GATEWAY_CACHE_ANSWER_BYTES", 4 * 1024 * 1024)
GATEWAY_CACHE_MAX_AGE_S = env.count("GATEWAY_CACHE_MAX_AGE_S", 86_400)
GATEWAY_IDEMPOTENCY_BYTES = env.count("GATEWAY_IDEMPOTENCY_BYTES", 16 * 1024 * 1024)
GATEWAY_RESPONSES_DAYS = env.count("GATEWAY_RESPONSES_DAYS", 30, least=1)
GATEWAY_HEAD_TIMEOUT_S = env.number("GATEWAY_HEAD_TIMEOUT_S", 10)
GATEWAY_BODY_TIMEOUT_S = env.number("GATEWAY_BODY_TIMEOUT_S", 120)
GATEWAY_BODY_IDLE_TIMEOUT_S = env.number("GATEWAY_BODY_IDLE_TIMEOUT_S", 30)
GATEWAY_CONNECT_TIMEOUT_S = env.number("GATEWAY_CONNECT_TIMEOUT_S", CONNECT_S)
GATEWAY_FIRST_BYTE_TIMEOUT_S = env.number("GATEWAY_FIRST_BYTE_TIMEOUT_S", None)  # None: by the kind of answer, see TargetTimeouts
GATEWAY_IDLE_TIMEOUT_S = env.number("GATEWAY_IDLE_TIMEOUT_S", None)
GATEWAY_TOTAL_TIMEOUT_S = env.number("GATEWAY_TOTAL_TIMEOUT_S", None)
GATEWAY_STALL_TIMEOUT_S = env.number("GATEWAY_STALL_TIMEOUT_S", 120)
GATEWAY_WEBSOCKET_S = env.number("GATEWAY_WEBSOCKET_S", 3600)
GATEWAY_DRAIN_S = env.number("GATEWAY_DRAIN_S", 30, least=0)
GATEWAY_RECORDER = env.choice("GATEWAY_RECORDER", "auto", ("auto", "process", "thread"))
GATEWAY_ACCESS_LOG = env.switch_or("GATEWAY_ACCESS_LOG", "errors")
GATEWAY_HOOKS = env.json_list("GATEWAY_HOOKS")
GATEWAY_TRANSCRIPT_BYTES = env.count("GATEWAY_TRANSCRIPT_BYTES", 4 * 1024 * 1024, least=0, most=16 * 1024 * 1024)
GATEWAY_EVENTS = env.several("GATEWAY_EVENTS", ("database", "jsonl", "otlp", "null"))
GATEWAY_EVENTS_BODIES = env.choice("GATEWAY_EVENTS_BODIES", "keys", ("off", "keys", "all"))
GATEWAY_EVENTS_DAYS = env.count("GATEWAY_EVENTS_DAYS", 30, least=0)
GATEWAY_SESSION_IDLE_S = env.number("GATEWAY_SESSION_IDLE_S", 1800)
GATEWAY_LIMITS = env.choice("GATEWAY_LIMITS", "auto", ("auto", "memory", "redis", "database"))
if GATEWAY_LIMITS == "redis" and not REDIS_URL:
    raise ImproperlyConfigured("GATEWAY_LIMITS=redis needs a REDIS_URL")
GATEWAY_SESSIONS = env.choice("GATEWAY_SESSIONS", "auto", ("auto", "on", "explicit", "off"))
GATEWAY_METRICS_TOKEN = env.text("GATEWAY_METRICS_TOKEN")

# Budgets
GATEWAY_UNKNOWN_PRICE = env.choice("GATEWAY_UNKNOWN_PRICE", "refuse", ("refuse", "allow"))
GATEWAY_BUDGET_HOLD_S = env.number("GATEWAY_BUDGET_HOLD_S", 3600, least=1)
GATEWAY_ALERT_SECRET = env.text("GATEWAY_ALERT_SECRET")
EMAIL_URL = env.text("EMAIL_URL")
vars().update(env.mail("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "signalbox@localhost")

# OpenTelemetry, with the names and units of its specification
OTEL_EXPORTER_OTLP_ENDPOINT = env.read("OTEL_EXPORTER_OTLP_ENDPOINT", checked_endpoint, OtlpConfig().endpoint)
OTEL_EXPORTER_OTLP_HEADERS = env.read("OTEL_EXPORTER_OTLP_HEADERS", secret_headers)
OTEL_EXPORTER_OTLP_COMPRESSION = env.choice("OTEL_EXPORTER_OTLP_COMPRESSION", "none", ("none", "gzip"))
OTEL_EXPORTER_OTLP_TIMEOUT = env.number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, least=1)
OTEL_METRIC_EXPORT_INTERVAL = env.number("OTEL_METRIC_EXPORT_INTERVAL", 60_000, least=100)
OTEL_SERVICE_NAME = env.text("OTEL_SERVICE_NAME")
OTEL_RESOURCE_ATTRIBUTES = env.read("OTEL_RESOURCE_ATTRIBUTES", pairs_of)
GATEWAY_OTEL_CONVENTIONS = env.choice("GATEWAY_OTEL_CONVENTIONS", "released", tuple(Conventions))
GATEWAY_OTEL_CONTENT = env.switch("GATEWAY_OTEL_CONTENT", False)

# Admin
GATEWAY_CHANGES_NEED_APPROVAL = env.switch("GATEWAY_CHANGES_NEED_APPROVAL", False)
DEBUG = env.switch("GATEWAY_DEBUG", False)
GATEWAY_HTTPS = env.switch("GATEWAY_HTTPS", False)
ALLOWED_HOSTS = env.words("GATEWAY_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]", f"[{HOST}]" if ":" in HOST else HOST))
DEFAULT_EXCEPTION_REPORTER_FILTER = "gateway_project.error_reports.ErrorReportFilter"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
ROOT_URLCONF = "gateway_project.urls"
ASGI_APPLICATION = "gateway_project.asgi.application"
INSTALLED_APPS = [
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),  # replaces runserver; costs memory everywhere else
    "models_catalog",  # before unfold: one of its templates replaces unfold's
    *ADMIN_APPS,
    "axes",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "servestatic",
    "csp",
    "rest_framework",
    "drf_spectacular_sidecar",
    "gateway_project",
    "openai_api",
    "providers",
    "providers.openai_compatible",
    "providers.anthropic",
    "providers.azure_openai",
    "providers.bedrock",
    "providers.gemini",
    "providers.mistral",
    "providers.ollama",
    "providers.together",
    "providers.xai",
    "providers.fireworks",
    "providers.dummy",
    "providers.replay",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gateway_project.idle.IdleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "gateway_project.audit.middleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["gateway_project.sign_in.SignInBackend"]
GATEWAY_PASSWORD_LENGTH = env.count("GATEWAY_PASSWORD_LENGTH", 10, least=8, most=64)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": GATEWAY_PASSWORD_LENGTH},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
STATIC_URL = "/static/"
SERVESTATIC_USE_FINDERS = True

# Security of the admin's pages
GATEWAY_LOGIN_S = env.count("GATEWAY_LOGIN_S", 7 * 24 * 3600, least=60)
GATEWAY_LOGIN_IDLE_S = env.count("GATEWAY_LOGIN_IDLE_S", 24 * 3600, least=0)
CSRF_FAILURE_VIEW = "gateway_project.error_pages.csrf_failure"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": ADMIN_CSP}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
SESSION_COOKIE_NAME = "signalbox_session"
SESSION_COOKIE_AGE = GATEWAY_LOGIN_S
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
CSRF_COOKIE_NAME = "signalbox_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = GATEWAY_HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if GATEWAY_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if GATEWAY_HTTPS else None

# `check --deploy` says of HTTPS in one question (`gateway.W001`) what Django asks in four: W004, W012 and W016 here.
NOT_ASKED = {
    "security.W004": "HSTS is sent with GATEWAY_HTTPS=on; gateway.W001 asks for that.",
    "security.W005": "HSTS for all subdomains would speak for names of the domain that are not ours.",
    "security.W008": "A redirect to HTTPS is the business of the proxy that ends TLS; the gateway hears plain HTTP from it.",
    "security.W012": "The session's cookie is secure with GATEWAY_HTTPS=on; gateway.W001 asks for that.",
    "security.W016": "So is the cookie against forged requests.",
    "security.W019": "The admin opens its own pages in frames; X-Frame-Options SAMEORIGIN and frame-ancestors keep others out.",
    "security.W021": "Whether browsers preload HSTS for the domain is for its owner to say.",
}
"""Checks of Django's that are silenced, and why."""
SILENCED_SYSTEM_CHECKS = list(NOT_ASKED)

# Sign-in, as `gateway_project.sign_in` says
GATEWAY_LOGIN_FAILURES = env.count("GATEWAY_LOGIN_FAILURES", 5)
GATEWAY_LOGIN_LOCK_S = env.number("GATEWAY_LOGIN_LOCK_S", 900, least=1)
GATEWAY_TRUSTED_PROXIES = env.networks("GATEWAY_TRUSTED_PROXIES", ("127.0.0.1", "::1") if GATEWAY_HTTPS else ())
AXES_HANDLER = "gateway_project.sign_in.SignInHandler"
AXES_CLIENT_IP_CALLABLE = "gateway_project.sign_in.address_of"
AXES_LOCKOUT_CALLABLE = "gateway_project.sign_in.locked"
AXES_COOLOFF_TIME = timedelta(seconds=GATEWAY_LOGIN_LOCK_S)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# Single sign-on and second factors, as docs/sign-in.md says; they need the extra `sso`
GATEWAY_PASSWORD_LOGIN = env.switch("GATEWAY_PASSWORD_LOGIN", True)
GATEWAY_OIDC_ISSUER = env.read("GATEWAY_OIDC_ISSUER", sso_settings.issuer_of)
GATEWAY_OIDC_CLIENT_ID = env.text("GATEWAY_OIDC_CLIENT_ID")
GATEWAY_OIDC_CLIENT_SECRET = env.read("GATEWAY_OIDC_CLIENT_SECRET", Secret)
GATEWAY_OIDC_NAME = env.text("GATEWAY_OIDC_NAME", "single sign-on")
GATEWAY_OIDC_SCOPES = env.words("GATEWAY_OIDC_SCOPES", ("openid", "profile", "email"))
GATEWAY_OIDC_GROUPS_CLAIM = env.text("GATEWAY_OIDC_GROUPS_CLAIM", "groups")
GATEWAY_OIDC_ROLES = env.read("GATEWAY_OIDC_ROLES", sso_settings.roles_of)
GATEWAY_OIDC_MFA = env.switch("GATEWAY_OIDC_MFA", False)
GATEWAY_MFA = env.choice("GATEWAY_MFA", "off", ("off", "optional", "required"))
if GATEWAY_OIDC_ISSUER and not GATEWAY_OIDC_CLIENT_ID:
    raise ImproperlyConfigured("GATEWAY_OIDC_ISSUER needs a GATEWAY_OIDC_CLIENT_ID")
if not GATEWAY_PASSWORD_LOGIN and not GATEWAY_OIDC_ISSUER:
    raise ImproperlyConfigured("GATEWAY_PASSWORD_LOGIN is off, so that nobody can sign in without a GATEWAY_OIDC_ISSUER")
GATEWAY_SSO = False  # whether any of it is wanted, and can be had
sso_settings.add_to(vars())

# Language and time
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["gateway_project.formats"]

SPECTACULAR_SETTINGS = {
    "TITLE": "Signalbox",
    "DESCRIPTION": "The public paths, and the management API below /manage/v1.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["openai_api.manage.public_paths.with_public_paths"],
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
