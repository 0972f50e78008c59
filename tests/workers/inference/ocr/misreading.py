"""Handlers of a reader's process that do what hostile pictures might make one do."""

from __future__ import annotations

import os
import signal
import time


class MisreadingHandler:
    """What the picture's width says: 1 and 11 hang, 2 is killed, 3 takes too much memory, 4 answers nonsense."""

    def __init__(self):
        self._kept = []

    def hello(self):
        return {}

    def read(self, head, payload):
        {1: self._hang, 11: self._hang, 2: self._die, 3: self._grow, 4: self._nothing}.get(
            head["size"][0], self._nothing
        )()
        read = [{"text": "ok", "kind": "line", "box": [0, 0, 1, 1], "confidence": 1}]
        return {"read": "nonsense" if head["size"][0] == 4 else read}, []

    def _hang(self):
        time.sleep(600)

    def _die(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def _grow(self):
        self._kept = [bytearray(os.urandom(1 << 20)) * 64 for _ in range(64)]

    def _nothing(self):
        pass
