/* Errors, option syntax, byte queue, locks, code memory. */
#include "core/event.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/fifo8.h"
#include "util/host_mem.h"
#include "util/log.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

static void test_error_grows_context_on_the_way_up(void)
{
    struct error *err = NULL;

    error_set(&err, "line %d is bad", 3);
    error_prefix(&err, "reading %s", "x.conf");
    error_append(&err, ", did you mean %d?", 4);
    g_assert_cmpstr(error_text(err), ==, "reading x.conf: line 3 is bad, did you mean 4?");
    error_free(err);
    error_set(NULL, "nobody wants to know");
    error_prefix(NULL, "still nobody");
}

static void test_nearest_name_forgives_a_slip(void)
{
    static const char *const names[] = {"virtio-blk-device", "virtio-net-device", "ns16550", NULL};

    g_assert_cmpstr(nearest_name("virtio-blk-devcie", names), ==, "virtio-blk-device");
    g_assert_cmpstr(nearest_name("virtio_net_device", names), ==, "virtio-net-device");
    g_assert_cmpstr(nearest_name("ns1650", names), ==, "ns16550");
    g_assert_null(nearest_name("gpu", names));
    g_autofree char *giant = g_strnfill(100000, 'a');
    g_assert_null(nearest_name(giant, names));
}

static void test_options_as_tools_write_them(void)
{
    struct opts *o = opts_parse("socket,path=/tmp/a,,b,server,nowait,reconnect_ms=5", "backend");
    struct error *err = NULL;
    bool flag;
    uint64_t n;

    g_assert_cmpstr(opts_get(o, "backend", NULL), ==, "socket");
    g_assert_cmpstr(opts_get(o, "path", NULL), ==, "/tmp/a,b");
    g_assert_true(opts_get_bool(o, "server", false, &flag, &err) && flag);
    g_assert_true(opts_get_bool(o, "wait", true, &flag, &err) && !flag);
    g_assert_true(opts_get_uint(o, "reconnect-ms", 10, 0, &n, &err) && n == 5);
    g_assert_cmpstr(opts_get(o, "absent", "default"), ==, "default");
    g_assert_false(opts_get_uint(o, "reconnect-ms", 4, 0, &n, &err));
    g_assert_nonnull(strstr(error_text(err), "the most is 4"));
    error_free(err);
    opts_free(o);
}

