/* Control sequences leave no trace in the text, wherever they are cut; memory is bounded. */
#include "system/console_text.h"

#include <string.h>

static void expect_text(const char *bytes, size_t n, size_t piece, const char *want)
{
    struct console_text t;

    console_text_init(&t);
    for (size_t i = 0; i < n; i += piece)
        console_text_add(&t, (const uint8_t *)bytes + i, MIN(piece, n - i));
    g_assert_cmpstr(t.window->str, ==, want);
    g_assert_cmpuint(console_text_end(&t), ==, strlen(want));
    console_text_fini(&t);
}

static void test_control_sequences_are_dropped(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain\r\n", "plain\n"},
        {"a\033[0;1;31mred\033[0mb", "aredb"},
        {"\033[?2004h~ # \033[6n", "~ # "},
        {"x\033]0;a title\ay", "xy"},
        {"x\033]3008;start=1\033\\y", "xy"},
        {"x\033(By\033cz\0337", "xyz"},
        {"x\033P+q544e\033\\y", "xy"},
        {"cut\033[31\033[0mend", "cutend"},
        {"\303\251t\303\251", "\303\251t\303\251"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        for (size_t piece = 1; piece < 5; piece++)
            expect_text(rows[i].in, strlen(rows[i].in), piece, rows[i].out);
}

static void test_a_string_without_end_does_not_swallow_the_rest(void)
{
    struct console_text t;
    g_autofree char *noise = g_strnfill(10000, 'x');

    console_text_init(&t);
    console_text_add(&t, (const uint8_t *)"\033]", 2);
    console_text_add(&t, (const uint8_t *)noise, strlen(noise));
    g_assert_cmpuint(t.window->len, >, 5000);
    console_text_fini(&t);
}

static void test_the_window_keeps_the_last_bytes_and_their_places(void)
{
    struct console_text t;

    console_text_init(&t);
    for (unsigned i = 0; i < 100000; i++) {
        char line[16];
        int n = g_snprintf(line, sizeof(line), "line %u\n", i);
        console_text_add(&t, (const uint8_t *)line, (size_t)n);
    }
    g_assert_cmpuint(t.window->len, >=, CONSOLE_TEXT_KEPT);
    g_assert_cmpuint(t.window->len, <=, 2 * CONSOLE_TEXT_KEPT);
    g_assert_cmpuint(console_text_end(&t), ==, 10 * 7 + 90 * 8 + 900 * 9 + 9000 * 10 + 90000 * 11);
    g_autofree char *last = console_text_last_line(&t);
    g_assert_cmpstr(last, ==, "line 99999");
    console_text_fini(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/console-text/sequences", test_control_sequences_are_dropped);
    g_test_add_func("/console-text/no-end", test_a_string_without_end_does_not_swallow_the_rest);
    g_test_add_func("/console-text/window", test_the_window_keeps_the_last_bytes_and_their_places);
    return g_test_run();
}
