"""The kinds of part by name, and their meshes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from demo.drawing.kit import Kit
from demo.drawing.mesh import Mesh, rested
from demo.drawing.parts import flow, power, wheels

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS = 3

BUILDERS: dict[str, Callable[[Kit], None]] = {
    "ball valve": flow.ball_valve,
    "bearing": wheels.bearing,
    "bolt": power.bolt,
    "chain": wheels.sprocket_chain,
    "coupling": wheels.coupling,
    "crankshaft": wheels.crankshaft,
    "electric motor": power.electric_motor,
    "fan": wheels.fan,
    "filter": power.filter_cartridge,
    "gate valve": flow.gate_valve,
    "gauge": power.gauge,
    "gear": wheels.gear,
    "heat exchanger": flow.heat_exchanger,
    "hose": flow.hose,
    "hydraulic cylinder": power.hydraulic_cylinder,
    "propeller": wheels.propeller,
    "pulley": wheels.pulley,
    "pump": flow.pump,
    "solenoid valve": flow.solenoid_valve,
    "spring": power.spring,
}
KINDS = tuple(BUILDERS)


@lru_cache(maxsize=256)
def part_mesh(kind: str, variant: int, detail: int) -> Mesh:
    """The mesh of a kind, standing on z = 0 with half diagonal 1; `detail` is the segments around a large cylinder."""
    kit = Kit(detail, variant)
    BUILDERS[kind](kit)
    return rested(kit.build())
