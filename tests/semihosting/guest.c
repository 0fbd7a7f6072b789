/*
 * Every semihosting operation, checked by the program itself: prints "ok" or what failed, and exits
 * with 42.  Built by tests/boot/test_semihosting.py for 32 and 64 bit.
 */
typedef unsigned long word;

enum {
    OPEN = 1,
    CLOSE,
    WRITEC,
    WRITE0,
    WRITE,
    READ,
    READC,
    ISERROR,
    ISTTY,
    SEEK,
    FLEN = 0xc,
    TMPNAM,
    REMOVE,
    RENAME,
    CLOCK,
    TIME,
    SYSTEM,
    ERRNO,
    GET_CMDLINE = 0x15,
    HEAPINFO,
    EXIT = 0x18,
    EXIT_EXTENDED = 0x20,
    ELAPSED = 0x30,
    TICKFREQ
};

static word call(word op, volatile void *arg)
{
    register word a0 asm("a0") = op;
    register volatile void *a1 asm("a1") = arg;
    asm volatile(".option push\n.option norvc\n.balign 16\n"
                 "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop\n"
                 : "+r"(a0)
                 : "r"(a1)
                 : "memory");
    return a0;
}

static word length(const char *s)
{
    word n = 0;
    while (s[n])
        n++;
    return n;
}

static void print(const char *s)
{
    call(WRITE0, (void *)(word)s);
}

static int same(const char *a, const char *b, word n)
{
    while (n--)
        if (*a++ != *b++)
            return 0;
    return 1;
}

static void end(word status)
{
    volatile word p[2] = {0x20026, status};
    call(EXIT_EXTENDED, p);
    for (;;)
        ;
}

static void check(int good, const char *what)
{
    if (good)
        return;
    print("failed: ");
    print(what);
    print("\n");
    end(1);
}

static word open_file(const char *name, word mode)
{
    volatile word p[3] = {(word)name, mode, length(name)};
    return call(OPEN, p);
}

static word three(word op, word a, word b, word c)
{
    volatile word p[3] = {a, b, c};
    return call(op, p);
}

static char buf[9000];

static void files(void)
{
    word f = open_file("semihosting.tmp", 6); /* w+ */
    check(f != 0 && f != (word)-1, "open for writing");
    for (word i = 0; i < sizeof(buf); i++)
        buf[i] = (char)(i * 7);
    check(three(WRITE, f, (word)buf, sizeof(buf)) == 0, "write");
    check(three(FLEN, f, 0, 0) == sizeof(buf), "flen");
    check(three(SEEK, f, 8999, 0) == 0, "seek");
    char c[8] = {0};
    check(three(READ, f, (word)c, 8) == 7, "read at the end");
    check(c[0] == (char)(8999 * 7), "what was read");
    check(three(READ, f, (word)c, 8) == 8, "read behind the end");
    check(three(ISTTY, f, 0, 0) == 0, "istty of a file");
    check(three(CLOSE, f, 0, 0) == 0, "close");
    check(three(CLOSE, f, 0, 0) == (word)-1, "close again");
    check(three(READ, 77, (word)c, 8) == 8, "read of a wrong handle");
    check(call(ERRNO, 0) == 9, "errno: EBADF");
    volatile word names[4] = {(word) "semihosting.tmp", 15, (word) "semihosting.new", 15};
    check(call(RENAME, names) == 0, "rename");
    check(open_file("semihosting.tmp", 0) == (word)-1, "open of what is not there");
    check(call(ERRNO, 0) == 2, "errno: ENOENT");
    f = open_file("semihosting.new", 8); /* a */
    check(three(WRITE, f, (word) "end", 3) == 0, "append");
    check(three(CLOSE, f, 0, 0) == 0, "close");
    f = open_file("semihosting.new", 0);
    check(three(FLEN, f, 0, 0) == sizeof(buf) + 3, "length after appending");
    check(three(WRITE, f, (word) "x", 1) == 1, "write to a file that is open for reading");
    check(three(CLOSE, f, 0, 0) == 0, "close");
    volatile word gone[2] = {(word) "semihosting.new", 15};
    check(call(REMOVE, gone) == 0, "remove");
    check(call(REMOVE, gone) == (word)-1, "remove again");
    check(open_file("x", 12) == (word)-1, "open with a wrong mode");
}

static void console(void)
{
    char c = '!';
    word out = open_file(":tt", 4), err = open_file(":tt", 8), in = open_file(":tt", 0);
    check(out != (word)-1 && err != (word)-1 && in != (word)-1, "open of :tt");
    check(three(ISTTY, out, 0, 0) != 0, "istty of :tt");
    call(WRITEC, &c);
    check(three(WRITE, out, (word) "to stdout\n", 10) == 0, "write to :tt");
    check(three(WRITE, err, (word) "to stderr\n", 10) == 0, "write to :tt for errors");
    char line[16];
    word got = 6 - three(READ, in, (word)line, 6);
    if (got) { /* with a console that has input: the test types */
        check(same(line, "typed\n", got), "what was typed");
        while (got < 6)
            got += 1 - three(READ, in, (word)line, 1);
        check(call(READC, 0) == 'z', "readc");
    }
}

static void features(void)
{
    unsigned char f[8] = {0};
    word h = open_file(":semihosting-features", 0);
    check(h != (word)-1, "open of the features");
    word len = three(FLEN, h, 0, 0);
    check(len >= 5 && three(READ, h, (word)f, 5) == 0, "read of the features");
    check(same((char *)f, "SHFB", 4) && (f[4] & 1), "the features");
    check(three(CLOSE, h, 0, 0) == 0, "close of the features");
}

static void times(void)
{
    volatile unsigned long long a = 0, b = 0;
    check(call(TICKFREQ, 0) != (word)-1, "tickfreq");
    check(call(ELAPSED, &a) == 0 && call(ELAPSED, &b) == 0 && b >= a && b, "elapsed");
    check(call(TIME, 0) > 1600000000, "time");
    check(call(CLOCK, 0) < 100 * 3600, "clock");
}

static void process(void)
{
    volatile word line[2] = {(word)buf, sizeof(buf)};
    check(call(GET_CMDLINE, line) == 0, "get_cmdline");
    check(line[1] == length(buf), "length of the command line");
    print("arguments: ");
    print(buf);
    print("\n");
    volatile word small[2] = {(word)buf, 2};
    check(call(GET_CMDLINE, small) == (word)-1, "get_cmdline in too small a buffer");
    volatile word info[4] = {1, 1, 1, 1};
    volatile word *block = info;
    check(call(HEAPINFO, &block) == 0, "heapinfo");
    check(three(TMPNAM, (word)buf, 3, sizeof(buf)) == 0 && buf[0] == '/', "tmpnam");
    volatile word command[2] = {(word) "exit 3", 6};
    check((call(SYSTEM, command) & 0xff) == 3 || call(SYSTEM, command) == 3 << 8, "system");
    volatile word code = (word)-5;
    check(call(ISERROR, &code) != 0, "iserror");
    code = 5;
    check(call(ISERROR, &code) == 0, "iserror of no error");
    check(call(0x77, 0) == (word)-1, "an operation that there is not");
}

void main(void)
{
    files();
    console();
    features();
    times();
    process();
    print("ok\n");
    end(42);
}
