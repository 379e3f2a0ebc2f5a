// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

%feature("docstring") LPSPlugin::LPSForce "
Forces and energies of a Deep Potential on some or all particles of a System.

Create an LPSForce from an LPSModel, then call addParticle() once for each particle that the model describes. Only listed particles
belong to the Force: they see each other, and no other particle. The order of the list does not matter.

With periodic boundary conditions (the default) every image within the cutoff is counted, so that cells may be triclinic and
smaller than the cutoff. The Force defines no bonds: barostats scale each atom on its own.

Parameters
----------
model : LPSModel
    the Deep Potential; it is shared, not copied

Examples
--------
>>> model = openmmlps.LPSModel.default()
>>> force = openmmlps.LPSForce(model)
>>> for atom in topology.atoms():
...     force.addParticle(atom.index, model.getTypeIndex(atom.element.symbol))
>>> system.addForce(force)
";
%feature("docstring") LPSPlugin::LPSForce::getModel "
getModel(self) -> LPSModel
Get the Deep Potential of this Force.
";
%feature("docstring") LPSPlugin::LPSForce::getNumParticles "
getNumParticles(self) -> int
Get the number of particles that belong to this Force.
";
%feature("docstring") LPSPlugin::LPSForce::addParticle "
addParticle(self, particle, type) -> int
Add a particle of the System to this Force.

Parameters
----------
particle : int
    index of the particle within the System
type : int
    the model's type of the particle, see LPSModel.getTypeIndex()

Returns
-------
int
    the index of the entry that was added
";
%feature("docstring") LPSPlugin::LPSForce::getParticleParameters "
getParticleParameters(self, index) -> list[int]
Get an entry of the particle list.

Parameters
----------
index : int
    the index of the entry

Returns
-------
particle : int
    index of the particle within the System
type : int
    the model's type of the particle
";
%feature("docstring") LPSPlugin::LPSForce::setParticleParameters "
setParticleParameters(self, index, particle, type)
Change an entry of the particle list. Contexts that exist keep the old one until updateParametersInContext() is called.

Parameters
----------
index : int
    the index of the entry
particle : int
    index of the particle within the System
type : int
    the model's type of the particle
";
%feature("docstring") LPSPlugin::LPSForce::updateParametersInContext "
updateParametersInContext(self, context)
Copy the particle list of this Force to a Context that exists. The number of entries cannot change, and nothing else is copied: to
change the periodicity, precision or use of tables, call Context.reinitialize().

Parameters
----------
context : openmm.Context
    a Context whose System contains this Force
";
%feature("docstring") LPSPlugin::LPSForce::setUsesPeriodicBoundaryConditions "
setUsesPeriodicBoundaryConditions(self, periodic)
Set whether this Force uses periodic boundary conditions. The default is True.
";
%feature("docstring") LPSPlugin::LPSForce::usesPeriodicBoundaryConditions "
usesPeriodicBoundaryConditions(self) -> bool
Get whether this Force uses periodic boundary conditions.
";
%feature("docstring") LPSPlugin::LPSForce::setPrecision "
setPrecision(self, precision)
Set the precision of the networks on the CPU platform. GPU platforms follow their own Precision property, and Reference always
computes in double.

Parameters
----------
precision : int
    LPSForce.Automatic (default: what the platform considers best), LPSForce.Single or LPSForce.Double
";
%feature("docstring") LPSPlugin::LPSForce::getPrecision "
getPrecision(self) -> int
Get the precision of the networks on the CPU platform: LPSForce.Automatic, LPSForce.Single or LPSForce.Double.
";
%feature("docstring") LPSPlugin::LPSForce::setUseTables "
setUseTables(self, useTables)
Set whether platforms other than Reference may tabulate the embedding networks. The default is True.
";
%feature("docstring") LPSPlugin::LPSForce::getUseTables "
getUseTables(self) -> bool
Get whether platforms other than Reference may tabulate the embedding networks.
";

%feature("docstring") LPSPlugin::LPSForce::getEnergyScaleParameter "
getEnergyScaleParameter(self) -> str
Get the global parameter that multiplies the energy of this Force; empty: none.
";
%feature("docstring") LPSPlugin::LPSForce::setEnergyScaleParameter "
setEnergyScaleParameter(self, parameter)
Multiply energy, forces and virials of this Force by a global parameter of the Context, 1 by default. Forces of several models that
share a parameter, or have one each, make alchemy and multiple time steps in one Context.

Parameters
----------
parameter : str
    the name of the parameter, for Context.setParameter(); empty: none
