"""From a scene to its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from search.demo.drawing import ground
from search.demo.drawing.camera import camera_for
from search.demo.drawing.lighting import light_tables, sun_direction
from search.demo.drawing.materials import palette
from search.demo.drawing.mesh import Floats, Mesh, joined, moved, rotation
from search.demo.drawing.noise import smooth
from search.demo.drawing.parts.catalogue import part_mesh
from search.demo.drawing.raster import Hits, interpolate, rasterize
from search.demo.drawing.surface import Surface
from search.demo.drawing.tools import tool_mesh
from search.demo.drawing.weathering import WEATHERING, Weather

if TYPE_CHECKING:
    from search.demo.drawing.scene import Scene

FINER = 2  # the part is drawn at twice the size and reduced, so that its edges are smooth
SMALL = 200  # pictures up to this size are drawn with coarser meshes and clouds
_TONES = (
    255 * (1 - np.exp(-1.55 * np.linspace(0, 4, 4096) - 0.25 * np.linspace(0, 4, 4096) ** 2)) ** (1 / 2.2)
).astype(np.uint8)


@dataclass(frozen=True)
class _Layout:
    """All meshes of a scene as one; points before `part_points` belong to the part, and where each copy stands."""

    mesh: Mesh
    places: Floats
    local: Floats
    part_points: int
    part_faces: int
    reach: float


def draw(scene: Scene, size: int) -> Image.Image:
    """The picture of a scene, RGB, size² pixels. The same scene gives the same picture."""
    rng = np.random.default_rng(scene.seed)
    detail = 18 if size <= SMALL else 56
    layout = _layout(scene, detail, rng)
    camera = camera_for(scene.view, size * FINER, layout.mesh.points[: layout.part_points])
    part = _part_layer(
        scene,
        layout,
        camera_for(scene.view, size * FINER, layout.mesh.points[: layout.part_points]),
        size * FINER,
    )
    camera = camera_for(scene.view, size, layout.mesh.points[: layout.part_points])
    stage = ground.Stage(camera, size, sun_direction(scene.light), rng)
    picture = _ground_layer(scene, layout, stage)
    layer = np.asarray(part.reduce(FINER), np.float32)
    cover = layer[..., 3:] / 255
    picture = picture + cover * (layer[..., :3] - picture)
    return _developed(scene, picture, rng)


def _layout(scene: Scene, detail: int, rng: np.random.Generator) -> _Layout:
    part = part_mesh(scene.kind, scene.variant, detail)
    reach = float(np.abs(part.points[:, :2]).max())
    step = reach * rng.uniform(1.7, 2.0)
    spots = {
        1: [(0.0, 0.0)],
        2: [(-0.55, 0.25), (0.55, -0.3)],
        3: [(-0.75, 0.1), (0.1, 0.7), (0.7, -0.35)],
    }[scene.count]
    places = np.array([[x * step, y * step, 0.0] for x, y in spots], np.float32)
    copies = [
        moved(part, rotation("z", scene.view.yaw + (rng.uniform(-40, 40) if i else 0)), place)
        for i, place in enumerate(places)
    ]
    together = joined(copies)
    local = np.tile(part.points, (scene.count, 1))
    if scene.occluder:
        tool = tool_mesh(scene.occluder, together, rng, detail)
        local = np.concatenate([local, tool.points])
        mesh = joined([together, tool])
    else:
        mesh = together
    return _Layout(mesh, places, local, len(together.points), len(together.faces), reach)


def _part_layer(scene: Scene, layout: _Layout, camera: ground.Camera, width: int) -> Image.Image:
    """Part and tools, lit, RGBA on nothing."""
    mesh = layout.mesh
    screen, close = camera.project(mesh.points)
    hits = rasterize(screen, close, mesh.faces, (width, width))
    tables = light_tables(scene.light, camera.turn, 64 if width <= SMALL * FINER else 256)
    values = np.concatenate([mesh.normals @ camera.turn.T, layout.local], axis=1)
    carried = interpolate(values.astype(np.float32), mesh.faces, hits)
    rng = np.random.default_rng(scene.seed + 1)
    colours, finishes = palette(scene.colour, rng)
    weather = Weather(rng.random((4, 3)).astype(np.float32), width > SMALL * FINER, rng)
    material = mesh.materials[hits.triangles]
    open_ = _openness(hits, width) * (0.6 + 0.4 * smooth(-0.05, 0.3, carried[:, 5]))
    is_part = hits.triangles < layout.part_faces
    light = np.zeros((len(material), 3), np.float32)
    for rows, change in (
        (np.flatnonzero(is_part), WEATHERING[scene.condition]),
        (np.flatnonzero(~is_part), None),
    ):
        normal = carried[rows, :3]
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        surface = Surface(
            spot=carried[rows, 3:], normal=normal, up=normal @ camera.turn[:, 2], colour=colours[material[rows]],
            finish=finishes[material[rows]], shine=np.ones(len(rows), np.float32), close=open_[rows],
        )  # fmt: skip
        if change and len(rows):
            change(surface, weather)
        light[rows] = surface.lit(tables)
    layer = np.zeros((width * width, 4), np.uint8)
    layer[hits.pixels, :3] = _TONES[np.clip(light * 1024, 0, 4095).astype(np.int32)]
    layer[hits.pixels, 3] = 255
    return Image.fromarray(layer.reshape(width, width, 4))


def _openness(hits: Hits, width: int) -> Floats:
    """How open the surface is around each covered pixel (k,): 1 open, less where nearer things stand around it."""
    low, high = float(hits.close.min()), float(hits.close.max())
    level = 40 + 215 * (hits.close - low) / max(high - low, 1e-6)
    depth = np.zeros(width * width, np.uint8)
    depth[hits.pixels] = level.astype(np.uint8)
    blurred = Image.fromarray(depth.reshape(width, width)).filter(ImageFilter.BoxBlur(0.028 * width))
    near = np.asarray(blurred, np.float32).ravel()[hits.pixels] - level
    result: Floats = 1 - 0.55 * smooth(0, 70, near.astype(np.float32))
    return result


def _ground_layer(scene: Scene, layout: _Layout, stage: ground.Stage) -> Floats:
    rng = stage.rng
    picture = np.asarray(ground.backdrop(stage, scene.setting), np.float32)
    bright = rng.uniform(0.72, 1.15) * (1 + 0.08 * rng.standard_normal(3)) * scene.light.tint
    picture = picture * bright.astype(np.float32)
    front = np.array([0, -0.3 * layout.reach, 0], np.float32)
    for place in layout.places:
        if scene.condition == "burnt":
            picture = ground.stain(stage, picture, place, (layout.reach * 1.25, (22, 20, 19), 0.7))
    dark = ground.shadow(stage, layout.mesh)[..., None]
    picture = picture * (1 - dark * np.array([0.98, 0.95, 0.9], np.float32))
    for place in layout.places:
        if scene.condition == "leaking":
            middle = place + front + np.array([rng.uniform(-0.3, 0.3) * layout.reach, 0, 0], np.float32)
            picture = ground.puddle(stage, picture, middle, layout.reach * rng.uniform(0.95, 1.2))
    return picture


def _developed(scene: Scene, picture: Floats, rng: np.random.Generator) -> Image.Image:
    """What the camera adds: a vignette, a little blur, grain."""
    size = picture.shape[0]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    edge = smooth(0.5, 1.5, np.hypot(axis[:, None], axis[None, :]))
    picture = picture * (1 - scene.light.vignette * edge)[..., None]
    if scene.noise:
        grain = rng.standard_normal((size, size, 1), dtype=np.float32)
        picture = picture + 255 * scene.noise * grain
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(scene.blur * size / 128)) if scene.blur > 0.2 else image
