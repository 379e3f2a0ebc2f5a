# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What makes a protocol: its settings, what it starts from, and its stages."""

from dataclasses import dataclass

from openmmlps.app.engine import DeepPotentialEngine

from .protocol_folder import ProtocolFolder
from .sequence import Sequence

#: settings that may change when a protocol is continued
CHANGEABLE = ("platform", "threads", "checkpoint_s")


@dataclass(frozen=True)
class Protocol:
    """A kind of protocol. `start` and `resume` carry it out."""

    settings: type  #: a subclass of ProtocolSettings
    starts: object  #: settings -> list of (name, ase.Atoms)
    stages: object  #: (ProtocolFolder, settings) -> list of stages
    material: object  #: settings -> dict, see :func:`~.starts.material`

    @property
    def name(self):
        return self.settings.label()

    def start(self, output, settings, overwrite=False, engine=None, monitor=None):
        """Start in a new folder and carry it out.

        :param output: folder; must not exist, or be empty, or hold a protocol and overwrite be True
        :param settings: of class `settings`
        :param engine: what drives the runs; None: a Deep Potential
        :param monitor: :class:`~.sequence.SequenceMonitor`
        :return: :class:`~.sequence.ProtocolResult`
        :raises ValueError, OSError: wrong input; nothing was started
        :raises openmmlps.app.stability.RunFailed: the dynamics blew up; everything written is kept
        """
        engine = engine or DeepPotentialEngine()
        starts, material = self.starts(settings), self.material(settings)
        with ProtocolFolder.create(output, settings, overwrite, engine, starts, material) as folder:
            return self._sequence(folder, settings, engine, monitor).execute()

    def resume(self, output, changes=None, engine=None, monitor=None):
        """Continue after an interruption or a kill, from the folder alone; a finished protocol is left as it is.

        :param changes: values of CHANGEABLE settings
        :return: :class:`~.sequence.ProtocolResult`
        :raises ValueError, OSError: no such protocol there, in progress, or damaged
        """
        wrong = sorted(set(changes or {}) - set(CHANGEABLE))
        if wrong:
            raise ValueError(
                f"{self.name}: {', '.join(wrong)} cannot change once a protocol has begun, only {', '.join(CHANGEABLE)}; "
                "start a new one"
            )
        with ProtocolFolder.open(output, self.name) as folder:
            settings = folder.read_settings(self.settings).changed(**(changes or {}))
            folder.write_settings(settings)
            return self._sequence(folder, settings, engine or DeepPotentialEngine(), monitor).execute()

    def _sequence(self, folder, settings, engine, monitor):
        return Sequence(folder, self.stages(folder, settings), engine, settings.timestep, monitor)
