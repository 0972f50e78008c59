"""Bundles as archives: what extraction refuses, and that a refusal leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import strategies as st

from tests.hostile.fuzzing.archives import Member, archive, member_changes, tails, with_changes
from tests.hostile.fuzzing.kinds import Input, Kind, Outcome
from tests.hostile.fuzzing.manifests import FILES, unstorable, valid_manifest
from tests.hostile.fuzzing.values import byte_changes, changed, dumped, json_changes, scrambled
from workers.inference.bundles import BundleLimits, bundle_extract
from workers.inference.errors import BundleError

LIMITS = BundleLimits(
    archive_bytes=1 << 22, unpacked_bytes=1 << 22, manifest_bytes=1 << 16, files=8, ratio=100
)


def try_bundle(given: Input) -> Outcome:
    """Extract it; whole, or with a refusal and nothing left."""
    with tempfile.TemporaryDirectory(prefix="sl-fuzz-") as room:
        source, into = Path(room) / "bundle.zip", Path(room) / "out" / "bundle"
        source.write_bytes(given.data)
        try:
            manifest = bundle_extract(source, into, LIMITS)
        except BundleError as error:
            left = [path.name for path in Path(room).rglob("*") if path not in (source, into.parent)]
            return Outcome([error.id], problem=f"left behind: {left}" if left else "")
        if problem := unstorable(manifest.to_json()):
            return Outcome(problem=f"accepted, but cannot be stored: {problem}")
        return Outcome(problem=_not_as_announced(into, set(manifest.files)))


def _not_as_announced(folder: Path, names: set[str]) -> str:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    return "" if found == names | {"manifest.json"} and not links else f"extracted {sorted(found)}"


@st.composite
def bundle_inputs(draw: st.DrawFn) -> Input:
    manifest = changed(valid_manifest(), draw(json_changes) if draw(st.integers(0, 3)) == 0 else [])
    members = [
        Member("manifest.json", dumped(manifest)),
        *(Member(name, data) for name, data in FILES.items()),
    ]
    if draw(st.integers(0, 3)) == 0:
        members.append(draw(st.sampled_from(members)))
    data = archive(with_changes(members, draw(member_changes)), draw(tails))
    return Input("bundle", scrambled(data, draw(byte_changes) if draw(st.integers(0, 3)) == 0 else []))


BUNDLES = Kind("bundles", bundle_inputs(), try_bundle)
