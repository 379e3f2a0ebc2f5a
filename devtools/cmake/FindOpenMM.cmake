# FindOpenMM: OpenMM exports no CMake package, so look for its headers and libraries.
#
# Where, in this order: OPENMM_DIR (variable or environment: the folder with include/ and lib/), the conda environment
# (CONDA_PREFIX), the `openmm` module of the Python interpreter (its wheel carries headers and libraries).
#
# Targets: OpenMM::OpenMM, and OpenMM::Amoeba, OpenMM::Drude, OpenMM::RPMD, OpenMM::CPU, OpenMM::OpenCL, OpenMM::CUDA, OpenMM::HIP
# where the library exists.
# Variables: OpenMM_VERSION ("8.6.1"), OpenMM_MINOR_VERSION ("8.6": binaries fit one minor version),
# OpenMM_INCLUDE_DIR, OpenMM_LIBRARY_DIR.

if(NOT OPENMM_DIR AND DEFINED ENV{OPENMM_DIR})
    set(OPENMM_DIR "$ENV{OPENMM_DIR}")
endif()
if(NOT OPENMM_DIR AND DEFINED ENV{CONDA_PREFIX} AND EXISTS "$ENV{CONDA_PREFIX}/include/OpenMM.h")
    set(OPENMM_DIR "$ENV{CONDA_PREFIX}")
endif()
if(NOT OPENMM_DIR)
    find_package(Python COMPONENTS Interpreter QUIET)
    if(Python_EXECUTABLE)
        execute_process(
            COMMAND "${Python_EXECUTABLE}" -c
                    "import importlib.util as u, os; s = u.find_spec('openmm'); print(os.path.join(os.path.dirname(os.path.dirname(s.origin)), 'OpenMM.libs') if s else '')"
            OUTPUT_VARIABLE OPENMM_DIR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
endif()

find_path(OpenMM_INCLUDE_DIR OpenMM.h HINTS "${OPENMM_DIR}/include" NO_DEFAULT_PATH)
find_library(OpenMM_LIBRARY OpenMM HINTS "${OPENMM_DIR}/lib" NO_DEFAULT_PATH)

if(OpenMM_INCLUDE_DIR AND OpenMM_LIBRARY AND NOT OpenMM_VERSION)
    # The headers do not say their version; the library does.
    set(_openmm_probe "${CMAKE_BINARY_DIR}/CMakeFiles/openmm-version.cpp")
    file(WRITE "${_openmm_probe}" "#include \"openmm/Platform.h\"
#include <cstdio>
int main() { std::puts(OpenMM::Platform::getOpenMMVersion().c_str()); }
")
    try_run(_openmm_run _openmm_compile "${CMAKE_BINARY_DIR}/CMakeFiles/openmm-version" "${_openmm_probe}"
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${OpenMM_INCLUDE_DIR}"
        LINK_LIBRARIES "${OpenMM_LIBRARY}"
        CXX_STANDARD 17
        COMPILE_OUTPUT_VARIABLE _openmm_compile_output
        RUN_OUTPUT_VARIABLE _openmm_output)
    if(_openmm_compile AND _openmm_run EQUAL 0)
        string(STRIP "${_openmm_output}" _openmm_output)
        set(OpenMM_VERSION "${_openmm_output}" CACHE STRING "Version of OpenMM")
    else()
        message(WARNING "A program linked to ${OpenMM_LIBRARY} does not build or run:\n${_openmm_compile_output}")
    endif()
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" OpenMM_MINOR_VERSION "${OpenMM_VERSION}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenMM
    REQUIRED_VARS OpenMM_LIBRARY OpenMM_INCLUDE_DIR OpenMM_MINOR_VERSION
    VERSION_VAR OpenMM_VERSION
    REASON_FAILURE_MESSAGE "Set OPENMM_DIR to the folder that has OpenMM's include/ and lib/ (looked in '${OPENMM_DIR}').")

if(OpenMM_FOUND)
    get_filename_component(OpenMM_LIBRARY_DIR "${OpenMM_LIBRARY}" DIRECTORY)
    if(NOT TARGET OpenMM::OpenMM)
        add_library(OpenMM::OpenMM SHARED IMPORTED)
        set_target_properties(OpenMM::OpenMM PROPERTIES
            IMPORTED_LOCATION "${OpenMM_LIBRARY}"
            INTERFACE_INCLUDE_DIRECTORIES "${OpenMM_INCLUDE_DIR};${OpenMM_INCLUDE_DIR}/openmm/reference")
    endif()
    foreach(_part Amoeba Drude RPMD CPU OpenCL CUDA HIP)
        find_library(OpenMM_${_part}_LIBRARY OpenMM${_part}
            HINTS "${OpenMM_LIBRARY_DIR}" "${OpenMM_LIBRARY_DIR}/plugins" NO_DEFAULT_PATH)
        mark_as_advanced(OpenMM_${_part}_LIBRARY)
        if(OpenMM_${_part}_LIBRARY AND NOT TARGET OpenMM::${_part})
            add_library(OpenMM::${_part} SHARED IMPORTED)
            set_target_properties(OpenMM::${_part} PROPERTIES
                IMPORTED_LOCATION "${OpenMM_${_part}_LIBRARY}"
                INTERFACE_LINK_LIBRARIES OpenMM::OpenMM)
        endif()
    endforeach()
endif()
mark_as_advanced(OpenMM_INCLUDE_DIR OpenMM_LIBRARY OpenMM_VERSION)
