/* Control and status registers: who may access them, which bits stick, what writes set off.  Ref:
 * Priv. 2, 3.1, 10.1; Sstc. */
#include "core/intc.h"
#include "tests/unit/rv_bench.h"

#include <glib.h>

static bool reads(struct rv_bench *b, unsigned num, unsigned prv)
{
    return !bench_read_traps(b, num, prv);
}

/* Write all ones, read back. */
static uint64_t ones(struct rv_bench *b, unsigned num)
{
    bench_set(b, num, UINT64_MAX);
    return bench_get(b, num);
}

static void test_privilege_and_read_only(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_true(reads(b, CSR_MSCRATCH, PRV_M));
    g_assert_false(reads(b, CSR_MSCRATCH, PRV_S));
    g_assert_true(reads(b, CSR_SSCRATCH, PRV_S));
    g_assert_false(reads(b, CSR_SSCRATCH, PRV_U));
    g_assert_false(reads(b, 0x5c0, PRV_M)); /* no such register */
    g_assert_true(bench_csr(b, CSR_MHARTID, RV_CSR_READ, 0, NULL));
    g_assert_false(bench_csr(b, CSR_MHARTID, RV_CSR_READ | RV_CSR_SET, 0, NULL));
    g_assert_cmphex(b->cpu->s.mtval, ==, 0x73);
    g_assert_cmpuint(b->cpu->s.mcause, ==, CAUSE_ILLEGAL);
    rv_bench_free(b);
}

static void test_set_and_clear(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    uint64_t old;

    bench_set(b, CSR_MSCRATCH, 0xf0);
    g_assert_true(bench_csr(b, CSR_MSCRATCH, RV_CSR_READ | RV_CSR_SET, 0x0f, &old));
    g_assert_cmphex(old, ==, 0xf0);
    g_assert_true(bench_csr(b, CSR_MSCRATCH, RV_CSR_READ | RV_CSR_CLEAR, 0x81, &old));
    g_assert_cmphex(old, ==, 0xff);
    g_assert_cmphex(bench_get(b, CSR_MSCRATCH), ==, 0x7e);
    rv_bench_free(b);
}

static void test_mstatus_fields(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_cmphex(bench_get(b, CSR_MSTATUS), ==, 0xa00000000);
    g_assert_cmphex(ones(b, CSR_MSTATUS), ==, 0x8000000a007e79aa);
    bench_set(b, CSR_MSTATUS, MSTATUS_MPP);
    bench_set(b, CSR_MSTATUS, UINT64_C(2) << 11); /* no mode 2: stays */
    g_assert_cmphex(bench_get(b, CSR_MSTATUS), ==, 0xa00001800);
    bench_set(b, CSR_MSTATUS, UINT64_C(1) << 13);
    g_assert_cmphex(bench_get(b, CSR_MSTATUS), ==, 0xa00002000); /* no SD */
    rv_bench_free(b);
    b = rv_bench_new("rv64,s=off");
    g_assert_cmphex(ones(b, CSR_MSTATUS), ==, 0x8000000200227888);
    bench_set(b, CSR_MSTATUS, UINT64_C(1) << 11);
    g_assert_cmphex(bench_get(b, CSR_MSTATUS) & MSTATUS_MPP, ==, MSTATUS_MPP);
    rv_bench_free(b);
    b = rv_bench_new("rv64i,zicsr=on");
    g_assert_cmphex(ones(b, CSR_MSTATUS), ==, 0x1888); /* MPP is always M */
    rv_bench_free(b);
}

static void test_sstatus_is_a_view(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_cmphex(ones(b, CSR_SSTATUS), ==, 0x80000002000c6122);
    g_assert_cmphex(bench_get(b, CSR_MSTATUS), ==, 0x8000000a000c6122);
    rv_bench_free(b);
}

