/* Predictions as a table, or as JSON, one object a line. */
#include "cli/predict.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SHOWN_NUMBERS 8

typedef struct ranked {
    int64_t class;
    double probability;
} ranked;

bool prediction_is_classes(const cnn_type *type, int64_t classes)
{
    return classes > 1 && type->rank >= 1 && type->dim[0] == classes && cnn_count(type) == classes;
}

/* Falling probability, then rising class; NaN is last. */
static int by_probability(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    double p = isnan(x->probability) ? -1 : x->probability;
    double q = isnan(y->probability) ? -1 : y->probability;
    if (p != q)
        return p < q ? 1 : -1;
    return x->class < y->class ? -1 : x->class > y->class;
}

/* A model may end with a softmax of its own: numbers from 0 on with the sum 1 stay as they are. */
static bool are_probabilities(const float *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(v[i] >= 0))
            return false;
        sum += (double)v[i];
    }
    return fabs(sum - 1) < 1e-4;
}

/* All classes, the most probable first: exp(v_i - max) / sum of all. */
static ranked *rank_classes(const prediction_style *style, const float *v, cnn_arena *arena)
{
    int64_t n = style->classes;
    ranked *all = CNN_NEW_ARRAY(arena, ranked, n);
    bool softmax = style->logits && !are_probabilities(v, n);
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = (double)v[i] > most ? (double)v[i] : most;
    for (int64_t i = 0; i < n; i++) {
        all[i].class = i;
        all[i].probability = softmax ? exp((double)v[i] - most) : (double)v[i];
        sum += all[i].probability;
    }
    for (int64_t i = 0; i < n && softmax; i++)
        all[i].probability /= sum;
    qsort(all, (size_t)n, sizeof *all, by_probability);
    return all;
}

static const char *class_name(const prediction_style *style, int64_t class, cnn_arena *arena)
{
    if (style->names != NULL && class >= 0 && class < style->classes)
        return style->names[class];
    return cnn_arena_printf(arena, "%" PRId64, class);
}

/* -1: none. */
static int64_t target_class(const prediction *p)
{
    if (p->target == NULL || p->target_type.dtype != CNN_I32 || p->target_type.rank != 0)
        return -1;
    return *(const int32_t *)p->target;
}

/* ---- a table */

void prediction_print_heading(const prediction_style *style)
{
    const char *what = style->classes > 0 ? "class" : "output";
    if (style->json)
        return;
    (void)printf("%*s  %-*s", style->label_width, style->label_title, style->name_width, what);
    if (style->classes > 0)
        (void)printf("  %s%s", style->logits ? "probability" : "      value",
                     style->targets ? "  target" : "");
    (void)printf("\n");
}

static void print_value(const prediction_style *style, double value)
{
    if (style->logits)
        (void)printf("  %10.2f%%", 100 * value);
    else
        (void)printf("  %11.5g", value);
}

static void print_classes(const prediction_style *style, const prediction *p, const ranked *all,
                          cnn_arena *arena)
{
    int64_t target = target_class(p);
    for (int64_t i = 0; i < style->top; i++) {
        if (i > 0)
            (void)printf("%*s", style->label_width, "");
        (void)printf("  %-*s", style->name_width, class_name(style, all[i].class, arena));
        print_value(style, all[i].probability);
        if (i == 0 && target >= 0)
            (void)printf("  %s%s", class_name(style, target, arena),
                         target != all[0].class ? "  <- differs" : "");
        (void)printf("\n");
    }
}

static void add_numbers(cnn_text *out, const float *v, int64_t count, int64_t most)
{
    cnn_text_add(out, "[");
    for (int64_t i = 0; i < count && i < most; i++)
        cnn_text_add(out, "%s%.5g", i > 0 ? ", " : "", (double)v[i]);
    cnn_text_add(out, "%s]", count > most ? ", ..." : "");
}

