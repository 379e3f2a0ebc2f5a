// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The Python face of libOpenMMLPS. OpenMM's own types come from its module, so that an LPSForce is an openmm.Force.
%module(package="openmmlps") openmmlps

%include "swig/typemaps.i"
%import(module="openmm") "swig/OpenMMSwigHeaders.i"
%include "std_string.i"
%include "typemaps.i"

%{
#include "OpenMM.h"
#include "OpenMMAmoeba.h"
#include "OpenMMDrude.h"
#include "openmm/RPMDIntegrator.h"
#include "openmm/RPMDMonteCarloBarostat.h"
#include "openmmlps/LPSForce.h"
#include "openmmlps/LPSModel.h"
#include "lps/CoreEvaluator.h"

#include <string>
#include <typeinfo>
#include <vector>
%}

%pythoncode %{
import openmm as mm
from openmm import unit
from openmmlps._files import read_model_bytes as _read_model_bytes
%}

%include "lps/exceptions.i"
%include "lps/values.i"
%include "lps/LPSModel.i"
%include "lps/LPSForce.i"
%include "lps/CoreEvaluator.i"
