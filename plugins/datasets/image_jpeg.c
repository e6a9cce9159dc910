/* JPEG by libjpeg. Its errors come back by longjmp; a file that is cut off, which libjpeg merely
 * warns of, is an error here. */
#include "image.h"

#include <setjmp.h>

#include <jpeglib.h> /* after stdio.h */

#include <jerror.h>

/* Everything that lives across the longjmp. */
typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];
    const char *file;
    image *out;
    cnn_error *err;
    cnn_status status;
} reader;

static void fail(j_common_ptr info)
{
    reader *r = info->client_data;
    info->err->format_message(info, r->text);
    longjmp(r->escape, 1);
}

/* Level -1 is a warning: of those, only missing data counts. */
static void message(j_common_ptr info, int level)
{
    if (level < 0 &&
        (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER))
        fail(info);
}

static void silent(j_common_ptr info)
{
    (void)info;
}

static void decode(reader *r)
{
    struct jpeg_decompress_struct *j = &r->jpeg;
    j->out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(j);
    size_t row = (size_t)j->output_width * 3;
    r->out->pixels = malloc(row * j->output_height);
    if (r->out->pixels == NULL) {
        r->status = dataset_no_memory(r->err, r->file);
        return;
    }
    while (j->output_scanline < j->output_height) {
        JSAMPROW to = r->out->pixels + row * j->output_scanline;
        (void)jpeg_read_scanlines(j, &to, 1);
    }
    (void)jpeg_finish_decompress(j);
}

static void read_all(reader *r, const uint8_t *bytes, size_t size, bool measure)
{
    jpeg_create_decompress(&r->jpeg);
    jpeg_mem_src(&r->jpeg, bytes, (unsigned long)size);
    (void)jpeg_read_header(&r->jpeg, TRUE);
    r->out->width = (int64_t)r->jpeg.image_width;
    r->out->height = (int64_t)r->jpeg.image_height;
    r->status = image_check_size(r->out->width, r->out->height, r->file, r->err);
    if (r->status == CNN_OK && !measure)
        decode(r);
}

cnn_status image_jpeg(const uint8_t *bytes, size_t size, const char *file, bool measure, image *out,
                      cnn_error *err)
{
    reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return dataset_no_memory(err, file);
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = fail;
    r->errors.emit_message = message;
    r->errors.output_message = silent;
    r->file = file;
    r->out = out;
    r->err = err;
    if (setjmp(r->escape) != 0)
        r->status = cnn_fail(err, CNN_INVALID, "cannot read %s: %s", file, r->text);
    else
        read_all(r, bytes, size, measure);
    cnn_status status = r->status;
    jpeg_destroy_decompress(&r->jpeg);
    free(r);
    if (status != CNN_OK) {
        free(out->pixels);
        out->pixels = NULL;
    }
    return status;
}
