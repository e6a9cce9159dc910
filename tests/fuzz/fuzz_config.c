/* A YAML text as a pipeline: read with a few static components, printed, read again. */
#include <string.h>

#include "../unit/model_layers.h"
#include "config.h"
#include "fuzz.h"

typedef struct set_params {
    cnn_array values;
    cnn_floats weights;
    cnn_ints shape;
    const char *path;
    int32_t order;
    bool labels;
    double scale;
} set_params;

static const cnn_param set_table[] = {
    { CNN_FIELD(set_params, values, ARRAY), .help = "numbers" },
    { CNN_FIELD(set_params, weights, FLOATS), .flags = CNN_PARAM_OPTIONAL, .choices = "auto" },
    { CNN_FIELD(set_params, shape, INTS), .def = "1", .min = 1, .max = 9, .max_count = 3 },
    { CNN_FIELD(set_params, path, PATH), .def = "here" },
    { CNN_FIELD(set_params, order, CHOICE), .def = "up", .choices = "up|down" },
    { CNN_FIELD(set_params, labels, BOOL), .def = "no" },
    { CNN_FIELD(set_params, scale, FLOAT), .def = "1", .min = 0, .max = 1e30 },
};
static const cnn_dataset sets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "numbers", sizeof(set_params), CNN_TABLE(set_table),
                         "Numbers.", "numbers: [1]") },
};
static const cnn_transform transforms[] = {
    { .c = CNN_COMPONENT(cnn_transform, "to_float", 0, CNN_NO_PARAMS, "A transform.", "to_float") },
};
static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "terminal", 0, CNN_NO_PARAMS, "Lines.", "terminal") },
};
static const cnn_plugin parts_plugin = {
    .magic = CNN_MAGIC,
    .name = "parts",
    .version = "1.2",
    .license = "MIT",
    .summary = "components of the fuzzer",
    .datasets = CNN_TABLE(sets),
    .transforms = CNN_TABLE(transforms),
    .observers = CNN_TABLE(observers),
};

static char *print(const cnn_config *config, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    PROPERTY(out != NULL);
    cnn_config_print(config, out);
    (void)fclose(out);
    return text;
}

static cnn_config *parse(const char *text, size_t size, cnn_registry *registry, cnn_diags *diags)
{
    const cnn_doc *doc = cnn_doc_parse("input", text, size, diags->arena, diags);
    cnn_config *config =
        doc != NULL ? cnn_config_from(doc, "input.yaml", registry, diags->arena, diags) : NULL;
    PROPERTY((config == NULL) == (diags->errors > 0));
    return config;
}

/* What is printed means the same, and prints the same. */
static void check_round_trip(const cnn_config *config, cnn_registry *registry, cnn_arena *arena)
{
    cnn_diags diags = { .arena = arena };
    size_t first_size, second_size;
    char *first = print(config, &first_size);
    const cnn_config *again = parse(first, first_size, registry, &diags);
    if (again == NULL) {
        fprintf(stderr, "%s\n", first);
        cnn_diags_print(&diags, stderr);
    }
    PROPERTY(again != NULL);
    char *second = print(again, &second_size);
    PROPERTY(first_size == second_size && memcmp(first, second, first_size) == 0);
    free(first);
    free(second);
}

static void print_diags(const cnn_diags *diags)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    PROPERTY(out != NULL);
    cnn_diags_print(diags, out);
    (void)fclose(out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_diags diags = { .arena = arena };
    cnn_registry registry = { .arena = arena };
    cnn_module layers = { .path = "layers.so", .plugin = &test_plugin };
    cnn_module parts = { .path = "parts.so", .plugin = &parts_plugin };
    (void)cnn_registry_add(&registry, &layers, NULL);
    (void)cnn_registry_add(&registry, &parts, NULL);
    const cnn_config *config = parse((const char *)data, size, &registry, &diags);
    print_diags(&diags);
    if (config != NULL)
        check_round_trip(config, &registry, arena);
    cnn_arena_destroy(arena);
    return 0;
}
