/* Files whose samples are lent from a mapping. Needs POSIX.
 *
 * A mapped page behind the end of a file cannot be read: the process gets SIGBUS. So the file's
 * size is asked for before a sample is lent, once in a tick of the clock (1 to 10 ms), and a file
 * that has become shorter is an error like any other. What remains is a file that is cut while a
 * batch is being filled from it. */
#ifndef CNNRUN_PLUGINS_MAPPED_H
#define CNNRUN_PLUGINS_MAPPED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* The time of the last tick is read without a system call. */
#ifdef CLOCK_MONOTONIC_COARSE
#define MAPPED_CLOCK CLOCK_MONOTONIC_COARSE
#else
#define MAPPED_CLOCK CLOCK_MONOTONIC
#endif

typedef struct mapped_file {
    int fd;               /* the caller's */
    const uint8_t *bytes; /* NULL: not mapped */
    uint64_t size;
    atomic_llong whole; /* nanoseconds: the tick in which it was seen whole, 0: never */
} mapped_file;

/* Maps an open file. One that cannot be mapped stays NULL: then it is to be read. */
static inline void mapped_open(mapped_file *f, int fd, uint64_t size)
{
    void *bytes = MAP_FAILED;
    if (size > 0 && size <= SIZE_MAX)
        bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    f->fd = fd;
    f->size = size;
    f->bytes = bytes != MAP_FAILED ? bytes : NULL;
}

static inline void mapped_close(mapped_file *f)
{
    if (f->bytes != NULL)
        (void)munmap((void *)(uintptr_t)f->bytes, (size_t)f->size);
    f->bytes = NULL;
}

/* Is all that was mapped still there? */
static inline bool mapped_is_whole(mapped_file *f)
{
    struct stat st;
    struct timespec now = { 0, 0 };
    (void)clock_gettime(MAPPED_CLOCK, &now);
    long long tick = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
    if (tick != 0 && tick == atomic_load_explicit(&f->whole, memory_order_relaxed))
        return true;
    if (fstat(f->fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size < f->size)
        return false;
    atomic_store_explicit(&f->whole, tick, memory_order_relaxed);
    return true;
}

#endif
