/* IDX headers. The first byte says how far the file's true size is from the bytes that are there.
 */
#include "fuzz.h"

#include "../../plugins/datasets/idx_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    idx_header h = { 0 };
    cnn_error err;
    if (size == 0)
        return 0;
    uint64_t total = (uint64_t)(size - 1) + data[0] * (uint64_t)data[0];
    if (idx_parse(data + 1, size - 1, total, "f", &h, &err) == CNN_OK)
        PROPERTY(h.bytes + h.offset == total);
    return 0;
}
