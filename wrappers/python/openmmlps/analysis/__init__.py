# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From trajectories to the numbers of solid electrolytes: structure, speciation, transport, dynamics.

Needs numpy, scipy, ase, vesin and, for H5MD, h5py; neither OpenMM nor a model. Units: angstrom, ps, angstrom/ps, amu,
elementary charges; results carry their unit in their names. One page per observable: docs/analysis.
"""

from .anions import AnionFinder
from .arrhenius import ArrheniusFit, arrhenius_fit
from .chosen_paths import ChosenPaths, chosen_paths
from .conductivity import Transport, conductivity_mS_per_cm, transport_coefficients
from .crystallinity import Crystallinity, crystalline_fraction
from .density import bond_density, density_map
from .diffraction_peak import first_sharp_diffraction_peak
from .displacements import fit_line, mean_squared_displacement
from .dynamics import van_hove_distinct, van_hove_self, velocity_autocorrelation, vibrational_density_of_states
from .elasticity import Moduli, elastic_constants, strain_tensor, symmetrize, voigt_reuss_hill, young_in_direction
from .estimates import Estimate, block_mean, linear_fit
from .field import FieldResponse, LinearResponse, field_response, linear_response
from .glass_checks import check_glass, long_range_order
from .ligand_angles import LigandAngles, ligand_angles, low_pass
from .mobility import anion_lifetimes, assign_hosts, conditional_displacement, diffusion_by_host, hops, residence_times
from .orientation import detect_flips, orientational_correlation
from .percolation import Percolation, free_energy, percolation
from .radial import RadialDistribution, radial_distribution
from .readers import from_atoms, from_universe, read
from .requirements import check_units
from .rotation import (
    angular_velocities,
    find_tetrahedra,
    rotation_angles,
    rotations,
    tetrahedral_angles,
)
from .rotation_coupling import RotationCoupling, hop_events, rotation_coupling
from .scattering import (
    structure_factor,
    structure_factor_direct,
    total_correlation,
    total_correlation_from_structure_factor,
)
from .sites import Jumps, Sites, find_jumps, find_sites, match_sites, sites_at, write_xdatcar
from .slabs import DensityProfile, Exchange, SlabDiffusion, density_profile, exchange, find_interfaces, slab_diffusion
from .speciation import Speciation, classify_anions
from .temperature_law import TemperatureLaw, temperature_law
from .trajectory import Trajectory, no_checks, watch
from .unwrapping import unwrap
from .vibrational_difference import VibrationalDifference, vibrational_difference

__all__ = [
    "AnionFinder",
    "ArrheniusFit",
    "ChosenPaths",
    "Crystallinity",
    "DensityProfile",
    "Estimate",
    "Exchange",
    "FieldResponse",
    "Jumps",
    "LigandAngles",
    "LinearResponse",
    "Moduli",
    "Percolation",
    "RadialDistribution",
    "RotationCoupling",
    "Sites",
    "SlabDiffusion",
    "Speciation",
    "TemperatureLaw",
    "Trajectory",
    "Transport",
    "VibrationalDifference",
    "angular_velocities",
    "anion_lifetimes",
    "arrhenius_fit",
    "assign_hosts",
    "block_mean",
    "bond_density",
    "check_glass",
    "check_units",
    "chosen_paths",
    "classify_anions",
    "conditional_displacement",
    "conductivity_mS_per_cm",
    "crystalline_fraction",
    "density_map",
    "density_profile",
    "detect_flips",
    "diffusion_by_host",
    "elastic_constants",
    "exchange",
    "field_response",
    "find_interfaces",
    "find_jumps",
    "find_sites",
    "find_tetrahedra",
    "first_sharp_diffraction_peak",
    "fit_line",
    "free_energy",
    "from_atoms",
    "from_universe",
    "hop_events",
    "hops",
    "ligand_angles",
    "linear_fit",
    "linear_response",
    "long_range_order",
    "low_pass",
    "match_sites",
    "mean_squared_displacement",
    "no_checks",
    "orientational_correlation",
    "percolation",
    "radial_distribution",
    "read",
    "residence_times",
    "rotation_angles",
    "rotation_coupling",
    "rotations",
    "sites_at",
    "slab_diffusion",
    "strain_tensor",
    "structure_factor",
    "structure_factor_direct",
    "symmetrize",
    "temperature_law",
    "tetrahedral_angles",
    "total_correlation",
    "total_correlation_from_structure_factor",
    "transport_coefficients",
    "unwrap",
    "van_hove_distinct",
    "van_hove_self",
    "velocity_autocorrelation",
    "vibrational_density_of_states",
    "vibrational_difference",
    "voigt_reuss_hill",
    "watch",
    "write_xdatcar",
    "young_in_direction",
]
