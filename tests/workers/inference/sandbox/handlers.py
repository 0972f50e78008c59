"""A handler that does what a hostile input would make it do; runs in a sandboxed child."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

from workers.inference.errors import PictureError


class Misbehaving:
    """One method for each way in which a call can go wrong, and one for the way in which it goes well."""

    def __init__(self, word: str = "") -> None:
        if word == "refuse":
            raise PictureError.quoting("image.empty", "No.", {"word": word})
        if word == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        self.word = word

    def hello(self):
        return {"word": self.word, "pid": os.getpid()}

    def echo(self, head, payload):
        return head, [bytes(payload[::-1])]

    def refuse(self, head, payload):
        raise PictureError.quoting("image.truncated", "The picture is damaged.", {"bytes": len(payload)})

    def defect(self, head, payload):
        raise KeyError("a defect")

    def lack(self, head, payload):
        raise RuntimeError(head["words"])

    def crash(self, head, payload):
        ctypes.string_at(0)

    def leave(self, head, payload):
        os._exit(7)

    def stall(self, head, payload):
        time.sleep(60)

    def rest(self, head, payload):
        time.sleep(head["seconds"])
        return head, []

    def work(self, head, payload):
        while True:
            pass

    def grow(self, head, payload):
        found = [bytearray(16 << 20) for _ in range(head["blocks"])]
        return {"blocks": len(found)}, []

    def overflow(self, head, payload):
        return {}, [bytes(head["bytes"])]

    def reach_out(self, head, payload):
        """Try what is walled off; say what worked."""
        return {
            "socket": _works(socket.socket),
            "read": _works(lambda: Path(head["file"]).read_text()),
            "write": _works(lambda: Path("/tmp/sightline-reached").write_text("x")),
        }, []

    def shrink(self, head, payload):
        """Try to shorten the memory that the parent reads."""
        return {"worked": [fd for fd in range(3, 32) if _works(lambda fd=fd: os.ftruncate(fd, 0))]}, []


def _works(what):
    try:
        what()
    except OSError:
        return False
    return True
