/*
 * Any text as options: the parser and its typed getters, numbers and sizes, properties of every
 * device, and the command line with the steps that touch no files.
 *
 * Input: text; lines are arguments of the command line.
 */
#include "hw/registry.h"
#include "system/setup.h"
#include "tests/fuzz/fuzz.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

enum { MAX_ARGS = 32 };

static void parse_values(const char *text)
{
    bool flag;
    uint64_t n;
    (void)!parse_bool(text, &flag, NULL);
    if (parse_uint(text, 1000, &n, NULL) && n > 1000)
        g_error("'%s' is %lu", text, (unsigned long)n);
    (void)!parse_size(text, 1 << 20, &n, NULL);
}

static void parse_options(const char *text)
{
    static const char *const names[] = {"file", "if", "size", NULL};
    struct opts *o = opts_parse(text, "file");
    bool flag;
    uint64_t n;
    opts_get(o, "file", "none");
    opts_has_help(o);
    (void)!opts_get_bool(o, "readonly", false, &flag, NULL);
    (void)!opts_get_uint(o, "cpus", 512, 1, &n, NULL);
    (void)!opts_get_size(o, "size", 0, &n, NULL);
    (void)!opts_check_used(o, names, NULL);
    opts_free(o);
}

/* As -device sets them; nothing is realized. */
static void set_properties(const char *text)
{
    struct opts *o = opts_parse(text, "driver");
    const char *name = opts_get(o, "driver", "");
    const struct device_type *t = hw_device_find(name);
    if (t && t->cls->props) {
        void *obj = g_malloc0(t->size);
        props_init(t->cls->props, obj);
        for (size_t i = 0; i < o->n; i++)
            (void)!props_set(t->cls->props, obj, o->pair[i].key, o->pair[i].value, NULL);
        props_fini(t->cls->props, obj);
        g_free(obj);
    }
    opts_free(o);
}

/* Options that act as soon as they are read, or name files. */
static bool has_effects(const char *arg)
{
    static const char *const prefixes[] = {"-kernel", "--kernel", "-bios", "-dtb", "-initrd"};
    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(arg, prefixes[i]))
            return true;
    return false;
}

static void command_line(char **args)
{
    char *argv[MAX_ARGS + 2] = {(char[]){"tinamou-system-riscv64"}};
    int argc = 1;
    struct cli cli;
    struct setup s;
    for (; *args && argc <= MAX_ARGS; args++)
        if (!has_effects(*args))
            argv[argc++] = *args;
    cli_init(&cli, argv[0]);
    if (cli_parse(&cli, argc, argv, NULL)) {
        setup_init(&s, &cli);
        if (setup_boot(&s, NULL) && setup_arch(&s, NULL) && setup_machine_class(&s, NULL) &&
            setup_config(&s, NULL) && setup_accel(&s, NULL))
            (void)!setup_globals(&s, NULL);
        setup_fini(&s);
    }
    cli_fini(&cli);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_ARGS);
    for (char **line = lines; *line; line++) {
        parse_values(*line);
        parse_options(*line);
        set_properties(*line);
    }
    command_line(lines);
    return 0;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const char *const words[] = {
        "-M",      "virt,aclint=on",
        "-m",      "128M",
        "-m",      "size=1G,slots=2",
        "-smp",    "4,sockets=1,cores=2,threads=2",
        "-cpu",    "rv64,v=off,pmp=on",
        "-cpu",    "max,-c,+zba",
        "-accel",  "tcg,engine=interp,tb-size=16",
        "-boot",   "order=dc,menu=on",
        "-name",   "guest=x,process=y",
        "-drive",  "file=a,,b,if=none,id=d0,format=raw",
        "-device", "virtio-blk-device,drive=d0,num-queues=2",
        "-global", "virtio-mmio.force-legacy=off",
        "-rtc",    "base=2020-01-01T00:00:00,clock=vm",
        "-uuid",   "00112233-4455-6677-8899-aabbccddeeff",
        "-serial", "mon:stdio",
        "-append", "console=ttyS0 root=/dev/vda",
    };
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < 1 + (random & 3); i++) {
        unsigned k = (random >> (8 + 8 * i)) % (G_N_ELEMENTS(words) / 2) * 2;
        g_string_append_printf(s, "%s\n%s\n", words[k], words[k + 1]);
    }
    size_t n = MIN(s->len, FUZZ_MAX);
    memcpy(buf, s->str, n);
    g_string_free(s, TRUE);
    return n;
}
