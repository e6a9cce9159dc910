/* libyaml's events -> a tree with places. Aliases become copies and merge keys are written out, so
 * that everybody behind this file sees a plain tree; both are counted against the limit on nodes,
 * which stops alias bombs. */
#include <string.h>
#include <yaml.h>

#include "doc_internal.h"

typedef struct anchor {
    const char *name;
    cnn_doc *node;
    cnn_place place;
    bool complete; /* false while its own node is being read */
    bool used;
} anchor;

typedef struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the current one */
    const cnn_source *source;
    size_t skip;        /* bytes before the YAML text */
    int skipped_column; /* the same in characters */
    uint32_t *nodes;
    anchor *anchors;
    size_t n_anchors;
    cnn_arena *arena;
    cnn_diags *diags;
} reader;

static cnn_place place_at(const reader *r, yaml_mark_t mark)
{
    cnn_place place = { r->source, (int)mark.line + 1, (int)mark.column + 1 };
    if (mark.line == 0)
        place.column += r->skipped_column;
    return place;
}

static const char *byte_at(const reader *r, yaml_mark_t mark)
{
    const char *p = r->source->text + r->skip, *end = r->source->text + r->source->length;
    for (size_t line = 0; line < mark.line && p < end; p++)
        line += *p == '\n';
    for (size_t column = 0; column < mark.column && p < end; column++) {
        p++;
        while (p < end && ((unsigned char)*p & 0xc0) == 0x80)
            p++;
    }
    return p;
}

/* libyaml gives the place of undecodable bytes as an offset. */
static yaml_mark_t mark_of_offset(const reader *r, size_t offset)
{
    yaml_mark_t mark = { 0, 0, 0 };
    const char *p = r->source->text + r->skip;
    for (size_t i = 0; i < offset && i < r->source->length - r->skip; i++) {
        if (p[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else {
            mark.column += ((unsigned char)p[i] & 0xc0) != 0x80;
        }
    }
    return mark;
}

static void undecodable(reader *r)
{
    const char *hint;
    const char *text = cnn_doc_explain(r->yaml.problem, &hint);
    yaml_mark_t mark = mark_of_offset(r, r->yaml.problem_offset);
    cnn_diag_error(r->diags, place_at(r, mark), "%s", text)->hint = hint;
}

/* Bytes up to the last character that is not blank: the end of the text, for messages. */
static size_t text_length(const reader *r)
{
    size_t n = r->source->length;
    while (n > r->skip && strchr(" \n\r", r->source->text[n - 1]) != NULL)
        n--;
    return n - r->skip;
}

static bool is_end(const reader *r, const char *p)
{
    return p >= r->source->text + r->skip + text_length(r);
}

static void syntax_error(reader *r)
{
    const yaml_parser_t *y = &r->yaml;
    const char *problem = y->problem != NULL ? y->problem : "cannot be read as YAML";
    const char *at = byte_at(r, y->problem_mark), *unclosed, *hint;
    const char *context = cnn_doc_explain_context(y->context, &unclosed);
    if (unclosed != NULL && is_end(r, at)) {
        cnn_diag_error(r->diags, place_at(r, y->context_mark), "%s", unclosed);
        return;
    }
    bool tab = at < r->source->text + r->source->length && *at == '\t';
    bool no_colon = !tab && strcmp(problem, "could not find expected ':'") == 0;
    yaml_mark_t mark = no_colon ? y->context_mark : y->problem_mark;
    if (is_end(r, at) && !no_colon)
        mark = mark_of_offset(r, text_length(r));
    const char *text =
        cnn_doc_explain(tab ? "found a tab character that violates indentation" : problem, &hint);
    cnn_diag *d = cnn_diag_error(r->diags, place_at(r, mark), "%s", text);
    d->hint = hint;
    if (context != NULL && y->context_mark.line != mark.line)
        d->trail = cnn_arena_printf(r->arena, "%s that starts in line %d", context,
                                    (int)y->context_mark.line + 1);
}

static bool next(reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->yaml, &r->event) == 1)
        return true;
    r->event.type = YAML_NO_EVENT;
    if (r->yaml.error == YAML_MEMORY_ERROR)
        cnn_out_of_memory(0);
    if (r->yaml.error == YAML_READER_ERROR)
        undecodable(r);
    else
        syntax_error(r);
    return false;
}

static bool count_node(reader *r, cnn_place place)
{
    if (++*r->nodes <= CNN_DOC_MAX_NODES)
        return true;
    cnn_diag_error(r->diags, place, "more than %u values, aliases and merge keys written out",
                   CNN_DOC_MAX_NODES);
    return false;
}

static bool check_depth(reader *r, cnn_place place, uint32_t depth)
{
    if (depth <= CNN_DOC_MAX_DEPTH)
        return true;
    cnn_diag_error(r->diags, place, "nested more than %u levels deep", CNN_DOC_MAX_DEPTH);
    return false;
}

