/* The keyboard controller, its keyboard and mouse, and port 0x92. */
#include "core/clock.h"
#include "hw/input/i8042.h"
#include "tests/unit/isa_bench.h"
#include "ui/input.h"

#include <glib.h>
#include <linux/input-event-codes.h>

extern const struct device_type i8042_type, port92_type;

static struct isa_bench *i;
static struct device *dev;

static void set_up(void)
{
    i = isa_bench_new();
    dev = isa_bench_add(i, &i8042_type, NULL);
}

static void tear_down(void)
{
    isa_bench_free(i);
}

static bool full(void)
{
    return isa_in(i, 0x64) & 1;
}

static void expect(const char *hex)
{
    g_autoptr(GString) got = g_string_new(NULL);
    while (full() && got->len < 200)
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", isa_in(i, 0x60));
    g_assert_cmpstr(got->str, ==, hex);
}

static void command(unsigned c)
{
    isa_out(i, 0x64, c);
}

static void command_with(unsigned c, unsigned v)
{
    isa_out(i, 0x64, c);
    isa_out(i, 0x60, v);
}

static void key(unsigned code, bool pressed)
{
    g_assert_true(input_send(&(struct input_event){INPUT_KEY, (uint16_t)code, pressed}));
    input_sync();
}

static void mouse(unsigned v)
{
    command_with(0xd4, v);
}

static void move(int dx, int dy, int wheel)
{
    input_send(&(struct input_event){INPUT_REL, INPUT_X, dx});
    input_send(&(struct input_event){INPUT_REL, INPUT_Y, dy});
    if (wheel)
        input_send(&(struct input_event){INPUT_WHEEL, 0, wheel});
    input_sync();
}

static void test_controller(void)
{
    set_up();
    g_assert_cmphex(isa_in(i, 0x64), ==, 0x10);
    command(0xaa);
    g_assert_cmphex(isa_in(i, 0x64), ==, 0x1d);
    expect("55");
    command(0x20);
    expect("30");
    command_with(0x60, 0x47);
    command(0x20);
    expect("47");
    command(0xab);
    expect("00");
    command(0xa9);
    expect("00");
    command(0xa4);
    expect("f1");
    command_with(0x75, 0x5a); /* RAM */
    command(0x35);
    expect("5a");
    command(0xa7);
    command(0xad);
    command(0x20);
    expect("77");
    command_with(0xd2, 0x33);
    g_assert_cmphex(isa_in(i, 0x64) & 0x21, ==, 0x01);
    expect("33");
    command_with(0xd3, 0x44);
    g_assert_cmphex(isa_in(i, 0x64) & 0x21, ==, 0x21);
    expect("44");
    tear_down();
}

static void test_gate_of_a20(void)
{
    i = isa_bench_new();
    struct device *p92 = isa_bench_add(i, &port92_type, NULL);
    struct error *err = NULL;
    dev = device_new(&i8042_type, i->b->m, "i8042");
    irq_connect(i8042_a20(dev), port92_a20, p92, 0);
    g_assert_true(hw_bus_plug(i->b->m, dev, NULL, &err) && device_realize(dev, &err));
    g_assert_true(irq_level(&p92->irq));
    command(0xdd);
    g_assert_false(irq_level(&p92->irq));
    g_assert_cmphex(isa_in(i, 0x92), ==, 0);
    command(0xd0);
    expect("cd");
    isa_out(i, 0x92, 2);
    g_assert_true(irq_level(&p92->irq));
    command_with(0xd1, 0xdf);
    command_with(0xd1, 0xdd);
    g_assert_false(irq_level(&p92->irq));
    tear_down();
}

static void test_scan_codes(void)
{
    set_up();
    key(KEY_A, true);
    key(KEY_A, false);
    expect("1c f0 1c");
    key(KEY_RIGHTCTRL, true);
    key(KEY_RIGHTCTRL, false);
    expect("e0 14 e0 f0 14");
    key(KEY_F7, true);
    key(KEY_F7, false);
    expect("83 f0 83");
    key(KEY_PAUSE, true);
    key(KEY_PAUSE, false);
    expect("e1 14 77 e1 f0 14 f0 77");
    key(KEY_SYSRQ, true);
    key(KEY_SYSRQ, false);
    expect("e0 12 e0 7c e0 f0 7c e0 f0 12");
    command_with(0x60, 0x40); /* translation */
    key(KEY_A, true);
    key(KEY_A, false);
    expect("1e 9e");
    key(KEY_UP, true);
    key(KEY_UP, false);
    expect("e0 48 e0 c8");
    key(KEY_PAUSE, true);
    expect("e1 1d 45 e1 9d c5");
    key(KEY_LEFTALT, true);
    key(KEY_SYSRQ, true);
    key(KEY_SYSRQ, false);
    key(KEY_LEFTALT, false);
    expect("38 54 d4 b8");
    tear_down();
}