static void test_mode_bits_reach_the_accelerator(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_set(b, CSR_MSTATUS, MSTATUS_MPRV | UINT64_C(1) << 11 | MSTATUS_SUM);
    g_assert_cmpuint(bench_log.mode_changed, ==, 1);
    g_assert_cmpuint(rv_mode(&b->cpu->cpu), ==, PRV_M | RV_IDX_SUM << RV_MODE_IDX_SHIFT);
    bench_set(b, CSR_MSTATUS, MSTATUS_MPRV | MSTATUS_MXR);
    g_assert_cmpuint(rv_mode(&b->cpu->cpu), ==, PRV_M | RV_IDX_MXR << RV_MODE_IDX_SHIFT);
    bench_set(b, CSR_MSTATUS, MSTATUS_FS | MSTATUS_MXR);
    g_assert_cmpuint(rv_mode(&b->cpu->cpu), ==,
                     PRV_M | RV_IDX_M << RV_MODE_IDX_SHIFT | 2 << RV_MODE_FS_SHIFT);
    bench_forget();
    bench_set(b, CSR_MSTATUS, MSTATUS_FS | MSTATUS_MXR | MSTATUS_MIE);
    g_assert_cmpuint(bench_log.mode_changed, ==, 0);
    rv_bench_free(b);
}

static void test_trap_vectors_and_pcs(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_set(b, CSR_MTVEC, 0x80000007);
    g_assert_cmphex(bench_get(b, CSR_MTVEC), ==, 0x80000005);
    g_assert_cmphex(ones(b, CSR_STVEC), ==, ~UINT64_C(2));
    g_assert_cmphex(ones(b, CSR_MEPC), ==, ~UINT64_C(1));
    g_assert_cmphex(ones(b, CSR_SEPC), ==, ~UINT64_C(1));
    rv_bench_free(b);
    b = rv_bench_new("rv64,c=off");
    g_assert_cmphex(ones(b, CSR_MEPC), ==, ~UINT64_C(3));
    rv_bench_free(b);
}

static void test_delegation_masks(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_cmphex(ones(b, CSR_MEDELEG), ==, 0xb3ff);
    g_assert_cmphex(ones(b, CSR_MIDELEG), ==, 0x222);
    g_assert_cmphex(ones(b, CSR_MIE), ==, 0xaaa);
    g_assert_cmphex(bench_get(b, CSR_SIE), ==, 0x222);
    bench_set(b, CSR_MIDELEG, IRQ_SSI);
    g_assert_cmphex(bench_get(b, CSR_SIE), ==, IRQ_SSI);
    bench_set(b, CSR_SIE, 0);
    g_assert_cmphex(bench_get(b, CSR_MIE), ==, 0xaa8);
    rv_bench_free(b);
    b = rv_bench_new("rv64,s=off");
    g_assert_true(bench_read_traps(b, CSR_MIDELEG, PRV_M));
    g_assert_cmphex(ones(b, CSR_MIE), ==, 0x888);
    rv_bench_free(b);
}

/* SEIP is the line or the bit; set and clear see the bit only. */
static void test_external_line_does_not_stick(void)
{
    struct rv_bench *b = rv_bench_new("rv64,sstc=off");
    uint64_t old;

    cpu_irq_set(&b->cpu->cpu, RISCV_IRQ_SEI, true);
    g_assert_true(bench_csr(b, CSR_MIP, RV_CSR_READ | RV_CSR_SET, IRQ_SSI, &old));
    g_assert_cmphex(old, ==, IRQ_SEI);
    cpu_irq_set(&b->cpu->cpu, RISCV_IRQ_SEI, false);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, IRQ_SSI);
    g_assert_cmphex(ones(b, CSR_MIP), ==, IRQ_S);
    bench_set(b, CSR_MIDELEG, IRQ_S);
    bench_set(b, CSR_SIP, 0); /* only SSIP can be written there */
    g_assert_cmphex(bench_get(b, CSR_SIP), ==, IRQ_STI | IRQ_SEI);
    rv_bench_free(b);
}

