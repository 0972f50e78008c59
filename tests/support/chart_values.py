"""What tests render the chart with: sizes and their like that must come out right, and values that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm" / "sightline"
NEVER_PLAIN = {
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_READ_URL",
    "VECTOR_SHARDS",
    "REDIS_URL",
    "ADMIN_PASSWORD",
}
NEVER_PLAIN |= {
    "SOURCE_S3_KEY_ID",
    "SOURCE_S3_SECRET",
    "BLOB_S3_KEY_ID",
    "BLOB_S3_SECRET",
    "BACKUP_S3_KEY_ID",
}
NEVER_PLAIN |= {
    "BACKUP_S3_SECRET",
    "HUB_TOKEN",
    "EMAIL_HOST_PASSWORD",
    "OIDC_CLIENT_SECRET",
    "LDAP_BIND_PASSWORD",
}
NEVER_PLAIN |= {"HF_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"}
OF_LIBRARIES = {"HOME", "OTEL_EXPORTER_OTLP_HEADERS"}
"""Variables that libraries read by themselves."""
REFUSED = {
    "secret in plain": {"settings": {"REDIS_URL": "redis://:word@host"}},
    "a number, which Kubernetes takes for no text": {"settings": {"WEB_THREADS": 8}},
    "tag that moves": {"image": {"tag": "latest"}},
    "misspelt": {"webb": {"replicas": 3}},
    "nobody left": {"web": {"replicas": 0}},
    "a backup into the container": {"backup": {"place": "backups"}},
    "a mount of nothing": {"extraVolumeMounts": [{"mountPath": "/srv"}]},
}


def _values(*names: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in names:
        for part, values in yaml.safe_load((CHART / f"values-{name}.yaml").read_text()).items():
            merged[part] = {**merged.get(part, {}), **values}
    return merged


SIZES = {
    "as it stands": {},
    "small": _values("small") | {"ingress": {"controller": "ingress-nginx"}},
    "medium": _values("medium"),
    "large, GPU": _values("large", "gpu")
    | {
        "settings": {"READ_TEXT": "0", "DEVICE": "cuda:0"},
        "networkPolicy": {"others": {"ports": [443, 636]}},
    },
    "with all there is": {
        "backup": {"place": "s3://bucket/$(id)", "arguments": ["--recipient", "age1x"], "schedule": "@daily"},
        "extraVolumes": [{"name": "scans", "persistentVolumeClaim": {"claimName": "scans"}}],
        "extraVolumeMounts": [{"name": "scans", "mountPath": "/srv/scans", "readOnly": True}],
        "networkPolicy": {
            "webInternet": {"ports": [443, 587]},
            "ingressFrom": [{"ipBlock": {"cidr": "130.211.0.0/22"}}],
        },
        "monitoring": {"enabled": True},
    },
}
