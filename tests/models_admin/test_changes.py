"""What a version's page says of it in words."""

from __future__ import annotations

import pytest

from models_admin.changes import SAID
from tests.support.corpus import make_version

pytestmark = pytest.mark.django_db
LEFT_OUT = "the family siglip2 is not known"


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({}, "–"),
        ({"payloads": {"native": {"weights": "native.safetensors"}}}, "here"),
        ({"training": {"native_left_out": LEFT_OUT}}, f"left out: {LEFT_OUT}"),
        ({"training": {"source": {"weights_left_out": LEFT_OUT}}}, f"left out: {LEFT_OUT}"),
        ({"training": {"source": "a folder"}}, "–"),
    ],
)
def test_why_weights_are_missing_is_said(manifest, said):
    version = make_version(champion=False, manifest=manifest)
    assert SAID["weights for training and GPUs"](version) == said