static void test_software_edge_sticks(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    riscv_irq_set(&b->cpu->cpu, RISCV_IRQ_SSI, true);
    riscv_irq_set(&b->cpu->cpu, RISCV_IRQ_SSI, false);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, IRQ_SSI);
    bench_set(b, CSR_MIP, 0);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, 0);
    rv_bench_free(b);
}

static void test_satp(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    uint64_t sv39 = (uint64_t)SATP_SV39 << 60, sv57 = (uint64_t)SATP_SV57 << 60;

    bench_set(b, CSR_SATP, sv39 | UINT64_C(0xffff) << 44 | 0x80000);
    g_assert_cmphex(bench_get(b, CSR_SATP), ==, sv39 | UINT64_C(0xffff) << 44 | 0x80000);
    g_assert_cmpuint(bench_log.flush_all, ==, 1); /* Bare to paged */
    g_assert_cmpuint(bench_log.space_changed, ==, 1);
    bench_set(b, CSR_SATP, sv57 | 0x1234); /* rv64 goes up to Sv48: nothing is written */
    g_assert_cmphex(bench_get(b, CSR_SATP), ==, sv39 | UINT64_C(0xffff) << 44 | 0x80000);
    bench_set(b, CSR_SATP, sv39 | UINT64_C(1) << 44 | 0x80001);
    g_assert_cmpuint(bench_log.flush_all, ==, 1);
    g_assert_cmpuint(bench_log.space_changed, ==, 2);
    bench_set(b, CSR_MSTATUS, MSTATUS_TVM);
    g_assert_false(reads(b, CSR_SATP, PRV_S));
    g_assert_true(reads(b, CSR_SATP, PRV_M));
    rv_bench_free(b);
    b = rv_bench_new("rv32");
    g_assert_cmphex(ones(b, CSR_SATP), ==, UINT64_MAX); /* sign-extended, nine bits of ASID */
    rv_bench_free(b);
    b = rv_bench_new("rv64,mmu=off");
    g_assert_cmphex(ones(b, CSR_SATP), ==, 0);
    rv_bench_free(b);
}

static void test_counters(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_now = 1000;
    g_assert_cmpuint(bench_get(b, CSR_CYCLE), ==, 1000);
    g_assert_cmpuint(bench_get(b, CSR_TIME), ==, 10);
    bench_set(b, CSR_MINSTRET, 5);
    bench_now = 1010;
    g_assert_cmpuint(bench_get(b, CSR_INSTRET), ==, 15);
    bench_set(b, CSR_MCOUNTINHIBIT, COUNTER_IR);
    bench_now = 2000;
    g_assert_cmpuint(bench_get(b, CSR_INSTRET), ==, 15);
    g_assert_cmpuint(bench_get(b, CSR_CYCLE), ==, 2000);
    bench_set(b, CSR_MCOUNTINHIBIT, 0);
    bench_now = 2001;
    g_assert_cmpuint(bench_get(b, CSR_INSTRET), ==, 16);
    bench_set(b, CSR_MHPMCOUNTER3, 7);
    bench_now = 3000;
    g_assert_cmpuint(bench_get(b, CSR_HPMCOUNTER3), ==, 7); /* counts no event */
    bench_set(b, CSR_MHPMEVENT3, 1);
    bench_now = 3010;
    g_assert_cmpuint(bench_get(b, CSR_HPMCOUNTER3), ==, 17);
    g_assert_cmphex(ones(b, CSR_MHPMEVENT3), ==, 0);
    g_assert_cmphex(ones(b, CSR_MHPMCOUNTER31), ==, 0); /* 16 counters exist */
    g_assert_cmphex(ones(b, CSR_MCOUNTINHIBIT), ==, 0x7fffd);
    rv_bench_free(b);
}

