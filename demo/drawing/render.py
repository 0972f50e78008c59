"""From a scene to its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from demo.drawing import ground
from demo.drawing.camera import FILL, FILL_TOGETHER, camera_for
from demo.drawing.layout import SceneLayout, layout
from demo.drawing.lighting import sun_direction
from demo.drawing.noise import smooth
from demo.drawing.part_layer import part_layer
from demo.drawing.smoke import smoke

if TYPE_CHECKING:
    from demo.drawing.camera import Camera
    from demo.drawing.mesh import Floats
    from demo.drawing.scene import Scene

FINER = 2  # the part is drawn at twice the size and reduced, so that its edges are smooth
SMOKE = np.array([196, 194, 192], np.float32)
SMALL = 200  # pictures up to this size are drawn with coarser meshes and clouds
COARSE_DETAIL, FINE_DETAIL = 18, 56  # segments around a large cylinder


def draw(scene: Scene, size: int) -> Image.Image:
    """The picture of a scene, RGB, size² pixels. The same scene gives the same picture."""
    rng = np.random.default_rng(scene.seed)
    fine = size > SMALL
    stand = layout(scene, FINE_DETAIL if fine else COARSE_DETAIL, rng)
    fill = FILL if scene.count == 1 else FILL_TOGETHER
    camera = camera_for(scene.view, size, stand.mesh.points[: stand.part_points], fill)
    part = part_layer(scene, stand, camera.scaled(FINER), fine=fine)
    picture = _ground_layer(scene, stand, ground.GroundStage(camera, sun_direction(scene.light), rng))
    layer = np.asarray(part.reduce(FINER), np.float32)
    picture = picture + layer[..., 3:] / 255 * (layer[..., :3] - picture)
    if scene.condition == "burnt":
        picture = _smoking(picture, stand, camera)
    return _developed(scene, picture, rng)


def _ground_layer(scene: Scene, stand: SceneLayout, stage: ground.GroundStage) -> Floats:
    """Floor and wall (size, size, 3) 0–255, with shadows and what the part's condition leaves on the floor."""
    rng = stage.rng
    picture: Floats = np.asarray(ground.backdrop(stage, scene.setting), np.float32)
    bright = rng.uniform(0.72, 1.12) * (1 + 0.05 * rng.standard_normal(3)) * scene.light.tint
    picture = picture * bright.astype(np.float32)
    if scene.condition == "burnt":
        for place in stand.places:
            picture = ground.stain(stage, picture, place, (stand.reach * 1.25, (22, 20, 19), 0.7))
    dark = ground.shadow(stage, stand.mesh)[..., None]
    picture = picture * (1 - dark * np.array([0.98, 0.95, 0.9], np.float32))
    if scene.condition == "leaking":
        for place in stand.places:
            aside = stand.reach * np.array([rng.uniform(-0.25, 0.25), -0.35, 0])
            picture = ground.puddle(
                stage, picture, place + aside, stand.reach * float(rng.uniform(0.75, 0.95))
            )
    return picture


def _smoking(picture: Floats, stand: SceneLayout, camera: Camera) -> Floats:
    """The picture with thin smoke rising from each copy."""
    top = float(stand.mesh.points[: stand.part_points, 2].max())
    sources, _ = camera.project(stand.places + np.array([0, 0, 0.75 * top], np.float32))
    for source in sources:
        cover = smoke(camera.size, (float(source[0]), float(source[1])))[..., None]
        picture = picture + cover * (SMOKE - picture)
    return picture


def _developed(scene: Scene, picture: Floats, rng: np.random.Generator) -> Image.Image:
    """What the camera adds: a vignette, grain, a little blur."""
    size = picture.shape[0]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    edge = smooth(0.5, 1.5, np.hypot(axis[:, None], axis[None, :]))
    picture = picture * (1 - scene.light.vignette * edge)[..., None]
    grain = rng.standard_normal((size, size, 1), dtype=np.float32)
    picture = picture + np.float32(255 * scene.noise) * grain
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(scene.blur * size / 128)) if scene.blur > 0.2 else image
