/* terminal: the tutorial's lines, tables, and a progress line only where it is wanted. */
#include "observers.h"

enum { AUTO, ON, OFF };

static const cnn_observer *find(void)
{
    return part_find(&cnnrun_plugin.observers, "terminal");
}

/* What a list of events writes to standard output. */
static const char *output(int32_t progress, const char *dir, const cnn_event *events, int count)
{
    const char *path = part_path("stdout");
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    bool ok = saved >= 0 && freopen(path, "wb", stdout) != NULL;
    ok = ok && find()->open(&host, &progress, dir, &s, &err) == CNN_OK;
    for (int i = 0; ok && i < count; i++)
        ok = send(find(), s, &events[i]) == CNN_OK;
    if (s != NULL)
        find()->close(s);
    (void)fflush(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    CHECK(ok);
    return contents(path);
}

static void a_log_line_is_the_tutorials(void)
{
    cnn_event e = event(CNN_EVENT_LOG);
    CHECK_STR(output(AUTO, "", &e, 1), "[1,   300] loss:0.728\n");
}

static void an_evaluation_gives_accuracy_and_a_table(void)
{
    static const char *const names[2] = { "cat", "\xc3\xa9t\xc3\xa9!" };
    cnn_metric_value m[3];
    cnn_event e = event(CNN_EVENT_EVAL_END);
    add_metrics(&e, m);
    e.class_names = names;
    e.classes = 2;
    const char *text = output(AUTO, "", &e, 1);
    CHECK_HAS(text, "Accuracy on test set:98.59%\n");
    CHECK_HAS(text, "mean_squared_error on test set: 0.98594\n");
    CHECK_HAS(text, "  cat    10    2\n");
    CHECK_HAS(text, "  \xc3\xa9t\xc3\xa9!    0 1234\n");
}

static void a_run_begins_and_ends_with_what_one_needs(void)
{
    cnn_event e[4] = { event(CNN_EVENT_RUN_BEGIN), event(CNN_EVENT_EPOCH_END),
                       event(CNN_EVENT_CHECKPOINT), event(CNN_EVENT_RUN_END) };
    e[2].path = "runs/demo/checkpoint";
    e[3].seconds = 3725;
    const char *text = output(AUTO, "runs/demo", e, 4);
    CHECK_HAS(text, "demo on cpu: 2 epochs of 938 batches\n");
    CHECK_HAS(text, "epoch 1/2: loss 0.7284 in 4s, 4800 img/s\n");
    CHECK_HAS(text, "Done after 1:02:05. Results are in runs/demo\n");
    CHECK_HAS(text, "cnnrun predict runs/demo");
    e[3].status = CNN_INTERRUPTED;
    text = output(AUTO, "", e + 3, 1);
    CHECK_HAS(text, "Interrupted after");
    CHECK(strstr(text, "Results") == NULL);
    CHECK(strstr(text, "Next") == NULL);
}

static void progress_is_drawn_only_where_it_is_wanted(void)
{
    cnn_event e[3] = { event(CNN_EVENT_STEP), event(CNN_EVENT_STEP), event(CNN_EVENT_LOG) };
    CHECK_STR(output(AUTO, "", e, 2), "");
    CHECK_STR(output(OFF, "", e, 2), "");
    const char *text = output(ON, "", e, 3);
    CHECK_HAS(text, "\repoch 1/2 [=======>");
    CHECK_HAS(text, "300/938  4800 img/s  21s left");
    /* The second step comes too soon to be drawn; the line that stays erases the first. */
    CHECK_HAS(strchr(text + 1, '\r') != NULL ? strchr(text + 1, '\r') : "",
              "\r\033[K[1,   300] loss:0.728\n");
    CHECK(strstr(strstr(text, "epoch 1/2") + 1, "epoch 1/2") == NULL);
}

static void strange_numbers_do_no_harm(void)
{
    cnn_event e[4] = { event(CNN_EVENT_STEP), event(CNN_EVENT_EPOCH_END),
                       event(CNN_EVENT_EVAL_STEP), event(CNN_EVENT_EVAL_END) };
    for (int i = 0; i < 4; i++) {
        e[i].loss = NAN;
        e[i].seconds = 0;
        e[i].batch = e[i].batches = 0;
        e[i].pipeline = e[i].backend = e[i].split = NULL;
    }
    CHECK_HAS(output(ON, "", e, 4), "0/0");
}

static void a_full_disk_is_an_error(void)
{
    cnn_event e = event(CNN_EVENT_LOG);
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    int32_t progress = AUTO;
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    bool ok = freopen("/dev/full", "wb", stdout) != NULL &&
              find()->open(&host, &progress, "", &s, &err) == CNN_OK;
    cnn_status status = ok ? find()->on_event(s, &e, &err) : CNN_OK;
    if (s != NULL)
        find()->close(s);
    clearerr(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    CHECK(status == CNN_IO);
    CHECK_HAS(err.text, "standard output");
}

int main(void)
{
    return part_finish(RUN_TESTS(TEST(a_log_line_is_the_tutorials),
                                 TEST(an_evaluation_gives_accuracy_and_a_table),
                                 TEST(a_run_begins_and_ends_with_what_one_needs),
                                 TEST(progress_is_drawn_only_where_it_is_wanted),
                                 TEST(strange_numbers_do_no_harm), TEST(a_full_disk_is_an_error)));
}