static void test_counter_enables(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_false(reads(b, CSR_CYCLE, PRV_S));
    bench_set(b, CSR_MCOUNTEREN, COUNTER_CY);
    g_assert_true(reads(b, CSR_CYCLE, PRV_S));
    g_assert_false(reads(b, CSR_TIME, PRV_S));
    g_assert_false(reads(b, CSR_CYCLE, PRV_U));
    bench_set(b, CSR_SCOUNTEREN, COUNTER_CY);
    g_assert_true(reads(b, CSR_CYCLE, PRV_U));
    rv_bench_free(b);
    b = rv_bench_new("rv64,zicntr=off,zihpm=off");
    g_assert_false(reads(b, CSR_CYCLE, PRV_M));
    g_assert_false(reads(b, CSR_HPMCOUNTER3, PRV_M));
    g_assert_true(reads(b, CSR_MCYCLE, PRV_M));
    rv_bench_free(b);
}

static void test_supervisor_timer(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_false(reads(b, CSR_STIMECMP, PRV_S));
    bench_set(b, CSR_MENVCFG, ENVCFG_STCE);
    g_assert_false(reads(b, CSR_STIMECMP, PRV_S)); /* mcounteren.TM too */
    bench_set(b, CSR_MCOUNTEREN, COUNTER_TM);
    g_assert_true(reads(b, CSR_STIMECMP, PRV_S));
    bench_set(b, CSR_STIMECMP, 20);
    g_assert_cmpint(bench_deadline, ==, 2000);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, 0);
    bench_now = 1999;
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, 0);
    bench_now = 2000; /* the timer has not fired yet */
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, IRQ_STI);
    mutex_lock(&b->cpu->stimer_lock);
    b->cpu->stimer.fn(b->cpu->stimer.opaque);
    mutex_unlock(&b->cpu->stimer_lock);
    g_assert_cmphex(atomic_load(&b->cpu->cpu.irq_lines), ==, IRQ_STI);
    bench_set(b, CSR_MIP, 0); /* read-only now */
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, IRQ_STI);
    bench_set(b, CSR_STIMECMP, UINT64_MAX);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, 0);
    g_assert_cmpint(bench_deadline, ==, INT64_MAX);
    bench_set(b, CSR_STIMECMP, 3);
    g_assert_cmphex(atomic_load(&b->cpu->cpu.irq_lines), ==, IRQ_STI);
    bench_set(b, CSR_MENVCFG, 0);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, 0);
    rv_bench_free(b);
}

static void test_time_offset_moves_the_timer(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_set(b, CSR_MENVCFG, ENVCFG_STCE);
    bench_set(b, CSR_STIMECMP, 100);
    g_assert_cmpint(bench_deadline, ==, 10000);
    riscv_cpu_set_time_offset(&b->cpu->cpu, 50);
    g_assert_cmpint(bench_deadline, ==, 5000);
    riscv_cpu_set_time_offset(&b->cpu->cpu, 100);
    g_assert_cmphex(bench_get(b, CSR_MIP), ==, IRQ_STI);
    rv_bench_free(b);
}

static void test_environment(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_cmphex(bench_get(b, CSR_MENVCFG), ==, ENVCFG_ADUE);
    g_assert_cmphex(ones(b, CSR_MENVCFG), ==, 0xe0000000000000f1);
    bench_set(b, CSR_MENVCFG, UINT64_C(2) << 4); /* reserved CBIE: stays */
    g_assert_cmphex(bench_get(b, CSR_MENVCFG), ==, 0x30);
    g_assert_cmphex(ones(b, CSR_SENVCFG), ==, 0xf1);
    g_assert_false(reads(b, CSR_MSTATEEN0, PRV_M));
    rv_bench_free(b);
    b = rv_bench_new("rv64,priv_spec=v1.11.0");
    g_assert_false(reads(b, CSR_MENVCFG, PRV_M));
    g_assert_false(reads(b, CSR_SENVCFG, PRV_S));
    g_assert_true(reads(b, CSR_MCOUNTINHIBIT, PRV_M));
    rv_bench_free(b);
    b = rv_bench_new("rv64,priv_spec=v1.10.0");
    g_assert_false(reads(b, CSR_MCOUNTINHIBIT, PRV_M));
    rv_bench_free(b);
}

