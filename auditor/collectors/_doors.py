"""One conversation at a time with a server, whichever collectors and threads want to talk to it.

Old appliances serve one client and drop the rest; a second prober would make the first one's answers false.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

_making = Lock()
_places: dict[str, BoundedSemaphore] = {}
_held: dict[str, tuple[Lock, int]] = {}


@contextmanager
def turn(address: str) -> Iterator[None]:
    """Wait until nobody else talks to ``address``, and keep others waiting until done."""
    with _making:
        lock, waiting = _held.get(address, (Lock(), 0))
        _held[address] = lock, waiting + 1
    try:
        with lock:
            yield
    finally:
        with _making:
            lock, waiting = _held[address]
            if waiting == 1:
                del _held[address]
            else:
                _held[address] = lock, waiting - 1


def places(name: str, most: int) -> BoundedSemaphore:
    """At most ``most`` at a time of what goes by this name, over all threads; whoever asks first says how many."""
    with _making:
        return _places.setdefault(name, BoundedSemaphore(most))
