/* What must hold for every registered device type. */
#include "hw/registry.h"
#include "tests/unit/bench.h"

#include <glib.h>
#include <string.h>

/* Each byte of guest state (one tail pad allowed) is reset and saved. */
static void test_every_state_byte_is_listed(gconstpointer data)
{
    const struct device_type *t = data;
    g_autofree char *seen = g_malloc0(t->state_size + 1);
    for (const struct state_field *f = t->cls->state; f->name; f++) {
        g_assert_cmpuint(f->off, >=, t->state_off);
        g_assert_cmpuint(f->off + f->size, <=, t->state_off + t->state_size);
        memset(seen + (f->off - t->state_off), 1, f->size);
    }
    for (size_t i = 0; i < t->state_size; i++)
        if (!seen[i])
            g_test_message("%s: byte %zu of state is neither reset nor saved", t->name, i);
    g_assert_null(memchr(seen, 0, t->state_size - 1));
}

static void test_help_is_complete(gconstpointer data)
{
    const struct device_type *t = data;
    g_assert_nonnull(t->cls->desc);
    g_assert_cmpuint(strlen(t->cls->desc), <, 80);
    for (const struct prop *p = t->cls->props; p && p->name; p++) {
        g_assert_nonnull(p->help);
        g_assert_nonnull(p->kind->name);
    }
    g_assert_true(hw_device_find(t->name) == t);
    g_assert_true((hw_device_find_creatable(t->name, NULL) == t) == t->cls->user_creatable);
}

/* What is saved comes back, and nothing of the state is lost on the way. */
static void test_save_and_load(gconstpointer data)
{
    const struct device_type *t = data;
    struct bench *b = bench_new_raw(t);
    size_t n = state_size(t->cls->state);
    g_autofree uint8_t *buf = g_malloc0(n + 1);
    g_autofree char *copy = g_malloc0(t->size);
    for (size_t i = 0; i < t->state_size; i++)
        ((uint8_t *)b->dev)[t->state_off + i] = (uint8_t)(i * 7 + 1);
    state_save(t->cls->state, b->dev, buf);
    state_load(t->cls->state, copy, buf);
    g_assert_null(state_diff(t->cls->state, b->dev, copy));
    bench_free(b);
}

/* Any access, of any size and order, is answered. */
static void test_random_accesses(gconstpointer data)
{
    const struct device_type *t = data;
    struct bench *b = bench_new_raw(t);
    if (t->cls->mmio.size == 0 || !device_realize(b->dev, NULL)) {
        bench_free(b);
        return;
    }
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t near = (uint64_t)g_test_rand_int_range(0, 0x400) & ~UINT64_C(1);
        uint64_t off = i % 4 ? near : (uint64_t)(uint32_t)g_test_rand_int();
        unsigned size = 1U << g_test_rand_int_range(0, 4);
        off = off % t->cls->mmio.size;
        uint64_t val = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        if (i % 3)
            bench_write(b, off, size, i % 5 ? val : val & 0xff);
        else
            bench_read(b, off, size);
    }
    device_reset(b->dev);
    g_assert_false(b->irq);
    bench_free(b);
}

static void add(const char *what, const struct device_type *t, GTestDataFunc fn)
{
    g_autofree char *path = g_strdup_printf("/device/%s/%s", t->name, what);
    g_test_add_data_func(path, t, fn);
}

static void test_unknown_names_get_the_nearest(void)
{
    struct error *err = NULL;
    g_assert_null(hw_device_find_creatable("virtio-blk-devise", &err));
    g_assert_nonnull(strstr(error_text(err), "virtio-blk-device"));
    g_clear_pointer(&err, error_free);
    g_assert_null(hw_device_find_creatable("serial-mm", &err));
    g_assert_nonnull(strstr(error_text(err), "serial-mm"));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        add("state", *t, test_every_state_byte_is_listed);
        add("help", *t, test_help_is_complete);
        add("save", *t, test_save_and_load);
        add("random", *t, test_random_accesses);
    }
    g_test_add_func("/device/unknown", test_unknown_names_get_the_nearest);
    return g_test_run();
}
