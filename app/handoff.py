"""The two ways in which frames change threads. Neither ever blocks the producer.

``Latest``: one slot, the newest wins, what was overwritten is counted.
``Spool``: a bounded queue that refuses when full.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """A slot that holds the newest item only."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._fresh = False
        self._closed = False
        self._overwritten = 0

    def put(self, item: T) -> bool:
        """Replace the item. Returns whether an item that nobody took was overwritten."""
        with self._ready:
            lost = self._fresh
            self._overwritten += lost
            self._item, self._fresh = item, True
            self._ready.notify()
            return lost

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item that was not taken yet and take it; None after the timeout or when closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._fresh or self._closed, timeout_s)
            if not self._fresh:
                return None
            self._fresh = False
            return self._item

    def peek(self) -> T | None:
        """The newest item, taken or not; None before the first."""
        with self._ready:
            return self._item

    def close(self) -> None:
        """Wake all who wait; they get None once the last item was taken."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def overwritten(self) -> int:
        """How many items were replaced before anyone took them."""
        with self._ready:
            return self._overwritten


class Spool(Generic[T]):
    """A bounded first-in-first-out queue for a consumer that wants every item.

    Args:
        capacity: how much may wait; an item that alone is more than that is taken while nothing else waits.
        cost: how much of the capacity an item takes; by default items are counted.
    """

    def __init__(self, capacity: int, cost: Callable[[T], int] = lambda _: 1) -> None:
        self._ready = threading.Condition()
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._cost = cost
        self._waiting = 0
        self._closed = False
        self._refused = 0

    def offer(self, item: T) -> bool:
        """Add an item; False, at once, if the spool is full or closed. A refusal is counted and must be shown."""
        with self._ready:
            waiting = self._waiting + self._cost(item)
            if self._closed or (self._items and waiting > self._capacity):
                self._refused += 1
                return False
            self._items.append(item)
            self._waiting = waiting
            self._ready.notify()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for the oldest item; None after the timeout, or when closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            self._waiting -= self._cost(item)
            return item

    def close(self) -> None:
        """Refuse further items; what waits can still be taken."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def drained(self) -> bool:
        """Closed, and everything was taken."""
        with self._ready:
            return self._closed and not self._items

    @property
    def refused(self) -> int:
        """How many items were refused."""
        with self._ready:
            return self._refused

    def __len__(self) -> int:
        with self._ready:
            return len(self._items)
