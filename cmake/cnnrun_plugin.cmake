# cnnrun_plugin(NAME SOURCES file... [SHADERS file.comp...] [LIBRARIES target...] [OUTPUT_DIRECTORY dir])
#
# Builds NAME.so: hidden visibility, one exported symbol, no undefined ones. The same function serves plugins inside
# this project and those of others, who get it from find_package(cnnrun).
#
# Of each shader X.comp, compiled for Vulkan 1.1, the sources get X.comp.h with its words, `X_spirv`, and CNNRUN_SHADERS
# is defined. Where glslangValidator is not installed the plugin is built without them.
set(CNNRUN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(cnnrun_plugin_shaders name)
    find_program(CNNRUN_GLSLANG glslangValidator)
    if(NOT CNNRUN_GLSLANG)
        message(STATUS "${name}: without its shaders, as glslangValidator (Debian: glslang-tools) is not installed")
        return()
    endif()
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.shaders)
    file(MAKE_DIRECTORY ${folder})
    foreach(shader ${ARGN})
        get_filename_component(base ${shader} NAME_WE)
        get_filename_component(source ${shader} ABSOLUTE)
        get_filename_component(beside ${source} DIRECTORY)
        file(GLOB includes CONFIGURE_DEPENDS ${beside}/*.glsl)
        set(header ${folder}/${base}.comp.h)
        add_custom_command(OUTPUT ${header}
                           COMMAND ${CNNRUN_GLSLANG} -V --target-env vulkan1.1 -I${CNNRUN_SDK_INCLUDE_DIR}
                                   --vn ${base}_spirv -o ${header} ${source}
                           DEPENDS ${source} ${includes} ${CNNRUN_SDK_INCLUDE_DIR}/cnnrun/kernel.glsl
                           COMMENT "Shader ${base}.comp" VERBATIM)
        target_sources(${name} PRIVATE ${header})
    endforeach()
    target_include_directories(${name} PRIVATE ${folder})
    target_compile_definitions(${name} PRIVATE CNNRUN_SHADERS)
endfunction()

function(cnnrun_plugin name)
    cmake_parse_arguments(arg "" "OUTPUT_DIRECTORY" "SOURCES;SHADERS;LIBRARIES" ${ARGN})
    add_library(${name} MODULE ${arg_SOURCES})
    if(arg_SHADERS)
        cnnrun_plugin_shaders(${name} ${arg_SHADERS})
    endif()
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
