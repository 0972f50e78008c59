from itertools import pairwise

import numpy as np
import pytest

from demo.drawing import COLOURS, CONDITIONS, KINDS, SETTINGS, draw, scene_sample
from demo.drawing.camera import FILL, FILL_TOGETHER, camera_for
from demo.drawing.mesh import solid
from demo.drawing.noise import SIDE, cloud3
from demo.drawing.parts.catalogue import VARIANTS, part_mesh
from demo.drawing.parts.wheels import _belt
from demo.drawing.raster import interpolate, rasterize

SIZE = 96


def scene_of(seed=7, **wanted):
    return scene_sample(np.random.default_rng(seed), **wanted)


def pixels_of(scene, size=SIZE):
    return np.asarray(draw(scene, size), np.float32)


def mean_difference(one, other):
    return float(np.abs(one - other).mean())


def test_the_same_seed_draws_the_same_bytes():
    assert draw(scene_of(3), SIZE).tobytes() == draw(scene_of(3), SIZE).tobytes()


def test_another_seed_draws_another_picture():
    assert mean_difference(pixels_of(scene_of(3)), pixels_of(scene_of(4))) > 5


def test_a_wanted_label_changes_only_itself():
    free, wanted = scene_of(5), scene_of(5, colour="blue")
    assert wanted.colour == "blue"
    assert {**free.__dict__, "colour": "blue"} == wanted.__dict__


def test_sampling_reaches_every_kind_colour_condition_and_setting():
    rng = np.random.default_rng(0)
    scenes = [scene_sample(rng) for _ in range(600)]
    for field, names in (
        ("kind", KINDS),
        ("colour", COLOURS),
        ("condition", CONDITIONS),
        ("setting", SETTINGS),
    ):
        assert {getattr(scene, field) for scene in scenes} == set(names)
    assert {scene.count for scene in scenes} == {1, 2, 3}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fills_a_fair_part_of_its_picture(kind):
    with_part = pixels_of(scene_of(11, kind=kind, count=1, colour="red", condition="new"))
    as_green = pixels_of(scene_of(11, kind=kind, count=1, colour="green", condition="new"))
    painted = np.abs(with_part - as_green).max(axis=2) > 25
    assert 0.02 < painted.mean() < 0.7


def test_no_two_kinds_look_alike():
    pictures = [pixels_of(scene_of(12, kind=kind, count=1, condition="new")) for kind in KINDS]
    for one, other in pairwise(pictures):
        assert mean_difference(one, other) > 3


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != "new"])
@pytest.mark.parametrize("colour", COLOURS)
def test_every_condition_shows_on_every_colour(colour, condition):
    wanted = {"kind": "pump", "count": 1, "colour": colour}
    clean = pixels_of(scene_of(21, condition="new", **wanted))
    marked = pixels_of(scene_of(21, condition=condition, **wanted))
    assert (np.abs(clean - marked).max(axis=2) > 20).mean() > 0.01


def test_every_make_of_every_kind_builds_in_both_details():
    for kind in KINDS:
        for variant in range(VARIANTS):
            for detail in (18, 56):
                mesh = part_mesh(kind, variant, detail)
                assert np.isfinite(mesh.points).all()
                assert mesh.points[:, 2].min() == pytest.approx(0, abs=1e-5)
                assert mesh.faces.max() < len(mesh.points)


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_a_gears_teeth_are_few_and_deep_enough_to_see_in_a_small_picture(variant):
    points = part_mesh("gear", variant, 18).points
    flat = points[:, [0, 2]] - (points[:, [0, 2]].min(axis=0) + points[:, [0, 2]].max(axis=0)) / 2
    radius, angle = np.hypot(*flat.T), np.arctan2(flat[:, 1], flat[:, 0])
    tips = np.sort(angle[radius > 0.9 * radius.max()])
    gaps = np.diff(np.append(tips, tips[0] + 2 * np.pi))
    assert 10 <= (gaps > np.radians(14)).sum() <= 15
    assert (radius[radius < 0.8 * radius.max()] > 0.65 * radius.max()).any()  # the roots of the teeth


