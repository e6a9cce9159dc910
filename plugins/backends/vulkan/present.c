/* Whether a GPU may be there, told without its driver. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <unistd.h>

#include "device.h"

/* Render nodes of the kernel's drivers (one for each GPU, from 128 on), NVIDIA's own driver, and
 * the GPU of a Windows host. */
bool vk_may_be_automatic(const cnn_host *host)
{
#ifdef __linux__
    enum { FIRST_NODE = 128, LAST_NODE = 191 };
    char path[64];
    (void)host;
    for (int node = FIRST_NODE; node <= LAST_NODE; node++) {
        (void)snprintf(path, sizeof path, "/dev/dri/renderD%d", node);
        if (access(path, F_OK) == 0)
            return true;
    }
    return access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0;
#else
    (void)host;
    return true;
#endif
}
