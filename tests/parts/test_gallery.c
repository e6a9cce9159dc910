/* gallery's tiles: odd numbers, odd kinds, ranges, and pictures that would be too large. */
#include "../../plugins/observers/gallery/gallery.h"

#include <math.h>

#include "parts.h"

static cnn_picture maps(const float *numbers, int64_t n, int64_t h, int64_t w)
{
    return (cnn_picture){ .size = sizeof(cnn_picture),
                          .kind = CNN_PICTURE_MAPS,
                          .section = "s",
                          .name = "n",
                          .title = "t",
                          .note = "",
                          .type = cnn_type3(CNN_F32, n, h, w),
                          .numbers = numbers,
                          .scale = 1 };
}

static void check_dot(const drawing *d, int64_t x, int64_t y, int r, int g, int b)
{
    const uint8_t *p = d->pixels.rgba + 4 * (y * d->pixels.width + x);
    CHECK(x < d->pixels.width && y < d->pixels.height);
    CHECK(p[0] == r && p[1] == g && p[2] == b && p[3] == 255);
}

static void numbers_that_are_not_finite_are_magenta_and_no_part_of_the_range(void)
{
    const float numbers[4] = { NAN, 0, INFINITY, 4 };
    cnn_picture p = maps(numbers, 1, 2, 2);
    cnn_error err = { "", "" };
    drawing d;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    CHECK(d.odd && d.least == 0 && d.most == 4);
    check_dot(&d, 0, 0, 255, 0, 255);
    check_dot(&d, 1, 0, 0, 0, 0);
    check_dot(&d, 0, 1, 255, 0, 255);
    check_dot(&d, 1, 1, 255, 255, 255);
    free(d.pixels.rgba);
}

static void a_map_without_a_single_finite_number_is_drawn_too(void)
{
    const float numbers[2] = { NAN, -INFINITY };
    cnn_picture p = maps(numbers, 1, 1, 2);
    cnn_error err = { "", "" };
    drawing d;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    check_dot(&d, 1, 0, 255, 0, 255);
    free(d.pixels.rgba);
}

static void a_map_of_equal_numbers_is_black(void)
{
    const float numbers[2] = { 3, 3 };
    cnn_picture p = maps(numbers, 1, 1, 2);
    cnn_error err = { "", "" };
    drawing d;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    check_dot(&d, 0, 0, 0, 0, 0);
    free(d.pixels.rgba);
}

static void an_image_is_stretched_between_its_percentiles(void)
{
    float numbers[300]; /* 0 to 299, but two far out: the 3rd and the 297th end the scale */
    cnn_error err = { "", "" };
    drawing d;
    for (int i = 0; i < 300; i++)
        numbers[i] = (float)i;
    numbers[0] = -1e6F;
    numbers[299] = 1e6F;
    cnn_picture p = maps(numbers, 1, 10, 30);
    p.kind = CNN_PICTURE_IMAGE;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    CHECK(d.low == 2 && d.high == 297 && d.least == -1e6 && d.most == 1e6);
    check_dot(&d, 0, 0, 0, 0, 0);
    check_dot(&d, 29, 9, 255, 255, 255);
    free(d.pixels.rgba);
}

static void three_planes_are_red_green_and_blue(void)
{
    const float numbers[6] = { 0, 1, 1, 0.5F, 0, 0 };
    cnn_picture p = maps(numbers, 3, 1, 2);
    cnn_error err = { "", "" };
    drawing d;
    p.kind = CNN_PICTURE_IMAGE;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    check_dot(&d, 0, 0, 0, 255, 0);
    check_dot(&d, 1, 0, 255, 128, 0);
    free(d.pixels.rgba);
}

static void maps_stand_eight_in_a_row(void)
{
    float numbers[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
    cnn_picture p = maps(numbers, 9, 1, 1);
    cnn_error err = { "", "" };
    drawing d;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    CHECK(d.pixels.width == 8 + 7 * 4 && d.pixels.height == 1 + 4 + 1);
    check_dot(&d, 0, 5, 255, 255, 255);
    free(d.pixels.rgba);
}

static void filters_have_a_row_each_and_a_column_for_each_channel(void)
{
    const float numbers[6] = { 1, 0, -1, -2, 2, 0 };
    cnn_picture p = maps(numbers, 1, 1, 1);
    cnn_error err = { "", "" };
    drawing d;
    p.kind = CNN_PICTURE_FILTERS;
    p.type = cnn_type4(CNN_F32, 2, 3, 1, 1);
    p.most = 2;
    CHECK(gallery_draw(&p, &d, &err) == CNN_OK);
    CHECK(d.shown == 2 && d.all == 2 && d.shown_channels == 2 && d.all_channels == 3);
    CHECK(d.low == -2 && d.high == 2);
    CHECK(d.pixels.width == 6 && d.pixels.height == 6);
    check_dot(&d, 0, 0, 217, 140, 149); /* half way to red */
    check_dot(&d, 0, 5, 33, 102, 172);
    check_dot(&d, 5, 5, 178, 24, 43);
    free(d.pixels.rgba);
}

static void what_is_no_picture_is_refused(void)
{
    const float numbers[4] = { 0 };
    cnn_error err = { "", "" };
    drawing d;
    cnn_picture p = maps(numbers, 2, 1, 2);
    p.kind = 99;
    CHECK(gallery_draw(&p, &d, &err) == CNN_INVALID);
    p.kind = CNN_PICTURE_IMAGE; /* of two channels */
    CHECK(gallery_draw(&p, &d, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "the picture n is of no known kind");
    p.kind = CNN_PICTURE_FILTERS; /* of three axes */
    CHECK(gallery_draw(&p, &d, &err) == CNN_INVALID);
    p = maps(numbers, 2, 1, 2);
    p.scale = INT32_MAX;
    CHECK(gallery_draw(&p, &d, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "million pixels");
    CHECK_HAS(err.hint, "--scale");
}

int main(void)
{
    return part_finish(RUN_TESTS(
        TEST(numbers_that_are_not_finite_are_magenta_and_no_part_of_the_range),
        TEST(a_map_without_a_single_finite_number_is_drawn_too),
        TEST(a_map_of_equal_numbers_is_black), TEST(an_image_is_stretched_between_its_percentiles),
        TEST(three_planes_are_red_green_and_blue), TEST(maps_stand_eight_in_a_row),
        TEST(filters_have_a_row_each_and_a_column_for_each_channel),
        TEST(what_is_no_picture_is_refused)));
}
