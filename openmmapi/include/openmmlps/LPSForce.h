// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <string>
#include <vector>

#include "openmm/Context.h"
#include "openmm/Force.h"
#include "openmm/Vec3.h"
#include "openmmlps/LPSModel.h"
#include "openmmlps/LPSModelDeviation.h"
#include "openmmlps/LPSParticleUncertainties.h"
#include "openmmlps/internal/ExportLPS.h"

namespace LPSPlugin {

/**
 * Forces and energies of a Deep Potential (descriptor `se_e2_a`) on some or all particles of a System.
 *
 * Create an LPSForce from an LPSModel, then call addParticle() once for each particle that the model describes. Only
 * listed particles belong to the Force: they see each other, and no other particle. The order of the list does not
 * matter.
 *
 * @code
 * LPSModel model("model.safetensors");
 * LPSForce* force = new LPSForce(model);
 * for (int i = 0; i < system.getNumParticles(); i++)
 *     force->addParticle(i, model.getTypeIndex(elements[i]));
 * system.addForce(force);
 * @endcode
 *
 * With periodic boundary conditions (the default) every image within the cutoff is counted, so that cells may be
 * triclinic and smaller than the cutoff. The Force composes with every integrator, barostat and force group. It defines
 * no bonds: barostats scale each atom on its own.
 *
 * The Reference platform computes in double precision with the networks themselves. The other platforms follow
 * setPrecision() and setUseTables().
 */
class OPENMM_EXPORT_LPS LPSForce : public OpenMM::Force {
public:
    /** Precision of the networks on the CPU platform. GPU platforms follow their own `Precision` property. */
    enum Precision {
        /** What the platform considers best: single precision networks, sums in double. */
        Automatic = 0,
        /** Single precision. */
        Single = 1,
        /** Double precision throughout. */
        Double = 2
    };

    /**
     * Create an LPSForce without particles.
     *
     * @param model  the Deep Potential; it is shared, not copied
     */
    explicit LPSForce(const LPSModel& model);

    /** Get the Deep Potential of this Force. */
    LPSModel getModel() const { return model; }

    /** Get the number of particles that belong to this Force. */
    int getNumParticles() const { return static_cast<int>(particles.size()); }

    /**
     * Add a particle of the System to this Force. Particle and type are checked when a Context is created.
     *
     * @param particle  index of the particle within the System
     * @param type      the model's type of the particle, see LPSModel::getTypeIndex()
     * @return the index of the entry that was added
     */
    int addParticle(int particle, int type);

    /**
     * Get an entry of the particle list.
     *
     * @param index          the index of the entry
     * @param[out] particle  index of the particle within the System
     * @param[out] type      the model's type of the particle
     * @throws OpenMM::OpenMMException if there is no such entry
     */
    void getParticleParameters(int index, int& particle, int& type) const;

    /**
     * Change an entry of the particle list. Contexts that exist keep the old one until updateParametersInContext() is
     * called.
     *
     * @param index     the index of the entry
     * @param particle  index of the particle within the System
     * @param type      the model's type of the particle
     * @throws OpenMM::OpenMMException if there is no such entry; particle and type are checked with the System
     */
    void setParticleParameters(int index, int particle, int type);

    /**
     * Copy the particle list of this Force to a Context that exists. The number of entries cannot change. Nothing else
     * is copied: to change the periodicity, precision or use of tables, call Context::reinitialize().
     *
     * @param context  a Context whose System contains this Force
     * @throws OpenMM::OpenMMException if the number of entries has changed, or an entry does not fit System or model;
     * the Context then keeps what it had
     */
    void updateParametersInContext(OpenMM::Context& context);

    /** Get whether this Force uses periodic boundary conditions. */
    bool usesPeriodicBoundaryConditions() const override { return periodic; }

    /** Set whether this Force uses periodic boundary conditions. The default is true. */
    void setUsesPeriodicBoundaryConditions(bool periodic);

    /** Get the precision of the networks on the CPU platform. */
    Precision getPrecision() const { return precision; }

    /**
     * Set the precision of the networks on the CPU platform. The default is Automatic.
     *
     * @throws OpenMM::OpenMMException if the value is none of the three
     */
    void setPrecision(Precision precision);

    /** Get whether platforms other than Reference may tabulate the embedding networks. */
    bool getUseTables() const { return useTables; }

    /** Set whether platforms other than Reference may tabulate the embedding networks. The default is true. */
    void setUseTables(bool useTables);

    /**
     * Add a model to the committee of this Force: models trained alike but from other random numbers, whose
     * disagreement tells where the Force is not to be trusted. A committee changes no energy and no force, and costs
     * nothing until computeModelDeviation() is called.
     *
     * @param model  a model that knows all types of the Force's own, in any order
     * @return the index of the model within the committee
     * @throws OpenMM::OpenMMException if the model lacks a type
     */
    int addCommitteeModel(const LPSModel& model);

