"""What is behind and below the part: floor, wall, shadow, puddle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from demo.drawing.noise import cloud2, smooth
from demo.drawing.settings import MAKES, PLACES, REPEATS, SIDE, SMALL_SIDE, surface_picture

if TYPE_CHECKING:
    from demo.drawing.camera import Camera
    from demo.drawing.mesh import Floats, Mesh

X, Y, Z = np.eye(3, dtype=np.float32)
FAR = 30.0
HARDLY_PX = 0.7  # blur that nobody would see
HULL_CORNERS = 16
SHEEN = 256  # side of the cloud that a puddle mirrors
TOUCH = 0.15  # solids that come this near to the floor darken it


@dataclass(frozen=True)
class GroundStage:
    """A camera, where the sun stands (3,), and the drawing's own random numbers."""

    camera: Camera
    sun: Floats
    rng: np.random.Generator

    @property
    def size(self) -> int:
        """Width and height of the picture in pixels."""
        return self.camera.size


def _laid(stage: GroundStage, picture: Image.Image, plane: Floats, scale: float) -> Image.Image:
    """A surface's picture as the camera sees it on a plane; `plane` maps pixels to plane coordinates (3, 3)."""
    side = picture.width
    place = np.array([[scale, 0, side / 2], [0, -scale, side / 2], [0, 0, 1]])
    total = place @ plane
    total /= total[2, 2]
    data = tuple(float(value) for value in total.ravel()[:8])
    size = (stage.size, stage.size)
    return picture.transform(size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BILINEAR)


def backdrop(stage: GroundStage, setting: str) -> Image.Image:
    """Floor and wall of a setting, without any shadow."""
    place, rng, size = PLACES[setting], stage.rng, stage.size
    texels = SMALL_SIDE if size <= 160 else SIDE
    makes = rng.integers(MAKES, size=2).tolist()
    shift = rng.uniform(-0.5, 0.5, 2).astype(np.float32)
    floor_origin = X * shift[0] * place.floor_width + Y * shift[1] * place.floor_width
    plane = stage.camera.plane_map(floor_origin, X, Y)
    floor = _laid(stage, surface_picture(place.floor, makes[0], texels), plane, texels / place.floor_width)
    lift = REPEATS / 2 * place.wall_width * 0.9
    plane = stage.camera.plane_map(Y * place.depth + Z * lift + X * shift[0], X, Z)
    wall = _laid(stage, surface_picture(place.wall, makes[1], texels), plane, texels / place.wall_width)
    if place.blur * size > HARDLY_PX:
        wall = wall.filter(ImageFilter.GaussianBlur(place.blur * size))
    floor.paste(wall, (0, 0), _wall_mask(stage, place.depth))
    return floor


def _wall_mask(stage: GroundStage, depth: float) -> Image.Image:
    corners = np.array([[-FAR, depth, 0], [FAR, depth, 0]], np.float32)
    (left, right), _ = stage.camera.project(corners)
    step = (right - left) / np.linalg.norm(right - left)
    up = np.array([step[1], -step[0]]) * 4 * stage.size
    mask = Image.new("L", (stage.size, stage.size))
    outline = [tuple(left), tuple(right), tuple(right + up), tuple(left + up)]
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in outline], fill=255)
    return (
        mask.filter(ImageFilter.GaussianBlur(0.005 * stage.size)) if 0.005 * stage.size > HARDLY_PX else mask
    )


def _hulls(screen: Floats, pieces: tuple[int, ...]) -> Floats:
    """Polygons (pieces, corners, 2) around the points (n, 2) of each solid: where its support lines meet."""
    angle = np.arange(HULL_CORNERS) * 2 * np.pi / HULL_CORNERS
    direction = np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    reach = np.maximum.reduceat(screen @ direction, pieces, axis=0)
    after = np.roll(reach, -1, axis=1)
    step = 2 * np.pi / HULL_CORNERS
    along = (after - reach * np.cos(step)) / np.sin(step)
    x = reach * direction[0] - along * direction[1]
    y = reach * direction[1] + along * direction[0]
    return np.stack([x, y], -1)


