/* devices: what every backend could compute on, or why it cannot. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "selftest.h"

enum { MAX_DEVICES = 32 };

static void print_device(const char *backend, uint32_t index, const cnn_device_info *d)
{
    char name[160];
    (void)snprintf(name, sizeof name, "%s:%u", backend, index);
    (void)printf("  %-14s %s", name, d->name);
    if (d->driver[0] != '\0')
        (void)printf(" (%s)", d->driver);
    if (d->memory > 0)
        (void)printf(", %.1f GiB", (double)d->memory / (1024.0 * 1024.0 * 1024.0));
    if (d->usable == 0)
        (void)printf("\n      cannot be used: %s", d->reason);
    else if (d->automatic == 0)
        (void)printf(", only when asked for by name");
    (void)printf("\n");
}

static void add_device(cnn_text *out, const char *backend, uint32_t index, const cnn_device_info *d)
{
    cnn_text_add(out, "%s\n  {\"backend\": ", out->length > 0 ? "," : "");
    cnn_text_add_json(out, backend);
    cnn_text_add(out, ", \"index\": %u, \"name\": ", index);
    cnn_text_add_json(out, d->name);
    cnn_text_add(out, ", \"driver\": ");
    cnn_text_add_json(out, d->driver);
    cnn_text_add(out, ", \"memory\": %" PRIu64 ", \"automatic\": %s, \"usable\": %s, \"reason\": ",
                 d->memory, d->automatic != 0 ? "true" : "false",
                 d->usable != 0 ? "true" : "false");
    cnn_text_add_json(out, d->reason);
    cnn_text_add(out, "}");
}

/* The devices of one backend; one that cannot even be asked is shown as a device of that name. */
static uint32_t list(cnn_context *context, const char *name, cnn_device_info *devices)
{
    const cnn_component *component;
    cnn_error err = { 0 };
    uint32_t count = 0;
    memset(devices, 0, MAX_DEVICES * sizeof *devices);
    for (uint32_t i = 0; i < MAX_DEVICES; i++)
        devices[i].size = sizeof *devices;
    cnn_status status =
        cnn_registry_find(&context->registry, CNN_KIND_BACKEND, name, &component, &err);
    if (status == CNN_OK) {
        const cnn_backend *backend = (const cnn_backend *)(const void *)component;
        status = backend->devices(context->registry.host, devices, MAX_DEVICES, &count, &err);
    }
    if (status == CNN_OK && count > 0)
        return count < MAX_DEVICES ? count : MAX_DEVICES;
    memset(&devices[0], 0, sizeof devices[0]);
    (void)snprintf(devices[0].name, sizeof devices[0].name, "no device");
    (void)snprintf(devices[0].reason, sizeof devices[0].reason, "%.250s",
                   err.text[0] != '\0' ? err.text : "none was found");
    return 1;
}

typedef struct check_sums {
    const char *backend;
    uint32_t checked, wrong;
} check_sums;

static void print_checked(void *context, const cnn_checked *c)
{
    check_sums *sums = context;
    static const char *const words[] = { "right", "WRONG", "FAILED", "left to another backend" };
    const bool ran = c->verdict == CNN_VERDICT_RIGHT || c->verdict == CNN_VERDICT_WRONG;
    if (sums->checked++ == 0)
        (void)printf("%s beside the reference, samples of ops with their gradients:\n",
                     sums->backend);
    (void)printf("  %-26s %s", c->sample, words[c->verdict]);
    if (ran)
        (void)printf(", off by %.1e\n", c->distance.relative);
    else
        (void)printf(": %s\n", c->reason.text);
    sums->wrong += c->verdict == CNN_VERDICT_WRONG || c->verdict == CNN_VERDICT_FAILED;
}

static cnn_status check(cnn_context *context, const char *name)
{
    check_sums sums = { .backend = name };
    cnn_status status = cnn_selftest(&context->registry, name, print_checked, &sums, &context->err);
    if (status != CNN_OK)
        return status;
    if (sums.wrong > 0)
        (void)printf("%u wrong: do not trust this device or its driver with these ops\n",
                     sums.wrong);
    else
        (void)printf("all that it runs is right\n");
    context->unmet = sums.wrong > 0;
    return CNN_OK;
}

static cnn_status devices(cnn_context *context)
{
    cnn_device_info info[MAX_DEVICES];
    const char *const *names;
    cnn_text out = { 0 };
    bool json = cnn_command_option(&context->command, "json") != NULL;
    cnn_status status = cnn_context_plugins(context);
    if (status != CNN_OK)
        return status;
    const char *checked = cnn_command_option(&context->command, "check");
    if (checked != NULL)
        return check(context, checked);
    size_t count = cnn_registry_names(&context->registry, CNN_KIND_BACKEND, &names);
    for (size_t i = 0; i < count; i++) {
        uint32_t n = list(context, names[i], info);
        for (uint32_t k = 0; k < n; k++) {
            if (json)
                add_device(&out, names[i], k, &info[k]);
            else
                print_device(names[i], k, &info[k]);
        }
    }
    if (json)
        (void)printf("[%s\n]\n", cnn_text_get(&out));
    cnn_text_free(&out);
    if (count > 0)
        return CNN_OK;
    (void)cnn_fail(&context->err, CNN_MISSING, "no backend was found");
    cnn_hint(&context->err, "cnnrun plugins shows where plugins are looked for");
    return CNN_MISSING;
}

static const cnn_option options[] = {
    { "check", "BACKEND", "run every op there (vulkan:1, say) and compare it with the reference" },
    { "json", NULL, "as JSON" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_devices = {
    .name = "devices",
    .arguments = "",
    .summary = "list what could compute, and why something cannot",
    .details = "--check: the exit status is 1 if a result is wrong.",
    .options = options,
    .run = devices,
};
