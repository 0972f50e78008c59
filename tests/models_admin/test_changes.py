"""What a version's page says of it in words."""

from __future__ import annotations

import pytest

from models_admin.changes import SAID, compared_with
from models_admin.models import Activation
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


def test_a_version_is_compared_with_the_champion_before_it_and_with_no_former_challenger():
    first, other, version = (make_version(name, champion=False) for name in ("first", "other", "new"))
    Activation.objects.create(alias="champion", version=version, previous=first)
    Activation.objects.create(alias="challenger", version=version, previous=other)
    assert compared_with(version) == first
