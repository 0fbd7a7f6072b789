/* The monitor's tables: types, arguments of both protocols, finding commands. */
#include "monitor/command_priv.h"
#include "util/optparse.h"

#include <string.h>

/* What the last command saw. */
static struct {
    char *text;
    int64_t number, size;
    bool force, on;
    char *id;
} seen;

static JsonNode *run_peek(struct mon_call *c, struct error **errp)
{
    if (mon_int(c, "addr", 0) == 13)
        return mon_fail(c, "DeviceNotFound", errp, "13 is nowhere");
    g_free(seen.text);
    seen.text = g_strdup(mon_str(c, "file", "none"));
    seen.number = mon_int(c, "addr", -1);
    seen.size = mon_int(c, "size", -1);
    seen.force = mon_bool(c, "force", false);
    return mon_string(seen.text);
}

static void print_peek(struct mon_call *c, JsonNode *result, FILE *out)
{
    g_assert_true(c->is_hmp);
    fprintf(out, "peeked %s\n", json_node_get_string(result));
}

static bool text_info(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    fprintf(out, "all well%s\n", mon_bool(c, "on", false) ? ", and on" : "");
    return true;
}

static JsonNode *run_add(struct mon_call *c, struct error **errp UNUSED)
{
    g_free(seen.id);
    seen.id = g_strdup(opts_get(c->opts, "id", "none"));
    seen.number = atoi(opts_get(c->opts, "props.count", "0"));
    g_assert_cmpstr(mon_str(c, "driver", ""), ==, "thing");
    return mon_ok();
}

static const struct mon_arg peek_args[] = {
    {"force", MON_FLAG, .optional = true, .flag = 'f', .help = "even so"},
    {"addr", MON_INT, .help = "where"},
    {"style", MON_CHOICE, .optional = true, .flag = 's', .type = "plain|fine", .help = "how"},
    {"size", MON_SIZE, .optional = true, .help = "how much"},
    {"file", MON_STR, .optional = true, .help = "whither"},
    MON_ARG_END,
};
static const struct mon_arg info_args[] = {
    {"on", MON_BOOL, .optional = true, .help = "or off"},
    MON_ARG_END,
};
static const struct mon_arg add_args[] = {
    {"driver", MON_STR, .help = "what"},
    {"id", MON_STR, .optional = true, .help = "its name"},
    {"props", MON_OPTS, .optional = true, .help = "the rest"},
    MON_ARG_END,
};
static const struct monitor_command table[] = {
    {.qmp = "test-peek",
     .hmp = "test_peek",
     .alias = "tp",
     .args = peek_args,
     .ret = "str",
     .help = "peek",
     .run = run_peek,
     .print = print_peek},
    {.hmp = "info testing", .args = info_args, .help = "how it goes", .text = text_info},
    {.qmp = "test-add", .hmp = "test_add", .args = add_args, .help = "add", .run = run_add},
    {0},
};

static void check_hmp(const char *line, const char *wanted)
{
    unsigned cpu = 0;
    g_autofree char *text = monitor_hmp_run(NULL, line, &cpu);

    g_assert_cmpstr(text, ==, wanted);
}

static void test_hmp_lines_become_arguments(void)
{
    check_hmp("test_peek -f 0x10+2*(3-1) 2k \"a \\\"b\\\"\"", "peeked a \"b\"\n");
    g_assert_cmpint(seen.number, ==, 0x14);
    g_assert_cmpint(seen.size, ==, 2048);
    g_assert_true(seen.force);
    check_hmp("  tp -5  ", "peeked none\n");
    g_assert_cmpint(seen.number, ==, -5);
    g_assert_cmpint(seen.size, ==, -1);
    check_hmp("info testing on", "all well, and on\n");
    check_hmp("info  testing", "all well\n");
    check_hmp("", "");
    check_hmp("# remark", "");
}

