/* Lifetimes -> places in one arena: each piece at the lowest place where it meets nobody that lives
 * at the same time. Pieces that are placed largest first waste least. */
#ifndef CNNRUN_PLACER_H
#define CNNRUN_PLACER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes [begin, end) of the arena belong to somebody from step `first` to step `last`. */
typedef struct cnn_placed {
    uint64_t begin, end;
    int32_t first, last;
} cnn_placed;

/* Starts as { list, 0, 0 }; `list` is the caller's, with room for all pieces. */
typedef struct cnn_placer {
    cnn_placed *list; /* by begin */
    uint32_t count;
    uint64_t size; /* of the arena so far, bytes */
} cnn_placer;

/* The place of a piece; `bytes` is a multiple of the wanted alignment, greater than 0. */
static inline uint64_t cnn_placer_add(cnn_placer *p, uint64_t bytes, int32_t first, int32_t last)
{
    uint64_t at = 0;
    uint32_t i;
    for (i = 0; i < p->count && p->list[i].begin < at + bytes; i++) {
        const cnn_placed *other = &p->list[i];
        if (other->first <= last && first <= other->last && other->end > at)
            at = other->end;
    }
    for (i = p->count; i > 0 && p->list[i - 1].begin > at; i--)
        p->list[i] = p->list[i - 1];
    p->list[i].begin = at;
    p->list[i].end = at + bytes;
    p->list[i].first = first;
    p->list[i].last = last;
    p->count++;
    p->size = at + bytes > p->size ? at + bytes : p->size;
    return at;
}

#ifdef __cplusplus
}
#endif
#endif