    /** Get the number of models that addCommitteeModel() added; the Force's own does not count. */
    int getNumCommitteeModels() const { return static_cast<int>(committee.size()); }

    /**
     * Get a model of the committee.
     *
     * @param index  the index that addCommitteeModel() returned
     * @throws OpenMM::OpenMMException if there is no such model
     */
    LPSModel getCommitteeModel(int index) const;

    /**
     * Compute how far the Force's own model and its committee disagree at the Context's positions. All models are
     * evaluated on the processor, on every platform, in the precision of setPrecision() (on the Reference platform in
     * double, without tables).
     *
     * @param context  a Context whose System contains this Force; models added after it was created do not take part
     * @return deviations in kJ/mol/nm and kJ/mol
     * @throws OpenMM::OpenMMException if there is no committee
     */
    LPSModelDeviation computeModelDeviation(OpenMM::Context& context);

    /**
     * Compute the energy of each particle of this Force at the Context's positions. Their sum is the energy of the
     * Force.
     *
     * @param context  a Context whose System contains this Force
     * @return [n] energies in kJ/mol, in the order of the particle list
     * @throws OpenMM::OpenMMException if atoms coincide, are too far away, or the box is too thin
     */
    std::vector<double> computeParticleEnergies(OpenMM::Context& context);

    /**
     * Compute the virial of this Force at the Context's positions, W = -dE/dstrain: symmetric, positive under
     * compression, not divided by the volume.
     *
     * @param context  a Context whose System contains this Force
     * @return [3] rows of the virial, in kJ/mol
     * @throws OpenMM::OpenMMException as computeParticleEnergies()
     */
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::Context& context);

    /**
     * Compute the virial of each particle of this Force at the Context's positions,
     * W_i = sum_j (r_j - r_i) x dE_j/dr_i over the particles j that have i as a neighbor. Their sum is computeVirial(),
     * and W_i v_i is what particle i adds to the heat current; a single W_i is not symmetric. This is the form of Fan
     * et al., Phys. Rev. B 92, 094301 (2015), which is right for potentials of many bodies.
     *
     * @param context  a Context whose System contains this Force
     * @return [n] three rows each, in kJ/mol, in the order of the particle list
     * @throws OpenMM::OpenMMException as computeParticleEnergies()
     */
    std::vector<std::array<OpenMM::Vec3, 3>> computeParticleVirials(OpenMM::Context& context);

    /**
     * Compute the heat current of the particles of this Force, J = sum_i (E_i + m_i v_i^2 / 2) v_i + sum_i W_i v_i, the
     * time derivative of sum_i r_i e_i without what other Forces do. It is not divided by the volume. With a
     * VerletIntegrator the velocities are those at the time of the positions, as for its kinetic energy.
     *
     * @param context  a Context whose System contains this Force
     * @return the current in kJ/mol nm/ps
     * @throws OpenMM::OpenMMException as computeParticleEnergies()
     */
    OpenMM::Vec3 computeHeatCurrent(OpenMM::Context& context);

    /**
     * Compute how far the model can be trusted with each particle of this Force at the Context's positions. It is one
     * model's own estimate, from what it was calibrated with (`openmm-lps calibrate`).
     *
     * @param context  a Context whose System contains this Force
     * @return uncertainties of the forces in kJ/mol/nm, and extrapolation grades
     * @throws OpenMM::OpenMMException if the model is not calibrated; and as computeParticleEnergies()
     */
    LPSParticleUncertainties computeParticleUncertainties(OpenMM::Context& context);

    /** Get the global parameter that multiplies the energy of this Force; empty: none. */
    const std::string& getEnergyScaleParameter() const { return energyScaleParameter; }

    /**
     * Multiply energy, forces and virials of this Force by a global parameter of the Context, 1 by default. Forces of
     * several models that share a parameter, or have one each, make alchemy and multiple time steps in one Context.
     *
     * @param parameter  the name of the parameter; empty: none
     */
    void setEnergyScaleParameter(const std::string& parameter);

    /** Get whether the Context computes the derivative of the energy with respect to the scale. */
    bool getComputesScaleDerivative() const { return computesScaleDerivative; }

    /**
     * Set whether the Context computes the derivative of the energy with respect to the scale, which a State then has
     * among its energy parameter derivatives. The default is false. Not on several devices of a GPU platform.
     */
    void setComputesScaleDerivative(bool computes);

protected:
    OpenMM::ForceImpl* createImpl() const override;

private:
    struct Particle {
        int particle;
        int type;
    };
    void checkIndex(int index) const;

    LPSModel model;
    std::vector<LPSModel> committee;
    std::vector<Particle> particles;
    bool periodic = true;
    Precision precision = Automatic;
    bool useTables = true;
    std::string energyScaleParameter;
    bool computesScaleDerivative = false;
};

}  // namespace LPSPlugin