static void test_state_enable(void)
{
    struct rv_bench *b = rv_bench_new("rv64,smstateen=on");

    g_assert_false(reads(b, CSR_SENVCFG, PRV_S));
    g_assert_false(reads(b, CSR_SSTATEEN0, PRV_S));
    g_assert_true(reads(b, CSR_SENVCFG, PRV_M));
    g_assert_cmphex(ones(b, CSR_MSTATEEN0), ==, STATEEN_ENVCFG | STATEEN_SE);
    g_assert_true(reads(b, CSR_SENVCFG, PRV_S));
    g_assert_true(reads(b, CSR_SSTATEEN0, PRV_S));
    g_assert_false(reads(b, CSR_SSTATEEN0 + 1, PRV_S));
    g_assert_cmphex(ones(b, CSR_SSTATEEN0), ==, 0);
    rv_bench_free(b);
}

static void test_floating_point(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_false(reads(b, CSR_FCSR, PRV_U)); /* FS is off */
    bench_set(b, CSR_MSTATUS, UINT64_C(1) << 13);
    bench_set(b, CSR_FFLAGS, 0x15);
    g_assert_cmphex(bench_get(b, CSR_MSTATUS) & MSTATUS_FS, ==, MSTATUS_FS);
    g_assert_cmphex(bench_get(b, CSR_FCSR), ==, 0x15);
    bench_set(b, CSR_FRM, 3);
    g_assert_cmphex(bench_get(b, CSR_FCSR), ==, 0x75);
    bench_set(b, CSR_FCSR, 0xff4a);
    g_assert_cmphex(bench_get(b, CSR_FCSR), ==, 0x4a);
    g_assert_cmphex(bench_get(b, CSR_FRM), ==, 2);
    g_assert_cmphex(bench_get(b, CSR_FFLAGS), ==, 0xa);
    rv_bench_free(b);
    b = rv_bench_new("rv64,f=off");
    g_assert_cmphex(ones(b, CSR_MSTATUS) & MSTATUS_FS, ==, 0);
    g_assert_false(reads(b, CSR_FCSR, PRV_M));
    rv_bench_free(b);
}

static void test_identity(void)
{
    struct rv_bench *b = rv_bench_new("rv64,mvendorid=0x1234,marchid=7,mimpid=9");

    g_assert_cmphex(bench_get(b, CSR_MVENDORID), ==, 0x1234);
    g_assert_cmphex(bench_get(b, CSR_MARCHID), ==, 7);
    g_assert_cmphex(bench_get(b, CSR_MIMPID), ==, 9);
    g_assert_cmphex(bench_get(b, CSR_MISA), ==, 0x800000000014112f);
    g_assert_cmphex(ones(b, CSR_MISA), ==, 0x800000000014112f);
    rv_bench_free(b);
}

/* How debug software looks for triggers: select, read back, read the type. */
static void test_no_triggers(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_cmphex(ones(b, CSR_TSELECT), ==, 0);
    g_assert_cmphex(ones(b, CSR_TDATA1), ==, 0);
    g_assert_cmphex(bench_get(b, CSR_TINFO), ==, 1);
    rv_bench_free(b);
}

