# Warnings and sanitizers of everything that is built here. Users of the SDK choose their own.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
                    -Wundef -Wcast-qual -Wformat=2 -Wpointer-arith)
if(CNNRUN_WERROR)
    add_compile_options(-Werror)
endif()
if(CNNRUN_SANITIZE)
    add_compile_options(-fsanitize=${CNNRUN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${CNNRUN_SANITIZE})
endif()
