/* Arena: memory that is freed all at once. Everything the host makes while loading a pipeline lives
 * in one. */
#ifndef CNNRUN_BASE_ARENA_H
#define CNNRUN_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include <cnnrun/status.h>

typedef struct cnn_arena cnn_arena;

/* Never NULL: without memory for a few kilobytes of bookkeeping the process says so and exits with
 * status 2. Tensors are not taken from arenas. One thread at a time. */
cnn_arena *cnn_arena_create(void);
void cnn_arena_destroy(cnn_arena *arena); /* accepts NULL */

/* Zeroed, 16-byte aligned; never NULL, also for 0 bytes. */
void *cnn_arena_alloc(cnn_arena *arena, size_t bytes);
void *cnn_arena_copy(cnn_arena *arena, const void *from, size_t bytes);
char *cnn_arena_string(cnn_arena *arena, const char *text);
CNN_PRINTF(2, 3)
char *cnn_arena_printf(cnn_arena *arena, const char *format, ...);

#define CNN_NEW(arena, type) ((type *)cnn_arena_alloc((arena), sizeof(type)))
#define CNN_NEW_ARRAY(arena, type, count) \
    ((type *)cnn_arena_alloc((arena), (size_t)(count) * sizeof(type)))

/* Makes room for one more element in a growing arena array of `count` elements and returns the
 * (maybe moved) array. Capacity doubles at powers of two, so no capacity is stored: items =
 * cnn_arena_grow(a, items, n, sizeof *items). */
void *cnn_arena_grow(cnn_arena *arena, void *items, size_t count, size_t element_size);

/* Says so on stderr and exits with status 2. */
_Noreturn void cnn_out_of_memory(size_t bytes);

#endif
