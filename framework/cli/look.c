/* look: pictures of filters, of feature maps, and of what a class's score depends on. */
#include "look/look.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define MAX_SAMPLES 64

/* "0" or "3,17,4" */
static cnn_status read_samples(cnn_context *context, cnn_look_request *request)
{
    const char *text = cnn_command_option(&context->command, "sample");
    int64_t *samples = CNN_NEW_ARRAY(context->arena, int64_t, MAX_SAMPLES);
    request->samples = samples;
    request->n_samples = text == NULL ? 1 : 0;
    for (const char *at = text; at != NULL; at++) {
        char *end;
        int64_t n = strtoll(at, &end, 10);
        if (end == at || (*end != '\0' && *end != ',') || n < 0 || n > INT32_MAX)
            return cnn_fail(&context->err, CNN_INVALID,
                            "--sample is '%s', but numbers like 0 or 3,17 are wanted", text);
        if (request->n_samples == MAX_SAMPLES)
            return cnn_fail(&context->err, CNN_INVALID, "--sample: at most %d at a time",
                            MAX_SAMPLES);
        samples[request->n_samples++] = n;
        at = end;
        if (*at == '\0')
            break;
    }
    return CNN_OK;
}

static cnn_status read_command(cnn_context *context, cnn_look_request *request)
{
    const cnn_command *command = &context->command;
    *request = (cnn_look_request){ .most = 32 };
    request->layers = command->arguments + 1;
    request->n_layers = command->n_arguments - 1;
    request->cam = cnn_command_option(command, "cam");
    request->target = cnn_command_option(command, "class");
    cnn_status status = cnn_context_target(context, &request->weights);
    if (status == CNN_OK)
        status = read_samples(context, request);
    if (status == CNN_OK)
        status = cnn_context_split(context, &request->split);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "max-maps", 1, &request->most);
    return status == CNN_OK ? cnn_context_whole(context, "scale", 1, &request->scale) : status;
}

/* A folder of its own in that of the run. */
static cnn_status choose_dir(cnn_context *context, cnn_look_request *request)
{
    const char *dir = context->config->output.dir;
    request->dir = cnn_command_option(&context->command, "out");
    if (request->dir != NULL ? request->dir[0] == '\0' : dir[0] == '\0') {
        (void)cnn_fail(&context->err, CNN_INVALID, "there is no folder to write to");
        cnn_hint(&context->err, "name one with --out DIR");
        return CNN_INVALID;
    }
    if (request->dir == NULL)
        request->dir = cnn_arena_printf(context->arena, "%s/look", dir);
    return CNN_OK;
}

static cnn_status look(cnn_context *context)
{
    cnn_look_request request;
    uint32_t count;
    cnn_status status = read_command(context, &request);
    if (status == CNN_OK)
        status = cnn_context_config(context);
    if (status == CNN_OK)
        status = choose_dir(context, &request);
    if (status == CNN_OK)
        status = cnn_look(context->config, &context->registry, &request, context->arena,
                          &context->diags, &count, &context->err);
    if (status == CNN_OK)
        printf("%s/index.html shows %u picture%s\n", request.dir, count, count == 1 ? "" : "s");
    return status;
}

static const cnn_option options[] = {
    { "sample", "N[,M...]", "samples of the data (default: 0)" },
    { "split", "SPLIT", "train, val or test (default: the one for tests)" },
    { "class", "C", "Grad-CAM asks for this class, number or name (default: the predicted one)" },
    { "cam", "LAYER", "Grad-CAM of this layer's maps (default: the last convolution's)" },
    { "max-maps", "N", "maps of a layer to show at most (default: 32)" },
    { "scale", "N", "pixels for a number (default: as it fits)" },
    { "weights", "FILE", "these weights (safetensors file, or a run's directory)" },
    { "out", "DIR", "write to this folder (default: look in the run's)" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_look = {
    .name = "look",
    .arguments = "PIPELINE|RUN [LAYER ...] [PATH=VALUE ...]",
    .summary = "pictures of filters, feature maps and Grad-CAM, and a page that shows them",
    .details = "LAYERs are paths, prefixes or names as in `cnnrun summary`; without them all\n"
               "convolutions are shown. A run's directory brings its pipeline and its weights; a\n"
               "pipeline alone has the weights that it starts with.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 65,
    .run = look,
};