def _filled(stage: GroundStage, hulls: Floats, blur: float) -> Floats:
    mask = Image.new("L", (stage.size, stage.size))
    pen = ImageDraw.Draw(mask)
    for hull in hulls.reshape(len(hulls), -1).tolist():
        pen.polygon(hull, fill=255)
    soft = mask.filter(ImageFilter.GaussianBlur(blur * stage.size))
    result: Floats = np.asarray(soft, np.float32) / 255
    return result


def shadow(stage: GroundStage, mesh: Mesh) -> Floats:
    """How much of the light the floor lacks (size, size), 0–1: the cast shadow, and the dark where things touch it."""
    points = mesh.points
    low = np.minimum.reduceat(points[:, 2], mesh.pieces)
    cast = points - stage.sun * (points[:, 2:] / max(float(stage.sun[2]), 0.2))
    soft = _filled(stage, _hulls(stage.camera.project(cast)[0], mesh.pieces), 0.014)
    flat = points * np.array([1, 1, 0], np.float32)
    near = _filled(stage, _hulls(stage.camera.project(flat)[0], mesh.pieces)[low < TOUCH], 0.022)
    result: Floats = 1 - (1 - 0.52 * soft) * (1 - 0.5 * near)
    return result


def _blob(stage: GroundStage, middle: Floats, radius: float) -> Image.Image:
    """A wobbly patch on the floor as a mask."""
    angle = np.arange(72) * 2 * np.pi / 72
    wobble = cloud2(72, 1.9, int(stage.rng.integers(8)))[int(stage.rng.integers(72))]
    reach = radius * (1 + 0.16 * np.clip(wobble, -2, 2))
    ring = np.stack([reach * np.cos(angle), reach * np.sin(angle), np.zeros(72)], 1) + middle
    screen, _ = stage.camera.project(ring.astype(np.float32))
    mask = Image.new("L", (stage.size * 2, stage.size * 2))
    ImageDraw.Draw(mask).polygon([(2 * float(x), 2 * float(y)) for x, y in screen], fill=255)
    return mask.reduce(2)


def puddle(stage: GroundStage, picture: Floats, middle: Floats, radius: float) -> Floats:
    """The picture (size, size, 3) 0–255 with a puddle of oil: dark, glossy, with a film of colours at its edge."""
    patch = _blob(stage, middle, radius)
    mask = np.asarray(patch, np.float32) / 255
    wide = np.asarray(patch.filter(ImageFilter.GaussianBlur(0.022 * stage.size)), np.float32) / 255
    depth = np.clip(2 * wide - 1, 0, 1) * mask
    film = 0.5 + 0.5 * np.cos(9.0 * depth[..., None] + np.array([0.0, 2.1, 4.2], np.float32))
    colour = (
        np.array([30, 19, 10], np.float32) + 70 * film * (mask * np.clip(1 - 1.6 * depth, 0, 1))[..., None]
    )
    covered = picture + 0.93 * mask[..., None] * (colour - picture)
    step = max(1, round(0.014 * stage.size))
    rim = np.clip(mask - np.roll(wide, step, axis=0) * 1.25, 0, 1)
    rows = np.linspace(0, SHEEN - 1, stage.size).astype(np.intp)
    waves = cloud2(SHEEN, 2.4, 5)[np.ix_((rows * 3) % SHEEN, rows)]
    gloss = np.clip(0.8 * rim + smooth(0.4, 1.6, waves) * 0.4 * smooth(0.25, 0.9, depth), 0, 1)[..., None]
    return covered + gloss * (np.array([238, 236, 228], np.float32) - covered)


def stain(
    stage: GroundStage, picture: Floats, middle: Floats, look: tuple[float, tuple[int, int, int], float]
) -> Floats:
    """The picture with a soft stain of (radius, colour 0–255, strength) on the floor."""
    radius, colour, strength = look
    patch = _blob(stage, middle, radius).filter(ImageFilter.GaussianBlur(0.03 * stage.size))
    mask = np.asarray(patch, np.float32)[..., None] / 255 * strength
    return np.asarray(picture + mask * (np.array(colour, np.float32) - picture), np.float32)
