"""The guarded child of `validation.validate_bundle`: `python -P -m workers.inference.validation_child ORDER`.

It locks itself in before it imports anything large, reads the bundle from its standard input and answers on its
standard output with one JSON object a line: `stage` as often as it likes, then one of `done`, `refused`, `broken`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.errors import BundleError
from workers.inference.isolation import Resources, isolate, needed_folders

if TYPE_CHECKING:
    from collections.abc import Callable


def main(order: dict[str, Any]) -> None:
    """Carry out one order: `{"task", "bundle_fd", "scratch", "threads", "resources": {…}, "limits": {…}}`."""
    answer = _open_channel()
    scratch = Path(order["scratch"])
    walls = isolate(scratch, Resources(**order["resources"]), needed_folders())
    try:
        from workers.inference import validation_tasks

        result = validation_tasks.TASKS[order["task"]](order, walls, lambda name: answer({"stage": name}))
        answer({"done": result})
    except BundleError as error:
        answer({"refused": {"id": error.id, "message": error.message, "detail": error.detail}})
    except MemoryError:
        answer(
            {"refused": {"id": "bundle.memory", "message": "The bundle needs more memory than is allowed."}}
        )
    except Exception:  # noqa: BLE001  a defect of ours: told to the parent, where it stays loud
        answer({"broken": traceback.format_exc()[-4000:]})


def _open_channel() -> Callable[[dict[str, Any]], None]:
    """Keep the way to the parent for answers alone: what libraries print goes to standard error."""
    channel = os.dup(1)
    os.dup2(2, 1)

    def answer(message: dict[str, Any]) -> None:
        os.write(channel, json.dumps(message).encode() + b"\n")

    return answer


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    # Without waiting for the threads and the clean-up of libraries that a hostile bundle may have upset.
    os._exit(0)
