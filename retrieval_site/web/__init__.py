"""The web server: a front that reads requests and sends answers for all connections, and threads that answer.

waitress carries it: its loop holds a request back until its body is there and an answer until its reader took it, so
that a thread is held by neither. What it lacks is here: time limits, room for everybody, and asking before a body.
"""
