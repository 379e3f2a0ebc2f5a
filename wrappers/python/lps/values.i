// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// How the values that this module passes cross the border: bytes stay bytes, C++ vectors become lists.

// Whatever Python takes as an index is an int, such as the integers of NumPy.
%typemap(in) int {
    PyObject* number = PyNumber_Index($input);
    if (number == nullptr)
        SWIG_fail;
    int overflow = 0;
    const long value = PyLong_AsLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow != 0 || value != static_cast<int>(value)) {
        PyErr_SetString(PyExc_OverflowError, "LPSForce: an index does not fit 32 bits; use the index of a particle, type or entry.");
        SWIG_fail;
    }
    $1 = static_cast<int>(value);
}

%typemap(in) const std::string& bytes (std::string value) {
    char* data = nullptr;
    Py_ssize_t length = 0;
    if (!PyBytes_Check($input) || PyBytes_AsStringAndSize($input, &data, &length) != 0) {
        PyErr_Format(PyExc_TypeError, "LPSModel.fromBytes: the content of a model file is bytes, not %.200s; read it with open(file, 'rb').",
                     Py_TYPE($input)->tp_name);
        SWIG_fail;
    }
    value.assign(data, length);
    $1 = &value;
}
%typemap(freearg) const std::string& bytes "";

%typemap(out) const std::string& LPSPlugin::LPSModel::getBytes {
    $result = PyBytes_FromStringAndSize($1->data(), $1->size());
}

%typemap(out) const std::vector<std::string>& {
    $result = PyList_New($1->size());
    for (std::size_t i = 0; i < $1->size(); i++)
        PyList_SET_ITEM($result, i, PyUnicode_FromStringAndSize((*$1)[i].data(), (*$1)[i].size()));
}

%typemap(out) std::vector<double> {
    const std::vector<double>& values = $1;
    $result = PyList_New(values.size());
    for (std::size_t i = 0; i < values.size(); i++)
        PyList_SET_ITEM($result, i, PyFloat_FromDouble(values[i]));
}

%typemap(out) LPSPlugin::LPSParticleUncertainties {
    PyObject* lists[2];
    const std::vector<double>* numbers[2] = {&$1.forces, &$1.grades};
    for (int k = 0; k < 2; k++) {
        lists[k] = PyList_New(numbers[k]->size());
        for (std::size_t i = 0; i < numbers[k]->size(); i++)
            PyList_SET_ITEM(lists[k], i, PyFloat_FromDouble((*numbers[k])[i]));
    }
    $result = Py_BuildValue("(NN)", lists[0], lists[1]);
}

%typemap(out) LPSPlugin::LPSModelDeviation {
    const LPSPlugin::LPSModelDeviation& deviation = $1;
    PyObject* forces = PyList_New(deviation.forces.size());
    for (std::size_t i = 0; i < deviation.forces.size(); i++)
        PyList_SET_ITEM(forces, i, PyFloat_FromDouble(deviation.forces[i]));
    PyObject* virial = PyList_New(9);
    for (int i = 0; i < 9; i++)
        PyList_SET_ITEM(virial, i, PyFloat_FromDouble(deviation.virial[i / 3][i % 3]));
    $result = Py_BuildValue("(NNd)", forces, virial, deviation.energy);
}

%typemap(out, fragment="Vec3_to_PyVec3") OpenMM::Vec3 {
    $result = Vec3_to_PyVec3($1);
}

%typemap(out) std::vector<std::array<OpenMM::Vec3, 3>> {
    const std::vector<std::array<OpenMM::Vec3, 3>>& values = $1;
    $result = PyList_New(9 * values.size());
    for (std::size_t i = 0; i < 9 * values.size(); i++)
        PyList_SET_ITEM($result, i, PyFloat_FromDouble(values[i / 9][i / 3 % 3][i % 3]));
}

%typemap(out, fragment="Vec3_to_PyVec3") std::vector<OpenMM::Vec3> {
    const std::vector<OpenMM::Vec3>& values = $1;
    $result = PyList_New(values.size());
    for (std::size_t i = 0; i < values.size(); i++)
        PyList_SET_ITEM($result, i, Vec3_to_PyVec3(values[i]));
}
