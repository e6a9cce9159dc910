/* One value: text -> number, word, list or array, with range and count checked. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formula.h"
#include "params_internal.h"

#define MAX_CHOICES 64
#define NO_LIMIT 1e30 /* tables say so where a number may be as large as it likes */

size_t cnn_param_width(const cnn_param *p)
{
    switch (p->type) {
    case CNN_PARAM_BOOL:
        return sizeof(bool);
    case CNN_PARAM_INT:
        return sizeof(int64_t) * cnn_param_places(p);
    case CNN_PARAM_FLOAT:
        return sizeof(double);
    case CNN_PARAM_TEXT:
    case CNN_PARAM_PATH:
        return sizeof(char *);
    case CNN_PARAM_CHOICE:
        return sizeof(int32_t);
    case CNN_PARAM_INTS:
        return sizeof(cnn_ints);
    case CNN_PARAM_FLOATS:
        return sizeof(cnn_floats);
    case CNN_PARAM_ARRAY:
        return sizeof(cnn_array);
    default:
        return 0;
    }
}

uint32_t cnn_param_places(const cnn_param *p)
{
    return p->type == CNN_PARAM_INT && p->max_count > 1 ? p->max_count : 1;
}

cnn_doc *cnn_param_default(const cnn_param *p, cnn_arena *arena, cnn_diags *diags)
{
    if (p->def[0] != '\0' && p->type != CNN_PARAM_TEXT && p->type != CNN_PARAM_PATH)
        return cnn_doc_parse("default", p->def, strlen(p->def), arena, diags);
    cnn_doc *doc = CNN_NEW(arena, cnn_doc); /* text stands for itself, also ~ and [ */
    doc->kind = CNN_DOC_SCALAR;
    doc->text = p->def;
    doc->quoted = true;
    return doc;
}

static bool refuse(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc)
{
    char wanted[512];
    cnn_param_type_text(p, wanted, sizeof wanted);
    if (doc->kind != CNN_DOC_SCALAR)
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is a %s, but %s is wanted", r->owner,
                       p->name, doc->kind == CNN_DOC_MAP ? "map" : "list", wanted);
    else if (cnn_is_formula(doc))
        cnn_diag_error(r->diags, doc->place,
                       "%s: '%s' is a formula; formulas work inside models and blocks only",
                       r->owner, p->name);
    else
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is '%s', but %s is wanted", r->owner,
                       p->name, doc->text, wanted);
    return false;
}

static bool in_range(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc, double v)
{
    if ((p->min == 0 && p->max == 0) || (v >= p->min && v <= p->max))
        return true;
    const char *unit = p->unit != NULL ? p->unit : "", *space = p->unit != NULL ? " " : "";
    if (p->max >= NO_LIMIT)
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is %s, but must be at least %.10g%s%s",
                       r->owner, p->name, doc->text, p->min, space, unit);
    else if (p->min <= -NO_LIMIT)
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is %s, but must be at most %.10g%s%s",
                       r->owner, p->name, doc->text, p->max, space, unit);
    else
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is %s, but must be from %.10g to %.10g%s%s",
                       r->owner, p->name, doc->text, p->min, p->max, space, unit);
    return false;
}

/* Decimal digits with a sign; `08` is 8. */
static bool parse_int(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return text[0] != '\0' && strchr(" \t\n", text[0]) == NULL && *end == '\0' && errno == 0;
}

/* What strtod reads, without its hexadecimal numbers. */
static bool parse_float(const char *text, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    bool tiny = errno == ERANGE && fabs(*value) < 1;
    return text[0] != '\0' && strchr(" \t\n", text[0]) == NULL && *end == '\0' &&
           (errno == 0 || tiny) && strpbrk(text, "xX") == NULL;
}

static bool read_int(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                     int64_t *value)
{
    if (doc->kind == CNN_DOC_SCALAR && parse_int(doc->text, value))
        return in_range(r, p, doc, (double)*value);
    if (doc->kind != CNN_DOC_SCALAR || errno != ERANGE)
        return refuse(r, p, doc);
    return in_range(r, p, doc, (double)*value) && refuse(r, p, doc); /* longer than 64 bits */
}

static bool read_float(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                       double *value)
{
    if (doc->kind != CNN_DOC_SCALAR || !parse_float(doc->text, value))
        return refuse(r, p, doc);
    if (!isfinite(*value) && (isfinite(p->max) || isnan(*value)))
        return refuse(r, p, doc);
    return in_range(r, p, doc, *value);
}

