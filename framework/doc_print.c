/* A tree as canonical YAML: block style, two blanks per level, quotes only where they matter. What
 * is printed parses back to the same tree. */
#include <string.h>

#include "base/text.h"
#include "doc_internal.h"

#define ORIGIN_COLUMN 48
#define LONGEST_KEY 1000u /* YAML allows 1024 characters for a key without '?' */

/* Code point of the UTF-8 character at p, and its length; malformed bytes count as one each. */
static uint32_t decode(const char *p, size_t *length)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
    uint32_t code = n == 1 ? u[0] : u[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            *length = 1;
            return u[0];
        }
        code = code << 6 | (u[i] & 0x3fu);
    }
    *length = n;
    return code;
}

/* Characters that YAML does not take as they are, or takes for line breaks. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

bool cnn_doc_is_plain(const char *text)
{
    if (text[0] == '\0' || strchr(" ,[]{}#&*!|>'\"%@`", text[0]) != NULL)
        return false;
    if (strchr("-?:", text[0]) != NULL && (text[1] == '\0' || text[1] == ' '))
        return false;
    if (strncmp(text, "---", 3) == 0 || strncmp(text, "...", 3) == 0)
        return false;
    size_t n;
    for (const char *p = text; *p != '\0'; p += n) {
        if (needs_escape(decode(p, &n)))
            return false;
        if (*p == ':' && (p[1] == ' ' || p[1] == '\0'))
            return false;
        if (*p == ' ' && (p[1] == '#' || p[1] == '\0'))
            return false;
    }
    return true;
}

typedef struct printer {
    cnn_text line;
    const cnn_doc *origin; /* whose place the line gets; NULL: none yet */
    bool origins;
    FILE *out;
} printer;

static void put_quoted(printer *p, const char *text)
{
    cnn_text_add(&p->line, "\"");
    size_t n;
    for (const char *c = text; *c != '\0'; c += n) {
        uint32_t code = decode(c, &n);
        if (*c == '"' || *c == '\\')
            cnn_text_add(&p->line, "\\%c", *c);
        else if (*c == '\n' || *c == '\t')
            cnn_text_add(&p->line, *c == '\n' ? "\\n" : "\\t");
        else if (needs_escape(code))
            cnn_text_add(&p->line, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        else
            cnn_text_add_bytes(&p->line, c, n);
    }
    cnn_text_add(&p->line, "\"");
}

static void put_scalar(printer *p, const cnn_doc *doc, bool is_key)
{
    bool merge = is_key && strcmp(doc->text, "<<") == 0;
    if (merge || doc->quoted || (doc->text[0] != '\0' && !cnn_doc_is_plain(doc->text)) ||
        (is_key && doc->text[0] == '\0'))
        put_quoted(p, doc->text);
    else
        cnn_text_add(&p->line, "%s", doc->text);
}

static void end_line(printer *p)
{
    size_t width = 0;
    for (size_t i = 0; i < p->line.length; i++)
        width += ((unsigned char)p->line.data[i] & 0xc0) != 0x80;
    (void)fputs(cnn_text_get(&p->line), p->out);
    if (p->origins && p->origin != NULL && p->origin->place.source != NULL) {
        const cnn_place *place = &p->origin->place;
        bool command_line = strcmp(place->source->name, "command line") == 0;
        int blanks = width + 2 < ORIGIN_COLUMN ? ORIGIN_COLUMN - (int)width : 2;
        (void)fprintf(p->out, "%*s# %s", blanks, "", place->source->name);
        if (!command_line && place->line > 0)
            (void)fprintf(p->out, ":%d", place->line);
    }
    (void)fputc('\n', p->out);
    p->line.length = 0;
    p->origin = NULL;
    if (p->line.data != NULL)
        p->line.data[0] = '\0';
}

static void indent(printer *p, int level)
{
    cnn_text_add(&p->line, "%*s", 2 * level, "");
}

static bool is_block(const cnn_doc *doc)
{
    return doc->kind != CNN_DOC_SCALAR && doc->count > 0;
}

/* What fits behind "key: " or "- " on the same line. */
static void put_inline(printer *p, const cnn_doc *doc)
{
    if (doc->kind == CNN_DOC_SCALAR)
        put_scalar(p, doc, false);
    else
        cnn_text_add(&p->line, doc->kind == CNN_DOC_LIST ? "[]" : "{}");
}

static void put_block(printer *p, const cnn_doc *doc, int level);

/* "- value" or ": value"; a block's first line stands behind the mark. */
static void put_marked(printer *p, const char *mark, const cnn_doc *value, int level)
{
    bool empty = value->kind == CNN_DOC_SCALAR && value->text[0] == '\0' && !value->quoted;
    cnn_text_add(&p->line, empty ? "%s" : "%s ", mark);
    if (is_block(value)) {
        put_block(p, value, level + 1);
        return;
    }
    put_inline(p, value);
    p->origin = value;
    end_line(p);
}

static void put_entry(printer *p, const cnn_doc *key, const cnn_doc *value, int level)
{
    size_t start = p->line.length;
    put_scalar(p, key, true);
    if (p->line.length - start > LONGEST_KEY) {
        p->line.length = start;
        cnn_text_add(&p->line, "? ");
        put_scalar(p, key, true);
        p->origin = key;
        end_line(p);
        indent(p, level);
        put_marked(p, ":", value, level);
        return;
    }
    cnn_text_add(&p->line, ":");
    if (is_block(value)) {
        p->origin = key;
        end_line(p);
        indent(p, level + 1);
        put_block(p, value, level + 1);
        return;
    }
    bool empty = value->kind == CNN_DOC_SCALAR && value->text[0] == '\0' && !value->quoted;
    cnn_text_add(&p->line, empty ? "" : " ");
    put_inline(p, value);
    p->origin = value;
    end_line(p);
}

/* A filled list or map; the line is already indented for its first element. */
static void put_block(printer *p, const cnn_doc *doc, int level)
{
    for (uint32_t i = 0; i < doc->count; i++) {
        if (i > 0)
            indent(p, level);
        if (doc->kind == CNN_DOC_LIST)
            put_marked(p, "-", doc->items[i], level);
        else
            put_entry(p, doc->keys[i], doc->items[i], level);
    }
}

void cnn_doc_print(const cnn_doc *doc, bool origins, FILE *out)
{
    printer p = { .origins = origins, .out = out };
    if (is_block(doc)) {
        put_block(&p, doc, 0);
    } else {
        put_inline(&p, doc);
        p.origin = doc;
        end_line(&p);
    }
    cnn_text_free(&p.line);
}
