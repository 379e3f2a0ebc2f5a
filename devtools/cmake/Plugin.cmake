# lps_add_platform(TARGET sources...): a library that OpenMM loads for one platform, lib/plugins/libOpenMMLPS<Platform>.so.
# It links libOpenMMLPS and the model core; rpath is relative, so that the tree can move. With LPS_PLATFORM_ONLY_CHECKED it is
# neither installed nor put where tests look for platforms.
function(lps_add_platform target)
    add_library(${target} MODULE ${ARGN})
    target_include_directories(${target} PRIVATE src)
    target_compile_definitions(${target} PRIVATE OPENMM_LPS_OPENMM_MINOR="${OpenMM_MINOR_VERSION}")
    target_link_libraries(${target} PRIVATE OpenMMLPS lps OpenMM::OpenMM)
    lps_set_warnings(${target})
    set_target_properties(${target} PROPERTIES
        PREFIX "${CMAKE_SHARED_LIBRARY_PREFIX}"
        LIBRARY_OUTPUT_DIRECTORY "${LPS_PLUGIN_OUTPUT_DIRECTORY}"
        INSTALL_RPATH "${LPS_ORIGIN}/..;${LPS_ORIGIN}")
    if(LPS_PLATFORM_ONLY_CHECKED)
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
        return()
    endif()
    install(TARGETS ${target} LIBRARY DESTINATION "${LPS_INSTALL_ROOT}/lib/plugins" COMPONENT openmm-lps)
endfunction()
