"""The child's side: `python -P -m workers.inference.sandbox.child ORDER`.

It locks itself in before it imports anything large, makes its handler, says that it is ready, then answers one call
after another until its parent closes the socket. A handler is a class with one method for each kind of call:
`method(head, payload) → (head, payload)`; the payload that it is given is valid only during the call.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from workers.inference.errors import InferenceError
from workers.inference.isolation import Resources, isolate, needed_folders
from workers.inference.sandbox import wire
from workers.inference.sandbox.memory import SharedMemory
from workers.out_of_memory import is_out_of_memory

_TRACEBACK_CHARACTERS = 4000


def main(order: dict[str, Any]) -> None:
    """Serve one parent: `{"channel", "given", "answered": descriptors, "handler", "options", "scratch", …}`."""
    channel = socket.socket(fileno=order["channel"])
    os.nice(order["niceness"])
    walls = isolate(
        Path(order["scratch"]),
        Resources(**order["resources"]),
        [*needed_folders(), *map(Path, order["readable"])],
        [Path(folder) for folder in order["writable"]],
    )
    try:
        handler = _handler(order["handler"])(**order["options"])
        _limit_memory(order["memory_bytes"])
        hello = {"walls": walls.to_json(), "hello": handler.hello()}
    except Exception as error:  # noqa: BLE001  told to the parent, which raises it there
        wire.send(channel, _failure(error))
        return
    wire.send(channel, hello)
    serve(channel, handler, SharedMemory(order["given"]), SharedMemory(order["answered"]))


def serve(channel: socket.socket, handler: Any, given: SharedMemory, answered: SharedMemory) -> None:
    """Answer calls until the parent is gone."""
    while (head := wire.receive(channel)) is not None:
        wire.send(channel, _answer(handler, head, given, answered))


def _answer(
    handler: Any, head: dict[str, Any], given: SharedMemory, answered: SharedMemory
) -> dict[str, Any]:
    try:
        payload = given.view(head["bytes"])
        reply, parts = getattr(handler, head["method"])(head["head"], payload)
        return {"head": reply, "bytes": answered.write(parts)}
    except Exception as error:  # noqa: BLE001  told to the parent, which raises it there
        return _failure(error)


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, InferenceError):
        return {
            "error": {
                "kind": type(error).__name__,
                "id": error.id,
                "message": error.message,
                "detail": error.detail,
            }
        }
    if is_out_of_memory(error):
        return {"memory": True}
    return {"broken": traceback.format_exc()[-_TRACEBACK_CHARACTERS:]}


def _handler(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _limit_memory(most: int) -> None:
    """Allow so much private memory beyond what the libraries and the handler have taken up to now."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    allowed = most + pages * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (min(allowed, hard),) * 2 if hard >= 0 else (allowed, allowed))


if __name__ == "__main__":
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: nobody waits for an answer
        main(json.loads(sys.argv[1]))
    # Without waiting for the threads and the clean-up of libraries that hostile input may have upset.
    os._exit(0)
