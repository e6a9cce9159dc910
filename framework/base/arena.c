/* Chunks in a list; the newest one serves requests from its free end. Chunks double in size up to a
 * megabyte, so a small pipeline takes little and a large one few calls; a request that is larger
 * than that gets a chunk of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK 4096u
#define LARGEST_CHUNK 1048576u
#define FIRST_CAPACITY 4u /* elements of a growing array */

typedef struct chunk chunk;
struct chunk {
    chunk *next;
    size_t size; /* bytes behind the header */
    size_t used;
    size_t padding; /* keeps the data 16-byte aligned */
};

struct cnn_arena {
    chunk *newest;
    size_t next_size;
};

_Noreturn void cnn_out_of_memory(size_t bytes)
{
    fprintf(stderr, "cnnrun: error: out of memory (%zu bytes wanted)\n", bytes);
    exit(2);
}

cnn_arena *cnn_arena_create(void)
{
    cnn_arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        cnn_out_of_memory(sizeof *arena);
    arena->next_size = FIRST_CHUNK;
    return arena;
}

void cnn_arena_destroy(cnn_arena *arena)
{
    if (arena == NULL)
        return;
    for (chunk *c = arena->newest; c != NULL;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    free(arena);
}

static chunk *add_chunk(cnn_arena *arena, size_t bytes)
{
    size_t size = bytes > arena->next_size ? bytes : arena->next_size;
    chunk *c = size <= SIZE_MAX - sizeof *c ? calloc(1, sizeof *c + size) : NULL;
    if (c == NULL)
        cnn_out_of_memory(size);
    c->size = size;
    if (arena->next_size < LARGEST_CHUNK)
        arena->next_size *= 2;
    if (bytes > LARGEST_CHUNK && arena->newest != NULL) { /* the old one still has room */
        c->next = arena->newest->next;
        arena->newest->next = c;
    } else {
        c->next = arena->newest;
        arena->newest = c;
    }
    return c;
}

void *cnn_arena_alloc(cnn_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - 16)
        cnn_out_of_memory(bytes);
    size_t rounded = bytes == 0 ? 16 : (bytes + 15) / 16 * 16;
    chunk *c = arena->newest;
    if (c == NULL || c->size - c->used < rounded)
        c = add_chunk(arena, rounded);
    void *memory = (char *)(c + 1) + c->used;
    c->used += rounded;
    return memory;
}

void *cnn_arena_copy(cnn_arena *arena, const void *from, size_t bytes)
{
    void *memory = cnn_arena_alloc(arena, bytes);
    if (bytes > 0)
        memcpy(memory, from, bytes);
    return memory;
}

char *cnn_arena_string(cnn_arena *arena, const char *text)
{
    return cnn_arena_copy(arena, text, strlen(text) + 1);
}

char *cnn_arena_printf(cnn_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length > 0 ? (size_t)length + 1 : 1;
    char *text = cnn_arena_alloc(arena, bytes);
    (void)vsnprintf(text, bytes, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void *cnn_arena_grow(cnn_arena *arena, void *items, size_t count, size_t element_size)
{
    size_t capacity;
    if (count == 0)
        capacity = FIRST_CAPACITY;
    else if (count >= FIRST_CAPACITY && (count & (count - 1)) == 0)
        capacity = 2 * count;
    else
        return items;
    if (element_size > 0 && capacity > SIZE_MAX / element_size)
        cnn_out_of_memory(SIZE_MAX);
    void *larger = cnn_arena_alloc(arena, capacity * element_size);
    if (count > 0)
        memcpy(larger, items, count * element_size);
    return larger;
}
