/* What a file of weights says about the samples: "input", "classes", "class_names". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "run_internal.h"

/* "1x28x28", with the dtype in front unless it is u8: "f32 1x28x28". */
static const char *type_text(const cnn_type *type, cnn_arena *arena)
{
    const char *text = type->dtype == CNN_U8 ? "" : "f32 ";
    for (uint32_t i = 0; i < type->rank; i++)
        text = cnn_arena_printf(arena, "%s%s%lld", text, i > 0 ? "x" : "", (long long)type->dim[i]);
    return text;
}

static bool read_type(const char *text, cnn_type *type)
{
    *type = cnn_scalar_type(CNN_U8);
    if (strncmp(text, "f32 ", 4) == 0) {
        type->dtype = CNN_F32;
        text += 4;
    }
    while (type->rank < CNN_MAX_RANK) {
        char *end;
        int64_t n = strtoll(text, &end, 10);
        if (end == text || n < 1)
            return false;
        type->dim[type->rank++] = n;
        if (*end == '\0')
            return true;
        if (*end != 'x')
            return false;
        text = end + 1;
    }
    return false;
}

/* A JSON list of strings. */
static const char *names_text(const char *const *names, int64_t count, cnn_arena *arena)
{
    cnn_text json = { 0 };
    cnn_text_add(&json, "[");
    for (int64_t i = 0; i < count; i++) {
        cnn_text_add(&json, "%s", i > 0 ? ", " : "");
        cnn_text_add_json(&json, names[i]);
    }
    cnn_text_add(&json, "]");
    const char *text = cnn_arena_string(arena, cnn_text_get(&json));
    cnn_text_free(&json);
    return text;
}

/* NULL unless it is a list of as many strings as there are classes. */
static const char *const *read_names(const char *text, int64_t count, cnn_arena *arena)
{
    cnn_diags diags = { .arena = arena };
    const cnn_doc *list =
        cnn_doc_parse("class_names", cnn_arena_string(arena, text), strlen(text), arena, &diags);
    if (list == NULL || list->kind != CNN_DOC_LIST || (int64_t)list->count != count)
        return NULL;
    const char **names = CNN_NEW_ARRAY(arena, const char *, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != CNN_DOC_SCALAR)
            return NULL;
        names[i] = list->items[i]->text;
    }
    return names;
}

uint32_t cnn_sample_meta(const cnn_source_data *data, cnn_arena *arena, cnn_meta *meta)
{
    uint32_t n = 0;
    int64_t classes = cnn_data_shape_of(data)->classes;
    const char *const *names = cnn_data_class_names(data);
    meta[n++] = (cnn_meta){ "input", type_text(cnn_data_raw_type(data), arena) };
    if (classes > 0)
        meta[n++] = (cnn_meta){ "classes", cnn_arena_printf(arena, "%lld", (long long)classes) };
    if (classes > 0 && names != NULL)
        meta[n++] = (cnn_meta){ "class_names", names_text(names, classes, arena) };
    return n;
}

static const char *find_meta(const cnn_safetensors *file, const char *key)
{
    for (uint32_t i = 0; i < file->n_meta; i++)
        if (strcmp(file->meta[i].key, key) == 0)
            return file->meta[i].value;
    return NULL;
}

cnn_status cnn_weights_info_read(const char *path, cnn_arena *arena, cnn_weights_info *info,
                                 cnn_error *err)
{
    char found[4600];
    cnn_safetensors file;
    *info = (cnn_weights_info){ .classes = 0 };
    cnn_status status = cnn_weights_find(path, found, sizeof found, err);
    if (status == CNN_OK)
        status = cnn_safetensors_read(found, arena, &file, err);
    if (status != CNN_OK)
        return status;
    const char *input = find_meta(&file, "input"), *classes = find_meta(&file, "classes");
    const char *names = find_meta(&file, "class_names");
    if (input == NULL || !read_type(input, &info->input))
        info->input = (cnn_type){ .dtype = 0 };
    if (classes != NULL)
        info->classes = strtoll(classes, NULL, 10);
    if (info->classes < 0)
        info->classes = 0;
    if (names != NULL)
        info->class_names = read_names(names, info->classes, arena);
    return CNN_OK;
}
