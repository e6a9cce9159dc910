/* compare GOLDEN START END: the weights before and after ten steps against PyTorch's.
 *
 * GOLDEN has, for each weight, samples "start/NAME" and "end/NAME": every k-th number. The start
 * must be the same bits. At the end, the largest difference over the largest magnitude of each
 * weight may be 1e-5: PyTorch computed in float64, cnnrun rounds weights, activations and gradients
 * to float32 (6e-8), and ten steps add up some tens of such roundings. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "safetensors.h"

static const double tolerance = 1e-5;

static const cnn_stored *find(const cnn_safetensors *file, const char *name)
{
    for (uint32_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

static double relative_error(const cnn_stored *want, const cnn_stored *got)
{
    int64_t count = cnn_count(&want->type), all = cnn_count(&got->type);
    int64_t stride = (all + 255) / 256;
    double largest = 0, error = 0;
    for (int64_t i = 0; i < count; i++) {
        double w = (double)((const float *)want->data)[i];
        double g = (double)((const float *)got->data)[i * stride];
        largest = fabs(w) > largest ? fabs(w) : largest;
        error = fabs(w - g) > error || isnan(g) ? fabs(w - g) : error;
    }
    return largest > 0 ? error / largest : error;
}

static int check(const cnn_stored *want, const cnn_safetensors *start, const cnn_safetensors *end)
{
    bool at_start = strncmp(want->name, "start/", 6) == 0;
    const char *name = strchr(want->name, '/') + 1;
    const cnn_stored *got = find(at_start ? start : end, name);
    if (got == NULL) {
        printf("%s: missing\n", name);
        return 1;
    }
    double error = relative_error(want, got);
    int bad = !(error <= (at_start ? 0 : tolerance));
    if (!at_start || bad)
        printf("%-24s %.2e%s\n", want->name, error, bad ? "  too much" : "");
    return bad;
}

int main(int argc, char **argv)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_safetensors files[3];
    cnn_error err;
    int bad = argc == 4 ? 0 : 1;
    for (int i = 0; i < 3 && bad == 0; i++)
        if (cnn_safetensors_read(argv[i + 1], arena, &files[i], &err) != CNN_OK) {
            printf("%s\n", err.text);
            bad = 1;
        }
    bool read = bad == 0;
    for (uint32_t i = 0; read && i < files[0].n_tensors; i++)
        bad += check(&files[0].tensors[i], &files[1], &files[2]);
    if (read && files[0].n_tensors == 0)
        bad = 1;
    printf("%d differences\n", bad);
    cnn_arena_destroy(arena);
    return bad == 0 ? 0 : 1;
}
