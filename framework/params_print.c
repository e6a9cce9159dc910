/* Parameter values and types as text. */
#include <stdlib.h>
#include <string.h>

#include "params.h"
#include "params_internal.h"

static void choice_word(const char *choices, int32_t index, char *out, size_t size)
{
    for (; index > 0 && choices != NULL; index--) {
        choices = strchr(choices, '|');
        choices = choices != NULL ? choices + 1 : NULL;
    }
    size_t n = choices != NULL ? strcspn(choices, "|") : 0;
    (void)snprintf(out, size, "%.*s", (int)n, choices != NULL ? choices : "");
}

/* The shortest decimal that reads back as the same double. */
static void number_text(double v, char *out, size_t size)
{
    double back = 0;
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(out, size, "%.*g", digits, v);
        if (sscanf(out, "%lf", &back) == 1 && back == v)
            return;
    }
}

static void print_ints(const int64_t *v, uint32_t count, FILE *out)
{
    if (count == 1) {
        (void)fprintf(out, "%lld", (long long)v[0]);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        (void)fprintf(out, "%s%lld", i == 0 ? "[" : ", ", (long long)v[i]);
    (void)fprintf(out, "%s", count == 0 ? "[]" : "]");
}

static void print_floats(const cnn_floats *value, FILE *out)
{
    char text[64];
    for (uint32_t i = 0; i < value->count; i++) {
        number_text(value->v[i], text, sizeof text);
        (void)fprintf(out, "%s%s", i > 0 ? ", " : value->count > 1 ? "[" : "", text);
    }
    (void)fprintf(out, "%s", value->count > 1 ? "]" : value->count == 0 ? "[]" : "");
}

/* The same for floats: 0.1f is 0.1. */
static void float_text(float v, char *out, size_t size)
{
    for (int digits = 6; digits <= 9; digits++) {
        (void)snprintf(out, size, "%.*g", digits, (double)v);
        if (strtof(out, NULL) == v)
            return;
    }
}

/* Nested lists, as they were written. */
static const float *print_array(const cnn_type *type, uint32_t axis, const float *v, FILE *out)
{
    char text[64];
    if (axis == type->rank) {
        float_text(*v, text, sizeof text);
        (void)fprintf(out, "%s", text);
        return v + 1;
    }
    (void)fprintf(out, "[");
    for (int64_t i = 0; i < type->dim[axis]; i++) {
        (void)fprintf(out, "%s", i > 0 ? ", " : "");
        v = print_array(type, axis + 1, v, out);
    }
    (void)fprintf(out, "]");
    return v;
}

static bool reads_as_itself(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(":#{}[],&*!|>'\"%@`\\", *c) != NULL)
            return false;
    return text[0] != '\0' && strchr(" -?~$=", text[0]) == NULL && text[strlen(text) - 1] != ' ' &&
           strcmp(text, "null") != 0;
}

/* Double quotes where plain text would read as something else. */
static void print_text(const char *text, FILE *out)
{
    if (reads_as_itself(text)) {
        (void)fprintf(out, "%s", text);
        return;
    }
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            (void)fprintf(out, "\\x%02X", c);
        else
            (void)fprintf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    (void)fputc('"', out);
}

static void print_value(const cnn_param *p, const void *field, FILE *out)
{
    char word[128];
    const cnn_ints *ints = field;
    const cnn_floats *floats = field;
    switch (p->type) {
    case CNN_PARAM_BOOL:
        (void)fprintf(out, "%s", *(const bool *)field ? "true" : "false");
        return;
    case CNN_PARAM_INT:
        print_ints(field, cnn_param_places(p), out);
        return;
    case CNN_PARAM_FLOAT:
        number_text(*(const double *)field, word, sizeof word);
        (void)fprintf(out, "%s", word);
        return;
    case CNN_PARAM_TEXT:
    case CNN_PARAM_PATH:
        print_text(*(const char *const *)field, out);
        return;
    case CNN_PARAM_CHOICE:
        choice_word(p->choices, *(const int32_t *)field, word, sizeof word);
        (void)fprintf(out, "%s", word);
        return;
    case CNN_PARAM_ARRAY:
        (void)print_array(&((const cnn_array *)field)->type, 0, ((const cnn_array *)field)->v, out);
        return;
    case CNN_PARAM_INTS:
    case CNN_PARAM_FLOATS:
        if (ints->count == 0 && ints->choice >= 0) {
            choice_word(p->choices, ints->choice, word, sizeof word);
            (void)fprintf(out, "%s", word);
        } else if (p->type == CNN_PARAM_INTS) {
            print_ints(ints->v, ints->count, out);
        } else {
            print_floats(floats, out);
        }
        return;
    default:
        return;
    }
}

