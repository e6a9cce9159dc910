/* The IDX format (Yann LeCun's MNIST page): 0, 0, element type, rank, then rank sizes as 32-bit big
 * endian numbers, then the elements, last axis fastest. */
#ifndef CNNRUN_PLUGINS_IDX_FORMAT_H
#define CNNRUN_PLUGINS_IDX_FORMAT_H

#include "datasets.h"

enum {
    IDX_MAX_RANK = 4,
    IDX_MAX_HEADER = 4 + 4 * IDX_MAX_RANK,
};

typedef struct idx_header {
    uint32_t rank;
    uint32_t dim[IDX_MAX_RANK];
    uint64_t bytes;  /* of the elements */
    uint32_t offset; /* of the first one */
} idx_header;

/* Reads the header from the first `size` bytes of a file that has `total` bytes unpacked.
 * Everything that it says is checked against `total`, so that nobody allocates what a file merely
 * claims. */
static inline cnn_status idx_parse(const uint8_t *bytes, size_t size, uint64_t total,
                                   const char *file, idx_header *h, cnn_error *err)
{
    if (size < 4 || total < 4)
        return cnn_fail(err, CNN_INVALID, "%s is too short for an IDX file: %" PRIu64 " bytes",
                        file, total);
    if (bytes[0] != 0 || bytes[1] != 0)
        return cnn_fail(err, CNN_INVALID,
                        "%s is no IDX file: it starts with %02x %02x %02x %02x, not 00 00", file,
                        bytes[0], bytes[1], bytes[2], bytes[3]);
    if (bytes[2] != 0x08)
        return cnn_fail(err, CNN_INVALID,
                        "%s has elements of IDX type 0x%02x; only bytes (0x08) can be read", file,
                        bytes[2]);
    h->rank = bytes[3];
    h->offset = 4 + 4 * h->rank;
    h->bytes = 1;
    if (h->rank < 1 || h->rank > IDX_MAX_RANK)
        return cnn_fail(err, CNN_INVALID, "%s has %" PRIu32 " axes; 1 to %d can be read", file,
                        h->rank, IDX_MAX_RANK);
    if (size < h->offset || total < h->offset)
        return cnn_fail(err, CNN_INVALID, "%s ends inside its header", file);
    for (uint32_t i = 0; i < h->rank; i++) {
        h->dim[i] = dataset_u32be(bytes + 4 + 4 * i);
        bool small = h->dim[i] > 0 && (i == 0 || h->dim[i] <= DATASET_MAX_DIM);
        if (!small || !dataset_multiply(&h->bytes, h->dim[i]))
            return cnn_fail(err, CNN_INVALID,
                            "%s says that its axis %" PRIu32 " has %" PRIu32 " elements", file, i,
                            h->dim[i]);
    }
    if (h->bytes == total - h->offset)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID,
                    "%s should have %" PRIu32 " + %" PRIu64 " bytes by its header, but has %" PRIu64
                    ": it is %s",
                    file, h->offset, h->bytes, total,
                    h->bytes > total - h->offset ? "cut off" : "too long");
}

#endif
