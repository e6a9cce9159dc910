/* gradients: which steps are told, what the table says, what is no gradient at all. */
#include "observers.h"

static char said[16][160];
static int lines;

static void keep(const cnn_host *host, uint32_t level, const char *text)
{
    (void)host;
    CHECK(level == CNN_INFO);
    if (lines < 16)
        (void)snprintf(said[lines++], sizeof said[0], "%s", text);
}

static const cnn_observer *find(void)
{
    return part_find(&cnnrun_plugin.observers, "gradients");
}

static cnn_observer_state *start(const cnn_host *host, const char *dir)
{
    static const struct {
        int64_t every;
    } params = { 4 };
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    CHECK(find()->open(host, &params, dir, &s, &err) == CNN_OK);
    lines = 0;
    return s;
}

static void step(cnn_observer_state *s, int64_t number, const cnn_gradient *gradients, uint32_t n)
{
    cnn_event e = event(CNN_EVENT_STEP);
    e.step = number;
    e.gradients = (cnn_table){ gradients, n, sizeof *gradients };
    CHECK(send(find(), s, &e) == CNN_OK);
}

static void finish(cnn_observer_state *s)
{
    cnn_event e = event(CNN_EVENT_RUN_END);
    CHECK(send(find(), s, &e) == CNN_OK);
    find()->close(s);
}

static void the_first_step_and_every_nth_are_told(void)
{
    const cnn_gradient g[2] = { { "0.weight", "0.conv2d", 9, 0.5 },
                                { "0.bias", "0.conv2d", 1, 1e-20 } };
    cnn_host host = part_host(part_no_dirs);
    host.log = keep;
    cnn_observer_state *s = start(&host, part_dir());
    for (int64_t i = 1; i <= 9; i++)
        step(s, i, g, 2);
    finish(s);
    CHECK_STR(contents(part_path("gradients.csv")), "step,layer,weight,numbers,norm\n"
                                                    "1,0.conv2d,0.weight,9,0.5\n"
                                                    "1,0.conv2d,0.bias,1,1e-20\n"
                                                    "4,0.conv2d,0.weight,9,0.5\n"
                                                    "4,0.conv2d,0.bias,1,1e-20\n"
                                                    "8,0.conv2d,0.weight,9,0.5\n"
                                                    "8,0.conv2d,0.bias,1,1e-20\n");
}

static void the_table_has_a_row_and_a_bar_for_each_layer(void)
{
    cnn_gradient g[4] = { { "0.weight", "0.conv2d", 9, 3e-5 },
                          { "0.bias", "0.conv2d", 1, 4e-5 },
                          { "a.very.long.name.of.a.layer.0.weight",
                            "a.very.long.name.of.a.layer.0.conv2d", 9, 0 },
                          { "4.weight", "4.linear", 9, 1 } };
    cnn_host host = part_host(part_no_dirs);
    host.log = keep;
    cnn_observer_state *s = start(&host, "");
    step(s, 1, g, 4);
    g[3].norm = 0.1;
    step(s, 1200, g, 4);
    finish(s);
    CHECK(lines == 6);
    CHECK_STR(said[0], "gradients (L2 norm)          step 1 step 1200 1e-05                1e-01");
    CHECK_STR(said[1], "0.conv2d                    5.0e-05  5.0e-05 #####");
    CHECK_STR(said[2], "...ame.of.a.layer.0.conv2d  0.0e+00  0.0e+00 ");
    CHECK_STR(said[3], "4.linear                    1.0e+00  1.0e-01 ##########################");
    CHECK_HAS(said[4], "smallest 0.0e+00 (a.very.long");
    CHECK_HAS(said[4], "largest 1.0e-01 (4.linear)");
    CHECK_STR(said[5], "first layer / last layer: 5.0e-04");
    for (int i = 1; i < 4; i++)
        CHECK(strlen("cnnrun: ") + strlen(said[i]) <= 80);
}

static void gradients_that_are_all_zero_or_infinite_are_no_trouble(void)
{
    cnn_gradient g[2] = { { "0.weight", "0.conv2d", 9, 0 }, { "1.weight", "1.linear", 1, 0 } };
    cnn_host host = part_host(part_no_dirs);
    host.log = keep;
    cnn_observer_state *s = start(&host, "");
    step(s, 1, g, 2);
    finish(s);
    CHECK(lines == 5);
    CHECK_STR(said[4], "the last layer has no gradient at all");
    g[0].norm = INFINITY;
    s = start(&host, "");
    step(s, 1, g, 2);
    finish(s);
    CHECK_STR(said[1], "0.conv2d                        inf      inf ");
}

static void a_run_that_trained_nothing_says_nothing(void)
{
    cnn_host host = part_host(part_no_dirs);
    host.log = keep;
    finish(start(&host, ""));
    CHECK(lines == 0);
}

int main(void)
{
    return part_finish(RUN_TESTS(TEST(the_first_step_and_every_nth_are_told),
                                 TEST(the_table_has_a_row_and_a_bar_for_each_layer),
                                 TEST(gradients_that_are_all_zero_or_infinite_are_no_trouble),
                                 TEST(a_run_that_trained_nothing_says_nothing)));
}