static void test_rv32_halves(void)
{
    struct rv_bench *b = rv_bench_new("rv32");

    bench_now = INT64_C(0x500000000);
    g_assert_cmphex(bench_get(b, CSR_CYCLEH), ==, 5);
    bench_set(b, CSR_MCYCLEH, 9);
    g_assert_cmphex(bench_get(b, CSR_CYCLEH), ==, 9);
    g_assert_cmphex(bench_get(b, CSR_MCYCLE), ==, 0);
    bench_set(b, CSR_MENVCFGH, 0x80000000);
    g_assert_cmphex(bench_get(b, CSR_MENVCFGH), ==, 0xffffffff80000000);
    bench_set(b, CSR_MENVCFG, 0x50);
    g_assert_cmphex(b->cpu->s.menvcfg, ==, ENVCFG_STCE | 0x50);
    bench_set(b, CSR_STIMECMPH, 0x12);
    g_assert_cmphex(b->cpu->s.stimecmp, ==, UINT64_C(0x12ffffffff));
    g_assert_cmphex(bench_get(b, CSR_STIMECMP), ==,
                    UINT64_MAX); /* a register holds it sign-extended */
    g_assert_cmphex(ones(b, CSR_MSTATUSH), ==, 0);
    g_assert_cmphex(ones(b, CSR_MSTATUS), ==, 0xffffffff807e79aa);
    g_assert_cmphex(bench_get(b, CSR_MISA), ==, 0x4014112f);
    g_assert_cmphex(ones(b, CSR_MCAUSE), ==, UINT64_MAX);
    g_assert_cmphex(b->cpu->s.mcause, ==, UINT32_MAX);
    rv_bench_free(b);
    b = rv_bench_new("rv64");
    g_assert_false(reads(b, CSR_CYCLEH, PRV_M));
    g_assert_false(reads(b, CSR_MSTATUSH, PRV_M));
    g_assert_false(reads(b, CSR_MENVCFGH, PRV_M));
    rv_bench_free(b);
}

static void test_debugger_peeks(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    uint64_t v;

    b->cpu->s.prv = PRV_U;
    b->cpu->s.mscratch = 42;
    g_assert_true(rv_csr_peek(b->cpu, CSR_MSCRATCH, &v));
    g_assert_cmpuint(v, ==, 42);
    g_assert_true(rv_csr_peek(b->cpu, CSR_FCSR, &v));
    g_assert_false(rv_csr_peek(b->cpu, 0xfff, &v));
    rv_bench_free(b);
}

/* No number, operation or value may do more than trap. */
static void test_every_number_survives(void)
{
    static const char *const names[] = {"max", "max32", "rv64i,zicsr=on", "rv32e,zicsr=on"};
    static const unsigned ops[] = {RV_CSR_READ, RV_CSR_WRITE, RV_CSR_READ | RV_CSR_SET,
                                   RV_CSR_READ | RV_CSR_CLEAR};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        struct rv_bench *b = rv_bench_new(names[i]);
        for (unsigned n = 0; n < 200000; n++) {
            uint64_t val = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
            b->cpu->s.prv = "\0\1\3\3"[n & 3];
            bench_csr(b, n & 0xfff, ops[n % 5 & 3], val, NULL);
            bench_now += 10;
        }
        rv_bench_free(b);
    }
}

/* A file with one register, at 0x80, and interrupt 5 until it is claimed. */
static struct {
    uint64_t eip0;
    bool claimed;
} file;

static bool file_access(void *imsic, unsigned reg, unsigned xlen G_GNUC_UNUSED, uint64_t mask,
                        uint64_t val, uint64_t *old)
{
    g_assert_true(imsic == &file);
    if (old) {
        *old = file.eip0;
        file.eip0 = (file.eip0 & ~mask) | (val & mask);
    }
    return reg == 0x80;
}

static uint32_t file_top(void *imsic G_GNUC_UNUSED, bool claim)
{
    uint32_t top = file.claimed ? 0 : 5 << 16 | 5;

    file.claimed |= claim;
    return top;
}

