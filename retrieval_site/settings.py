"""Django's settings; every value that an operator may change comes through `retrieval_site.config`."""

from __future__ import annotations

import django_stubs_ext
from csp.constants import NONE, SELF
from whitenoise.compress import Compressor as StaticCompressor

from retrieval_site.config import BASE_DIR, LANGUAGE_NAMES, MIB, read_config
from retrieval_site.database.addresses import OF_REPLICA, PATIENCE, database_settings
from retrieval_site.database.replica import REPLICA
from retrieval_site.log_lines import LINE, JsonFormatter

django_stubs_ext.monkeypatch()  # generic classes of Django take their parameter at run time too

CONFIG = read_config()

DEBUG = CONFIG.debug
SECRET_KEY = CONFIG.secret_key or "unset"  # retrieval_site.checks refuses to serve with it
ALLOWED_HOSTS = CONFIG.allowed_hosts
CSRF_TRUSTED_ORIGINS = CONFIG.csrf_trusted_origins
DATA_DIR = CONFIG.data_dir

# Scripts of pages elsewhere may call the API with a token, never with somebody's cookie.
CORS_ALLOWED_ORIGINS = CONFIG.cors_origins
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = ["authorization", "content-type", "if-match", "if-none-match", "x-request-id"]
CORS_ALLOW_HEADERS += [
    "tus-resumable",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "upload-checksum",
]
CORS_EXPOSE_HEADERS = ["ETag", "Location", "Retry-After", "X-Request-ID"]
CORS_EXPOSE_HEADERS += [
    "Tus-Resumable",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Expires",
    "Upload-Metadata",
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_htmx",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "retrieval_site",
    "retrieval_site.accounts",
    "workers",
    "models_admin",
    "search",
    "demo",
]

MIDDLEWARE = [
    "retrieval_site.health.middleware.HealthMiddleware",
    "retrieval_site.middleware.RequestIdMiddleware",
    "retrieval_site.middleware.ApiSlashMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "retrieval_site.middleware.PrivateAnswersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "retrieval_site.languages.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "retrieval_site.bodies.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "search.guests.GuestMiddleware",
    "retrieval_site.acting.ActingMiddleware",
    "retrieval_site.database.own_writes.OwnWritesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "retrieval_site.accounts.second_factor.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "retrieval_site.middleware.AppErrorMiddleware",
]

if CONFIG.traces_endpoint:
    MIDDLEWARE.insert(2, "retrieval_site.tracing.TracingMiddleware")

ROOT_URLCONF = "retrieval_site.urls"
WSGI_APPLICATION = "retrieval_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

DATABASES = {"default": database_settings(CONFIG.database_url, PATIENCE)}
if CONFIG.database_read_url:
    DATABASES[REPLICA] = database_settings(CONFIG.database_read_url, OF_REPLICA)
DATABASE_ROUTERS = ["retrieval_site.database.reading.ReadingRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CONFIG.redis_url or "redis://localhost:6379/0",
        "KEY_PREFIX": "sightline",
    }
}

CELERY_BROKER_URL = CONFIG.celery_url or "redis://localhost:6379/0"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "blobs")},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if CONFIG.blob_s3:
    STORAGES["default"] = {"BACKEND": "workers.storage.bucket.BucketStorage"}
if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_URL = "/static/"
STATIC_ROOT = CONFIG.static_dir or DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_KEEP_ONLY_HASHED_FILES = (
    True  # with the next line, the first start collects in a third of the time
)
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*StaticCompressor.SKIP_COMPRESS_EXTENSIONS, "map"]

EMAIL_HOST, EMAIL_PORT = CONFIG.email_host, CONFIG.email_port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = CONFIG.email_host_user, CONFIG.email_host_password
EMAIL_USE_TLS, EMAIL_USE_SSL = CONFIG.email_use_tls, CONFIG.email_use_ssl
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = CONFIG.email_from

LANGUAGE_CODE = (
    "en"  # of the code, the API and what is stored; CONFIG.default_language is what pages fall back on
)
LANGUAGES = list(LANGUAGE_NAMES.items())
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "retrieval_site.formats"

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "retrieval_site.sign_in.LengthAndPause"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if CONFIG.ldap:
    AUTHENTICATION_BACKENDS.append("retrieval_site.accounts.directory.DirectoryBackend")

