/* Which device: all of them as a list, and the one that a pipeline names. */
#define _POSIX_C_SOURCE 200809L /* strncasecmp */
#include "open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct devices {
    vk_found *items;
    uint32_t n;
} devices;

static cnn_status find_devices(cnn_device *d, devices *all, cnn_error *err)
{
    VkPhysicalDevice *physical = NULL;
    *all = (devices){ NULL, 0 };
    cnn_status status = vk_instance_devices(d, &physical, &all->n, err);
    if (status != CNN_OK)
        return status;
    all->items = calloc(all->n, sizeof *all->items);
    for (uint32_t i = 0; i < all->n && all->items != NULL; i++)
        vk_describe(&d->vk, physical[i], &all->items[i]);
    free(physical);
    return all->items != NULL ? CNN_OK
                              : cnn_fail(err, CNN_MEMORY, "vulkan: no memory to list devices");
}

/* ---- the list ---- */

/* A list without devices is one that says why. */
static void list_reason(const cnn_error *why, cnn_device_info *out)
{
    static const char prefix[] = "vulkan: "; /* the list says so already */
    const bool prefixed = strncmp(why->text, prefix, strlen(prefix)) == 0;
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    (void)snprintf(out->name, sizeof out->name, "no device");
    (void)snprintf(out->reason, sizeof out->reason, "%.150s%s%.90s",
                   why->text + (prefixed ? strlen(prefix) : 0), why->hint[0] != '\0' ? "; " : "",
                   why->hint);
}

cnn_status vk_devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                      cnn_error *err)
{
    devices all;
    cnn_error why = { "", "" };
    cnn_device *d = calloc(1, sizeof *d);
    *count = 0;
    if (d == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory to list devices");
    d->host = host;
    vk_quiet quiet = vk_quiet_begin();
    cnn_status status = vk_instance_open(d, &why);
    status = status == CNN_OK ? find_devices(d, &all, &why) : status;
    vk_quiet_end(host, &quiet);
    if (status == CNN_OK) {
        *count = all.n;
        for (uint32_t i = 0; i < all.n && i < cap; i++)
            out[i] = all.items[i].info;
        free(all.items);
    } else {
        *count = 1;
        if (cap > 0)
            list_reason(&why, out);
    }
    vk_instance_close(d);
    free(d);
    return CNN_OK;
}

/* ---- names ---- */

/* "0: AMD Radeon ..., 1: llvmpipe ..." */
static void write_names(const devices *all, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < all->n && n < size; i++) {
        const int more =
            snprintf(out + n, size - n, "%s%u: %s", i > 0 ? ", " : "", i, all->items[i].info.name);
        n += more > 0 ? (size_t)more : size;
    }
}

static cnn_status no_such(const devices *all, const char *what, const char *wanted, cnn_error *err)
{
    char names[600];
    write_names(all, names, sizeof names);
    (void)cnn_fail(err, CNN_MISSING, "vulkan: no device %s '%.60s'; there are: %s", what, wanted,
                   names);
    cnn_hint(err, "cnnrun devices lists them");
    return CNN_MISSING;
}

static bool contains(const char *text, const char *part)
{
    const size_t n = strlen(part);
    for (; *text != '\0'; text++)
        if (n > 0 && strncasecmp(text, part, n) == 0)
            return true;
    return false;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= ' ';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 digits; dashes between them count for nothing. */
static bool read_uuid(const char *text, uint8_t uuid[VK_UUID_SIZE])
{
    uint32_t n = 0;
    memset(uuid, 0, VK_UUID_SIZE);
    for (; *text != '\0'; text++) {
        const int digit = digit_of(*text);
        if (*text == '-')
            continue;
        if (digit < 0 || n == 2 * VK_UUID_SIZE)
            return false;
        uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | digit);
        n++;
    }
    return n == 2 * VK_UUID_SIZE;
}

static bool read_index(const char *text, uint32_t *index)
{
    char *end;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return false;
    *index = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    return true;
}

/* ---- the choice ---- */

static cnn_status find_index(const devices *all, const char *text, uint32_t *at, cnn_error *err)
{
    if (read_index(text, at))
        return *at < all->n ? CNN_OK : no_such(all, "has the number", text, err);
    (void)cnn_fail(err, CNN_INVALID, "vulkan: '%.60s' names no device", text);
    cnn_hint(err, "vulkan:1, vulkan:name=TEXT or vulkan:uuid=HEX does");
    return CNN_INVALID;
}

static cnn_status find_name(const devices *all, const char *name, uint32_t *at, cnn_error *err)
{
    for (*at = 0; *at < all->n; (*at)++)
        if (contains(all->items[*at].info.name, name))
            return CNN_OK;
    return no_such(all, "is called", name, err);
}

static cnn_status find_uuid(const devices *all, const char *text, uint32_t *at, cnn_error *err)
{
    uint8_t uuid[VK_UUID_SIZE];
    if (!read_uuid(text, uuid))
        return cnn_fail(err, CNN_INVALID, "vulkan: '%.60s' is no UUID: 32 hexadecimal digits",
                        text);
    for (*at = 0; *at < all->n; (*at)++)
        if (memcmp(all->items[*at].uuid, uuid, sizeof uuid) == 0)
            return CNN_OK;
    return no_such(all, "has the UUID", text, err);
}

static bool processors_allowed(void)
{
    const char *allow = getenv("CNNRUN_VK_ALLOW_CPU");
    return allow != NULL && strcmp(allow, "1") == 0;
}

static cnn_status only_processors(const devices *all, uint32_t at, cnn_error *err)
{
    (void)cnn_fail(
        err, CNN_MISSING,
        "vulkan: there is no GPU, only the software driver %s, which is slow and must be "
        "asked for",
        all->items[at].info.name);
    cnn_hint(err, "backend: vulkan:%u or CNNRUN_VK_ALLOW_CPU=1", at);
    return CNN_MISSING;
}

/* Nobody was named: the first of the highest rank. */
static cnn_status find_best(const devices *all, uint32_t *at, cnn_error *err)
{
    uint32_t best = all->n, processor = all->n;
    for (uint32_t i = 0; i < all->n; i++) {
        const vk_found *found = &all->items[i];
        if (found->info.usable == 0)
            continue;
        if (found->type == VK_PHYSICAL_DEVICE_TYPE_CPU)
            processor = processor < all->n ? processor : i;
        else if (best == all->n || found->info.rank > all->items[best].info.rank)
            best = i;
    }
    *at = best < all->n ? best : processor < all->n ? processor : 0;
    return best == all->n && processor < all->n && !processors_allowed()
               ? only_processors(all, *at, err)
               : CNN_OK;
}

static cnn_status find_wanted(const devices *all, const char *which, uint32_t *at, cnn_error *err)
{
    if (which[0] == '\0')
        return find_best(all, at, err);
    if (strncmp(which, "name=", 5) == 0)
        return find_name(all, which + 5, at, err);
    if (strncmp(which, "uuid=", 5) == 0)
        return find_uuid(all, which + 5, at, err);
    return find_index(all, which, at, err);
}

cnn_status vk_choose(cnn_device *d, const char *which, vk_found *out, cnn_error *err)
{
    devices all;
    uint32_t at = 0;
    cnn_status status = find_devices(d, &all, err);
    if (status == CNN_OK)
        status = find_wanted(&all, which, &at, err);
    if (status == CNN_OK) {
        *out = all.items[at];
        if (out->info.usable == 0)
            status = cnn_fail(err, CNN_MISSING, "vulkan:%u, %s, cannot be used: %s", at,
                              out->info.name, out->info.reason);
    }
    free(all.items);
    return status;
}
