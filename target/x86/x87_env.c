/*
 * The x87 unit's state: its words, and their images in memory.
 * Ref: SDM volume 1, 8.1.3 to 8.1.10 (figures 8-9 to 8-12); volume 2, FNSAVE, FNSTENV, FNINIT.
 */
#include "accel/tcg/guest.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/x87.h"
#include "util/annot.h"
#include "util/bits.h"

enum { IMAGE_WORDS = 7, REGISTER_BYTES = 10 };

uint32_t x87_full_tags(const struct x86_cpu *cpu)
{
    enum { VALID, ZERO, SPECIAL, EMPTY };
    uint32_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint32_t exp = cpu->fexp[i] & 0x7fff, tag = VALID;
        if (cpu->ftag >> i & 1)
            tag = EMPTY;
        else if (!exp && !cpu->fman[i])
            tag = ZERO;
        else if (!exp || exp == 0x7fff || !(cpu->fman[i] >> 63))
            tag = SPECIAL;
        tags |= tag << 2 * i;
    }
    return tags;
}

static void set_tags(struct x86_cpu *cpu, uint32_t tags)
{
    cpu->ftag = 0;
    for (unsigned i = 0; i < 8; i++)
        cpu->ftag |= (tags >> 2 * i & 3) == 3 ? 1u << i : 0;
}

void x87_set_status(struct x86_cpu *cpu, uint32_t status)
{
    cpu->ftop = status >> X87_SW_TOP_SHIFT & 7;
    cpu->fsw = status & X87_SW_SLOT;
}

void x87_set_control(struct x86_cpu *cpu, uint32_t control)
{
    cpu->s.fcw = (control & X87_CW_BITS) | X87_CW_SET;
}

void x87_init(struct x86_cpu *cpu)
{
    cpu->s.fcw = X87_CW_INITIAL;
    cpu->fsw = cpu->ftop = 0;
    cpu->ftag = 0xff;
    cpu->fip = cpu->fdp = 0;
    cpu->fop = cpu->fcs = cpu->fds = 0;
}

/* --- as the host has it: 32-bit protected mode --- */

void x87_to_image(void *opaque, uint8_t *image)
{
    const struct x86_cpu *cpu = opaque;
    for (unsigned n = 0; n < IMAGE_WORDS; n++)
        st_le32(image + 4 * n, 0);
    st_le32(image, cpu->s.fcw);
    st_le32(image + 4, x87_status(cpu));
    st_le32(image + 8, x87_full_tags(cpu));
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        st_le64(image + 4 * IMAGE_WORDS + REGISTER_BYTES * i, cpu->fman[n]);
        st_le16(image + 4 * IMAGE_WORDS + REGISTER_BYTES * i + 8, (uint16_t)cpu->fexp[n]);
    }
}

void x87_from_image(void *opaque, const uint8_t *image)
{
    struct x86_cpu *cpu = opaque;
    x87_set_status(cpu, ld_le32(image + 4));
    set_tags(cpu, ld_le32(image + 8));
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        cpu->fman[n] = ld_le64(image + 4 * IMAGE_WORDS + REGISTER_BYTES * i);
        cpu->fexp[n] = ld_le16(image + 4 * IMAGE_WORDS + REGISTER_BYTES * i + 8);
    }
}

/* --- images --- */

struct image {
    struct x86_cpu *cpu;
    uint32_t memop;
    uint64_t linear;
    bool wide, is_real;
};

static uint64_t word_at(const struct image *m, unsigned n)
{
    return m->linear + (m->wide ? 4 * n : 2 * n);
}

static uint64_t registers_at(const struct image *m, unsigned n)
{
    return word_at(m, IMAGE_WORDS) + REGISTER_BYTES * n;
}

static void put(const struct image *m, unsigned n, uint32_t val)
{
    guest_st(&m->cpu->cpu, word_at(m, n), val, m->memop | (m->wide ? MO_32 : MO_16));
}

static uint32_t get(const struct image *m, unsigned n)
{
    return (uint32_t)guest_ld(&m->cpu->cpu, word_at(m, n), m->memop | (m->wide ? MO_32 : MO_16));
}

