"""ICC profiles made from what a file says in numbers: primaries, white point and transfer function (ITU-T H.273)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Chromaticities: TypeAlias = "Sequence[float]"
"""x and y of white, red, green and blue: eight numbers."""

_D65, _D50_XYZ = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
SRGB: Chromaticities = (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_CURVE_POINTS = 4096
_WHITE_NITS, _PQ_NITS = 203.0, 10_000.0
"""White of an ordinary picture in one with a high dynamic range (ITU-R BT.2408); what is brighter becomes white."""
_HLG_WHITE = 0.75
_GAMMAS = range(1, 11)


@dataclass(frozen=True)
class CodePoints:
    """Colours by numbers, as `colr` boxes (nclx) and PNG's cICP chunks have them."""

    primaries: int
    transfer: int

    def profile(self) -> bytes | None:
        """Return the profile that they stand for; None for sRGB and for what is not known here."""
        chromaticities, curve = _PRIMARIES.get(self.primaries, SRGB), _TRANSFERS.get(self.transfer, _srgb)
        if chromaticities == SRGB and curve is _srgb:
            return None
        return profile_made(chromaticities, curve)


def gamma_profile(chromaticities: Chromaticities, gamma: float) -> bytes:
    """Return the profile of colours whose light is `value ** gamma`, gamma from 1 to 10; raises ValueError."""
    if not _GAMMAS[0] <= gamma <= _GAMMAS[-1]:
        raise ValueError(f"a gamma of {gamma}")
    return profile_made(chromaticities, lambda values: values**gamma)


def profile_made(chromaticities: Chromaticities, curve: Callable[[Floats], Floats]) -> bytes:
    """Return an ICC profile (version 4) of three primaries and one curve; raises ValueError for impossible ones."""
    matrix = _to_d50(chromaticities)
    light = np.clip(curve(np.linspace(0.0, 1.0, _CURVE_POINTS)), 0.0, 1.0)
    points = struct.pack(">4sII", b"curv", 0, _CURVE_POINTS) + np.rint(light * 65535).astype(">u2").tobytes()
    columns = [_xyz(matrix[:, column]) for column in range(3)]
    names = (b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    return _file(names, (_xyz(np.array(_D50_XYZ)), *columns, points, points, points))


def _to_d50(chromaticities: Chromaticities) -> Floats:
    """Return the matrix from linear RGB to XYZ under D50, adapted from the picture's white by Bradford's method."""
    white, *primaries = (_xy_to_xyz(chromaticities[at], chromaticities[at + 1]) for at in range(0, 8, 2))
    try:
        columns = np.stack(primaries, axis=1)
        matrix = columns * np.linalg.solve(columns, white)
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries on one line") from error
    gains = (_BRADFORD @ np.array(_D50_XYZ)) / (_BRADFORD @ white)
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ matrix
    if not np.abs(adapted).max() < 8:  # what the file's numbers hold is larger, but no camera's colours are
        raise ValueError("primaries that make no sense")
    return adapted


def _xy_to_xyz(x: float, y: float) -> Floats:
    if not y > 0:
        raise ValueError("a chromaticity without light")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz(values: Floats) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(int(number) for number in np.rint(values * 65536)))


def _file(names: tuple[bytes, ...], bodies: tuple[bytes, ...]) -> bytes:
    """Return header, table of tags, and the tags; those with the same content share it."""
    start, places, content = 128 + 4 + 12 * len(names), dict[bytes, int](), b""
    for body in bodies:
        if body not in places:
            places[body] = start + len(content)
            content += body
    rows = [
        struct.pack(">4sII", name, places[body], len(body)) for name, body in zip(names, bodies, strict=True)
    ]
    table = struct.pack(">I", len(names)) + b"".join(rows)
    header = struct.pack(">I4xI4s4s4s", start + len(content), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in _D50_XYZ))
    return header.ljust(128, b"\0") + table + content


def _srgb(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _perceptual_quantiser(values: Floats) -> Floats:
    """SMPTE ST 2084."""
    root = values ** (1 / 78.84375)
    light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return light * _PQ_NITS / _WHITE_NITS


def _hybrid_log_gamma(values: Floats) -> Floats:
    """ARIB STD-B67: the light of the scene."""
    return _hlg_light(values) / float(_hlg_light(np.array([_HLG_WHITE]))[0])


def _hlg_light(values: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


_TRANSFERS: dict[int, Callable[[Floats], Floats]] = {
    4: lambda values: values**2.2,
    5: lambda values: values**2.8,
    8: lambda values: values,
    16: _perceptual_quantiser,
    17: lambda values: values**2.6 * 52.37 / 48,
    18: _hybrid_log_gamma,
}
"""All others, those of television (1, 6, 14, 15) included, are read as sRGB's, as browsers show them."""
