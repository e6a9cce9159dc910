# cnnrun_plugin(NAME SOURCES file... [LIBRARIES target...] [OUTPUT_DIRECTORY dir])
#
# Builds NAME.so: hidden visibility, one exported symbol, no undefined ones. The same function serves plugins inside
# this project and those of others, who get it from find_package(cnnrun).
set(CNNRUN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(cnnrun_plugin name)
    cmake_parse_arguments(arg "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES" ${ARGN})
    add_library(${name} MODULE ${arg_SOURCES})
    target_include_directories(${name} PRIVATE ${CNNRUN_SDK_INCLUDE_DIR})
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} m)
    set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden
                          C_STANDARD 11 LINK_DEPENDS ${CNNRUN_CMAKE_DIR}/plugin.version)
    set(script "-Wl,--version-script=${CNNRUN_CMAKE_DIR}/plugin.version" "-Wl,--exclude-libs,ALL")
    if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize" AND NOT CNNRUN_SANITIZE)
        list(APPEND script "-Wl,-z,defs") # sanitizers' runtime is found in the host
    endif()
    target_link_options(${name} PRIVATE ${script})
    if(NOT arg_OUTPUT_DIRECTORY)
        set(arg_OUTPUT_DIRECTORY ${CNNRUN_PLUGIN_DIR})
    endif()
    if(arg_OUTPUT_DIRECTORY)
        set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY})
    endif()
endfunction()
