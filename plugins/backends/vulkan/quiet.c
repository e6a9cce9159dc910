/* Drivers talk on stderr while they are looked for ("not a conformant implementation"). It is held
 * back and becomes lines of the log at level debug. */
#define _POSIX_C_SOURCE 200809L /* dup, dup2, fileno */
#include "open.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the validation layer says comes through the log, which writes to stderr too. */
static bool is_validated(void)
{
    const char *mode = getenv("CNNRUN_VK_VALIDATE");
    return mode != NULL && mode[0] != '\0';
}

vk_quiet vk_quiet_begin(void)
{
    vk_quiet quiet = { .stderr_copy = -1 };
    FILE *held = is_validated() ? NULL : tmpfile();
    if (held == NULL)
        return quiet;
    (void)fflush(stderr);
    quiet.stderr_copy = dup(STDERR_FILENO);
    if (quiet.stderr_copy < 0 || dup2(fileno(held), STDERR_FILENO) < 0) {
        if (quiet.stderr_copy >= 0)
            (void)close(quiet.stderr_copy);
        (void)fclose(held);
        quiet.stderr_copy = -1;
        return quiet;
    }
    quiet.held = held;
    return quiet;
}

static void log_lines(const cnn_host *host, FILE *held)
{
    char line[256], text[300];
    rewind(held);
    while (fgets(line, sizeof line, held) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        (void)snprintf(text, sizeof text, "vulkan: the driver says: %s", line);
        if (line[0] != '\0')
            host->log(host, CNN_DEBUG, text);
    }
}

void vk_quiet_end(const cnn_host *host, vk_quiet *quiet)
{
    if (quiet->stderr_copy < 0)
        return;
    (void)fflush(stderr);
    (void)dup2(quiet->stderr_copy, STDERR_FILENO);
    (void)close(quiet->stderr_copy);
    quiet->stderr_copy = -1;
    log_lines(host, quiet->held);
    (void)fclose(quiet->held);
}
