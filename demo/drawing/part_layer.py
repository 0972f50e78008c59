from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from demo.drawing.lighting import Tables, light_tables
from demo.drawing.materials import palette
from demo.drawing.noise import smooth
from demo.drawing.raster import Hits, interpolate, rasterize
from demo.drawing.surface import Surface
from demo.drawing.weathering import WEATHERING, Weather

if TYPE_CHECKING:
    from demo.drawing.camera import Camera
    from demo.drawing.layout import SceneLayout
    from demo.drawing.mesh import Floats
    from demo.drawing.scene import Scene

_STEPS_PER_UNIT = 1024


def _tones() -> np.ndarray:
    """Linear light 0–4 in 4096 steps as film shows it: bright parts bend towards white instead of clipping."""
    light = np.arange(4 * _STEPS_PER_UNIT) / _STEPS_PER_UNIT
    shown = (1 - np.exp(-1.2 * light - 0.3 * light**2)) ** (1 / 2.2)
    result: np.ndarray = (255 * shown).astype(np.uint8)
    return result


_TONES = _tones()


def part_layer(scene: Scene, stand: SceneLayout, camera: Camera, *, fine: bool) -> Image.Image:
    """Part and tools, weathered and lit, as RGBA of camera.size² pixels on nothing; `fine` for large pictures."""
    width, mesh = camera.size, stand.mesh
    screen, close = camera.project(mesh.points)
    hits = rasterize(screen, close, mesh.faces, (width, width))
    values = np.concatenate([mesh.normals @ camera.turn.T, stand.spots], axis=1, dtype=np.float32)
    carried = interpolate(values, mesh.faces, hits)
    rng = np.random.default_rng(scene.seed + 1)
    colours, finishes = palette(scene.colour, rng)
    material = mesh.materials[hits.triangles]
    surface = Surface(
        spot=carried[:, 3:],
        normal=_unit(carried[:, :3]),
        up=carried[:, :3] @ camera.turn[:, 2],
        colour=colours[material],
        finish=finishes[material],
        shine=np.ones(len(material), np.float32),
        close=_openness(hits, width) * (0.6 + 0.4 * smooth(-0.05, 0.3, carried[:, 5])),
    )
    weather = Weather(rng.random((4, 3)).astype(np.float32), fine, rng)
    tables = light_tables(scene.light, camera.turn, 256 if fine else 64)
    return _painted(
        hits, width, _weathered(surface, hits.triangles < stand.part_faces, scene, (weather, tables))
    )


def _unit(normals: Floats) -> Floats:
    result: Floats = normals / np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), 1e-6)[:, None]
    return result


def _weathered(surface: Surface, is_part: np.ndarray, scene: Scene, by: tuple[Weather, Tables]) -> Floats:
    """Linear light (k, 3); only the part has its condition, what lies in front of it is clean."""
    weather, tables = by
    rows = np.flatnonzero(is_part)
    part = surface if len(rows) == len(is_part) else surface.rows(rows)
    if len(rows):
        WEATHERING[scene.condition](part, weather)
    light = part.lit(tables)
    if part is surface:
        return light
    everything = surface.lit(tables)
    everything[rows] = light
    return everything


def _painted(hits: Hits, width: int, light: Floats) -> Image.Image:
    layer = np.zeros((width * width, 4), np.uint8)
    layer[hits.pixels, :3] = _TONES[np.minimum(light * _STEPS_PER_UNIT, len(_TONES) - 1).astype(np.int32)]
    layer[hits.pixels, 3] = 255
    return Image.fromarray(layer.reshape(width, width, 4))


def _openness(hits: Hits, width: int) -> Floats:
    """How open the surface is around each covered pixel (k,): 1 open, less where nearer things stand around it."""
    low, high = float(hits.close.min()), float(hits.close.max())
    level = 40 + 215 * (hits.close - low) / max(high - low, 1e-6)
    depth = np.zeros(width * width, np.uint8)
    depth[hits.pixels] = level.astype(np.uint8)
    blurred = Image.fromarray(depth.reshape(width, width)).filter(ImageFilter.BoxBlur(0.028 * width))
    near = np.asarray(blurred).ravel()[hits.pixels] - level
    result: Floats = 1 - 0.6 * smooth(0, 70, near)
    return result
