# FindCudaCompiler: headers of CUDA, and its run-time compiler NVRTC for the tests. No nvcc and no driver are needed, which is why
# CMake's own FindCUDAToolkit does not do: the wheels that `pip install openmm[cuda13]` brings have neither nvcc's layout nor
# the names it looks for.
#
# Where, in this order: the NVIDIA wheels beside OpenMM's, a CUDA toolkit.
# Targets: CudaCompiler::headers, and CudaCompiler::nvrtc where the library exists.

set(_cuda_wheels "${OpenMM_LIBRARY_DIR}/../../nvidia/cu13")
find_package(CUDAToolkit QUIET)
find_path(CudaCompiler_INCLUDE_DIR builtin_types.h
    HINTS "${_cuda_wheels}/include" ${CUDAToolkit_INCLUDE_DIRS} NO_DEFAULT_PATH)
find_library(CudaCompiler_NVRTC_LIBRARY NAMES libnvrtc.so.13 nvrtc
    HINTS "${_cuda_wheels}/lib" "${CUDAToolkit_LIBRARY_DIR}" NO_DEFAULT_PATH)
mark_as_advanced(CudaCompiler_INCLUDE_DIR CudaCompiler_NVRTC_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CudaCompiler
    REQUIRED_VARS CudaCompiler_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "No CUDA headers: install the wheels that openmm with the extra cuda13 brings.")

if(CudaCompiler_FOUND AND NOT TARGET CudaCompiler::headers)
    add_library(CudaCompiler::headers INTERFACE IMPORTED)
    target_include_directories(CudaCompiler::headers SYSTEM INTERFACE "${CudaCompiler_INCLUDE_DIR}")
    if(CudaCompiler_NVRTC_LIBRARY)
        add_library(CudaCompiler::nvrtc SHARED IMPORTED)
        set_target_properties(CudaCompiler::nvrtc PROPERTIES
            IMPORTED_LOCATION "${CudaCompiler_NVRTC_LIBRARY}"
            INTERFACE_LINK_LIBRARIES CudaCompiler::headers)
    endif()
endif()
