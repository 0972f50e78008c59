"""A bad day, rehearsed: everything at once while each part is killed, paused and starved."""