static void test_interrupt_files_and_top_interrupts(void)
{
    static const struct imsic_ops ops = {file_access, file_top};
    struct rv_bench *b = rv_bench_new("rv64");
    uint64_t old;

    g_assert_true(bench_read_traps(b, CSR_MTOPI, PRV_M)); /* no Smaia */
    riscv_cpu_set_imsic(&b->cpu->cpu, false, &ops, &file);
    riscv_cpu_set_imsic(&b->cpu->cpu, true, &ops, &file);
    bench_set(b, CSR_SISELECT, 0x81);
    g_assert_true(bench_read_traps(b, CSR_SIREG, PRV_S));
    bench_set(b, CSR_SISELECT, 0x50);
    g_assert_true(bench_read_traps(b, CSR_SIREG, PRV_S));
    bench_set(b, CSR_SISELECT, 0x30); /* priorities: zeros */
    bench_set(b, CSR_SIREG, 7);
    g_assert_cmphex(bench_get(b, CSR_SIREG), ==, 0);
    bench_set(b, CSR_MISELECT, 0x80);
    bench_set(b, CSR_MIREG, 0xf0);
    g_assert_true(bench_csr(b, CSR_MIREG, RV_CSR_READ | RV_CSR_SET, 3, &old));
    g_assert_cmphex(old, ==, 0xf0);
    g_assert_true(bench_csr(b, CSR_MIREG, RV_CSR_READ | RV_CSR_CLEAR, 0x10, &old));
    g_assert_cmphex(bench_get(b, CSR_MIREG), ==, 0xe3);
    g_assert_cmphex(bench_get(b, CSR_STOPEI), ==, 5 << 16 | 5);
    g_assert_true(bench_csr(b, CSR_STOPEI, RV_CSR_READ | RV_CSR_WRITE, 0, &old));
    g_assert_cmphex(old, ==, 5 << 16 | 5);
    g_assert_cmphex(bench_get(b, CSR_STOPEI), ==, 0);
    bench_set(b, CSR_MIDELEG, IRQ_S);
    bench_set(b, CSR_MIE, IRQ_SSI | IRQ_SEI | IRQ_MTI);
    g_assert_cmphex(bench_get(b, CSR_STOPI), ==, 0);
    bench_set(b, CSR_MVIP, IRQ_SSI | IRQ_SEI);
    g_assert_cmphex(bench_get(b, CSR_STOPI), ==, 9 << 16 | 1);
    g_assert_cmphex(bench_get(b, CSR_MTOPI), ==, 0);
    riscv_irq_set(&b->cpu->cpu, RISCV_IRQ_MTI, true);
    g_assert_cmphex(bench_get(b, CSR_MTOPI), ==, 7 << 16 | 1);
    bench_set(b, CSR_MVIEN, UINT64_MAX);
    g_assert_cmphex(bench_get(b, CSR_MVIEN), ==, 0);
    rv_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rv_csr/privilege", test_privilege_and_read_only);
    g_test_add_func("/rv_csr/set_clear", test_set_and_clear);
    g_test_add_func("/rv_csr/mstatus", test_mstatus_fields);
    g_test_add_func("/rv_csr/sstatus", test_sstatus_is_a_view);
    g_test_add_func("/rv_csr/mode", test_mode_bits_reach_the_accelerator);
    g_test_add_func("/rv_csr/vectors", test_trap_vectors_and_pcs);
    g_test_add_func("/rv_csr/delegation", test_delegation_masks);
    g_test_add_func("/rv_csr/seip", test_external_line_does_not_stick);
    g_test_add_func("/rv_csr/ssip", test_software_edge_sticks);
    g_test_add_func("/rv_csr/satp", test_satp);
    g_test_add_func("/rv_csr/counters", test_counters);
    g_test_add_func("/rv_csr/counteren", test_counter_enables);
    g_test_add_func("/rv_csr/stimecmp", test_supervisor_timer);
    g_test_add_func("/rv_csr/time_offset", test_time_offset_moves_the_timer);
    g_test_add_func("/rv_csr/envcfg", test_environment);
    g_test_add_func("/rv_csr/stateen", test_state_enable);
    g_test_add_func("/rv_csr/fp", test_floating_point);
    g_test_add_func("/rv_csr/identity", test_identity);
    g_test_add_func("/rv_csr/triggers", test_no_triggers);
    g_test_add_func("/rv_csr/rv32", test_rv32_halves);
    g_test_add_func("/rv_csr/peek", test_debugger_peeks);
    g_test_add_func("/rv_csr/aia", test_interrupt_files_and_top_interrupts);
    g_test_add_func("/rv_csr/all_numbers", test_every_number_survives);
    return g_test_run();
}
