"""Draws pictures of machine parts: `scene_sample` says what a picture shows, `draw` draws it."""

from demo.drawing.parts.catalogue import KINDS
from demo.drawing.render import draw
from demo.drawing.scene import COLOURS, CONDITIONS, SETTINGS, Light, Scene, View, scene_sample

__all__ = ["COLOURS", "CONDITIONS", "KINDS", "SETTINGS", "Light", "Scene", "View", "draw", "scene_sample"]
