/* The kernels of one instruction set as a table. The including file defines CPU_NAME, CPU_TABLE,
 * CPU_LANES and CPU_REGISTERS, and is compiled for that instruction set. */
#include "vector.h"

#include "math.h"

#include "channels.h"
#include "conv.h"
#include "loss.h"
#include "map.h"
#include "move.h"
#include "norm.h"
#include "pool.h"
#include "reduce.h"
#include "spatial.h"
#include "weight_grad.h"
#include "winograd.h"

const cpu_kernels CPU_TABLE = {
    .name = CPU_NAME,
    .lanes = CPU_LANES,
    .registers = CPU_REGISTERS,
    .has_block = conv_has,
    .conv = conv_tile,
    .winograd = winograd_run,
    .weight_grad = weight_grad_tile,
    .map = map_run,
    .has_channels = channels_have,
    .channels = channels_run,
    .winograd_in = winograd_in,
    .winograd_out = winograd_out,
    .dots = dots_run,
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
