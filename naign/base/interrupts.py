"""SIGTERM and SIGHUP as Ctrl-C: a cluster sends them before it takes a machine away."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

PARENT = "NAIGN_PARENT"


class Stopped(KeyboardInterrupt):
    """A signal, by its number, asks the process to end; what cleans up after Ctrl-C cleans up after it too."""


def _stop(number: int, _: object) -> None:
    raise Stopped(number)


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise `Stopped`; in another thread than the main one nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {n: signal.signal(n, _stop) for n in numbers if signal.getsignal(n) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow_parent() -> None:
    """Stop as by SIGTERM when the process that set $NAIGN_PARENT to its number ends, however it does."""
    parent = int(os.environ.get(PARENT, 0))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    if parent:
        threading.Thread(target=watch, daemon=True).start()


def exit_code(error: KeyboardInterrupt) -> int:
    """What a shell expects of a process that ended by a signal: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (error.args[0] if isinstance(error, Stopped) else signal.SIGINT)
