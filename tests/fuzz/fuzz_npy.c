/* .npy headers. */
#include "fuzz.h"

#include "../../plugins/datasets/npy_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    npy_header h;
    cnn_error err;
    if (npy_parse(data, size, size, "f", &h, &err) == CNN_OK)
        PROPERTY(h.offset + h.count * npy_size(h.element) == size);
    return 0;
}
