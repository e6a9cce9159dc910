# cmake --install: the program, the plugins, the SDK with its CMake package, the pipelines.
include(CMakePackageConfigHelpers)

install(TARGETS cnnrun RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CNNRUN_PLUGIN_DIR}/ DESTINATION lib/cnnrun/plugins FILES_MATCHING PATTERN "*.so")
install(DIRECTORY framework/include/cnnrun DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY pipelines/ DESTINATION ${CMAKE_INSTALL_DATADIR}/cnnrun/pipelines)

set(CNNRUN_CMAKE_INSTALL_DIR lib/cmake/cnnrun)
configure_package_config_file(cmake/cnnrun-config.cmake.in ${CMAKE_BINARY_DIR}/cnnrun-config.cmake
                              INSTALL_DESTINATION ${CNNRUN_CMAKE_INSTALL_DIR}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cnnrun-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cnnrun-config.cmake ${CMAKE_BINARY_DIR}/cnnrun-config-version.cmake
              cmake/cnnrun_plugin.cmake cmake/plugin.version
        DESTINATION ${CNNRUN_CMAKE_INSTALL_DIR})
