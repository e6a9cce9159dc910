/* Recursive descent over the text of one scalar, evaluated on the way:
 *
 *     or      := and { "or" and }
 *     and     := not { "and" not }
 *     not     := "not" not | compare
 *     compare := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
 *     sum     := product { ("+" | "-") product }
 *     product := unary { ("*" | "/" | "%") unary }
 *     unary   := "-" unary | number | name | "true" | "false" | "(" or ")"
 *
 * Integers stay integers and are checked for overflow. The side of and/or that does not matter is
 * read but not judged, so that "n != 0 and 8 % n == 0" works. */
#include "formula_values.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64 /* of parentheses and signs */

typedef cnn_number_value number;

typedef struct parser {
    const cnn_doc *doc;
    const cnn_scope *scope;
    cnn_diags *diags;
    const char *at; /* next character */
    int depth;
    int unjudged; /* > 0: inside the side of and/or that does not matter */
    bool failed;
} parser;

static number boolean(bool b)
{
    return (number){ CNN_NUMBER_BOOL, b, 0.0, NULL };
}

static const number nothing = { CNN_NUMBER_INT, 0, 0.0, NULL };

static cnn_place place_of(const parser *p, const char *spot)
{
    cnn_place place = p->doc->place;
    for (const char *c = p->doc->text; c < spot; c++)
        place.column += ((unsigned char)*c & 0xc0) != 0x80;
    return place;
}

/* The first error wins: what follows from it would only confuse. */
CNN_PRINTF(4, 5)
static number reject(parser *p, const char *spot, const char *hint, const char *format, ...)
{
    if (!p->failed) {
        char text[512];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        cnn_diag_error(p->diags, place_of(p, spot), "%s", text)->hint = hint;
    }
    p->failed = true;
    return nothing;
}

static number judge(parser *p, const char *spot, cnn_status status, number result,
                    const cnn_error *err)
{
    if (status == CNN_OK)
        return result;
    const char *hint = err->hint[0] != '\0' ? cnn_arena_string(p->diags->arena, err->hint) : NULL;
    return reject(p, spot, hint, "%s", err->text);
}

static number calculate(parser *p, const char *spot, char op, number a, number b)
{
    cnn_error err;
    number result = nothing;
    if (p->failed || p->unjudged > 0)
        return nothing;
    cnn_status status = cnn_number_calculate(op, a, b, &result, &err);
    return judge(p, spot, status, result, &err);
}