# Signing in: only what retrieval_site/accounts/urls.py routes can be reached.
ACCOUNT_ADAPTER = "retrieval_site.accounts.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
SOCIALACCOUNT_ADAPTER = "retrieval_site.accounts.oidc.SocialAdapter"
MFA_ADAPTER = "retrieval_site.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "login_webauthn": "retrieval_site.accounts.forms.PasskeySignInForm",
    "authenticate_webauthn": "retrieval_site.accounts.forms.PasskeySecondForm",
    "reauthenticate_webauthn": "retrieval_site.accounts.forms.PasskeyConfirmForm",
    "add_webauthn": "retrieval_site.accounts.forms.PasskeyAddForm",
}
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody makes an account with another's address
MFA_TOTP_TOLERANCE = 1

# An upload larger than a picture is an import file or a bundle: those stream to a temporary file.
FILE_UPLOAD_MAX_MEMORY_SIZE = CONFIG.picture_max_bytes
DATA_UPLOAD_MAX_NUMBER_FILES = 200  # a document's pictures are counted there
DATA_UPLOAD_MAX_MEMORY_SIZE = CONFIG.picture_max_bytes + MIB

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = CONFIG.https
SECURE_HSTS_SECONDS = CONFIG.hsts_seconds if CONFIG.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD = CONFIG.hsts_subdomains, CONFIG.hsts_preload
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
]  # other names of a domain are its owner's to decide about
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.https else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"]
        + ([CONFIG.blob_s3.endpoint] if CONFIG.blob_s3 and CONFIG.blob_s3_signed_seconds else []),
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
        "worker-src": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "search.api.authentication.TokenAuthentication",
        "search.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["search.api.permissions.ScopePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "URL_FORMAT_OVERRIDE": None,  # `?format=` would be a parameter of every endpoint
    "DEFAULT_SCHEMA_CLASS": "search.api.schema.Schema",
    "EXCEPTION_HANDLER": "search.api.errors.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["search.api.throttling.CallerThrottle"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{CONFIG.site_name} API",
    "DESCRIPTION": "Find the documents that a photo is about.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "PartModalityEnum": ["image", "text", "document", "embedding"],
        "EvaluationSourceEnum": "search.models.evaluation.EvaluationSet.Source",
        "JudgingSourceEnum": "search.models.judging.JudgingQueue.Source",
        "SideNameEnum": ["a", "b"],
        "SourceKindEnum": "search.models.source.Source.Kind",
        "FieldTypeEnum": "search.models.field.CollectionField.Type",
        "QueryModalityEnum": ["image", "text", "document", "embedding", "composed"],
    },
    "TAGS": [
        {"name": "search", "description": "Find the documents that a picture, a text or a vector is about."},
        {
            "name": "searches",
            "description": "Your own searches: those that you made, and those that you saved.",
        },
        {"name": "judging", "description": "Queues of pairs that several people judge."},
        {"name": "photo-batches", "description": "Many photos at once."},
        {"name": "suggestions", "description": "What somebody may be about to write."},
        {"name": "embeddings", "description": "The encoders themselves."},
        {"name": "collections", "description": "Named corpora with their own visibility and curators."},
        {"name": "documents", "description": "What is found; with imports of whole files."},
        {"name": "uploads", "description": "Large files in pieces, by tus 1.0: what broke off goes on."},
        {"name": "judgements", "description": "Which results were right."},
        {"name": "jobs", "description": "Long pieces of work and how far they are."},
        {"name": "announcements", "description": "What administrators tell everybody."},
        {"name": "audit", "description": "Who did what."},
        {"name": "models", "description": "The model registry."},
        {
            "name": "evaluation-sets",
            "description": "Queries with known answers, and how versions answered them.",
        },
        {
            "name": "side-by-side",
            "description": "One question asked of two versions, and which people prefer.",
        },
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "retrieval_site.middleware.RequestIdFilter"},
        "no_secrets": {"()": "retrieval_site.log_lines.NoSecretsFilter"},
    },
    "formatters": {"line": {"format": LINE}, "json": {"()": JsonFormatter}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": CONFIG.log_format,
            "filters": ["request_id", "no_secrets"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Each export of a model would tell a hundred steps of its exporter.
    "loggers": {name: {"level": "WARNING"} for name in ("onnxscript", "onnx_ir")},
}
