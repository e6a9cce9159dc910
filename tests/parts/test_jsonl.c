/* jsonl: one object a line, whatever the numbers and names are. */
#include "observers.h"

static const cnn_observer *find(void)
{
    return part_find(&cnnrun_plugin.observers, "jsonl");
}

static cnn_observer_state *start(const char *dir)
{
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    CHECK(find()->open(&host, NULL, dir, &s, &err) == CNN_OK);
    return s;
}

static void each_event_is_one_object(void)
{
    cnn_metric_value m[3];
    cnn_event begin = event(CNN_EVENT_RUN_BEGIN), log = event(CNN_EVENT_LOG);
    cnn_event eval = event(CNN_EVENT_EVAL_END), step = event(CNN_EVENT_STEP);
    add_metrics(&eval, m);
    begin.pipeline = "a \"quoted\"\n\\name";
    log.loss = NAN;
    cnn_observer_state *s = start(part_dir());
    CHECK(send(find(), s, &begin) == CNN_OK);
    CHECK(send(find(), s, &step) == CNN_OK);
    CHECK(send(find(), s, &log) == CNN_OK);
    CHECK(send(find(), s, &eval) == CNN_OK);
    find()->close(s);
    CHECK_STR(contents(part_path("log.jsonl")),
              "{\"event\":\"run_begin\",\"pipeline\":\"a \\\"quoted\\\"\\u000a\\\\name\","
              "\"backend\":\"cpu\",\"epochs\":2,\"batches\":938}\n"
              "{\"event\":\"log\",\"epoch\":1,\"batch\":300,\"step\":300,\"samples\":19200,"
              "\"loss\":null,\"lr\":0.01,\"seconds\":4}\n"
              "{\"event\":\"eval_end\",\"split\":\"test\",\"epoch\":1,\"step\":300,"
              "\"samples\":19200,\"loss\":0.7284,\"seconds\":4,\"metrics\":{"
              "\"accuracy\":0.98594,\"mean_squared_error\":0.98594,"
              "\"confusion\":[[10,2],[0,1234]]}}\n");
}

static void a_second_run_goes_on_in_the_same_file(void)
{
    cnn_event e = event(CNN_EVENT_RUN_END);
    e.status = CNN_DIVERGED;
    (void)remove(part_path("log.jsonl"));
    for (int i = 0; i < 2; i++) {
        cnn_observer_state *s = start(part_dir());
        CHECK(send(find(), s, &e) == CNN_OK);
        find()->close(s);
    }
    CHECK_STR(contents(part_path("log.jsonl")),
              "{\"event\":\"run_end\",\"seconds\":4,\"status\":\"diverged\"}\n"
              "{\"event\":\"run_end\",\"seconds\":4,\"status\":\"diverged\"}\n");
}

static void a_run_without_a_folder_writes_nothing(void)
{
    cnn_event e = event(CNN_EVENT_LOG);
    cnn_observer_state *s = start("");
    CHECK(send(find(), s, &e) == CNN_OK);
    find()->close(s);
}

static void a_folder_that_is_not_there_is_an_error(void)
{
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    CHECK(find()->open(&host, NULL, "/nowhere", &s, &err) == CNN_IO);
    CHECK_HAS(err.text, "/nowhere/log.jsonl");
    CHECK_HAS(err.hint, "output.dir");
}

static void a_full_disk_is_an_error_that_names_the_file(void)
{
    cnn_event e = event(CNN_EVENT_LOG);
    cnn_error err = { "", "" };
    part_mkdir("full");
    if (symlink("/dev/full", part_path("full/log.jsonl")) != 0) {
        CHECK(false);
        return;
    }
    cnn_observer_state *s = start(part_path("full"));
    CHECK(find()->on_event(s, &e, &err) == CNN_IO);
    CHECK_HAS(err.text, "full/log.jsonl");
    find()->close(s);
}

int main(void)
{
    return part_finish(RUN_TESTS(
        TEST(each_event_is_one_object), TEST(a_second_run_goes_on_in_the_same_file),
        TEST(a_run_without_a_folder_writes_nothing), TEST(a_folder_that_is_not_there_is_an_error),
        TEST(a_full_disk_is_an_error_that_names_the_file)));
}