static void test_unknown_option_names_the_nearest(void)
{
    static const char *const names[] = {"path", "server", NULL};
    struct opts *o = opts_parse("pth=x", NULL);
    struct error *err = NULL;

    opts_get(o, "path", NULL);
    g_assert_false(opts_check_used(o, names, &err));
    g_assert_cmpstr(error_text(err), ==, "unknown option 'pth', did you mean 'path'?");
    error_free(err);
    opts_free(o);
    o = opts_parse("help", "backend");
    g_assert_true(opts_has_help(o));
    opts_free(o);
    o = opts_parse("virt,help", "type");
    g_assert_true(opts_has_help(o));
    opts_free(o);
    o = opts_parse("", "type");
    g_assert_cmpuint(o->n, ==, 0);
    opts_free(o);
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {{"512", 512ull << 20}, {"1G", 1 << 30},    {"1.5k", 1536}, {"4194304k", 4ull << 30},
                {"2GiB", 2ull << 30},  {"0x10", 16 << 20}, {"7b", 7},      {"0", 0},
                {"15E", 15ull << 60},  {"128m", 128 << 20}};
    static const char *const bad[] = {"",    "x",   "-1", "1Q",  "16E", "99999999999999999999",
                                      "1Mx", "1.M", " 1", "1 M", "k"};
    uint64_t n;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        g_assert_true(parse_size(good[i].text, 1 << 20, &n, NULL));
        g_assert_cmpuint(n, ==, good[i].want);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error *err = NULL;
        g_assert_false(parse_size(bad[i], 1, &n, &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

static void test_numbers_and_switches(void)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1x", "0x", "maybe"};
    uint64_t n;
    bool b;

    g_assert_true(parse_uint("0x20", 32, &n, NULL) && n == 32);
    g_assert_false(parse_uint("33", 32, &n, NULL));
    g_assert_true(parse_uint("18446744073709551615", UINT64_MAX, &n, NULL) && n == UINT64_MAX);
    g_assert_false(parse_uint("18446744073709551616", UINT64_MAX, &n, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(parse_uint(bad[i], 99, &n, NULL));
        g_assert_false(parse_bool(bad[i], &b, NULL));
    }
    g_assert_true(parse_bool("yes", &b, NULL) && b);
    g_assert_true(parse_bool("false", &b, NULL) && !b);
}

static void test_fifo_starts_empty_and_keeps_order(void)
{
    struct fifo8 f = {0};

    g_assert_true(fifo8_empty(&f));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < FIFO8_SIZE; i++)
            g_assert_true(fifo8_push(&f, i + round));
        g_assert_true(fifo8_full(&f));
        g_assert_false(fifo8_push(&f, 99));
        g_assert_cmpuint(fifo8_len(&f), ==, FIFO8_SIZE);
        for (int i = 0; i < FIFO8_SIZE; i++)
            g_assert_cmpuint(fifo8_pop(&f), ==, i + round);
        g_assert_cmpuint(fifo8_pop(&f), ==, 0);
        fifo8_push(&f, 1); /* so that the next round starts elsewhere */
        fifo8_pop(&f);
    }
}

static void *hold_for_a_while(void *arg)
{
    mutex_lock(arg);
    g_usleep(50000);
    mutex_unlock(arg);
    return NULL;
}

NO_THREAD_ANALYSIS static void test_a_lock_knows_its_owner_and_gives_up_in_time(void)
{
    struct mutex m;

    mutex_init(&m);
    mutex_lock(&m);
    g_assert_cmpuint(mutex_held_count(), ==, 1);
    g_assert_cmpint(mutex_lock_for(&m, 1000000), ==, MUTEX_OWN);
    mutex_unlock(&m);
    g_assert_cmpuint(mutex_held_count(), ==, 0);
    pthread_t t = thread_start("holder of a lock with a long name", hold_for_a_while, &m);
    g_usleep(10000);
    g_assert_cmpint(mutex_lock_for(&m, 1000000), ==, MUTEX_TIMEOUT);
    g_assert_cmpint(mutex_lock_for(&m, 2000000000), ==, MUTEX_LOCKED);
    mutex_unlock(&m);
    pthread_join(t, NULL);
    mutex_fini(&m);
}

static void test_condition_times_out_on_the_monotonic_clock(void)
{
    struct mutex m;
    struct cond c;

    mutex_init(&m);
    cond_init(&c);
    mutex_lock(&m);
    int64_t end = monotonic_ns() + 20000000;
    g_assert_false(cond_wait_until(&c, &m, end));
    g_assert_cmpint(monotonic_ns(), >=, end);
    mutex_unlock(&m);
    cond_fini(&c);
    mutex_fini(&m);
}

static void test_ram_is_zero_and_too_much_is_an_error(void)
{
    struct error *err = NULL;
    int fd = -1;
    uint8_t *p = host_ram_map(4 << 20, &fd, &err);

    g_assert_nonnull(p);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint((uintptr_t)p % (2 << 20), ==, 0);
    g_assert_cmpuint(p[12345], ==, 0);
    host_ram_unmap(p, 4 << 20, fd);
    g_assert_null(host_ram_map((size_t)1 << 50, NULL, &err));
    g_assert_nonnull(err);
    error_free(err);
}

/* Every byte has the value, also behind the last whole piece; a write changes its own place only.
 */
static void test_filled_ram_is_as_good_as_written(void)
{
    struct error *err = NULL;
    const size_t size = (3 << 20) + host_page_size();
    uint8_t *p = host_ram_map(size, NULL, &err);

    g_assert_nonnull(p);
    host_ram_fill(p, size, 0xa5);
    p[(1 << 20) + 5] = 1;
    for (size_t n = 0; n < size; n++)
        g_assert_cmpuint(p[n], ==, n == (1 << 20) + 5 ? 1 : 0xa5);
    host_ram_unmap(p, size, -1);
}

static void test_log_items(void)
{
    struct error *err = NULL;

    g_assert_true(log_set_masks("guest_errors,unimp", &err));
    g_assert_true(log_enabled(LOG_GUEST_ERRORS) && log_enabled(LOG_UNIMP) &&
                  !log_enabled(LOG_EXEC));
    g_assert_false(log_set_masks("guest_erors", &err));
    g_assert_nonnull(strstr(error_text(err), "'guest_errors'"));
    error_free(err);
    log_mask = 0;
}

static void test_log_file_takes_whole_records(void)
{
    g_autofree char *path = g_strdup_printf("%s/tinamou-log-%%d", g_get_tmp_dir()), *text = NULL;
    g_autofree char *real = g_strdup_printf("%s/tinamou-log-%d", g_get_tmp_dir(), (int)getpid());
    struct error *err = NULL;

    g_assert_true(log_set_file(path, &err));
    log_mask = LOG_UNIMP | LOG_INT;
    log_unimp("register %#x", 8);
    log_guest_error("not asked for");
    FILE *f = log_begin();
    fprintf(f, "a\n");
    log_printf(LOG_INT, "b\n");
    log_end();
    g_assert_true(g_file_get_contents(real, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "register 0x8\na\nb\n");
    g_assert_false(log_set_file("/nonexistent/log", &err));
    error_free(err);
    unlink(real);
    log_mask = 0;
}

static void test_json_options_flatten_to_dotted_keys(void)
{
    struct error *err = NULL;
    struct opts *o = opts_parse_any(
        "{\"driver\": \"qcow2\", \"file\": {\"driver\": \"file\", \"filename\": \"a,b\"}, "
        "\"read-only\": true, \"l\": [1, \"x\"], \"size\": 4294967296, \"backing\": null}",
        NULL, &err);

    g_assert_null(err);
    g_assert_cmpstr(opts_get(o, "driver", NULL), ==, "qcow2");
    g_assert_cmpstr(opts_get(o, "file.filename", NULL), ==, "a,b");
    g_assert_cmpstr(opts_get(o, "read_only", NULL), ==, "on");
    g_assert_cmpstr(opts_get(o, "l.1", NULL), ==, "x");
    g_assert_cmpstr(opts_get(o, "size", NULL), ==, "4294967296");
    g_assert_cmpstr(opts_get(o, "backing", NULL), ==, "");
    opts_set(o, "driver", "raw");
    opts_set(o, "new", "1");
    g_assert_cmpstr(opts_get(o, "driver", NULL), ==, "raw");
    g_assert_cmpstr(opts_get(o, "new", NULL), ==, "1");
    opts_free(o);
}

static void test_broken_json_options_are_refused(void)
{
    static const char *const bad[] = {"{", "{\"a\":}", "[1]", ""};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error *err = NULL;
        g_assert_null(opts_parse_json(bad[i], &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

static void note_event(void *opaque, const char *name, const char *data, int64_t wall_us)
{
    g_assert_cmpint(wall_us, >, 0);
    g_string_append_printf(opaque, "%s:%s ", name, data ? data : "-");
}

static void test_events_reach_a_watcher_in_order(void)
{
    g_autoptr(GString) seen = g_string_new(NULL);

    event_emit("LOST", NULL); /* nobody watches */
    event_watch(note_event, seen);
    event_emit("STOP", NULL);
    event_emit("RESET", "{\"guest\": %s}", "true");
    g_assert_cmpstr(seen->str, ==, "");
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpstr(seen->str, ==, "STOP:- RESET:{\"guest\": true} ");
    event_emit("RESUME", NULL);
    event_flush();
    event_unwatch(note_event, seen);
    event_emit("LOST", NULL);
    event_flush();
    g_assert_true(g_str_has_suffix(seen->str, "RESUME:- "));
}

static void test_log_of_some_code(void)
{
    struct error *err = NULL;
    static const char *const bad[] = {"12", "1..", "9..8", "x+1", "1+2,", NULL};

    g_assert_true(log_wants_code(7, 4));
    g_assert_true(log_set_filter("0x100..0x1ff,0x1000+0x10,0x3000-0x20", &err));
    g_assert_true(log_wants_code(0xfd, 4) && log_wants_code(0x1ff, 4));
    g_assert_false(log_wants_code(0xfc, 4) || log_wants_code(0x200, 4));
    g_assert_true(log_wants_code(0x100f, 1) && !log_wants_code(0x1010, 1));
    g_assert_true(log_wants_code(0x2fe1, 1) && !log_wants_code(0x2fe0, 1));
    g_assert_true(log_wants_code(0x3000, 1) && !log_wants_code(0x3001, 1));
    for (size_t i = 0; bad[i]; i++) {
        g_assert_false(log_set_filter(bad[i], &err));
        g_clear_pointer(&err, error_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/error", test_error_grows_context_on_the_way_up);
    g_test_add_func("/util/nearest", test_nearest_name_forgives_a_slip);
    g_test_add_func("/util/opts", test_options_as_tools_write_them);
    g_test_add_func("/util/opts-unknown", test_unknown_option_names_the_nearest);
    g_test_add_func("/util/size", test_sizes);
    g_test_add_func("/util/number", test_numbers_and_switches);
    g_test_add_func("/util/fifo8", test_fifo_starts_empty_and_keeps_order);
    g_test_add_func("/util/mutex", test_a_lock_knows_its_owner_and_gives_up_in_time);
    g_test_add_func("/util/cond", test_condition_times_out_on_the_monotonic_clock);
    g_test_add_func("/util/ram", test_ram_is_zero_and_too_much_is_an_error);
    g_test_add_func("/util/ram-fill", test_filled_ram_is_as_good_as_written);
    g_test_add_func("/util/log-items", test_log_items);
    g_test_add_func("/util/log-file", test_log_file_takes_whole_records);
    g_test_add_func("/opts/json", test_json_options_flatten_to_dotted_keys);
    g_test_add_func("/opts/broken_json", test_broken_json_options_are_refused);
    g_test_add_func("/event/order", test_events_reach_a_watcher_in_order);
    g_test_add_func("/log/filter", test_log_of_some_code);
    return g_test_run();
}
