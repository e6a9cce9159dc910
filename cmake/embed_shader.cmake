# cmake -DSHADER=dir/NAME.comp -DOUTPUT=dir/NAME.c -DCOMPILER=... [-DVALIDATOR=...] -P embed_shader.cmake
#
# Resolves the lines #include "FILE" of a shader (files beside it, each once, however often it is named) into
# OUTPUT's folder as NAME.comp, compiles that for Vulkan 1.1 to NAME.spv, checks it, and writes text and SPIR-V
# as C: `vk_shader_NAME`, see plugins/backends/vulkan/kernel.h. NAME.d lists what was read, for make and ninja.
cmake_minimum_required(VERSION 3.25)

get_filename_component(name ${SHADER} NAME_WE)
get_filename_component(folder ${SHADER} DIRECTORY)
get_filename_component(out ${OUTPUT} DIRECTORY)
set(target vulkan1.1)

# ---- text

set(read ${SHADER})
file(READ ${SHADER} text)
while(text MATCHES "(^|\n)[ \t]*#[ \t]*include[ \t]*\"([^\"\n]*)\"[^\n]*")
    set(line "${CMAKE_MATCH_0}")
    set(newline "${CMAKE_MATCH_1}")
    set(file ${folder}/${CMAKE_MATCH_2})
    set(included "")
    if(NOT file IN_LIST read)
        if(NOT EXISTS ${file})
            message(FATAL_ERROR "${SHADER}: there is no ${file} to include")
        endif()
        file(READ ${file} included)
        list(APPEND read ${file})
    endif()
    string(FIND "${text}" "${line}" at)
    string(LENGTH "${line}" length)
    math(EXPR end "${at} + ${length}")
    string(SUBSTRING "${text}" 0 ${at} before)
    string(SUBSTRING "${text}" ${end} -1 after)
    set(text "${before}${newline}${included}${after}")
endwhile()
file(WRITE ${out}/${name}.comp "${text}")
list(JOIN read "\n" dependencies)
string(REPLACE " " "\\ " dependencies "${OUTPUT}:\n${dependencies}")
string(REPLACE "\n" " \\\n" dependencies "${dependencies}")
file(WRITE ${out}/${name}.d "${dependencies}\n")

# ---- SPIR-V

function(run_or_fail)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${SHADER}:\n${said}")
    endif()
endfunction()

run_or_fail(${COMPILER} -V --target-env ${target} -o ${out}/${name}.spv ${out}/${name}.comp)
if(VALIDATOR)
    run_or_fail(${VALIDATOR} --target-env ${target} ${out}/${name}.spv)
endif()

# ---- C

file(READ ${out}/${name}.spv words HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${words}")
file(READ ${out}/${name}.comp characters HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," characters "${characters}")
file(WRITE ${OUTPUT} "#include \"kernel.h\"
static const uint32_t words[] = {${words}};
static const char text[] = {${characters}0};
extern const vk_shader vk_shader_${name};
const vk_shader vk_shader_${name} = {\"${name}\", text, words, sizeof words / sizeof words[0]};
")
