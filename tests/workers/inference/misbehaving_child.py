"""Stands in for the guarded child, and ends in the way that its order's task names."""

import json
import os
import signal
import sys
import time

ORDER = json.loads(sys.argv[1])


def nonsense():
    os.write(1, b"this is not JSON\n")
    time.sleep(60)


def endless_line():
    while True:
        os.write(1, b"x" * 65536)


def silent_end():
    sys.stderr.write("something went wrong")
    sys.exit(3)


def bad_alloc():
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGABRT)


def grows():
    kept = [bytearray(os.urandom(1 << 20) * 50) for _ in range(200)]
    time.sleep(60 + len(kept))


def sleeps_with_children():
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(600)


def answer(message):
    os.write(1, json.dumps(message).encode() + b"\n")


def daemon():
    """Leaves a process behind that has left its session, as a daemon does, and answers as if all were well."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    time.sleep(0.5)
    answer({"done": {}})


def locked_in_daemon():
    from pathlib import Path

    from workers.inference.isolation import Resources, isolate, needed_folders

    isolate(Path(ORDER["scratch"]), Resources(**ORDER["resources"]), needed_folders())
    try:
        daemon()
    except PermissionError:
        answer({"done": {"refused": True}})


def environment():
    os.write(
        1,
        json.dumps({"stage": "look"}).encode()
        + b"\n"
        + json.dumps({"done": dict(os.environ)}).encode()
        + b"\n",
    )


def main():
    task = ORDER["task"]
    if task.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, task))
        time.sleep(60)
    globals()[task]()


main()