static void test_hmp_mistakes_name_what_is_wrong(void)
{
    check_hmp("test_pek 1", "unknown command: 'test_pek'; did you mean 'test_peek'?\n");
    check_hmp("info testin", "unknown command: 'info testin'; did you mean 'info testing'?\n");
    check_hmp("test_peek", "Error: test_peek: addr is missing; try 'help test_peek'\n");
    check_hmp("test_peek 1/0", "Error: test_peek: division by zero; try 'help test_peek'\n");
    check_hmp("test_peek (1", "Error: test_peek: ')' is missing; try 'help test_peek'\n");
    check_hmp("test_peek $pc",
              "Error: test_peek: $pc: the machine has no CPU; try 'help test_peek'\n");
    check_hmp("test_peek 1 1 a b", "Error: test_peek: what is 'b' for?; try 'help test_peek'\n");
    check_hmp("test_peek 1 1 \"a",
              "Error: test_peek: a quote is not closed: \"a; try 'help test_peek'\n");
    check_hmp("test_peek 13", "Error: 13 is nowhere\n");
    check_hmp("test_peek -s fine 1", "peeked none\n");
    check_hmp("test_peek -s", "Error: test_peek: -s: style is missing; try 'help test_peek'\n");
    check_hmp("info testing maybe", "Error: info testing: wanted on or off, found 'maybe'; try "
                                    "'help info testing'\n");
}

static void test_one_text_holds_all_options(void)
{
    check_hmp("test_add thing,id=x,props.count=3", "");
    g_assert_cmpstr(seen.id, ==, "x");
    g_assert_cmpint(seen.number, ==, 3);
    check_hmp("test_add {\"driver\": \"thing\", \"id\": \"y\", \"props\": {\"count\": 4}}", "");
    g_assert_cmpstr(seen.id, ==, "y");
    g_assert_cmpint(seen.number, ==, 4);
    check_hmp("test_add id=y", "Error: test_add: driver is missing; try 'help test_add'\n");
}

static char *try_qmp(const char *name, const char *args)
{
    struct error *err = NULL;
    struct mon_call c = {0};
    const struct monitor_command *cmd = monitor_find_qmp(name);
    g_autoptr(JsonNode) node = json_read(args, strlen(args), &err);
    g_autoptr(JsonNode) result = NULL;

    if (node && mon_args_from_json(&c, cmd, json_node_get_object(node), &err))
        result = cmd->run(&c, &err);
    mon_args_clear(&c);
    if (!result) {
        char *text = g_strdup(error_text(err));
        error_free(err);
        return text;
    }
    GString *s = g_string_new(NULL);
    json_write(result, false, s);
    return g_string_free(s, FALSE);
}

static void check_qmp(const char *name, const char *args, const char *wanted)
{
    g_autofree char *text = try_qmp(name, args);

    g_assert_cmpstr(text, ==, wanted);
}

static void test_qmp_arguments_are_checked(void)
{
    check_qmp("test-peek", "{\"addr\": 5, \"file\": \"f\\u00fc\\n\"}", "\"f\303\274\\n\"");
    check_qmp("test-peek", "{}", "parameter 'addr' is missing");
    check_qmp("test-peek", "{\"addr\": \"5\"}",
              "invalid parameter type for 'addr', expected: an integer");
    check_qmp("test-peek", "{\"addr\": 5, \"fil\": 1}",
              "parameter 'fil' is unexpected; did you mean 'file'?");
    check_qmp("test-add", "{\"driver\": \"thing\", \"id\": \"q\", \"props\": {\"count\": 7}}",
              "{}");
    g_assert_cmpstr(seen.id, ==, "q");
    g_assert_cmpint(seen.number, ==, 7);
}

static bool fits(const char *type, const char *json, const char *wanted)
{
    struct error *err = NULL;
    struct mon_type *t = mon_type_parse(type);
    g_autoptr(JsonNode) node = json_read(json, strlen(json), NULL);
    bool ok = mon_type_check(t, node, "x", &err);

    if (!ok)
        g_assert_cmpstr(error_text(err), ==, wanted);
    error_free(err);
    mon_type_free(t);
    return ok;
}

