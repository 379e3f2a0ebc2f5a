# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""SIGINT and SIGTERM as a wish to stop, not as a stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


class StopSignals:
    """While in a `with` block, notes SIGINT and SIGTERM in `received`; a second SIGINT raises KeyboardInterrupt.

    Parameters
    ----------
    notify : callable
        called with the number of the first signal
    """

    def __init__(self, notify: Callable[[int], None]) -> None:
        self.received: int | None = None  #: number of the signal, or None
        self._notify = notify
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:
                break  # not in the main thread: the program around this one handles its signals
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: Any) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.received:
            self.received = number
            self._notify(number)
