// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Every C++ exception becomes openmm.OpenMMException. Long calls release the interpreter lock, as OpenMM's own do.

%header %{
namespace {

void raiseOpenMMException(const char* message) {
    PyObject* module = PyImport_ImportModule("openmm");
    PyObject* type = module == nullptr ? nullptr : PyObject_GetAttrString(module, "OpenMMException");
    if (type != nullptr)
        PyErr_SetString(type, message);
    Py_XDECREF(type);
    Py_XDECREF(module);
}

/** Lets other Python threads run while it lives. */
class InterpreterUnlock {
public:
    InterpreterUnlock() : state(PyEval_SaveThread()) {}
    ~InterpreterUnlock() { PyEval_RestoreThread(state); }
    InterpreterUnlock(const InterpreterUnlock&) = delete;
    InterpreterUnlock& operator=(const InterpreterUnlock&) = delete;

private:
    PyThreadState* state;
};

}  // namespace
%}

%exception {
    try {
        $action
    } catch (const std::exception& error) {
        raiseOpenMMException(error.what());
        SWIG_fail;
    }
}

%define LPS_RELEASE_INTERPRETER(METHOD)
%exception METHOD {
    try {
        InterpreterUnlock unlock;
        $action
    } catch (const std::exception& error) {
        raiseOpenMMException(error.what());
        SWIG_fail;
    }
}
%enddef
