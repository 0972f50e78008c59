"""The loop: accepts connections, keeps room for new ones, ends those whose time is over, and stops in order."""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from retrieval_site.errors import AppError
from retrieval_site.web.channel import Channel, place_of, refusal_bytes
from retrieval_site.web.tasks import headers_dropped

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval_site.web.parser import Front as Shared

STOP_SECONDS = 8.0
LOOK_EVERY_SECONDS = 1.0
HEAD_MAX_BYTES = 32 * 1024
IN_MEMORY_BYTES = 1024 * 1024
ANSWER_IN_MEMORY_BYTES = 64 * 1024
ANSWER_WAITS_BYTES = 32 * IN_MEMORY_BYTES
"""An answer up to here leaves its thread at once; a longer one, which only files and exports are, is sent as read."""
NO_LIMIT = 1 << 62  # each address has its own


@dataclass
class Progress:
    """When a thread last ended its work, or had none to do."""

    at: float = field(default_factory=time.monotonic)

    def note(self) -> None:
        """Note that work goes on."""
        self.at = time.monotonic()


def adjustments(host: str, port: int, threads: int) -> Adjustments:
    """Return waitress's settings."""
    return Adjustments(
        listen=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        threads=threads,
        ident=None,
        clear_untrusted_proxy_headers=False,  # ours are finer; see tasks.py
        asyncore_use_poll=True,
        asyncore_loop_timeout=1,
        recv_bytes=65536,
        inbuf_overflow=IN_MEMORY_BYTES,
        outbuf_overflow=ANSWER_IN_MEMORY_BYTES,
        outbuf_high_watermark=ANSWER_WAITS_BYTES,
        max_request_header_size=HEAD_MAX_BYTES,
        max_request_body_size=NO_LIMIT,
        log_socket_errors=False,
    )


@dataclass
class LargeLane:
    """Requests with large bodies are answered a few at a time: they leave threads and memory to the others."""

    places: int
    answering: int = 0
    waiting: deque[Channel] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def enter(self, channel: Channel) -> bool:
        """Return whether there is a place; else the channel waits for one."""
        with self._lock:
            if self.answering >= self.places:
                self.waiting.append(channel)
                return False
            self.answering += 1
            return True

    def leave(self) -> Channel | None:
        """Give the place back, or on to the channel that is returned."""
        with self._lock:
            if self.waiting:
                return self.waiting.popleft()
            self.answering -= 1
            return None


class Server(TcpWSGIServer):
    """One listening port with its loop and its threads."""

    channel_class = Channel
    active_channels: dict[int, Channel]

    def __init__(self, application: Callable[..., Any], shared: Shared, adj: Adjustments) -> None:
        self.front = shared
        self.headers_dropped = headers_dropped(shared.config)
        self.progress = Progress()
        self.looked_at = time.monotonic()
        self.stopping = False
        self.large = LargeLane(max(1, adj.threads // 4))
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(adj.threads)
        super().__init__(application, map={}, dispatcher=dispatcher, adj=adj)

    # Accepting.

    def readable(self) -> bool:
        """Look after the connections now and then; new ones are always welcome."""
        now = time.monotonic()
        if now - self.looked_at >= LOOK_EVERY_SECONDS:
            self.looked_at = now
            self.look_after(now)
        return bool(self.accepting)

    def handle_accept(self) -> None:
        """Take a new connection; the one that waits longest makes room where there is none."""
        try:
            accepted = self.accept()
        except OSError:  # no descriptor left
            self._make_room(list(self.active_channels.values()))
            return
        if accepted is None:
            return
        connection, address = accepted
        if self._has_room(address[0]):
            self.set_socket_options(connection)
            Channel(self, connection, address, self.adj, map=self._map)
            return
        busy = AppError("server.busy")
        with suppress(OSError):
            connection.setblocking(False)  # noqa: FBT003
            connection.send(refusal_bytes(busy))
        connection.close()

    def _has_room(self, address: str) -> bool:
        config, channels = self.front.config, list(self.active_channels.values())
        place = place_of(address)
        same = [channel for channel in channels if channel.place == place]
        if len(same) >= config.connections_per_address:
            return self._make_room(same)
        if len(channels) < config.connections_max:
            return True
        (crowd, _), *_ = Counter(channel.place for channel in channels).most_common(1)
        return self._make_room([channel for channel in channels if channel.place == crowd])

    def _make_room(self, channels: list[Channel]) -> bool:
        ranked = [(rank, number) for number, channel in enumerate(channels) if (rank := channel.rank)]
        if not ranked:
            return False
        channels[min(ranked)[1]].handle_close()
        return True

    # Answering.

    def add_task(self, channel: Channel) -> None:
        """Let a thread answer, for a large body when one of its few places is free."""
        if not channel.requests[0].large or self.large.enter(channel):
            super().add_task(channel)

    def large_done(self) -> None:
        """Go on with the next request that has a large body."""
        following = self.large.leave()
        if following is not None:
            super().add_task(following)

    # Time.

    def look_after(self, now: float) -> None:
        """End connections whose time is over."""
        if not self.task_dispatcher.queue:
            self.progress.note()
        for channel in list(self.active_channels.values()):
            if channel.overdue(now):
                channel.end_overdue()

    def stuck_seconds(self) -> float:
        """Return for how long requests have waited while no thread ended its work, or the loop did not turn."""
        now = time.monotonic()
        return max(now - self.progress.at, now - self.looked_at - LOOK_EVERY_SECONDS)

    # Running.

    def serve(self) -> None:
        """Answer until `stop`, then let what is being answered end."""
        while not self.stopping:
            self.asyncore.poll2(LOOK_EVERY_SECONDS, self._map)
        self.accepting = False
        self.del_channel()
        self.socket.close()
        until = time.monotonic() + STOP_SECONDS
        while self._end_idle() and time.monotonic() < until:
            self.asyncore.poll2(0.1, self._map)

    def stop(self) -> None:
        """Ask `serve` to return; may be called by a signal's handler or another thread."""
        self.stopping = True
        self.pull_trigger()

    def _end_idle(self) -> int:
        for channel in list(self.active_channels.values()):
            if not channel.requests and not channel.total_outbufs_len:
                channel.handle_close()
        return len(self.active_channels)