static void test_types_are_checked_to_the_last_member(void)
{
    g_assert_true(fits("[{a: int, b?: near|far}]", "[{\"a\": 1}, {\"a\": 2, \"b\": \"far\"}]", ""));
    g_assert_false(fits("[{a: int, b?: near|far}]", "[{\"a\": 1}, {\"a\": 2, \"b\": \"fa\"}]",
                        "parameter 'x[1].b' does not accept value 'fa'; did you mean 'far'?"));
    g_assert_false(fits("{a: {b: bool}}", "{\"a\": {\"b\": 1}}",
                        "invalid parameter type for 'x.a.b', expected: boolean"));
    g_assert_true(fits("{a: int, ...}", "{\"a\": 1, \"z\": []}", ""));
    g_assert_true(fits("num", "1", "") && fits("num", "1.5", ""));
    g_assert_false(fits("{}", "[]", "invalid parameter type for 'x', expected: an object"));
}

static void check_json(const char *text, const char *wanted)
{
    struct error *err = NULL;
    g_autoptr(JsonNode) node = json_read(text, strlen(text), &err);
    g_autoptr(GString) s = g_string_new(NULL);

    if (node)
        json_write(node, false, s);
    else
        g_string_append(s, error_text(err));
    error_free(err);
    g_assert_cmpstr(s->str, ==, wanted);
}

static void test_json_is_read_within_bounds(void)
{
    g_autofree char *deep = g_strnfill(100000, '[');

    check_json("{'a': [1, true, null, 1.5, \"x\\\"y\"], \"b\": {}}",
               "{\"a\": [1, true, null, 1.5, \"x\\\"y\"], \"b\": {}}");
    check_json("[999999999999999999999]", "JSON parse error: a number is too long");
    check_json(deep, "JSON parse error: nested too deep");
    check_json("/* \" */ [[1]]", "JSON parse error: no comments here");
    check_json("[\"/#\"]", "[\"/#\"]");
    check_json("\"\xff\"", "JSON parse error: not UTF-8");
}

static void test_pretty_json_is_indented_by_four(void)
{
    g_autoptr(JsonNode) node = json_read("{\"a\": [1], \"b\": {}}", 19, NULL);
    g_autoptr(GString) s = g_string_new(NULL);

    json_write(node, true, s);
    g_assert_cmpstr(s->str, ==, "{\n    \"a\": [\n        1\n    ],\n    \"b\": {}\n}");
}

static void test_expressions_follow_c(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"1+2*3", 7},     {"(1 + 2) * 3", 9}, {"0x10 | 3 & 2", 0x12},
        {"7 % 4 ^ 1", 2}, {"- - 3", 3},       {"~0", -1},
        {"'A'", 65},      {"010", 8},         {"-8 / 2 - 1", (int64_t)(-UINT64_C(8) / 2 - 1)},
    };
    struct mon_call c = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *p = rows[i].text;
        int64_t value;
        g_assert_true(mon_eval(&c, &p, &value, NULL));
        g_assert_cmpint(value, ==, rows[i].value);
        g_assert_cmpstr(p, ==, "");
    }
}

static void test_nesting_of_expressions_is_bounded(void)
{
    g_autofree char *open = g_strnfill(100000, '('), *minus = g_strnfill(100000, '-');
    struct mon_call c = {0};
    int64_t value;

    for (unsigned i = 0; i < 2; i++) {
        const char *p = i ? minus : open;
        struct error *err = NULL;
        g_assert_false(mon_eval(&c, &p, &value, &err));
        g_assert_cmpstr(error_text(err), ==, "the expression is nested too deep");
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    monitor_register(table);
    g_test_add_func("/monitor/hmp_lines_become_arguments", test_hmp_lines_become_arguments);
    g_test_add_func("/monitor/hmp_mistakes_name_what_is_wrong",
                    test_hmp_mistakes_name_what_is_wrong);
    g_test_add_func("/monitor/one_text_holds_all_options", test_one_text_holds_all_options);
    g_test_add_func("/monitor/qmp_arguments_are_checked", test_qmp_arguments_are_checked);
    g_test_add_func("/monitor/types_are_checked_to_the_last_member",
                    test_types_are_checked_to_the_last_member);
    g_test_add_func("/monitor/json_is_read_within_bounds", test_json_is_read_within_bounds);
    g_test_add_func("/monitor/pretty_json_is_indented_by_four",
                    test_pretty_json_is_indented_by_four);
    g_test_add_func("/monitor/expressions_follow_c", test_expressions_follow_c);
    g_test_add_func("/monitor/nesting_of_expressions_is_bounded",
                    test_nesting_of_expressions_is_bounded);
    return g_test_run();
}