static bool read_bool(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                      bool *value)
{
    static const char *const yes[] = { "true", "yes", "on", "1", "True" };
    static const char *const no[] = { "false", "no", "off", "0", "False" };
    for (size_t i = 0; doc->kind == CNN_DOC_SCALAR && i < sizeof yes / sizeof yes[0]; i++) {
        *value = strcmp(doc->text, yes[i]) == 0;
        if (*value || strcmp(doc->text, no[i]) == 0)
            return true;
    }
    return refuse(r, p, doc);
}

/* Index of a word among "a|b|c", or -1. */
static int32_t find_choice(const char *choices, const char *word)
{
    size_t n = strlen(word);
    int32_t index = 0;
    for (const char *c = choices; c != NULL && *c != '\0'; index++) {
        size_t length = strcspn(c, "|");
        if (length == n && memcmp(c, word, n) == 0)
            return index;
        c += length + (c[length] == '|');
    }
    return -1;
}

static void unknown_choice(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc)
{
    const char *words[MAX_CHOICES], *near;
    char *list = cnn_arena_string(r->arena, p->choices);
    char *shown = cnn_arena_string(r->arena, "");
    size_t count = 0;
    for (char *c = list; c != NULL && count < MAX_CHOICES;) {
        words[count++] = c;
        c = strchr(c, '|');
        if (c != NULL)
            *c++ = '\0';
    }
    for (size_t i = 0; i < count; i++)
        shown = cnn_arena_printf(r->arena, "%s%s%s", shown, i > 0 ? ", " : "", words[i]);
    near = cnn_did_you_mean(doc->text, words, count);
    cnn_diag *diag = cnn_diag_error(r->diags, doc->place, "%s: '%s' cannot be '%s'%s%s%s", r->owner,
                                    p->name, doc->text, near != NULL ? " (did you mean '" : "",
                                    near != NULL ? near : "", near != NULL ? "'?)" : "");
    bool numbers = p->type == CNN_PARAM_INTS || p->type == CNN_PARAM_FLOATS;
    cnn_diag_hint(r->diags, diag, "choices: %s%s", shown, numbers ? ", or numbers" : "");
}

static bool read_choice(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                        int32_t *value)
{
    if (doc->kind != CNN_DOC_SCALAR || cnn_is_formula(doc))
        return refuse(r, p, doc);
    *value = find_choice(p->choices, doc->text);
    if (*value < 0)
        unknown_choice(r, p, doc);
    return *value >= 0;
}

static bool read_text(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                      const char **value)
{
    if (doc->kind != CNN_DOC_SCALAR || cnn_is_formula(doc))
        return refuse(r, p, doc);
    *value = cnn_arena_string(r->arena, doc->text);
    const char *home = getenv("HOME");
    if (p->type == CNN_PARAM_PATH && strncmp(doc->text, "~/", 2) == 0 && home != NULL)
        *value = cnn_arena_printf(r->arena, "%s%s", home, doc->text + 1);
    return true;
}

static bool wrong_count(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                        uint32_t count)
{
    char wanted[512];
    cnn_param_type_text(p, wanted, sizeof wanted);
    if (count == 0 && p->max_count == 0)
        cnn_diag_error(r->diags, doc->place, "%s: '%s' is empty", r->owner, p->name);
    else
        cnn_diag_error(r->diags, doc->place, "%s: '%s' has %u number%s, but %s is wanted", r->owner,
                       p->name, count, count == 1 ? "" : "s", wanted);
    return false;
}

static bool count_fits(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                       uint32_t count)
{
    bool any = p->min_count == 0 && p->max_count == 0;
    if (any ? count > 0 : count >= p->min_count && count <= p->max_count)
        return true;
    return wrong_count(r, p, doc, count);
}

/* A word instead of the numbers of a list. */
static bool is_choice_word(const cnn_param *p, const cnn_doc *doc)
{
    double ignored;
    return p->choices != NULL && doc->kind == CNN_DOC_SCALAR && !cnn_is_formula(doc) &&
           !parse_float(doc->text, &ignored);
}

