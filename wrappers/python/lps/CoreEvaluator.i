// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The evaluator of the model core, for openmmlps.ase. Arrays cross the border as C-contiguous buffers, without a copy.

%define LPS_ARRAY_TYPEMAP(NUMBER, FORMAT)
%typemap(in) LPSPlugin::CoreEvaluator::Array<NUMBER> (Py_buffer view, bool held = false) {
    if (PyObject_GetBuffer($input, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE) != 0)
        SWIG_fail;
    held = true;
    if (view.format == nullptr || std::string(view.format) != FORMAT) {
        PyErr_SetString(PyExc_TypeError, "CoreEvaluator: an array has the wrong kind of numbers; use float64, and int32 for types.");
        SWIG_fail;
    }
    $1 = LPSPlugin::CoreEvaluator::Array<NUMBER>{static_cast<NUMBER*>(view.buf),
                                                 static_cast<std::size_t>(view.len) / sizeof(NUMBER)};
}
%typemap(freearg) LPSPlugin::CoreEvaluator::Array<NUMBER> {
    if (held$argnum)
        PyBuffer_Release(&view$argnum);
}
%enddef
LPS_ARRAY_TYPEMAP(double, "d")
LPS_ARRAY_TYPEMAP(int, "i")

LPS_RELEASE_INTERPRETER(LPSPlugin::CoreEvaluator::evaluate)
LPS_RELEASE_INTERPRETER(LPSPlugin::CoreEvaluator::computeFeatures)

namespace LPSPlugin {

class CoreEvaluator {
public:
    CoreEvaluator(const LPSModel& model, bool doublePrecision, bool useTables, int threads);
    double evaluate(LPSPlugin::CoreEvaluator::Array<double> positions, LPSPlugin::CoreEvaluator::Array<int> types,
                    LPSPlugin::CoreEvaluator::Array<double> box, LPSPlugin::CoreEvaluator::Array<double> energies,
                    LPSPlugin::CoreEvaluator::Array<double> forces, LPSPlugin::CoreEvaluator::Array<double> virial);
    void computeFeatures(LPSPlugin::CoreEvaluator::Array<double> positions, LPSPlugin::CoreEvaluator::Array<int> types,
                         LPSPlugin::CoreEvaluator::Array<double> box, LPSPlugin::CoreEvaluator::Array<double> features);
    int getFeatureWidth() const;
    int getNumThreads() const;
    std::string getTarget() const;
};

}  // namespace LPSPlugin
