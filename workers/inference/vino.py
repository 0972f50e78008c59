"""OpenVINO without its telemetry: import it from here, so that nothing is written to the home folder or sent anywhere.

On import the package would make a client id file and later report use to its maker. Where the telemetry package
cannot be imported it takes its own stand-in, which does nothing.
"""

from __future__ import annotations

import sys

# An import of a name that maps to None raises ImportError; that is Python's documented way to block a module.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402  only after the line above

__all__ = ["openvino"]
