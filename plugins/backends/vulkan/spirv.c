/* Reads SPIR-V modules: entry point, capabilities, bindings, push constants. Numbers are those of
 * the SPIR-V specification. */
#include "spirv.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAGIC = 0x07230203,
    NEWEST = 0x00010300,
    HEADER_WORDS = 5,
    MOST_IDS = 1 << 16,

    OP_ENTRY_POINT = 15,
    OP_CAPABILITY = 17,
    OP_TYPE_POINTER = 32,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,

    MODEL_GLCOMPUTE = 5,

    CAPABILITY_SHADER = 1,
    CAPABILITY_GROUP_NON_UNIFORM = 61,
    CAPABILITY_GROUP_NON_UNIFORM_LAST = 68, /* vote, arithmetic, ballot, shuffle, clustered, quad */

    DECORATION_SPEC_ID = 1,
    DECORATION_BUFFER_BLOCK = 3,
    DECORATION_NON_WRITABLE = 24,
    DECORATION_BINDING = 33,
    DECORATION_SET = 34,
    DECORATION_OFFSET = 35,

    STORAGE_INPUT = 1,
    STORAGE_UNIFORM = 2,
    STORAGE_WORKGROUP = 4,
    STORAGE_PRIVATE = 6,
    STORAGE_FUNCTION = 7,
    STORAGE_PUSH_CONSTANT = 9,
    STORAGE_BUFFER = 12,
};

/* What decorations and types say of an id. */
typedef struct id_facts {
    uint32_t binding, set;
    uint32_t pointee;     /* of a pointer type */
    uint32_t storage;     /* of a variable */
    uint32_t type;        /* of a variable */
    uint32_t last_offset; /* of a struct's members, bytes */
    uint32_t read_only;   /* members of a struct that are; of a variable: 1 */
    uint32_t members;     /* of a struct that are decorated with an offset */
    bool is_variable, has_binding, has_set, buffer_block;
} id_facts;

typedef struct module {
    const uint32_t *words;
    size_t n_words;
    const vk_spirv_limits *limits;
    id_facts *ids;
    uint32_t n_ids;
    bool has_entry, sizes_group;
} module;

static uint32_t count_of(uint32_t word)
{
    return word >> 16;
}

static cnn_status broken(cnn_error *err)
{
    return cnn_fail(err, CNN_INVALID, "its SPIR-V is cut off or damaged");
}

/* The facts of the id in an operand, or NULL if the module numbers no such id. */
static id_facts *facts(const module *m, uint32_t id)
{
    return id < m->n_ids ? &m->ids[id] : NULL;
}

static cnn_status read_capability(const module *m, uint32_t capability, cnn_error *err)
{
    const bool subgroup = capability >= CAPABILITY_GROUP_NON_UNIFORM &&
                          capability <= CAPABILITY_GROUP_NON_UNIFORM_LAST;
    if (capability == CAPABILITY_SHADER || (subgroup && m->limits->subgroups))
        return CNN_OK;
    return cnn_fail(err, CNN_UNSUPPORTED, "it needs capability %u of SPIR-V%s", capability,
                    subgroup ? ", subgroup operations, which this device lacks" : "");
}

static cnn_status read_entry(module *m, const uint32_t *op, uint32_t n, cnn_error *err)
{
    const char *name = (const char *)&op[3];
    if (n < 5 || memchr(name, '\0', (n - 3) * sizeof(uint32_t)) == NULL)
        return broken(err);
    if (op[1] != MODEL_GLCOMPUTE || m->has_entry || strcmp(name, "main") != 0)
        return cnn_fail(err, CNN_INVALID, "it must have one entry point, a compute shader 'main'");
    m->has_entry = true;
    return CNN_OK;
}

static void read_decoration(module *m, const uint32_t *op, uint32_t n)
{
    id_facts *f = facts(m, op[1]);
    const uint32_t value = n > 3 ? op[3] : 0;
    if (f == NULL)
        return;
    switch (op[2]) {
    case DECORATION_BINDING:
        f->binding = value;
        f->has_binding = true;
        break;
    case DECORATION_SET:
        f->set = value;
        f->has_set = true;
        break;
    case DECORATION_BUFFER_BLOCK:
        f->buffer_block = true;
        break;
    case DECORATION_NON_WRITABLE:
        f->read_only++;
        break;
    case DECORATION_SPEC_ID:
        m->sizes_group = m->sizes_group || value == 0;
        break;
    default:
        break;
    }
}

static void read_member(module *m, const uint32_t *op, uint32_t n)
{
    id_facts *f = facts(m, op[1]);
    if (f == NULL || n < 4)
        return;
    if (op[3] == DECORATION_NON_WRITABLE)
        f->read_only++;
    if (op[3] != DECORATION_OFFSET || n < 5)
        return;
    f->members++;
    f->last_offset = op[4] > f->last_offset ? op[4] : f->last_offset;
}

