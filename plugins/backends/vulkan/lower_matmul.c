/* Products of matrices, cut where an operand is larger than what a binding covers. */
#include "conv.h"

typedef struct product {
    uint32_t node;
    bool trans_a, trans_b;
    int32_t a, b, out;
    int64_t m, n, k;             /* a is m x k, b is k x n, as multiplied */
    int64_t m_cut, n_cut, k_cut; /* most of each that a step has */
    int32_t packed;              /* for a, or 0 */
} product;

/* From `first` on, `count` of them. */
typedef struct range {
    int64_t first, count;
} range;

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static range range_of(int64_t n, int64_t cut, int64_t i)
{
    return (range){ i * cut, lesser(cut, n - i * cut) };
}

static product product_of(const vk_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_matmul_attrs *attrs = node->attrs;
    const cnn_type *a = vk_type(plan, node->in[0]), *out = vk_type(plan, node->out[0]);
    const product p = { .node = n,
                        .trans_a = attrs->trans_a,
                        .trans_b = attrs->trans_b,
                        .a = node->in[0],
                        .b = node->in[1],
                        .out = node->out[0],
                        .m = out->dim[0],
                        .n = out->dim[1],
                        .k = a->dim[attrs->trans_a ? 0 : 1] };
    return p;
}

/* Each matrix is cut along its rows as they are stored. */
static void choose_cuts(product *p, const vk_limits *limits, int64_t most)
{
    enum { LEAST_TILE = 16 }; /* rows of a work group */
    p->m_cut = p->m;
    p->n_cut = p->n;
    p->k_cut = p->k;
    if (p->trans_a)
        p->k_cut = lesser(p->k_cut, most / p->m);
    else
        p->m_cut = lesser(p->m_cut, most / p->k);
    if (p->trans_b)
        p->n_cut = lesser(p->n_cut, most / p->k);
    else
        p->k_cut = lesser(p->k_cut, most / p->n);
    p->m_cut = lesser(p->m_cut, most / p->n);
    p->m_cut = lesser(p->m_cut, LEAST_TILE * (int64_t)limits->groups[1]);
}

static int64_t parts_of(const vk_plan *plan, const product *p, int64_t rows, range k)
{
    return vk_gemm_parts(plan, 1, rows, p->n, k.count);
}

/* All parts of some rows of the result. */
static int64_t all_parts(const vk_plan *plan, const product *p, int64_t rows)
{
    int64_t parts = 0;
    for (int64_t i = 0; i < vk_divided_up(p->k, p->k_cut); i++)
        parts += parts_of(plan, p, rows, range_of(p->k, p->k_cut, i));
    return parts;
}

static vk_span rows_of(int32_t value, range rows, int64_t columns)
{
    return (vk_span){ value, rows.first * columns, rows.count * columns };
}

/* The result is `to`, or parts of it that begin there. */
static void add_product(vk_plan *plan, const product *p, range m, range n, range k, vk_span to,
                        int64_t parts)
{
    const range a = p->trans_a ? k : m, b = p->trans_b ? n : k;
    const int64_t a_line = p->trans_a ? p->m : p->k, b_line = p->trans_b ? p->k : p->n;
    vk_gemm g = { .node = p->node,
                  .groups = 1,
                  .rows = m.count,
                  .u = n.count,
                  .i = 1,
                  .j = 1,
                  .c = k.count,
                  .r = 1,
                  .s = 1,
                  .parts = parts,
                  .packed = p->packed,
                  .along_terms = p->trans_b };
    g.left.span = rows_of(p->a, a, a_line);
    g.left.first = p->trans_a ? m.first : k.first;
    g.left.row = p->trans_a ? 1 : a_line;
    g.left.c = p->trans_a ? a_line : 1;
    g.right.span = rows_of(p->b, b, b_line);
    g.right.first = p->trans_b ? k.first : n.first;
    g.right.u = p->trans_b ? b_line : 1;
    g.right.c = p->trans_b ? 1 : b_line;
    g.right.height = g.right.width = 1;
    g.out.span = to;
    g.out.first = n.first;
    g.out.part = m.count * p->n;
    g.out.row = p->n;
    g.out.u = 1;
    vk_gemm_add(plan, &g);
}

/* Some rows of the result; `sums` has room for their parts, if there are several. */
static void add_rows(vk_plan *plan, const product *p, range m, int32_t sums)
{
    const int64_t n_cuts = vk_divided_up(p->n, p->n_cut), k_cuts = vk_divided_up(p->k, p->k_cut);
    const int64_t all = all_parts(plan, p, p->m_cut), count = m.count * p->n;
    const vk_span out = rows_of(p->out, m, p->n);
    for (int64_t i = 0, part = 0; i < k_cuts; i++) {
        const range k = range_of(p->k, p->k_cut, i);
        const int64_t parts = parts_of(plan, p, p->m_cut, k);
        const vk_span to = all > 1 ? (vk_span){ sums, part * count, parts * count } : out;
        for (int64_t j = 0; j < n_cuts; j++)
            add_product(plan, p, m, range_of(p->n, p->n_cut, j), k, to, parts);
        part += parts;
    }
    if (all > 1)
        vk_gemm_sum(plan, p->node, sums, all, out);
}

cnn_status vk_lower_matmul(vk_plan *plan, uint32_t n, cnn_error *err)
{
    product p = product_of(plan, n);
    const int64_t most = vk_span_limit(plan->device);
    (void)err;
    choose_cuts(&p, &plan->device->limits, most);
    while (p.m_cut > 1 && all_parts(plan, &p, p.m_cut) * p.m_cut * p.n > most)
        p.m_cut = (p.m_cut + 1) / 2;
    const int64_t parts = all_parts(plan, &p, p.m_cut);
    const int32_t sums =
        parts > 1 ? vk_scratch(plan, (uint64_t)(parts * p.m_cut * p.n) * 4) : p.out;
    const int64_t room = vk_gemm_room(plan, 1, p.m_cut, p.n_cut, p.k_cut);
    if (room > 0 && !(p.trans_a && p.m % 4 == 0))
        p.packed = vk_scratch(plan, (uint64_t)room * 4);
    for (int64_t i = 0; i < vk_divided_up(p.m, p.m_cut); i++)
        add_rows(plan, &p, range_of(p.m, p.m_cut, i), sums);
    return CNN_OK;
}

cnn_status vk_matmul_covers(const cnn_device *device, const cnn_program *program,
                            const cnn_node *node, cnn_error *why)
{
    enum { FEWEST_ROWS = 64 }; /* of a part */
    const int64_t most = vk_span_limit(device);
    for (uint32_t i = 0; i < 3; i++) {
        const cnn_type *t = &cnn_value_at(program, i < 2 ? node->in[i] : node->out[0])->type;
        if (cnn_count(t) > most && t->dim[1] > most / FEWEST_ROWS)
            return cnn_fail(why, CNN_UNSUPPORTED,
                            "a matrix with rows too long to be cut for this device");
    }
    return CNN_OK;
}