/* Optional and absent: nothing to print. */
static bool is_absent(const cnn_param *p, const void *field)
{
    static const char zeros[sizeof(cnn_array) + 128];
    if (p->type == CNN_PARAM_TEXT || p->type == CNN_PARAM_PATH)
        return *(const char *const *)field == NULL;
    return p->def == NULL && (p->flags & CNN_PARAM_OPTIONAL) != 0 &&
           memcmp(field, zeros, cnn_param_width(p)) == 0;
}

/* Does the field hold what the default gives? */
static bool is_default(const cnn_param *p, const void *field)
{
    if (p->def == NULL)
        return false;
    cnn_arena *arena = cnn_arena_create();
    cnn_diags diags = { .arena = arena };
    cnn_params_reader reader = { "", NULL, NULL, arena, &diags };
    char *a = NULL, *b = NULL;
    size_t a_size = 0, b_size = 0;
    void *other = cnn_arena_alloc(arena, cnn_param_width(p));
    cnn_doc *doc = cnn_param_default(p, arena, &diags);
    bool same = false;
    if (doc != NULL && cnn_param_read(&reader, p, doc, other)) {
        FILE *fa = open_memstream(&a, &a_size), *fb = open_memstream(&b, &b_size);
        print_value(p, field, fa);
        print_value(p, other, fb);
        (void)fclose(fa);
        (void)fclose(fb);
        same = a_size == b_size && memcmp(a, b, a_size) == 0;
    }
    free(a);
    free(b);
    cnn_arena_destroy(arena);
    return same;
}

void cnn_params_print(const cnn_table *params, const void *values, bool all, FILE *out)
{
    bool first = true;
    for (uint32_t i = 0; i < params->count; i++) {
        const cnn_param *p = cnn_table_at(params, i);
        const void *field = (const char *)values + p->offset;
        if (is_absent(p, field) || (!all && is_default(p, field)))
            continue;
        (void)fprintf(out, "%s%s: ", first ? "" : ", ", p->name);
        print_value(p, field, out);
        first = false;
    }
}

/* "the word classes", or "one of same, valid". */
static void one_of(const char *choices, char *out, size_t size)
{
    (void)snprintf(out, size, strchr(choices, '|') != NULL ? "one of " : "the word ");
    for (const char *c = choices; *c != '\0';) {
        size_t n = strcspn(c, "|"), used = strlen(out);
        (void)snprintf(out + used, size - used, "%s%.*s", c > choices ? ", " : "", (int)n, c);
        c += n + (c[n] == '|');
    }
}

/* "an integer or a list of up to 2, or one of same, valid". */
static void list_text(const cnn_param *p, const char *words, char *out, size_t size)
{
    bool ints = p->type == CNN_PARAM_INTS;
    const char *one = ints ? "an integer" : "a number", *more = ints ? "integers" : "numbers";
    const char *separator = words[0] != '\0' ? ", or " : "";
    if (p->max_count == 1)
        (void)snprintf(out, size, "%s%s%s", one, separator, words);
    else if (p->max_count > 0 && p->min_count == p->max_count)
        (void)snprintf(out, size, "a list of %u %s%s%s", p->max_count, more, separator, words);
    else if (p->max_count > 0)
        (void)snprintf(out, size, "%s or a list of up to %u%s%s", one, p->max_count, separator,
                       words);
    else
        (void)snprintf(out, size, "%s or a list of them%s%s", one, separator, words);
}

void cnn_param_type_text(const cnn_param *p, char *out, size_t size)
{
    static const char *const names[] = {
        [CNN_PARAM_BOOL] = "true or false", [CNN_PARAM_INT] = "an integer",
        [CNN_PARAM_FLOAT] = "a number",     [CNN_PARAM_TEXT] = "text",
        [CNN_PARAM_PATH] = "a path",        [CNN_PARAM_ARRAY] = "nested lists of numbers"
    };
    const char *name =
        p->type < sizeof names / sizeof names[0] && names[p->type] != NULL ? names[p->type] : "?";
    char words[384] = "";
    if (p->choices != NULL)
        one_of(p->choices, words, sizeof words);
    if (p->type == CNN_PARAM_CHOICE)
        (void)snprintf(out, size, "%s", words);
    else if (cnn_param_places(p) > 1)
        (void)snprintf(out, size, "an integer or a list of %u", cnn_param_places(p));
    else if (p->type == CNN_PARAM_INTS || p->type == CNN_PARAM_FLOATS)
        list_text(p, words, out, size);
    else
        (void)snprintf(out, size, "%s", name);
}