static void print_numbers(const prediction *p)
{
    char shape[160];
    cnn_text line = { 0 };
    cnn_type_text(&p->type, false, shape, sizeof shape);
    add_numbers(&line, p->output, cnn_count(&p->type), SHOWN_NUMBERS);
    if (cnn_count(&p->type) > SHOWN_NUMBERS)
        cnn_text_add(&line, " of shape %s", shape);
    if (p->target != NULL && p->target_type.dtype == CNN_F32) {
        cnn_text_add(&line, "  target ");
        add_numbers(&line, p->target, cnn_count(&p->target_type), SHOWN_NUMBERS);
    } else if (target_class(p) >= 0) {
        cnn_text_add(&line, "  target %" PRId64, target_class(p));
    }
    (void)printf("  %s\n", cnn_text_get(&line));
    cnn_text_free(&line);
}

/* ---- JSON */

static void add_number(cnn_text *out, double value)
{
    if (isfinite(value))
        cnn_text_add(out, "%.9g", value);
    else
        cnn_text_add(out, "null"); /* JSON has no NaN */
}

static void add_class(cnn_text *out, const prediction_style *style, const ranked *r)
{
    cnn_text_add(out, "\"class\": %" PRId64, r->class);
    if (style->names != NULL) {
        cnn_text_add(out, ", \"name\": ");
        cnn_text_add_json(out, style->names[r->class]);
    }
    cnn_text_add(out, ", \"%s\": ", style->logits ? "probability" : "value");
    add_number(out, r->probability);
}

static void add_classes(cnn_text *out, const prediction_style *style, const ranked *all)
{
    add_class(out, style, &all[0]);
    if (style->top < 2)
        return;
    cnn_text_add(out, ", \"top\": [");
    for (int64_t i = 0; i < style->top; i++) {
        cnn_text_add(out, i > 0 ? ", {" : "{");
        add_class(out, style, &all[i]);
        cnn_text_add(out, "}");
    }
    cnn_text_add(out, "]");
}

static void add_list(cnn_text *out, const float *v, int64_t count)
{
    cnn_text_add(out, "[");
    for (int64_t i = 0; i < count; i++) {
        cnn_text_add(out, "%s", i > 0 ? ", " : "");
        add_number(out, (double)v[i]);
    }
    cnn_text_add(out, "]");
}

static void add_output(cnn_text *out, const prediction *p)
{
    cnn_text_add(out, "\"shape\": [");
    for (uint32_t i = 0; i < p->type.rank; i++)
        cnn_text_add(out, "%s%" PRId64, i > 0 ? ", " : "", p->type.dim[i]);
    cnn_text_add(out, "], \"output\": ");
    add_list(out, p->output, cnn_count(&p->type));
}

static void print_json(const prediction_style *style, const prediction *p, const ranked *all)
{
    cnn_text out = { 0 };
    cnn_text_add(&out, "{\"%s\": ", p->label != NULL ? "image" : "split");
    cnn_text_add_json(&out, p->label != NULL ? p->label : p->split);
    if (p->label == NULL)
        cnn_text_add(&out, ", \"sample\": %" PRId64, p->sample);
    cnn_text_add(&out, ", ");
    if (all != NULL)
        add_classes(&out, style, all);
    else
        add_output(&out, p);
    if (target_class(p) >= 0) {
        cnn_text_add(&out, ", \"target\": %" PRId64, target_class(p));
    } else if (p->target != NULL && p->target_type.dtype == CNN_F32) {
        cnn_text_add(&out, ", \"target\": ");
        add_list(&out, p->target, cnn_count(&p->target_type));
    }
    (void)printf("%s}\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

bool prediction_print(const prediction_style *style, const prediction *p, cnn_arena *arena)
{
    const ranked *all = style->classes > 0 ? rank_classes(style, p->output, arena) : NULL;
    if (style->json) {
        print_json(style, p, all);
    } else {
        if (p->label != NULL)
            (void)printf("%*s", style->label_width, p->label);
        else
            (void)printf("%*" PRId64, style->label_width, p->sample);
        if (all != NULL)
            print_classes(style, p, all, arena);
        else
            print_numbers(p);
    }
    return all != NULL && all[0].class == target_class(p);
}
