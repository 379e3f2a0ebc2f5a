# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a topology and a model to an OpenMM System."""

_PRECISIONS = ("automatic", "single", "double")


def createSystem(topology, model=None, removeCMMotion=True, precision="automatic", useTables=True, forceGroup=0):
    """Create a System in which a Deep Potential acts on all atoms; types follow from the elements.

    :param topology: openmm.app.Topology; periodic if it has box vectors
    :param model: LPSModel, the path of a model file in any format that LPSModel reads, or None for the packaged model
    :param removeCMMotion: add a CMMotionRemover
    :param precision: 'automatic', 'single' or 'double': networks on the CPU platform. GPU platforms follow OpenMM's own
        `Precision` property, Reference is always double
    :param useTables: whether embedding networks may be tabulated
    :param forceGroup: force group of the LPSForce, 0 .. 31
    :return: openmm.System, without constraints
    :raises ValueError: an element that the model does not know (the message lists those it knows), an atom without an
        element, or a wrong option
    """
    import openmm

    from openmmlps import LPSForce, LPSModel

    if precision not in _PRECISIONS:
        raise ValueError(f"createSystem: precision is {precision!r}; use one of {', '.join(_PRECISIONS)}")
    if not 0 <= forceGroup <= 31:
        raise ValueError(f"createSystem: forceGroup is {forceGroup}; OpenMM has groups 0 to 31")
    if model is None:
        model = LPSModel.default()
    elif not isinstance(model, LPSModel):
        model = LPSModel(str(model))
    symbols = symbols_of(topology)
    check_elements(symbols, list(model.getTypeNames()))
    force = LPSForce(model)
    box = topology.getPeriodicBoxVectors()
    force.setUsesPeriodicBoundaryConditions(box is not None)
    force.setPrecision(
        {"automatic": LPSForce.Automatic, "single": LPSForce.Single, "double": LPSForce.Double}[precision]
    )
    force.setUseTables(useTables)
    force.setForceGroup(forceGroup)
    system = openmm.System()
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*box)
    types = {name: index for index, name in enumerate(model.getTypeNames())}
    for index, (atom, symbol) in enumerate(zip(topology.atoms(), symbols, strict=True)):
        system.addParticle(atom.element.mass)
        force.addParticle(index, types[symbol])
    system.addForce(force)
    if removeCMMotion:
        system.addForce(openmm.CMMotionRemover())
    return system


def symbols_of(topology):
    """Chemical symbols [n] of the atoms of a topology.

    :raises ValueError: no atoms, or an atom without an element
    """
    symbols = []
    for atom in topology.atoms():
        if atom.element is None:
            raise ValueError(f"createSystem: atom {atom.index} ({atom.name}) has no element; set atom.element")
        symbols.append(atom.element.symbol)
    if not symbols:
        raise ValueError("createSystem: the topology has no atoms; add at least one")
    return symbols


def check_elements(symbols, known):
    """Check that a model knows every element.

    :raises ValueError: naming the unknown elements, the first atom of each, and the elements of the model
    """
    first = {symbol: index for index, symbol in reversed(list(enumerate(symbols))) if symbol not in known}
    if first:
        unknown = ", ".join(
            f"'{symbol}' (first at atom {index})" for symbol, index in sorted(first.items(), key=lambda i: i[1])
        )
        raise ValueError(
            f"createSystem: the model knows {', '.join(known)}, but the structure also has {unknown}; "
            "use a model trained for these elements"
        )
