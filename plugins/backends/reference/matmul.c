/* [M,K] x [K,N]: one row of the result per task, each element summed over k in order. */
#include "kernels.h"

enum { COLUMNS = 256 };

typedef struct operand {
    const float *data;
    int64_t row, column; /* strides of the matrix as multiplied */
} operand;

static operand operand_of(const cnn_tensor *t, bool transposed)
{
    int64_t columns = t->type.dim[1];
    return (operand){ cnn_f32(t), transposed ? 1 : columns, transposed ? columns : 1 };
}

static void matmul_row(const cnn_kernel_args *args, int64_t m)
{
    const cnn_matmul_attrs *attrs = args->attrs;
    const operand a = operand_of(&args->in[0], attrs->trans_a);
    const operand b = operand_of(&args->in[1], attrs->trans_b);
    int64_t n = args->out[0].type.dim[1], k = args->in[0].type.dim[attrs->trans_a ? 0 : 1];
    float *out = cnn_f32(&args->out[0]) + m * n;
    for (int64_t first = 0; first < n; first += COLUMNS) {
        int64_t columns = n - first < COLUMNS ? n - first : COLUMNS;
        double sums[COLUMNS] = { 0 };
        for (int64_t i = 0; i < k; i++) {
            double left = (double)a.data[m * a.row + i * a.column];
            const float *right = b.data + i * b.row + first * b.column;
            for (int64_t c = 0; c < columns; c++)
                sums[c] += left * (double)right[c * b.column];
        }
        for (int64_t c = 0; c < columns; c++)
            out[first + c] = (float)sums[c];
    }
}

cnn_status reference_matmul(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    return reference_parallel(args, args->out[0].type.dim[0], matmul_row);
}
