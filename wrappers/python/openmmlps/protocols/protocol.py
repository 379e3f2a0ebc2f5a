# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What makes a protocol: its settings, what it starts from, and its stages."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openmmlps.app.engine import engine_for
from openmmlps.app.monitor import Monitor
from openmmlps.app.platforms import check_platform

from .protocol_folder import ProtocolFolder
from .protocol_settings import ProtocolSettings
from .sequence import ProtocolResult, RunStage, TaskStage
from .sequence import Sequence as StageSequence
from .starts import Start, refuse_own_folder

#: settings that may change when a protocol is continued
CHANGEABLE = ("platform", "threads", "checkpoint_s")


@dataclass(frozen=True)
class Protocol:
    """A kind of protocol. `start` and `resume` carry it out."""

    settings: type[ProtocolSettings]
    read_start: Callable[[Any], Start]  #: of settings of that class
    stages: Callable[[ProtocolFolder, Any], Sequence[RunStage | TaskStage]]

    @property
    def name(self) -> str:
        """Name of the protocol and of its command."""
        return self.settings.label()

    def start(
        self,
        output: str | os.PathLike[str],
        settings: ProtocolSettings,
        overwrite: bool = False,
        engine: Any = None,
        monitor: Monitor | None = None,
    ) -> ProtocolResult:
        """Start in a new folder and carry it out.

        A protocol that is there already gives way when all input has been read and the first stage was tried out.

        Parameters
        ----------
        output : path
            folder; must not exist, or be empty, or hold a protocol and `overwrite` be True
        settings : ProtocolSettings
            of the class of this protocol
        overwrite : bool
            replace what is there
        engine : object, optional
            what drives the runs; None: what its model needs
        monitor : Monitor, optional
            who is told where it is

        Returns
        -------
        ProtocolResult

        Raises
        ------
        ValueError, OSError
            for wrong input; nothing was started, and what was there is kept
        openmmlps.app.stability.RunFailed
            when the dynamics blew up; everything written is kept
        """
        engine, monitor = engine or engine_for(settings.model or None), monitor or Monitor()
        refuse_own_folder(settings, output)
        start = self.read_start(settings)
        for note in start.notes:
            monitor.message(note)
        symbols = sorted({symbol for _, atoms in start.structures for symbol in atoms.get_chemical_symbols()})
        model, record = engine.freeze_model(settings.model or None, symbols)
        with ProtocolFolder.create(output, settings, start, model, record, overwrite) as folder:
            try:
                self.stages(folder, settings)[0].try_out(engine)
            except BaseException:
                folder.discard()
                raise
            folder.begin()
            return StageSequence(folder, self.stages(folder, settings), engine, settings, monitor).execute()

    def resume(
        self,
        output: str | os.PathLike[str],
        changes: Mapping[str, Any] | None = None,
        engine: Any = None,
        monitor: Monitor | None = None,
    ) -> ProtocolResult:
        """Continue after an interruption or a kill, from the folder alone; a finished protocol is left as it is.

        Parameters
        ----------
        output : path
            folder of the protocol
        changes : mapping, optional
            values of CHANGEABLE settings
        engine, monitor
            as of `start`

        Returns
        -------
        ProtocolResult

        Raises
        ------
        ValueError, OSError
            if there is no such protocol, it is in progress, or damaged
        """
        monitor = monitor or Monitor()
        wrong = sorted(set(changes or {}) - set(CHANGEABLE))
        if wrong:
            raise ValueError(
                f"{self.name}: {', '.join(wrong)} cannot change once a protocol has begun, only {', '.join(CHANGEABLE)}; "
                "start a new one"
            )
        with ProtocolFolder.open(output, self.name) as folder:
            engine = engine or engine_for(folder.model)
            settings = folder.read_settings(self.settings).changed(**(changes or {}))
            check_platform(settings.platform, engine.kernel)
            folder.write_settings(settings)
            return StageSequence(folder, self.stages(folder, settings), engine, settings, monitor).execute()