/* Pointers of real and virtual-8086 mode are linear: bits 16 and up lie above bit 12 of a word. */
static void put_pointers(const struct image *m)
{
    const struct x86_cpu *cpu = m->cpu;
    uint32_t ip = (uint32_t)cpu->fip, dp = (uint32_t)cpu->fdp;
    uint32_t reserved = m->wide ? 0xffff0000 : 0;
    if (m->is_real) {
        ip += cpu->fcs << 4;
        dp += cpu->fds << 4;
        put(m, 3, (ip & 0xffff) | reserved);
        put(m, 4, (m->wide ? ip >> 16 << 12 : ip >> 4 & 0xf000) | cpu->fop);
        put(m, 5, (dp & 0xffff) | reserved);
        put(m, 6, m->wide ? dp >> 16 << 12 : dp >> 4 & 0xf000);
    } else {
        put(m, 3, ip);
        put(m, 4, cpu->fcs | cpu->fop << 16);
        put(m, 5, dp);
        put(m, 6, cpu->fds | reserved);
    }
}

static void put_environment(const struct image *m)
{
    uint32_t reserved = m->wide ? 0xffff0000 : 0;
    put(m, 0, m->cpu->s.fcw | reserved);
    put(m, 1, x87_status(m->cpu) | reserved);
    put(m, 2, x87_full_tags(m->cpu) | reserved);
    put_pointers(m);
}

static void set_pointers(const struct image *m, const uint32_t w[IMAGE_WORDS])
{
    struct x86_cpu *cpu = m->cpu;
    uint32_t high = m->wide ? 0x0ffff000 : 0xf000;
    cpu->fip = m->is_real ? (w[3] & 0xffff) | (w[4] & high) << 4 : w[3];
    cpu->fdp = m->is_real ? (w[5] & 0xffff) | (w[6] & high) << 4 : w[5];
    cpu->fcs = m->is_real ? 0 : w[4] & 0xffff;
    cpu->fds = m->is_real ? 0 : w[6] & 0xffff;
    cpu->fop = (m->is_real ? w[4] : m->wide ? w[4] >> 16 : 0) & X87_FOP_BITS;
}

static void load_environment(const struct image *m, uint32_t w[IMAGE_WORDS])
{
    for (unsigned n = 0; n < IMAGE_WORDS; n++)
        w[n] = get(m, n);
}

static void set_environment(const struct image *m, const uint32_t w[IMAGE_WORDS])
{
    x87_set_control(m->cpu, w[0]);
    x87_set_status(m->cpu, w[1]);
    set_tags(m->cpu, w[2]);
    set_pointers(m, w);
}

static void probe(const struct image *m, bool registers)
{
    unsigned bytes = (m->wide ? 28 : 14) + (registers ? 8 * REGISTER_BYTES : 0);
    guest_probe(&m->cpu->cpu, m->linear, bytes, GUEST_WRITE, memop_idx(m->memop));
}

static void save(const struct image *m)
{
    struct x86_cpu *cpu = m->cpu;
    probe(m, true);
    put_environment(m);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        guest_st(&cpu->cpu, registers_at(m, i), cpu->fman[n], m->memop | MO_64);
        guest_st(&cpu->cpu, registers_at(m, i) + 8, cpu->fexp[n], m->memop | MO_16);
    }
    x87_init(cpu);
}

static void restore(const struct image *m)
{
    struct x86_cpu *cpu = m->cpu;
    uint32_t w[IMAGE_WORDS];
    uint64_t man[8];
    uint32_t exp[8];
    load_environment(m, w);
    for (unsigned i = 0; i < 8; i++) {
        man[i] = guest_ld(&cpu->cpu, registers_at(m, i), m->memop | MO_64);
        exp[i] = (uint32_t)guest_ld(&cpu->cpu, registers_at(m, i) + 8, m->memop | MO_16);
    }
    set_environment(m, w);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        cpu->fman[n] = man[i];
        cpu->fexp[n] = exp[i];
    }
}

static void load(const struct image *m)
{
    uint32_t w[IMAGE_WORDS];
    load_environment(m, w);
    set_environment(m, w);
}

static void store(const struct image *m)
{
    probe(m, false);
    put_environment(m);
    m->cpu->s.fcw |= X87_ALL;
}

void x87_environment(struct x86_cpu *cpu, uint32_t word, uint32_t memop, uint64_t linear)
{
    const struct image m = {cpu, memop, linear, word & X87_WIDE, x86_is_paragraphs(cpu)};
    switch (word & 0xff) {
    case X87_FLDENV: load(&m); break;
    case X87_FNSTENV: store(&m); break;
    case X87_FRSTOR: restore(&m); break;
    case X87_FNSAVE: save(&m); break;
    case X87_FLDCW:
        x87_set_control(cpu, (uint32_t)guest_ld(&cpu->cpu, linear, memop | MO_16));
        break;
    case X87_FNCLEX: cpu->fsw &= X87_SW_CC; break;
    default: x87_init(cpu);
    }
    x87_exceptions_changed(cpu);
}
