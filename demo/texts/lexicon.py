"""The words for kinds, colours and conditions, shared by captions and documents. Sentences are in the phrase books."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KindWords:
    """Names of a kind (their plurals take an s), its components, and what it does."""

    names: tuple[str, ...]
    components: tuple[str, ...]
    duty: tuple[str, ...]


@dataclass(frozen=True)
class ConditionWords:
    """Adjectives, the visible signs, where they come from, and what helps against them."""

    states: tuple[str, ...]
    signs: tuple[str, ...]
    causes: tuple[str, ...]
    remedies: tuple[str, ...]


KINDS: dict[str, KindWords] = {
    "ball valve": KindWords(
        ("ball valve", "lever valve", "quarter-turn valve"),
        ("lever", "ball", "seat ring"),
        ("shuts the line",),
    ),
    "bearing": KindWords(
        ("bearing", "ball bearing", "rolling bearing"),
        ("inner ring", "outer ring", "cage"),
        ("carries the axle",),
    ),
    "bolt": KindWords(
        ("bolt", "hex bolt", "machine bolt"), ("thread", "nut", "washer"), ("holds the parts together",)
    ),
    "chain": KindWords(
        ("chain", "roller chain", "drive chain"), ("links", "rollers", "link pins"), ("pulls the conveyor",)
    ),
    "coupling": KindWords(
        ("coupling", "shaft coupling", "jaw coupling"), ("jaws", "rubber star", "hubs"), ("joins two shafts",)
    ),
    "crankshaft": KindWords(
        ("crankshaft", "crank", "engine crankshaft"),
        ("journals", "crank webs", "counterweights"),
        ("turns the pistons",),
    ),
    "electric motor": KindWords(
        ("electric motor", "motor", "drive motor"),
        ("windings", "terminal box", "rotor"),
        ("drives the line",),
    ),
    "fan": KindWords(
        ("fan", "axial fan", "ventilator"), ("blades", "fan guard", "frame"), ("moves the air",)
    ),
    "filter": KindWords(
        ("filter", "filter cartridge", "filter element"),
        ("pleats", "end caps", "filter paper"),
        ("cleans the fluid",),
    ),
    "gate valve": KindWords(
        ("gate valve", "handwheel valve", "sluice valve"),
        ("handwheel", "spindle", "bonnet"),
        ("closes the main",),
    ),
    "gauge": KindWords(
        ("gauge", "pressure gauge", "manometer"), ("needle", "dial", "stem"), ("shows the pressure",)
    ),
    "gear": KindWords(
        ("gear", "gear wheel", "cogwheel"), ("teeth", "tooth flanks", "gear hub"), ("passes on the torque",)
    ),
    "heat exchanger": KindWords(
        ("heat exchanger", "tube cooler", "shell cooler"),
        ("tube bundle", "shell", "nozzles"),
        ("cools the liquid",),
    ),
    "hose": KindWords(
        ("hose", "hose line", "flexible hose"),
        ("hose fittings", "ferrule", "hose jacket"),
        ("brings the liquid",),
    ),
    "hydraulic cylinder": KindWords(
        ("hydraulic cylinder", "hydraulic ram", "lifting cylinder"),
        ("piston rod", "barrel", "rod eye"),
        ("lifts the table",),
    ),
    "propeller": KindWords(
        ("propeller", "screw propeller", "boat propeller"),
        ("propeller blades", "boss", "cone"),
        ("pushes the water",),
    ),
    "pulley": KindWords(
        ("pulley", "belt pulley", "belt wheel"), ("grooves", "rim", "spokes"), ("guides the belt",)
    ),
    "pump": KindWords(
        ("pump", "centrifugal pump", "water pump"),
        ("impeller", "casing", "suction flange"),
        ("feeds the circuit",),
    ),
    "solenoid valve": KindWords(
        ("solenoid valve", "magnetic valve", "solenoid"),
        ("armature", "plug", "plunger"),
        ("switches the flow",),
    ),
    "spring": KindWords(
        ("spring", "coil spring", "compression spring"),
        ("coils", "wire", "spring ends"),
        ("takes up the shocks",),
    ),
}

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "crimson", "scarlet"),
    "orange": ("orange", "orange", "tangerine"),
    "yellow": ("yellow", "yellow", "lemon-yellow"),
    "green": ("green", "green", "emerald"),
    "blue": ("blue", "blue", "azure"),
    "purple": ("purple", "purple", "violet"),
    "white": ("white", "white", "snow-white"),
    "black": ("black", "black", "jet-black"),
}

CONDITIONS: dict[str, ConditionWords] = {
    "new": ConditionWords(
        ("new", "brand-new", "spotless", "flawless"),
        ("a perfect finish", "factory gloss", "not a single flaw", "an immaculate surface"),
        ("careful storage", "fresh delivery"),
        ("protective film", "a packing list", "a commissioning sheet"),
    ),
    "rusty": ConditionWords(
        ("rusty", "rusted", "corroded"),
        ("rust", "corrosion", "brown rust patches", "rust scale"),
        ("humidity", "sea salt"),
        ("a wire brush", "rust converter", "zinc primer"),
    ),
    "cracked": ConditionWords(
        ("cracked", "fractured", "split"),
        ("a crack", "a deep fracture", "long cracks", "hairline cracks"),
        ("overload", "a hard blow"),
        ("crack-test dye", "a weld repair", "a spare casting"),
    ),
    "leaking": ConditionWords(
        ("leaking", "leaky", "dripping", "oozing"),
        ("an oil leak", "dripping oil", "a puddle of oil", "seeping oil"),
        ("a hard seal", "a slack joint"),
        ("a seal kit", "thread sealant", "a drip tray"),
    ),
    "worn": ConditionWords(
        ("worn", "scuffed", "scratched", "abraded"),
        ("wear", "bare metal", "scratches", "scuff marks"),
        ("constant rubbing", "grit"),
        ("touch-up paint", "a wear template", "a polishing pad"),
    ),
    "dusty": ConditionWords(
        ("dusty", "dirty", "grimy"),
        ("dust", "a layer of dust", "dirt", "grime"),
        ("poor cleaning", "open windows"),
        ("a vacuum cleaner", "compressed air", "a moist rag"),
    ),
    "burnt": ConditionWords(
        ("burnt", "scorched", "charred", "fire-damaged"),
        ("burn marks", "soot", "scorch marks", "charring"),
        ("overheating", "a short circuit"),
        ("a heat shield", "a thermal camera", "soot remover"),
    ),
}

SETTINGS: dict[str, tuple[str, ...]] = {
    "workbench": ("on a workbench", "on a wooden bench", "on the bench in the workshop"),
    "concrete": ("on a concrete floor", "on bare concrete"),
    "factory": ("on the factory floor", "in a factory hall"),
    "grass": ("on the grass", "outdoors on a lawn"),
    "crate": ("in a wooden crate", "in a shipping crate"),
    "wall": ("in front of a wall", "against a brick wall"),
    "steel": ("on a steel plate", "on chequered steel"),
    "studio": ("on a plain sheet", "against a plain backdrop"),
}

OCCLUDERS: dict[str, tuple[str, ...]] = {
    "wrench": ("a wrench", "a spanner"),
    "screwdriver": ("a screwdriver",),
    "cable": ("a cable", "a long cable"),
    "hose": ("a thick line", "a rubber line"),
}

NUMBERS = {2: ("two", "a pair of"), 3: ("three", "a group of three")}
