/* Reading at a place of an open file, by several threads at once. Needs POSIX. */
#ifndef CNNRUN_PLUGINS_READ_AT_H
#define CNNRUN_PLUGINS_READ_AT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* pread until `size` bytes are there; false with errno 0 at the file's end. */
static inline bool dataset_read_at(int fd, void *to, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

#endif