static cnn_status read_instruction(module *m, const uint32_t *op, uint32_t n, cnn_error *err)
{
    id_facts *f;
    switch (op[0] & 0xffffu) {
    case OP_CAPABILITY:
        return n > 1 ? read_capability(m, op[1], err) : broken(err);
    case OP_ENTRY_POINT:
        return read_entry(m, op, n, err);
    case OP_DECORATE:
        if (n < 3)
            return broken(err);
        read_decoration(m, op, n);
        return CNN_OK;
    case OP_MEMBER_DECORATE:
        if (n < 4)
            return broken(err);
        read_member(m, op, n);
        return CNN_OK;
    case OP_TYPE_POINTER:
        f = n > 3 ? facts(m, op[1]) : NULL;
        if (f == NULL)
            return broken(err);
        f->pointee = op[3];
        return CNN_OK;
    case OP_VARIABLE:
        f = n > 3 ? facts(m, op[2]) : NULL;
        if (f == NULL)
            return broken(err);
        f->type = op[1];
        f->storage = op[3];
        f->is_variable = true;
        return CNN_OK;
    default:
        return CNN_OK;
    }
}

static cnn_status read_all(module *m, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (size_t at = HEADER_WORDS; at < m->n_words && status == CNN_OK;) {
        const uint32_t n = count_of(m->words[at]);
        if (n == 0 || n > m->n_words - at)
            return broken(err);
        status = read_instruction(m, &m->words[at], n, err);
        at += n;
    }
    return status;
}

/* The struct that a variable's pointer leads to. */
static const id_facts *block_of(const module *m, const id_facts *variable)
{
    const id_facts *pointer = facts(m, variable->type);
    return pointer != NULL ? facts(m, pointer->pointee) : NULL;
}

static cnn_status check_buffer(const module *m, const id_facts *variable, cnn_error *err)
{
    const id_facts *block = block_of(m, variable);
    if (block == NULL)
        return broken(err);
    if (variable->storage == STORAGE_UNIFORM && !block->buffer_block)
        return cnn_fail(err, CNN_INVALID, "it has a uniform buffer; tensors are storage buffers");
    if (!variable->has_binding || (variable->has_set && variable->set != 0))
        return cnn_fail(err, CNN_INVALID, "its buffers must be bindings of set 0");
    if (variable->binding >= m->limits->n_bindings)
        return cnn_fail(err, CNN_INVALID,
                        "it has a binding %u, but the op has %u tensors: bindings 0 to %u",
                        variable->binding, m->limits->n_bindings, m->limits->n_bindings - 1);
    const bool read_only =
        variable->read_only > 0 || (block->read_only > 0 && block->read_only >= block->members);
    if (variable->binding < m->limits->n_inputs && !read_only)
        return cnn_fail(err, CNN_INVALID, "binding %u is an input: it must be readonly",
                        variable->binding);
    return CNN_OK;
}

static cnn_status check_variable(const module *m, const id_facts *variable, cnn_error *err)
{
    const id_facts *block;
    if (!variable->is_variable)
        return CNN_OK;
    switch (variable->storage) {
    case STORAGE_INPUT:
    case STORAGE_WORKGROUP:
    case STORAGE_PRIVATE:
    case STORAGE_FUNCTION:
        return CNN_OK;
    case STORAGE_UNIFORM:
    case STORAGE_BUFFER:
        return check_buffer(m, variable, err);
    case STORAGE_PUSH_CONSTANT:
        block = block_of(m, variable);
        if (block == NULL)
            return broken(err);
        if (block->members > 0 && block->last_offset + 4 > m->limits->push_bytes)
            return cnn_fail(err, CNN_INVALID,
                            "it reads a push constant at byte %u, but its dispatch sets %u bytes",
                            block->last_offset, m->limits->push_bytes);
        return CNN_OK;
    default:
        return cnn_fail(err, CNN_INVALID, "it has a variable of storage class %u (an image?)",
                        variable->storage);
    }
}

static cnn_status check_module(module *m, cnn_error *err)
{
    cnn_status status = read_all(m, err);
    for (uint32_t id = 0; id < m->n_ids && status == CNN_OK; id++)
        status = check_variable(m, &m->ids[id], err);
    if (status == CNN_OK && !m->has_entry)
        status = cnn_fail(err, CNN_INVALID, "it has no entry point");
    if (status == CNN_OK && !m->sizes_group)
        status = cnn_fail(err, CNN_INVALID,
                          "its work group's size must be specialisation constant 0 "
                          "(local_size_x_id = 0)");
    return status;
}

cnn_status vk_check_spirv(const uint32_t *words, size_t n_words, const vk_spirv_limits *limits,
                          cnn_error *err)
{
    if (words == NULL || n_words < HEADER_WORDS || words[0] != MAGIC)
        return cnn_fail(err, CNN_INVALID, "it is no SPIR-V (words of this machine's byte order)");
    if (words[1] > NEWEST)
        return cnn_fail(err, CNN_UNSUPPORTED, "it is SPIR-V %u.%u, and Vulkan 1.1 reads up to 1.3",
                        words[1] >> 16 & 255, words[1] >> 8 & 255);
    if (words[3] > MOST_IDS)
        return broken(err);
    module m = { .words = words, .n_words = n_words, .limits = limits, .n_ids = words[3] };
    m.ids = calloc(m.n_ids + 1, sizeof *m.ids);
    if (m.ids == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory to read SPIR-V");
    cnn_status status = check_module(&m, err);
    free(m.ids);
    return status;
}
