/* Convolutions as the lowerings of one family see them. */
#ifndef VULKAN_CONV_H
#define VULKAN_CONV_H

#include <cnnrun/ops.h>

#include "gemm.h"

/* The same numbers in all three directions: x and w give y. */
typedef struct vk_conv {
    uint32_t node;
    int32_t x, w, y; /* values: gradients, where the op makes or takes them */
    int32_t packed;  /* scratch for what is packed, or 0 */
    int64_t images, groups;
    int64_t cg, h, width; /* of x; channels of a group */
    int64_t og, oh, ow;   /* of y */
    int64_t kh, kw;
    int64_t stride[2], dilation[2], pad[2]; /* y, x; pad at top and left */
    int64_t x_image, y_image, kernels;      /* elements of an image, and of w */
} vk_conv;

/* Positions of x whose place + pad leaves the same rest when divided by the stride, and the taps
 * that reach them: first position, how many (each a stride on), first tap, how many (`tap_step`
 * on), and in y: the position of the first at the first tap, and the distance for a tap. */
typedef struct vk_phase {
    int64_t first, count;
    int64_t tap, taps, tap_step;
    int64_t offset, step;
} vk_phase;

/* axis 0: y, 1: x; rest from 0 to stride - 1. */
vk_phase vk_phase_of(const vk_conv *, int axis, int64_t rest);

/* Images that a step may have. */
int64_t vk_conv_images(const vk_plan *, const vk_conv *);

/* Images `first` to `first + count` of x or y. */
vk_span vk_images_of(int32_t value, int64_t image, int64_t first, int64_t count);

/* ---- lower_depthwise.c: planes of one input and a few outputs ---- */
bool vk_is_depthwise(const vk_conv *);
void vk_depthwise_forward(vk_plan *, const vk_conv *);
void vk_depthwise_input_grad(vk_plan *, const vk_conv *);
void vk_depthwise_weight_grad(vk_plan *, const vk_conv *);

/* ---- lower_matmul.c ---- */
cnn_status vk_lower_matmul(vk_plan *, uint32_t node, cnn_error *);
cnn_status vk_matmul_covers(const cnn_device *, const cnn_program *, const cnn_node *,
                            cnn_error *why);

#endif