";
%feature("docstring") LPSPlugin::LPSForce::getComputesScaleDerivative "
getComputesScaleDerivative(self) -> bool
Get whether the Context computes the derivative of the energy with respect to the scale.
";
%feature("docstring") LPSPlugin::LPSForce::setComputesScaleDerivative "
setComputesScaleDerivative(self, computes)
Set whether the Context computes the derivative of the energy with respect to the scale, which State.getEnergyParameterDerivatives()
then has. The default is False. Not on several devices of a GPU platform.
";

%feature("docstring") LPSPlugin::LPSForce::addCommitteeModel "
addCommitteeModel(self, model) -> int
Add a model to the committee of this Force: models trained alike but from other random numbers, whose disagreement tells where the
Force is not to be trusted. A committee changes no energy and no force, and costs nothing until computeModelDeviation() is called.

Parameters
----------
model : LPSModel
    a model that knows all types of the Force's own, in any order

Returns
-------
int
    the index of the model within the committee
";
%feature("docstring") LPSPlugin::LPSForce::getNumCommitteeModels "
getNumCommitteeModels(self) -> int
Get the number of models that addCommitteeModel() added; the Force's own does not count.
";
%feature("docstring") LPSPlugin::LPSForce::getCommitteeModel "
getCommitteeModel(self, index) -> LPSModel
Get a model of the committee.

Parameters
----------
index : int
    the index that addCommitteeModel() returned
";

LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::updateParametersInContext)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeParticleEnergies)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeVirial)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeParticleVirials)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeHeatCurrent)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeParticleUncertainties)
LPS_RELEASE_INTERPRETER(LPSPlugin::LPSForce::computeModelDeviation)

%apply int& OUTPUT { int& particle, int& type };

namespace LPSPlugin {

%rename(_computeParticleEnergies) LPSForce::computeParticleEnergies;
%rename(_computeParticleUncertainties) LPSForce::computeParticleUncertainties;
%rename(_computeModelDeviation) LPSForce::computeModelDeviation;
%rename(_computeVirial) LPSForce::computeVirial;
%rename(_computeParticleVirials) LPSForce::computeParticleVirials;
%rename(_computeHeatCurrent) LPSForce::computeHeatCurrent;
%newobject LPSForce::_duplicate;

class LPSForce : public OpenMM::Force {
public:
    enum Precision { Automatic = 0, Single = 1, Double = 2 };

    explicit LPSForce(const LPSModel& model);
    LPSModel getModel() const;
    int getNumParticles() const;
    int addParticle(int particle, int type);
    void getParticleParameters(int index, int& particle, int& type) const;
    void setParticleParameters(int index, int particle, int type);
    void updateParametersInContext(OpenMM::Context& context);
    bool usesPeriodicBoundaryConditions() const;
    void setUsesPeriodicBoundaryConditions(bool periodic);
    Precision getPrecision() const;
    void setPrecision(Precision precision);
    bool getUseTables() const;
    void setUseTables(bool useTables);
    std::string getEnergyScaleParameter() const;
    void setEnergyScaleParameter(const std::string& parameter);
    bool getComputesScaleDerivative() const;
    void setComputesScaleDerivative(bool computes);
    int addCommitteeModel(const LPSModel& model);
    int getNumCommitteeModels() const;
    LPSModel getCommitteeModel(int index) const;
    LPSPlugin::LPSModelDeviation computeModelDeviation(OpenMM::Context& context);
    std::vector<double> computeParticleEnergies(OpenMM::Context& context);
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::Context& context);
    std::vector<std::array<OpenMM::Vec3, 3>> computeParticleVirials(OpenMM::Context& context);
    OpenMM::Vec3 computeHeatCurrent(OpenMM::Context& context);
    LPSPlugin::LPSParticleUncertainties computeParticleUncertainties(OpenMM::Context& context);

    %extend {
        static LPSPlugin::LPSForce* _cast(OpenMM::Force& force) { return dynamic_cast<LPSPlugin::LPSForce*>(&force); }
        LPSPlugin::LPSForce* _duplicate() const { return new LPSPlugin::LPSForce(*self); }
    }