static number compare(parser *p, const char *spot, const char *op, number a, number b)
{
    cnn_error err;
    number result = nothing;
    if (p->failed || p->unjudged > 0)
        return nothing;
    cnn_status status = cnn_number_compare(op, a, b, &result, &err);
    return judge(p, spot, status, result, &err);
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the name at `at`; in.channels is one name. */
static size_t name_length(const char *at)
{
    size_t n = 0;
    if (!is_name_start(*at))
        return 0;
    while (is_name_start(at[n]) || is_digit(at[n]) || (at[n] == '.' && is_name_start(at[n + 1])))
        n++;
    return n;
}

static void skip_blanks(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static bool take(parser *p, const char *symbol)
{
    skip_blanks(p);
    size_t n = strlen(symbol);
    if (strncmp(p->at, symbol, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool take_word(parser *p, const char *word)
{
    skip_blanks(p);
    size_t n = strlen(word);
    if (name_length(p->at) != n || strncmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static number unknown_name(parser *p, const char *spot, const char *name)
{
    const char *names[64] = { NULL };
    size_t n = 0;
    const char *all = NULL;
    for (const cnn_scope *s = p->scope; s != NULL; s = s->outer)
        for (uint32_t i = 0; i < s->count && n < sizeof names / sizeof names[0]; i++) {
            names[n++] = s->names[i];
            all = all == NULL ? s->names[i]
                              : cnn_arena_printf(p->diags->arena, "%s, %s", all, s->names[i]);
        }
    const char *near = cnn_did_you_mean(name, names, n), *hint = NULL;
    if (near != NULL)
        hint = cnn_arena_printf(p->diags->arena, "did you mean '%s'?", near);
    else if (all != NULL)
        hint = cnn_arena_printf(p->diags->arena, "names here: %s", all);
    return reject(p, spot, hint, "unknown name '%s' in a formula", name);
}

static number read_name(parser *p)
{
    const char *spot = p->at;
    size_t length = name_length(spot);
    p->at += length;
    for (const cnn_scope *s = p->scope; s != NULL; s = s->outer)
        for (uint32_t i = 0; i < s->count; i++)
            if (strncmp(s->names[i], spot, length) == 0 && s->names[i][length] == '\0')
                return s->values[i];
    return unknown_name(p, spot, cnn_arena_printf(p->diags->arena, "%.*s", (int)length, spot));
}

static number read_number(parser *p)
{
    const char *spot = p->at, *c = spot;
    while (is_digit(*c))
        c++;
    bool whole = true;
    if (*c == '.') {
        whole = false;
        c++;
        while (is_digit(*c))
            c++;
    }
    if ((*c == 'e' || *c == 'E') && (is_digit(c[1]) || (strchr("+-", c[1]) && is_digit(c[2])))) {
        whole = false;
        c += 2;
        while (is_digit(*c))
            c++;
    }
    p->at = c;
    if (is_name_start(*c) || *c == '.')
        return reject(p, spot, NULL, "this is no number");
    number v = { whole ? CNN_NUMBER_INT : CNN_NUMBER_FLOAT, 0, 0.0, NULL };
    errno = 0;
    if (whole)
        v.i = strtoll(spot, NULL, 10);
    else
        v.f = strtod(spot, NULL);
    if (!isfinite(v.f) || (whole && errno != 0))
        return reject(p, spot, NULL, "this number is too large");
    return v;
}

static number read_or(parser *p);

static number read_operand(parser *p)
{
    const char *spot = p->at;
    if (take(p, "(")) {
        number v = read_or(p);
        return take(p, ")") ? v : reject(p, p->at, NULL, "')' was expected here");
    }
    if (take_word(p, "true"))
        return boolean(true);
    if (take_word(p, "false"))
        return boolean(false);
    skip_blanks(p);
    if (is_digit(*p->at) || (*p->at == '.' && is_digit(p->at[1])))
        return read_number(p);
    size_t n = name_length(p->at);
    if (n > 0 && !take_word(p, "and") && !take_word(p, "or") && !take_word(p, "not"))
        return read_name(p);
    return reject(p, n > 0 ? spot : p->at, NULL, "a number or a name was expected here");
}

static number read_unary(parser *p)
{
    skip_blanks(p);
    const char *spot = p->at;
    if (p->failed)
        return nothing;
    if (++p->depth > MAX_DEPTH)
        return reject(p, spot, NULL, "the formula is nested too deeply");
    number v = take(p, "-") ? calculate(p, spot, '-', nothing, read_unary(p)) : read_operand(p);
    p->depth--;
    return v;
}

static number read_product(parser *p)
{
    number v = read_unary(p);
    for (;;) {
        skip_blanks(p);
        const char *spot = p->at;
        if (p->failed || *spot == '\0' || strchr("*/%", *spot) == NULL)
            return v;
        p->at++;
        v = calculate(p, spot, *spot, v, read_unary(p));
    }
}

static number read_sum(parser *p)
{
    number v = read_product(p);
    for (;;) {
        skip_blanks(p);
        const char *spot = p->at;
        if (p->failed || (*spot != '+' && *spot != '-'))
            return v;
        p->at++;
        v = calculate(p, spot, *spot, v, read_product(p));
    }
}

static number read_compare(parser *p)
{
    static const char *const symbols[] = { "==", "!=", "<=", ">=", "<", ">" };
    number v = read_sum(p);
    skip_blanks(p);
    const char *spot = p->at;
    for (size_t i = 0; !p->failed && i < sizeof symbols / sizeof symbols[0]; i++)
        if (take(p, symbols[i]))
            return compare(p, spot, symbols[i], v, read_sum(p));
    return v;
}

static bool truth(parser *p, const char *spot, const char *word, number v)
{
    if (p->failed || p->unjudged > 0)
        return false;
    if (v.kind != CNN_NUMBER_BOOL)
        (void)reject(p, spot, NULL, "'%s' needs a truth value, not %s", word,
                     cnn_number_kind_text(v.kind));
    return v.i != 0;
}

static number read_not(parser *p)
{
    skip_blanks(p);
    const char *spot = p->at;
    if (!take_word(p, "not"))
        return read_compare(p);
    if (++p->depth > MAX_DEPTH)
        return reject(p, spot, NULL, "the formula is nested too deeply");
    number v = boolean(!truth(p, spot, "not", read_not(p)));
    p->depth--;
    return v;
}

/* a and b, a or b: `decisive` is the value of a that settles it. */
static number read_logic(parser *p, const char *word, number (*operand)(parser *), bool decisive)
{
    number v = operand(p);
    for (;;) {
        skip_blanks(p);
        const char *spot = p->at;
        if (p->failed || !take_word(p, word))
            return v;
        bool settled = truth(p, spot, word, v) == decisive;
        p->unjudged += settled;
        number right = operand(p);
        p->unjudged -= settled;
        v = boolean(settled ? decisive : truth(p, spot, word, right));
    }
}

static number read_and(parser *p)
{
    return read_logic(p, "and", read_not, false);
}

static number read_or(parser *p)
{
    return read_logic(p, "or", read_and, true);
}

bool cnn_formula_eval(const cnn_doc *doc, const cnn_scope *scope, cnn_diags *diags,
                      cnn_number_value *value)
{
    parser p = { .doc = doc, .scope = scope, .diags = diags, .at = doc->text + 1 };
    *value = nothing;
    if (scope == NULL) {
        (void)reject(&p, doc->text, "put a text that starts with '$' in quotes",
                     "a formula cannot stand here");
        return false;
    }
    bool in_parentheses = *p.at == '(';
    if (in_parentheses)
        *value = read_operand(&p);
    else if (name_length(p.at) > 0)
        *value = read_name(&p);
    else
        (void)reject(&p, p.at, "write $name, $(2 * name), or quotes around a text",
                     "a name or '(' was expected behind '$'");
    skip_blanks(&p);
    if (!p.failed && *p.at != '\0')
        (void)reject(&p, p.at, in_parentheses ? NULL : "write calculations as $(...)",
                     "a formula is the whole value; nothing may follow it");
    return !p.failed;
}

cnn_doc *cnn_formula_substitute(const cnn_doc *doc, const cnn_scope *scope, cnn_arena *arena,
                                cnn_diags *diags)
{
    cnn_doc *out = cnn_arena_copy(arena, doc, sizeof *doc);
    if (doc->kind == CNN_DOC_SCALAR) {
        number value;
        if (!cnn_is_formula(doc))
            return out;
        if (!cnn_formula_eval(doc, scope, diags, &value))
            return NULL;
        out->text = cnn_number_text(&value, arena);
        out->quoted = cnn_doc_is_null(out) || cnn_is_formula(out); /* a word stays a word */
        return out;
    }
    bool ok = true;
    out->items = CNN_NEW_ARRAY(arena, cnn_doc *, doc->count);
    for (uint32_t i = 0; i < doc->count; i++) {
        out->items[i] = cnn_formula_substitute(doc->items[i], scope, arena, diags);
        ok &= out->items[i] != NULL;
    }
    return ok ? out : NULL;
}

bool cnn_is_formula(const cnn_doc *doc)
{
    return doc != NULL && doc->kind == CNN_DOC_SCALAR && !doc->quoted && doc->text[0] == '$';
}