/* Reports a tag of somebody's own. *text is set for tags that make a text of anything. */
static void check_tag(reader *r, const yaml_char_t *tag, bool *text)
{
    static const char standard[] = "tag:yaml.org,2002:";
    if (tag == NULL)
        return;
    const char *name = (const char *)tag;
    if (strncmp(name, standard, sizeof standard - 1) == 0) {
        *text = strcmp(name + sizeof standard - 1, "str") == 0;
        return;
    }
    *text = strcmp(name, "!") == 0;
    if (*text)
        return;
    cnn_diag *d = cnn_diag_error(r->diags, place_at(r, r->event.start_mark),
                                 "the tag '%s' means nothing here", name);
    if (strcmp(name, "!include") == 0)
        d->hint = "write 'include: file.yaml' as a key at the top of the file";
}

static void add_anchor(reader *r, const yaml_char_t *name, cnn_doc *node)
{
    if (name == NULL)
        return;
    r->anchors = cnn_arena_grow(r->arena, r->anchors, r->n_anchors, sizeof *r->anchors);
    r->anchors[r->n_anchors++] = (anchor){
        .name = cnn_arena_string(r->arena, (const char *)name),
        .node = node,
        .place = node->place,
        .complete = node->kind == CNN_DOC_SCALAR,
    };
}

static cnn_doc *copy_node(reader *r, const cnn_doc *from, cnn_place place, uint32_t depth)
{
    if (!check_depth(r, place, depth) || !count_node(r, place))
        return NULL;
    cnn_doc *to = cnn_doc_new(from->kind, from->place, from->text, r->arena);
    to->quoted = from->quoted;
    for (uint32_t i = 0; i < from->count; i++) {
        cnn_doc *item = copy_node(r, from->items[i], place, depth + 1);
        if (item == NULL || (from->kind == CNN_DOC_MAP && !count_node(r, place)))
            return NULL;
        cnn_doc_append(to, from->kind == CNN_DOC_MAP ? from->keys[i] : NULL, item, r->arena);
    }
    return to;
}

static cnn_doc *read_alias(reader *r, uint32_t depth)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    cnn_place place = place_at(r, r->event.start_mark);
    for (size_t i = r->n_anchors; i-- > 0;) {
        anchor *a = &r->anchors[i];
        if (strcmp(a->name, name) != 0)
            continue;
        a->used = true;
        if (a->complete)
            return copy_node(r, a->node, place, depth);
        cnn_diag_error(r->diags, place, "the anchor '&%s' is used inside itself", name);
        return NULL;
    }
    cnn_diag_error(r->diags, place, "unknown anchor '%s': no '&%s' stands above", name, name);
    return NULL;
}

static cnn_doc *read_scalar(reader *r)
{
    const yaml_event_t *e = &r->event;
    cnn_place place = place_at(r, e->start_mark);
    bool text = false;
    check_tag(r, e->data.scalar.tag, &text);
    const char *value = (const char *)e->data.scalar.value;
    if (strlen(value) != e->data.scalar.length) {
        cnn_diag_error(r->diags, place, "a text cannot contain the character \\0");
        return NULL;
    }
    cnn_doc *doc = cnn_doc_new(CNN_DOC_SCALAR, place, cnn_arena_string(r->arena, value), r->arena);
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !text;
    doc->quoted = !plain || (value[0] != '\0' && !cnn_doc_is_plain(value));
    add_anchor(r, e->data.scalar.anchor, doc);
    return doc;
}

static cnn_doc *read_node(reader *r, uint32_t depth);

static bool read_list(reader *r, cnn_doc *list, uint32_t depth)
{
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        cnn_doc *item = read_node(r, depth + 1);
        if (item == NULL)
            return false;
        cnn_doc_append(list, NULL, item, r->arena);
    }
}

static bool is_merge_key(const cnn_doc *key)
{
    return !key->quoted && strcmp(key->text, "<<") == 0;
}

/* Adds the keys of `from` that neither the map's author wrote nor an earlier merge brought. */
static bool merge_map(reader *r, cnn_doc *to, const cnn_doc *written, const cnn_doc *from,
                      uint32_t depth)
{
    if (from->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, from->place, "'<<' needs a map, or a list of maps");
        return false;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        const char *name = from->keys[i]->text;
        if (cnn_doc_find(written, name) >= 0 || cnn_doc_find(to, name) >= 0)
            continue;
        cnn_doc *copy = copy_node(r, from->items[i], from->keys[i]->place, depth + 1);
        if (copy == NULL || !count_node(r, from->keys[i]->place))
            return false;
        cnn_doc_append(to, from->keys[i], copy, r->arena);
    }
    return true;
}

/* Writes out `<<` keys, in the place where they stand. */
static bool expand_merges(reader *r, cnn_doc *map, uint32_t depth)
{
    cnn_doc out = *map;
    out.count = 0;
    out.items = NULL;
    out.keys = NULL;
    for (uint32_t i = 0; i < map->count; i++) {
        const cnn_doc *value = map->items[i];
        if (!is_merge_key(map->keys[i])) {
            cnn_doc_append(&out, map->keys[i], map->items[i], r->arena);
        } else if (value->kind == CNN_DOC_LIST) {
            for (uint32_t j = 0; j < value->count; j++)
                if (!merge_map(r, &out, map, value->items[j], depth))
                    return false;
        } else if (!merge_map(r, &out, map, value, depth)) {
            return false;
        }
    }
    *map = out;
    return true;
}