def test_the_belt_touches_both_wheels_and_cuts_neither():
    far = np.array([1.5, -0.46])
    path = _belt(0.84, (1.5, -0.46), 0.36)
    assert np.allclose(path[0], path[-2])
    assert np.allclose(path[:, 1], 0)
    steps = np.linspace(0, 1, 50)[:, None, None]
    flat = path[:, [0, 2]]
    along = (flat[:-1] + steps * np.diff(flat, axis=0)).reshape(-1, 2)
    for centre, radius in ((np.zeros(2), 0.84), (far, 0.36)):
        nearest = np.linalg.norm(along - centre, axis=1).min()
        assert nearest == pytest.approx(radius, rel=0.02)  # straight pieces between points of a circle


@pytest.mark.parametrize("fill", [FILL, FILL_TOGETHER])
def test_the_camera_stands_where_the_parts_take_their_share_of_the_picture(fill):
    scene, points = scene_of(13), part_mesh("pump", 0, 18).points
    screen, _ = camera_for(scene.view, 200, points, fill).project(points)
    widest = (screen.max(axis=0) - screen.min(axis=0)).max()
    assert widest == pytest.approx(fill * scene.view.zoom * 200, rel=1e-3)


def test_a_large_picture_shows_the_same_scene_as_a_small_one():
    scene = scene_of(9, kind="gear", count=1)
    small = np.asarray(draw(scene, 96).resize((24, 24)), np.float32)
    large = np.asarray(draw(scene, 320).resize((24, 24)), np.float32)
    other = np.asarray(draw(scene_of(10, kind="hose"), 96).resize((24, 24)), np.float32)
    assert mean_difference(small, large) < 0.4 * mean_difference(small, other)


def _inside(point, corner):
    sides = []
    for i in range(3):
        a, b = corner[i], corner[(i + 1) % 3]
        sides.append((b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]))
    return all(side < 0 for side in sides)


def test_the_rasteriser_agrees_with_a_plain_loop_over_pixels():
    rng = np.random.default_rng(2)
    screen = rng.uniform(0, 16, (30, 2)).astype(np.float32)
    close = rng.uniform(0.2, 1, 30).astype(np.float32)
    faces = np.arange(30, dtype=np.int32).reshape(10, 3)
    hits = rasterize(screen, close, faces, (16, 16))
    shown = dict(zip(hits.pixels.tolist(), hits.triangles.tolist(), strict=True))
    depth = dict(
        zip(hits.pixels.tolist(), interpolate(close[:, None], faces, hits)[:, 0].tolist(), strict=True)
    )
    for y in range(16):
        for x in range(16):
            over = [i for i, face in enumerate(faces) if _inside((x + 0.5, y + 0.5), screen[face])]
            assert (y * 16 + x in shown) == bool(over)
            if over:
                assert shown[y * 16 + x] in over
                assert depth[y * 16 + x] == pytest.approx(
                    max(_depths(over, (x + 0.5, y + 0.5), screen, close)), abs=1e-3
                )


def _depths(faces, point, screen, close):
    for i in faces:
        corner = screen[3 * i : 3 * i + 3].astype(np.float64)
        weights = np.linalg.solve(np.vstack([corner.T, np.ones(3)]), [*point, 1])
        yield float(weights @ close[3 * i : 3 * i + 3])


def test_a_solid_turns_its_faces_the_way_its_normals_look():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    up = np.tile(np.array([[0, 0, 1]], np.float32), (3, 1))
    for winding in ([0, 1, 2], [0, 2, 1]):
        face = solid(points, up, np.array([winding], np.int32)).faces[0]
        corner = points[face]
        assert np.cross(corner[1] - corner[0], corner[2] - corner[0])[2] > 0


def test_a_fine_cloud_meets_the_coarse_one_in_its_cells_corners_and_repeats_itself():
    rng = np.random.default_rng(3)
    corners = rng.integers(-40, 90, (50, 3)).astype(np.float32) / SIDE
    at_origin = np.zeros(3, np.float32)
    coarse = cloud3(corners + 1e-4, at_origin, fine=False)
    np.testing.assert_allclose(cloud3(corners, at_origin, fine=True), coarse, atol=0.02)
    anywhere = rng.uniform(-1, 1, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(
        cloud3(anywhere, at_origin, fine=True), cloud3(anywhere + 1, at_origin, fine=True), atol=0.02
    )
