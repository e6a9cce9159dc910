/* A safetensors file in memory: refused with a reason, or every byte of every tensor is there. */
#include "fuzz.h"
#include "safetensors.h"

/* Sums all bytes, so that a sanitizer sees tensors that reach too far. */
static unsigned touch(const cnn_stored *t)
{
    const unsigned char *p = t->data;
    unsigned sum = 0;
    for (int64_t i = 0; i < cnn_bytes(&t->type); i++)
        sum += p[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_safetensors out;
    cnn_error err = { { 0 }, { 0 } };
    cnn_status status = cnn_safetensors_parse("input", data, size, arena, &out, &err);
    PROPERTY((status == CNN_OK) == (err.text[0] == '\0'));
    volatile unsigned sum = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < out.n_tensors; i++) {
        PROPERTY((uintptr_t)out.tensors[i].data %
                     (uintptr_t)cnn_dtype_size(out.tensors[i].type.dtype) ==
                 0);
        sum += touch(&out.tensors[i]);
        bytes += (uint64_t)cnn_bytes(&out.tensors[i].type);
    }
    PROPERTY(bytes <= size);
    (void)sum;
    cnn_arena_destroy(arena);
    return 0;
}