static bool read_ints(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                      cnn_ints *value)
{
    *value = (cnn_ints){ 0, -1, NULL };
    if (is_choice_word(p, doc))
        return read_choice(r, p, doc, &value->choice);
    if (doc->kind == CNN_DOC_MAP)
        return refuse(r, p, doc);
    uint32_t count = doc->kind == CNN_DOC_LIST ? doc->count : 1;
    int64_t *numbers = CNN_NEW_ARRAY(r->arena, int64_t, count);
    value->count = count;
    value->v = numbers;
    bool ok = true;
    if (!count_fits(r, p, doc, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        ok = read_int(r, p, doc->kind == CNN_DOC_LIST ? doc->items[i] : doc, &numbers[i]) && ok;
    return ok;
}

static bool read_floats(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                        cnn_floats *value)
{
    *value = (cnn_floats){ 0, -1, NULL };
    if (is_choice_word(p, doc))
        return read_choice(r, p, doc, &value->choice);
    if (doc->kind == CNN_DOC_MAP)
        return refuse(r, p, doc);
    uint32_t count = doc->kind == CNN_DOC_LIST ? doc->count : 1;
    double *numbers = CNN_NEW_ARRAY(r->arena, double, count);
    value->count = count;
    value->v = numbers;
    bool ok = true;
    if (!count_fits(r, p, doc, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        ok = read_float(r, p, doc->kind == CNN_DOC_LIST ? doc->items[i] : doc, &numbers[i]) && ok;
    return ok;
}

/* int64_t[n] in place: one number for all places, or n of them. */
static bool read_places(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                        int64_t *values)
{
    uint32_t n = cnn_param_places(p);
    if (doc->kind != CNN_DOC_LIST) {
        bool ok = read_int(r, p, doc, &values[0]);
        for (uint32_t i = 1; i < n; i++)
            values[i] = values[0];
        return ok;
    }
    bool ok = doc->count == n || wrong_count(r, p, doc, doc->count);
    for (uint32_t i = 0; i < n && ok; i++)
        ok = read_int(r, p, doc->items[i], &values[i]);
    return ok;
}

/* Shape of nested lists, from their first elements. */
static bool array_shape(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                        cnn_type *type)
{
    const cnn_doc *inner = doc;
    *type = cnn_scalar_type(CNN_F32);
    for (; inner->kind == CNN_DOC_LIST && inner->count > 0; inner = inner->items[0]) {
        if (type->rank == CNN_MAX_RANK) {
            cnn_diag_error(r->diags, doc->place, "%s: '%s' is nested more than %d deep", r->owner,
                           p->name, CNN_MAX_RANK);
            return false;
        }
        type->dim[type->rank++] = inner->count;
    }
    return inner->kind == CNN_DOC_SCALAR || refuse(r, p, inner);
}

/* Lists beside each other are rows of a table. */
static void uneven(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc, int64_t want)
{
    if (doc->kind == CNN_DOC_LIST)
        cnn_diag_error(r->diags, doc->place,
                       "%s: '%s': this list has the length %u, but the first one has %lld",
                       r->owner, p->name, doc->count, (long long)want);
    else
        cnn_diag_error(r->diags, doc->place,
                       "%s: '%s': this is a %s, but the first element is a list of %lld", r->owner,
                       p->name, doc->kind == CNN_DOC_MAP ? "map" : "number", (long long)want);
}

static bool fill_array(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                       const cnn_type *type, uint32_t axis, float **next)
{
    double number;
    if (axis == type->rank) {
        if (!read_float(r, p, doc, &number))
            return false;
        *(*next)++ = (float)number;
        return true;
    }
    if (doc->kind != CNN_DOC_LIST || doc->count != type->dim[axis]) {
        uneven(r, p, doc, type->dim[axis]);
        return false;
    }
    for (uint32_t i = 0; i < doc->count; i++)
        if (!fill_array(r, p, doc->items[i], type, axis + 1, next))
            return false;
    return true;
}

static bool read_array(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc,
                       cnn_array *value)
{
    *value = (cnn_array){ cnn_scalar_type(CNN_F32), NULL };
    if (!array_shape(r, p, doc, &value->type))
        return false;
    float *numbers = CNN_NEW_ARRAY(r->arena, float, cnn_count(&value->type));
    value->v = numbers;
    return fill_array(r, p, doc, &value->type, 0, &numbers);
}

bool cnn_param_read(const cnn_params_reader *r, const cnn_param *p, const cnn_doc *doc, void *field)
{
    switch (p->type) {
    case CNN_PARAM_BOOL:
        return read_bool(r, p, doc, field);
    case CNN_PARAM_INT:
        return cnn_param_places(p) > 1 ? read_places(r, p, doc, field) : read_int(r, p, doc, field);
    case CNN_PARAM_FLOAT:
        return read_float(r, p, doc, field);
    case CNN_PARAM_TEXT:
    case CNN_PARAM_PATH:
        return read_text(r, p, doc, field);
    case CNN_PARAM_CHOICE:
        return read_choice(r, p, doc, field);
    case CNN_PARAM_INTS:
        return read_ints(r, p, doc, field);
    case CNN_PARAM_FLOATS:
        return read_floats(r, p, doc, field);
    case CNN_PARAM_ARRAY:
        return read_array(r, p, doc, field);
    default:
        return refuse(r, p, doc);
    }
}
