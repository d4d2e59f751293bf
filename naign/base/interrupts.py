"""SIGTERM and SIGHUP as Ctrl-C: a cluster sends them before it takes a machine away."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

PARENT = "NAIGN_PARENT"
ASKING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """A signal, by its number, asks the process to end; what cleans up after Ctrl-C cleans up after it too."""


def _stop(number: int, _: object) -> None:
    raise Stopped(number)


@contextlib.contextmanager
def _handled(numbers: list[int], handler: Callable | int) -> Iterator[None]:
    """Within it these signals are handled so; in another thread than the main one nothing changes."""
    mine = threading.current_thread() is threading.main_thread()
    before = {n: signal.signal(n, handler) for n in numbers if mine}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def heeded() -> contextlib.AbstractContextManager:
    """Within it SIGTERM and SIGHUP raise `Stopped`."""
    return _handled([n for n in ASKING if signal.getsignal(n) is signal.SIG_DFL], _stop)


def ignored() -> contextlib.AbstractContextManager:
    """Within it a second signal to end does nothing: after the first the state is being saved."""
    return _handled([*ASKING, signal.SIGINT], signal.SIG_IGN)


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """After it signals are handled as before, whatever a library within it did."""
    before = {n: handler for n in signal.valid_signals() if (handler := signal.getsignal(n)) is not None}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def follow_parent(parent: int | None = None) -> None:
    """Stop as by SIGTERM when the parent ends, however it does: by default the one that $NAIGN_PARENT numbers."""
    parent = int(os.environ.get(PARENT, 0)) if parent is None else parent

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    if parent:
        threading.Thread(target=watch, daemon=True).start()


def exit_code(error: KeyboardInterrupt) -> int:
    """What a shell expects of a process that ended by a signal: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (error.args[0] if isinstance(error, Stopped) else signal.SIGINT)