static cnn_doc *read_key(reader *r, uint32_t depth)
{
    cnn_place place = place_at(r, r->event.start_mark);
    cnn_doc *key = read_node(r, depth);
    if (key != NULL && key->kind != CNN_DOC_SCALAR) {
        cnn_diag *d = cnn_diag_error(r->diags, place, "a key must be a text, not a %s",
                                     key->kind == CNN_DOC_LIST ? "list" : "map");
        d->hint = "put a text that starts with '[' or '{' in quotes";
        return NULL;
    }
    return key;
}

static bool read_map(reader *r, cnn_doc *map, uint32_t depth)
{
    bool merge = false;
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        cnn_doc *key = read_key(r, depth + 1);
        if (key == NULL || !next(r))
            return false;
        cnn_doc *value = read_node(r, depth + 1);
        if (value == NULL)
            return false;
        merge |= is_merge_key(key);
        cnn_doc_append(map, key, value, r->arena);
    }
    cnn_doc_check_keys(map, r->arena, r->diags);
    return !merge || expand_merges(r, map, depth);
}

static cnn_doc *read_collection(reader *r, cnn_doc_kind kind, uint32_t depth)
{
    bool text;
    bool is_map = kind == CNN_DOC_MAP;
    const yaml_event_t *e = &r->event;
    cnn_doc *doc = cnn_doc_new(kind, place_at(r, e->start_mark), "", r->arena);
    check_tag(r, is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag, &text);
    size_t index = r->n_anchors;
    add_anchor(r, is_map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor, doc);
    bool anchored = r->n_anchors > index;
    if (!check_depth(r, doc->place, depth))
        return NULL;
    if (!(is_map ? read_map(r, doc, depth) : read_list(r, doc, depth)))
        return NULL;
    if (anchored)
        r->anchors[index].complete = true;
    return doc;
}

/* The node that starts with the current event; on return its last event is the current one. */
static cnn_doc *read_node(reader *r, uint32_t depth)
{
    if (!count_node(r, place_at(r, r->event.start_mark)))
        return NULL;
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, depth);
    case YAML_SCALAR_EVENT:
        return read_scalar(r);
    case YAML_SEQUENCE_START_EVENT:
        return read_collection(r, CNN_DOC_LIST, depth);
    default:
        return read_collection(r, CNN_DOC_MAP, depth);
    }
}

static void warn_about_anchors(reader *r)
{
    for (size_t i = 0; i < r->n_anchors; i++)
        if (!r->anchors[i].used)
            cnn_diag_warning(r->diags, r->anchors[i].place, "the anchor '&%s' is never used",
                             r->anchors[i].name);
}

static cnn_doc *read_document(reader *r)
{
    if (!next(r) || !next(r)) /* stream start; document start or stream end */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return cnn_doc_new(CNN_DOC_SCALAR, place_at(r, r->event.start_mark), "", r->arena);
    if (!next(r))
        return NULL;
    cnn_doc *doc = read_node(r, 1);
    if (doc == NULL || !next(r) || !next(r)) /* document end; stream end */
        return NULL;
    if (r->event.type != YAML_STREAM_END_EVENT) {
        cnn_diag *d = cnn_diag_error(r->diags, place_at(r, r->event.start_mark),
                                     "a second document starts here; a file holds one");
        d->hint = "put it into a file of its own and use include:";
        return NULL;
    }
    warn_about_anchors(r);
    return doc;
}

cnn_doc *cnn_doc_parse_source(const cnn_source *source, size_t skip, uint32_t *nodes,
                              cnn_arena *arena, cnn_diags *diags)
{
    reader r = { .source = source, .skip = skip, .nodes = nodes, .arena = arena, .diags = diags };
    for (size_t i = 0; i < skip; i++)
        r.skipped_column += ((unsigned char)source->text[i] & 0xc0) != 0x80;
    if (yaml_parser_initialize(&r.yaml) != 1)
        cnn_out_of_memory(sizeof r.yaml);
    yaml_parser_set_input_string(&r.yaml, (const yaml_char_t *)source->text + skip,
                                 source->length - skip);
    size_t errors = diags->errors;
    cnn_doc *doc = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    return diags->errors == errors ? doc : NULL;
}

cnn_doc *cnn_doc_parse(const char *name, const char *text, size_t length, cnn_arena *arena,
                       cnn_diags *diags)
{
    cnn_source *source = CNN_NEW(arena, cnn_source);
    *source = (cnn_source){ cnn_arena_string(arena, name), text, length };
    uint32_t nodes = 0;
    return cnn_doc_parse_source(source, 0, &nodes, arena, diags);
}
