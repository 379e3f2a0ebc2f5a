# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""SIGINT and SIGTERM as a wish to stop, not as a stop."""

import signal


class StopSignals:
    """While in a `with` block, notes SIGINT and SIGTERM in `received`; a second SIGINT raises KeyboardInterrupt."""

    def __init__(self, notify):
        """:param notify: called with the number of the first signal"""
        self.received = None  #: number of the signal, or None
        self._notify = notify
        self._previous = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:
                break  # not in the main thread: the program around this one handles its signals
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.received:
            self.received = number
            self._notify(number)
