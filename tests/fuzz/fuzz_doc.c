/* A YAML text: parsed, printed, parsed again; its formulas evaluated; its first line also applied
 * as an override. */
#include <string.h>

#include "doc_internal.h"
#include "formula.h"
#include "fuzz.h"

static bool same(const cnn_doc *a, const cnn_doc *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == CNN_DOC_SCALAR)
        return strcmp(a->text, b->text) == 0 && a->quoted == b->quoted;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->kind == CNN_DOC_MAP && strcmp(a->keys[i]->text, b->keys[i]->text) != 0)
            return false;
        if (!same(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static void check_round_trip(const cnn_doc *doc, bool origins, cnn_arena *arena)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    PROPERTY(out != NULL);
    cnn_doc_print(doc, origins, out);
    (void)fclose(out);
    cnn_diags diags = { .arena = arena };
    const cnn_doc *again = cnn_doc_parse("again", text, size, arena, &diags);
    PROPERTY(again != NULL);
    PROPERTY(same(doc, again));
    free(text);
}

static void check_formulas(const cnn_doc *doc, cnn_arena *arena)
{
    static const char *const names[] = { "a", "b", "in.channels" };
    static const cnn_number_value values[] = { { CNN_NUMBER_INT, 3, 0, NULL },
                                               { CNN_NUMBER_FLOAT, 0, 0.5, NULL },
                                               { CNN_NUMBER_TEXT, 0, 0, "same" } };
    const cnn_scope scope = { NULL, 3, names, values };
    cnn_diags diags = { .arena = arena };
    const cnn_doc *out = cnn_formula_substitute(doc, &scope, arena, &diags);
    PROPERTY((out == NULL) == (diags.errors > 0));
}

static void check_override(cnn_doc *doc, const char *text, size_t size, cnn_arena *arena)
{
    const char *newline = memchr(text, '\n', size);
    size_t length = newline != NULL ? (size_t)(newline - text) : size;
    if (memchr(text, '\0', length) != NULL)
        return;
    const char *line = cnn_arena_printf(arena, "%.*s", (int)length, text);
    const cnn_source source = { "command line", line, strlen(line) };
    uint32_t nodes = 0;
    cnn_diags diags = { .arena = arena };
    bool ok = cnn_doc_override(doc, &source, &nodes, arena, &diags);
    PROPERTY(ok == (diags.errors == 0));
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
    cnn_doc *doc = cnn_doc_parse("input", (const char *)data, size, arena, &diags);
    PROPERTY((doc == NULL) == (diags.errors > 0));
    print_diags(&diags);
    if (doc != NULL) {
        check_round_trip(doc, false, arena);
        check_round_trip(doc, true, arena);
        check_formulas(doc, arena);
        if (doc->kind == CNN_DOC_MAP)
            check_override(doc, (const char *)data, size, arena);
    }
    cnn_arena_destroy(arena);
    return 0;
}
