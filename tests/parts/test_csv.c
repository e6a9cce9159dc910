/* csv: a head, one number a row, no tables. */
#include "observers.h"

static const cnn_observer *find(void)
{
    return part_find(&cnnrun_plugin.observers, "csv");
}

static void run(const char *dir, const cnn_event *events, int count)
{
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    CHECK(find()->open(&host, NULL, dir, &s, &err) == CNN_OK);
    for (int i = 0; i < count; i++)
        CHECK(send(find(), s, &events[i]) == CNN_OK);
    find()->close(s);
}

static void numbers_stand_one_a_row(void)
{
    cnn_metric_value m[3];
    cnn_event e[3] = { event(CNN_EVENT_LOG), event(CNN_EVENT_STEP), event(CNN_EVENT_EVAL_END) };
    add_metrics(&e[2], m);
    m[1].name = "odd, \"name\"";
    run(part_dir(), e, 3);
    run(part_dir(), e, 1);
    CHECK_STR(contents(part_path("metrics.csv")), "epoch,step,split,metric,value\n"
                                                  "1,300,train,loss,0.7284\n"
                                                  "1,300,train,lr,0.01\n"
                                                  "1,300,test,loss,0.7284\n"
                                                  "1,300,test,accuracy,0.98594\n"
                                                  "1,300,test,\"odd, \"\"name\"\"\",0.98594\n"
                                                  "1,300,train,loss,0.7284\n"
                                                  "1,300,train,lr,0.01\n");
}

static void a_full_disk_is_an_error_from_the_first_line_on(void)
{
    cnn_observer_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_host host = part_host(part_no_dirs);
    part_mkdir("full");
    CHECK(symlink("/dev/full", part_path("full/metrics.csv")) == 0);
    CHECK(find()->open(&host, NULL, part_path("full"), &s, &err) == CNN_IO);
    CHECK_HAS(err.text, "full/metrics.csv");
}

int main(void)
{
    return part_finish(RUN_TESTS(TEST(numbers_stand_one_a_row),
                                 TEST(a_full_disk_is_an_error_from_the_first_line_on)));
}
