/*
 * Whether programs have run each row that is left to them.  Input: a line an instruction, the mode
 * of its unit and its bytes, in hexadecimal.  Output: the rows that are missing; the exit status is
 * 1 if there are any.
 */
#include "tests/isa/x86/rows.h"

#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t at[X86_MAX_INSN];
    unsigned n;
};

/* Logs may lack the last bytes of what is undefined. */
static bool fetch(void *opaque, unsigned n, uint8_t *byte)
{
    const struct bytes *b = opaque;
    *byte = n < b->n ? b->at[n] : 0;
    return true;
}

static void see(bool *seen, char *line)
{
    static const uint64_t all[4] = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)};
    struct bytes b = {.n = 0};
    struct x86_insn insn;
    char *p = line;
    uint32_t mode = (uint32_t)strtoul(p, &p, 16);
    for (char *end; b.n < sizeof(b.at); p = end) {
        uint8_t v = (uint8_t)strtoul(p, &end, 16);
        if (end == p)
            break;
        b.at[b.n++] = v;
    }
    struct x86_decoder how = {.fetch = fetch, .opaque = &b, .mode = mode, .features = all};
    if (x86_decode(&how, &insn) == X86_DECODED)
        seen[insn.row - x86_rows] = true;
}

int main(void)
{
    static bool seen[ROWS_MAX];
    char line[256];
    while (fgets(line, sizeof(line), stdin))
        see(seen, line);
    return rows_print_missing(stdout, seen, true) != 0;
}