    %pythoncode %{
    @staticmethod
    def isinstance(force):
        """
        isinstance(force) -> bool
        Get whether a Force, such as System.getForce(i) returns it, is an LPSForce.
        """
        return LPSForce._cast(force) is not None

    @staticmethod
    def cast(force):
        """
        cast(force) -> LPSForce
        Get the LPSForce behind a Force that System.getForce(i) or XmlSerializer.deserialize() returned.

        Raises
        ------
        TypeError
            if it is another kind of Force
        """
        result = LPSForce._cast(force)
        if result is None:
            raise TypeError(f"LPSForce.cast: '{force.getName()}' is not an LPSForce; ask LPSForce.isinstance(force) first.")
        if force.thisown:
            # The result takes over, and stays alive as long as the object that it came from.
            force.thisown = False
            result.thisown = True
            force._lpsForce = result
        return result

    def computeParticleEnergies(self, context, asNumpy=False):
        """
        computeParticleEnergies(self, context, asNumpy=False) -> Quantity
        Compute the energy of each particle of this Force at the Context's positions. Their sum is the energy of the Force.

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force
        asNumpy : bool
            return an array of shape [number of particles] instead of a list

        Returns
        -------
        Quantity
            one energy in kJ/mol per entry of the particle list, in the order of the list
        """
        energies = self._computeParticleEnergies(context)
        if asNumpy:
            import numpy
            energies = numpy.array(energies)
        return unit.Quantity(energies, unit.kilojoule_per_mole)

    def computeVirial(self, context, asNumpy=False):
        """
        computeVirial(self, context, asNumpy=False) -> Quantity
        Compute the virial of this Force at the Context's positions, W = -dE/dstrain: symmetric, positive under compression, not
        divided by the volume.

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force
        asNumpy : bool
            return an array of shape [3, 3] instead of a list of three Vec3

        Returns
        -------
        Quantity
            the three rows of the virial in kJ/mol
        """
        virial = self._computeVirial(context)
        if asNumpy:
            import numpy
            virial = numpy.array(virial)
        return unit.Quantity(virial, unit.kilojoule_per_mole)

    def computeParticleVirials(self, context):
        """
        computeParticleVirials(self, context) -> Quantity
        Compute the virial of each particle of this Force at the Context's positions, W_i = sum_j (r_j - r_i) x dE_j/dr_i over the
        particles j that have i as a neighbor. Their sum is computeVirial(), and W_i v_i is what particle i adds to the heat current;
        a single W_i is not symmetric. This is the form of Fan et al., Phys. Rev. B 92, 094301 (2015).

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force

        Returns
        -------
        Quantity
            an array of shape [number of particles, 3, 3] in kJ/mol, in the order of the particle list
        """
        import numpy
        return numpy.array(self._computeParticleVirials(context)).reshape(-1, 3, 3)*unit.kilojoule_per_mole

    def computeHeatCurrent(self, context):
        """
        computeHeatCurrent(self, context) -> Quantity
        Compute the heat current of the particles of this Force, J = sum_i (E_i + m_i v_i^2 / 2) v_i + sum_i W_i v_i: the time derivative
        of sum_i r_i e_i, without what other Forces do. It is not divided by the volume. With a VerletIntegrator the velocities are those
        at the time of the positions, as for its kinetic energy.

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force

        Returns
        -------
        Quantity
            an array of shape [3] in kJ/mol nm/ps
        """
        import numpy
        current = numpy.array(self._computeHeatCurrent(context))
        return current*(unit.kilojoule_per_mole*unit.nanometer/unit.picosecond)

    def computeParticleUncertainties(self, context):
        """
        computeParticleUncertainties(self, context) -> ParticleUncertainties
        Compute how far the model can be trusted with each particle of this Force at the Context's positions. It is one model's own
        estimate, from what it was calibrated with (openmm-lps calibrate).

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force

        Returns
        -------
        openmmlps.ParticleUncertainties
            uncertainties of the forces (kJ/mol/nm) and extrapolation grades, in the order of the particle list

        Raises
        ------
        openmm.OpenMMException
            if the model is not calibrated
        """
        from openmmlps._deviation import ParticleUncertainties
        return ParticleUncertainties._of(*self._computeParticleUncertainties(context))

    def computeModelDeviation(self, context):
        """
        computeModelDeviation(self, context) -> ModelDeviation
        Compute how far the Force's own model and its committee disagree at the Context's positions. All models are evaluated on the
        processor, on every platform, in the precision of setPrecision() (on the Reference platform in double, without tables).

        Parameters
        ----------
        context : openmm.Context
            a Context whose System contains this Force; models added after it was created do not take part

        Returns
        -------
        openmmlps.ModelDeviation
            deviations of forces (kJ/mol/nm), of the virial and of the energy per particle (kJ/mol)

        Raises
        ------
        openmm.OpenMMException
            if there is no committee
        """
        from openmmlps._deviation import ModelDeviation
        return ModelDeviation._of(*self._computeModelDeviation(context))

    def __copy__(self):
        return self._duplicate()

    def __deepcopy__(self, memo):
        return self._duplicate()

    def __reduce__(self):
        return (LPSForce._fromXml, (mm.XmlSerializer.serialize(self),))

    @staticmethod
    def _fromXml(xml):
        return LPSForce.cast(mm.XmlSerializer.deserialize(xml))
    %}
};

}  // namespace LPSPlugin
