/* Distances between the values of two backends, and the names of layers. */
#include "compare.h"

#include <math.h>

#include "test.h"

static void equal_values_have_no_distance(void)
{
    const float a[3] = { 1, -2, INFINITY };
    cnn_distance d = cnn_distance_of(a, a, 3);
    CHECK(d.absolute == 0 && d.relative == 0);
    CHECK(cnn_is_near(d, 0));
}

static void errors_are_relative_to_the_largest_number(void)
{
    const float a[3] = { 1, -4, 0 }, b[3] = { 1, -4, 0.5f };
    cnn_distance d = cnn_distance_of(a, b, 3);
    CHECK_NEAR(d.absolute, 0.5, 0);
    CHECK_NEAR(d.relative, 0.125, 0);
    CHECK(cnn_is_near(d, 0.125) && !cnn_is_near(d, 0.12));
}

static void nan_on_one_side_only_is_infinitely_far(void)
{
    const float a[2] = { 1, NAN }, b[2] = { 1, 2 };
    CHECK(isinf(cnn_distance_of(a, b, 2).relative));
    CHECK(isinf(cnn_distance_of(b, a, 2).relative));
    CHECK(cnn_distance_of(a, a, 2).absolute == 0);
    CHECK(!cnn_is_near(cnn_distance_of(a, b, 2), 1e9));
}

static void other_infinities_are_infinitely_far(void)
{
    const float a[2] = { 1, INFINITY }, b[2] = { 1, -INFINITY }, c[2] = { 1, 3 };
    CHECK(isinf(cnn_distance_of(a, b, 2).absolute));
    CHECK(isinf(cnn_distance_of(a, c, 2).absolute));
}

static void rounding_of_what_should_be_zero_passes(void)
{
    const float a[1] = { 0 }, b[1] = { 5e-8f }, c[1] = { 1e-5f };
    CHECK(cnn_is_near(cnn_distance_of(a, b, 1), 1e-4));
    CHECK(!cnn_is_near(cnn_distance_of(a, c, 1), 1e-4));
    CHECK(!cnn_is_near(cnn_distance_of(a, b, 1), 0));
}

static void a_state_belongs_to_the_layer_with_the_longest_prefix(void)
{
    cnn_layer_record layers[] = { { .path = "2.block", .prefix = "2" },
                                  { .path = "2.1.conv2d", .prefix = "2.1" } };
    const cnn_graph graph = { .layers = layers, .n_layers = 2 };
    CHECK_STR(cnn_layer_of_state(&graph, "2.1.weight"), "2.1.conv2d");
    CHECK_STR(cnn_layer_of_state(&graph, "2.10.weight"), "2.block");
    CHECK_STR(cnn_layer_of_state(&graph, "sgd.2.weight.momentum_buffer"), "");
}

int main(void)
{
    return RUN_TESTS(
        TEST(equal_values_have_no_distance), TEST(errors_are_relative_to_the_largest_number),
        TEST(nan_on_one_side_only_is_infinitely_far), TEST(other_infinities_are_infinitely_far),
        TEST(rounding_of_what_should_be_zero_passes),
        TEST(a_state_belongs_to_the_layer_with_the_longest_prefix));
}