static void test_other_sets(void)
{
    set_up();
    isa_out(i, 0x60, 0xf0);
    isa_out(i, 0x60, 1);
    expect("fa fa");
    key(KEY_LEFT, true);
    key(KEY_LEFT, false);
    expect("e0 4b e0 cb");
    isa_out(i, 0x60, 0xf0);
    isa_out(i, 0x60, 3);
    expect("fa fa");
    isa_out(i, 0x60, 0xf0);
    expect("fa");
    isa_out(i, 0x60, 0);
    expect("fa 03");
    key(KEY_LEFT, true);
    key(KEY_LEFT, false); /* makes only */
    expect("61");
    key(KEY_LEFTSHIFT, true);
    key(KEY_LEFTSHIFT, false);
    expect("12 f0 12");
    isa_out(i, 0x60, 0xfc);
    isa_out(i, 0x60, 0x61);
    isa_out(i, 0x60, 0xf4);
    expect("fa fa");
    key(KEY_LEFT, true);
    key(KEY_LEFT, false);
    expect("61 f0 61");
    tear_down();
}

static void test_keyboard_commands(void)
{
    set_up();
    isa_out(i, 0x60, 0xff);
    expect("fa aa");
    isa_out(i, 0x60, 0xf2);
    expect("fa ab 83");
    isa_out(i, 0x60, 0xee);
    expect("ee");
    isa_out(i, 0x60, 0xed);
    expect("fa");
    isa_out(i, 0x60, 0x07);
    expect("fa");
    isa_out(i, 0x60, 0xfe);
    expect("fa");
    isa_out(i, 0x60, 0x33);
    expect("fe");
    isa_out(i, 0x60, 0xf5);
    expect("fa");
    key(KEY_A, true);
    key(KEY_A, false);
    expect("");
    isa_out(i, 0x60, 0xf4);
    expect("fa");
    key(KEY_A, true);
    expect("1c");
    tear_down();
}

static void test_interrupts(void)
{
    set_up();
    command_with(0x60, 0x03);
    key(KEY_A, true);
    key(KEY_A, false);
    g_assert_true(i->line[1]);
    g_assert_cmpuint(i->rises[1], ==, 1);
    isa_in(i, 0x60);
    g_assert_true(i->line[1]); /* an edge for each byte */
    g_assert_cmpuint(i->rises[1], ==, 2);
    isa_in(i, 0x60);
    isa_in(i, 0x60);
    g_assert_false(i->line[1]);
    mouse(0xf4);
    g_assert_true(i->line[12]);
    g_assert_cmphex(isa_in(i, 0x64) & 0x21, ==, 0x21);
    expect("fa");
    g_assert_false(i->line[12]);
    tear_down();
}

static bool repeated(void *unused G_GNUC_UNUSED)
{
    return full();
}

static void test_a_held_key_repeats(void)
{
    set_up();
    isa_out(i, 0x60, 0xf3);
    isa_out(i, 0x60, 0x00);
    expect("fa fa");
    key(KEY_A, true);
    expect("1c");
    g_assert_true(bench_wait(repeated, NULL));
    expect("1c");
    key(KEY_A, false);
    expect("f0 1c");
    tear_down();
}

static void test_mouse(void)
{
    set_up();
    mouse(0xff);
    expect("fa aa 00");
    mouse(0xf2);
    expect("fa 00");
    move(5, 5, 0);
    expect("");
    mouse(0xf4);
    expect("fa 28 05 fb");
    move(10, -3, 0);
    expect("08 0a 03");
    move(-1, 300, 0);
    expect("38 ff 81 28 00 81 28 00 d2");
    input_send(&(struct input_event){INPUT_BUTTON, BTN_RIGHT, 1});
    input_sync();
    expect("0a 00 00");
    mouse(0xe9);
    expect("fa 21 02 64");
    mouse(0xf0);
    expect("fa");
    move(1, 0, 0);
    expect("");
    mouse(0xeb);
    expect("fa 0a 01 00");
    mouse(0xee);
    expect("fa");
    mouse(0x42);
    expect("42");
    mouse(0xec);
    expect("fa");
    tear_down();
}

static void rate(unsigned v)
{
    mouse(0xf3);
    expect("fa");
    mouse(v);
    expect("fa");
}

static void test_wheel_and_five_buttons(void)
{
    set_up();
    rate(200);
    rate(100);
    rate(80);
    mouse(0xf2);
    expect("fa 03");
    mouse(0xf4);
    expect("fa");
    move(0, 0, 1);
    expect("08 00 00 ff");
    rate(200);
    rate(200);
    rate(80);
    mouse(0xf2);
    expect("fa 04");
    input_send(&(struct input_event){INPUT_BUTTON, BTN_SIDE, 1});
    move(0, 0, -2);
    expect("08 00 00 12");
    tear_down();
}

static void test_state_survives(void)
{
    set_up();
    key(KEY_A, true);
    const struct state_field *table = dev->type->cls->state;
    g_autofree uint8_t *buf = g_malloc(state_size(table));
    state_save(table, dev, buf);
    device_reset(dev);
    expect("");
    state_load(table, dev, buf);
    dev->type->cls->loaded(dev);
    device_sync(dev);
    expect("1c");
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/a20", test_gate_of_a20);
    g_test_add_func("/i8042/keys", test_scan_codes);
    g_test_add_func("/i8042/sets", test_other_sets);
    g_test_add_func("/i8042/commands", test_keyboard_commands);
    g_test_add_func("/i8042/irq", test_interrupts);
    g_test_add_func("/i8042/typematic", test_a_held_key_repeats);
    g_test_add_func("/i8042/mouse", test_mouse);
    g_test_add_func("/i8042/wheel", test_wheel_and_five_buttons);
    g_test_add_func("/i8042/state", test_state_survives);
    return g_test_run();
}
