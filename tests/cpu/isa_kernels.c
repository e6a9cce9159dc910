/* The kernels for one set of instructions: see CMakeLists.txt. */
#include "cpu/isa/vector.h"

#include "cpu/isa/loss.h"
#include "cpu/isa/map.h"
#include "cpu/isa/move.h"
#include "cpu/isa/norm.h"
#include "cpu/isa/pool.h"
#include "cpu/isa/reduce.h"
#include "cpu/isa/spatial.h"

#include "variants.h"

const cpu_kernels CPU_TEST_NAME(kernels, CPU_VARIANT) = {
    .name = CPU_TEST_STRING(CPU_VARIANT),
    .lanes = LANES,
    .map = map_run,
    .gather = gather_tile,
    .scatter = scatter_tile,
    .copy = copy_tile,
    .zero_margins = zero_margins_tile,
    .mask = mask_tile,
    .transpose = transpose_tile,
    .cast = cast_tile,
    .max_pool = max_pool_tile,
    .max_pool_grad = max_pool_grad_tile,
    .avg_pool = avg_pool_tile,
    .avg_pool_grad = avg_pool_grad_tile,
    .pad = pad_tile,
    .pad_grad = pad_grad_tile,
    .resize = resize_tile,
    .resize_grad = resize_grad_tile,
    .softmax = softmax_tile,
    .softmax_grad = softmax_grad_tile,
    .cross_entropy = cross_entropy_tile,
    .cross_entropy_grad = cross_entropy_grad_tile,
    .argmax = argmax_tile,
    .reduce = reduce_tile,
    .reduce_batch = reduce_batch_tile,
    .batch_norm_stats = batch_norm_stats_tile,
    .batch_norm_grad_stats = batch_norm_grad_stats_tile,
};
