/* Models and properties, the ISA string, reset, traps, returns, interrupts, privileged helpers.
 * Ref: Priv. 3.1, 3.3, 10.1. */
#include "tests/unit/rv_bench.h"

#include "accel/tcg/guest.h"

#include <glib.h>
#include <string.h>

/* ---- models ---- */

static void assert_refused(const char *model, const char *part)
{
    g_autofree char *text = bench_refusal(model);

    if (!strstr(text, part))
        g_error("-cpu %s: \"%s\" lacks \"%s\"", model, text, part);
}

static void assert_isa(const char *model, const char *isa)
{
    struct rv_bench *b = rv_bench_new(model);
    g_autofree char *s = riscv_isa_string(&b->cpu->cpu);

    g_assert_cmpstr(s, ==, isa);
    rv_bench_free(b);
}

static void test_isa_strings(void)
{
    assert_isa("rv64",
               "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintntl_zihintpause_"
               "zihpm_zimop_zaamo_zacas_zalrsc_zawrs_zfa_zca_zcb_zcd_zcmop_zba_zbb_zbc_zbs_sstc_"
               "svadu_svinval_svnapot_svpbmt");
    assert_isa("rv64i", "rv64i");
    assert_isa("rv32e,m=on", "rv32em");
    assert_isa("rv64i,d=on", "rv64ifd_zicsr");
    assert_isa("sifive-u54", "rv64imafdc_zicntr_zicsr_zifencei_zihpm_zaamo_zalrsc_zca_zcd");
    assert_isa("sifive-u34", "rv32imafdc_zicntr_zicsr_zifencei_zihpm_zaamo_zalrsc_zca_zcd_zcf");
    assert_isa("sifive-e51", "rv64imac_zicntr_zicsr_zifencei_zihpm_zaamo_zalrsc_zca");
    assert_isa("sifive-e51,c=off", "rv64ima_zicntr_zicsr_zifencei_zihpm_zaamo_zalrsc");
    assert_isa("sifive-e51,a=off,zihpm=off", "rv64imc_zicntr_zicsr_zifencei_zca");
    assert_isa("rv64i,c=on,zfh=on", "rv64ifc_zicsr_zfh_zfhmin_zca");
    assert_isa("rv64i,g=on", "rv64imafd_zicsr_zifencei_zaamo_zalrsc");
    assert_isa("rv64i,b=on,zbs=off", "rv64i_zba_zbb");
    assert_isa("rv64i,+m,Zicsr=true", "rv64im_zicsr");
    assert_isa("rv64i,zba", "rv64i_zba");
}

/* Singles, then Z by category and alphabet, then S, then Sm. */
static int rank(const char *name)
{
    static const char categories[] = "imafdqlcbkjtpvh";

    if (!name[1])
        return 0;
    if (name[0] == 'z')
        return 1 + (int)(strchr(categories, name[1]) - categories);
    return name[1] == 'm' ? 101 : 100;
}

static void test_isa_order(void)
{
    struct rv_bench *b = rv_bench_new("max,svade=on");
    const char *names[EXT_COUNT];
    size_t n = riscv_isa_extensions(&b->cpu->cpu, names, EXT_COUNT);

    g_assert_cmpuint(n, >, 40);
    for (size_t i = 1; i < n; i++) {
        g_assert_cmpint(rank(names[i - 1]), <=, rank(names[i]));
        if (rank(names[i]) && rank(names[i]) == rank(names[i - 1]))
            g_assert_cmpstr(names[i - 1], <, names[i]);
        g_assert_true(riscv_has(&b->cpu->cpu, names[i]));
    }
    g_assert_false(riscv_has(&b->cpu->cpu, "v"));
    rv_bench_free(b);
}

static void test_every_extension_has_a_row(void)
{
    uint64_t seen = 0;
    enum rv_ext e;
    const char *name, *help;

    for (size_t i = 0; rv_ext_row(i, &e, &name, &help); i++) {
        g_assert_cmpint(rv_ext_find(name), ==, e);
        g_assert_false(seen >> e & 1);
        seen |= UINT64_C(1) << e;
    }
    g_assert_cmphex(seen, ==, (UINT64_C(1) << EXT_COUNT) - 1);
}

static void test_refusals(void)
{
    assert_refused("rv46", "unknown CPU model 'rv46', did you mean 'rv64'?");
    assert_refused("rva23s64", "not implemented yet; the nearest is 'rva22s64'");
    assert_refused("rv64,zbaa=on", "unknown option 'zbaa', did you mean 'zba'?");
    assert_refused("rv64,zba=maybe", "zba: wanted on or off, found 'maybe'");
    assert_refused("rv64,v=on", "extension v is not implemented yet");
    assert_refused("rv64,h=true", "extension h is not implemented yet");
    assert_refused("rv64,vlen=256", "vlen needs the vector extension v");
    assert_refused("rv64,f=off,d=on", "d=on needs f, which is off");
    assert_refused("rv64,zcb=on,zca=off", "zcb=on needs zca, which is off");
    assert_refused("rv64,priv_spec=v1.9", "priv_spec: wanted v1.10.0");
    assert_refused("rv64,priv_spec=v1.11.0,sstc=on", "sstc needs priv_spec v1.12.0 or later");
    assert_refused("rv64,zcf=on", "zcf exists on RV32 only");
    assert_refused("rv64,sv32=on", "sv32 exists on RV32 only");
    assert_refused("rv64,sv39=off,sv48=on", "sv48=on includes sv39, which is off");
    assert_refused("rv64,mmu=off,svpbmt=on", "svpbmt needs an MMU");
    assert_refused("rv64,i=on,e=on", "only one can be on");
    assert_refused("rv64i,i=off", "a base instruction set");
    assert_refused("rv64,num-pmp-regions=65", "num-pmp-regions: '65' is too large");
    assert_refused("rv64,cboz_blocksize=48", "wanted a power of two");
}

static void assert_mmu(const char *model, const char *type)
{
    struct rv_bench *b = rv_bench_new(model);

    g_assert_cmpstr(riscv_mmu_type(&b->cpu->cpu), ==, type);
    rv_bench_free(b);
}

static void test_satp_mode_limits(void)
{
    assert_mmu("rv64", "riscv,sv48");
    assert_mmu("max", "riscv,sv57");
    assert_mmu("rv64,sv57=on", "riscv,sv57");
    assert_mmu("rv64,sv39=on", "riscv,sv39");
    assert_mmu("max,sv48=off", "riscv,sv39");
    assert_mmu("rv64,mmu=off", NULL);
    assert_mmu("rv64,s=off", NULL);
    assert_mmu("rv32", "riscv,sv32");
    assert_mmu("rv32,sv32=off", NULL);
    assert_mmu("rv64i", NULL);
    assert_mmu("rv64i,s=on", "riscv,sv39");
    assert_mmu("rva22s64", "riscv,sv39");
    assert_mmu("sifive-e31", NULL);
}

static void test_help_names_every_property(void)
{
    g_autofree char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    g_assert_true(riscv_cpu_help("rv64,zbc=off", f, NULL));
    riscv_cpu_list(f, 64);
    fclose(f);
    g_assert_nonnull(strstr(text, "zba=<bool>"));
    g_assert_nonnull(strstr(text, "carry-less multiplication (default: false)"));
    g_assert_nonnull(strstr(text, "priv_spec=<str>"));
    g_assert_nonnull(strstr(text, "rva22s64"));
}

/* ---- state ---- */

/* Tail padding aside, each byte of s is reset and saved. */
static void test_every_state_byte_is_listed(void)
{
    size_t off = offsetof(struct rv_cpu, s), size = sizeof(struct rv_state);
    g_autofree char *seen = g_malloc0(size);
    size_t last = 0;

    for (const struct state_field *f = rv_state_table; f->name; f++) {
        memset(seen + (f->off - off), 1, f->size);
        last = MAX(last, f->off - off + f->size);
    }
    for (size_t i = 0; i < last; i++)
        if (!seen[i])
            g_error("byte %zu of struct rv_state is neither reset nor saved", i);
    g_assert_cmpuint(size - last, <, 8);
}

static void test_reset_state(void)
{
    struct rv_bench *b = rv_bench_new("rv64,resetvec=0x1234");

    b->cpu->x[5] = 7;
    bench_set(b, CSR_PMPCFG0, PMP_NAPOT << 3 | PMP_R);
    b->cpu->s.prv = PRV_U;
    cpu_reset(&b->cpu->cpu);
    g_assert_cmpuint(b->cpu->s.prv, ==, PRV_M);
    g_assert_cmphex(b->cpu->pc, ==, 0x1234);
    g_assert_cmphex(b->cpu->x[5], ==, 0);
    g_assert_cmphex(b->cpu->res_addr, ==, UINT64_MAX);
    g_assert_false(b->cpu->pmp_active);
    rv_bench_free(b);
}

static void test_dump_shows_registers(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    g_autofree char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    b->cpu->pc = 0x80001234;
    b->cpu->x[10] = 0xabc;
    b->cpu->cpu.ops->dump(&b->cpu->cpu, f);
    fclose(f);
    g_assert_nonnull(strstr(text, " pc       0000000080001234\n"));
    g_assert_nonnull(strstr(text, " mstatus  0000000a00000000\n"));
    g_assert_nonnull(strstr(
        text, " x8/s0    0000000000000000 x9/s1    0000000000000000 x10/a0   0000000000000abc"));
    g_assert_nonnull(strstr(text, " f0/ft0   0000000000000000"));
    rv_bench_free(b);
}

/* ---- traps ---- */

static void test_trap_to_machine_mode(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct rv_state *s = &b->cpu->s;

    bench_set(b, CSR_MTVEC, 0x80000101); /* vectored: for interrupts only */
    s->prv = PRV_U;
    s->mstatus |= MSTATUS_MIE;
    b->cpu->pc = 0x4000;
    g_assert_false(bench_insn(b, helper_raise_illegal, 0xffff));
    g_assert_cmphex(b->cpu->pc, ==, 0x80000100);
    g_assert_cmpuint(s->prv, ==, PRV_M);
    g_assert_cmphex(s->mepc, ==, 0x4000);
    g_assert_cmphex(s->mtval, ==, 0xffff);
    g_assert_cmphex(s->mcause, ==, CAUSE_ILLEGAL);
    g_assert_cmphex(s->mstatus & (MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP), ==, MSTATUS_MPIE);
    bench_forget();
    g_assert_true(bench_insn(b, helper_mret, 0));
    g_assert_cmphex(b->cpu->pc, ==, 0x4000);
    g_assert_cmpuint(s->prv, ==, PRV_U);
    g_assert_cmphex(s->mstatus & (MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP), ==,
                    MSTATUS_MIE | MSTATUS_MPIE);
    g_assert_cmpuint(bench_log.mode_changed, ==, 1);
    rv_bench_free(b);
}

static void test_trap_is_delegated(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct rv_state *s = &b->cpu->s;

    bench_set(b, CSR_MEDELEG, 1 << CAUSE_ILLEGAL);
    bench_set(b, CSR_STVEC, 0x80000200);
    s->prv = PRV_S;
    s->mstatus |= MSTATUS_SIE;
    b->cpu->pc = 0x5000;
    g_assert_false(bench_insn(b, helper_raise_illegal, 0x1234));
    g_assert_cmphex(b->cpu->pc, ==, 0x80000200);
    g_assert_cmphex(s->sepc, ==, 0x5000);
    g_assert_cmphex(s->stval, ==, 0x1234);
    g_assert_cmphex(s->scause, ==, CAUSE_ILLEGAL);
    g_assert_cmphex(s->mstatus & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP), ==,
                    MSTATUS_SPIE | MSTATUS_SPP);
    g_assert_true(bench_insn(b, helper_sret, 0));
    g_assert_cmphex(s->mstatus & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP), ==,
                    MSTATUS_SIE | MSTATUS_SPIE);
    g_assert_cmpuint(s->prv, ==, PRV_S);
    s->prv = PRV_M; /* traps from machine mode are never delegated */
    g_assert_false(bench_insn(b, helper_raise_illegal, 0));
    g_assert_cmpuint(s->prv, ==, PRV_M);
    rv_bench_free(b);
}

static void test_returns_are_privileged(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct rv_state *s = &b->cpu->s;

    s->prv = PRV_S;
    g_assert_true(bench_insn(b, helper_mret, 0x30200073)); /* a trap without unwinding */
    g_assert_cmphex(s->mcause, ==, CAUSE_ILLEGAL);
    g_assert_cmphex(s->mtval, ==, 0x30200073);
    s->prv = PRV_U;
    s->mcause = 0;
    bench_insn(b, helper_sret, 0x10200073);
    g_assert_cmphex(s->mcause, ==, CAUSE_ILLEGAL);
    g_assert_cmphex(s->mtval, ==, 0x10200073);
    s->prv = PRV_S;
    s->mstatus |= MSTATUS_TSR;
    s->mcause = 0;
    bench_insn(b, helper_sret, 0);
    g_assert_cmphex(s->mcause, ==, CAUSE_ILLEGAL);
    s->prv = PRV_M;
    s->mstatus |= MSTATUS_MPRV | MSTATUS_TSR;
    g_assert_true(bench_insn(b, helper_sret, 0));
    g_assert_cmphex(s->mstatus & MSTATUS_MPRV, ==, 0);
    rv_bench_free(b);
}

static void test_access_faults_by_cause(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct cpu *c = &b->cpu->cpu;

    rv_raise_fault(c, 0x1003, GUEST_WRITE, RV_IDX_M, GUEST_CAUSE_MISALIGNED);
    g_assert_cmphex(b->cpu->s.mcause, ==, CAUSE_STORE_MISALIGNED);
    g_assert_cmphex(b->cpu->s.mtval, ==, 0x1003);
    rv_raise_fault(c, 0x1003, GUEST_READ, RV_IDX_M, GUEST_CAUSE_BUS);
    g_assert_cmphex(b->cpu->s.mcause, ==, CAUSE_LOAD_ACCESS);
    rv_raise_fault(c, 0x1003, GUEST_FETCH, RV_IDX_M, CAUSE_FETCH_PAGE);
    g_assert_cmphex(b->cpu->s.mcause, ==, CAUSE_FETCH_PAGE);
    rv_bench_free(b);
    b = rv_bench_new("rv32");
    rv_raise_fault(&b->cpu->cpu, 0xffffffff80000003, GUEST_READ, RV_IDX_M, GUEST_CAUSE_BUS);
    g_assert_cmphex(b->cpu->s.mtval, ==, 0x80000003);
    rv_bench_free(b);
}

/* ---- interrupts ---- */

static void test_interrupt_priority(void)
{
    static const uint8_t order[] = {11, 3, 7, 9, 1, 5};
    struct rv_bench *b = rv_bench_new("rv64,sstc=off");
    struct cpu *c = &b->cpu->cpu;

    b->cpu->s.mie = 0xaaa;
    b->cpu->s.mip_sw = IRQ_S;
    bench_set(b, CSR_MTVEC, 0x1001);
    for (size_t i = 0; i < 3; i++)
        cpu_irq_set(c, order[i], true);
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        b->cpu->s.mstatus |= MSTATUS_MIE;
        g_assert_true(rv_deliver_interrupt(c));
        g_assert_cmphex(b->cpu->s.mcause, ==, UINT64_C(1) << 63 | order[i]);
        g_assert_cmphex(b->cpu->pc, ==, 0x1000 + 4 * order[i]);
        g_assert_false(rv_deliver_interrupt(c)); /* masked by the trap */
        cpu_irq_set(c, order[i], false);
        b->cpu->s.mip_sw &= ~(1u << order[i]);
    }
    rv_bench_free(b);
}

static void test_delegated_interrupts(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct cpu *c = &b->cpu->cpu;

    b->cpu->s.mie = IRQ_SSI;
    bench_set(b, CSR_MIDELEG, IRQ_SSI);
    b->cpu->s.mip_sw = IRQ_SSI;
    b->cpu->s.mstatus |= MSTATUS_MIE | MSTATUS_SIE;
    g_assert_false(rv_deliver_interrupt(c)); /* machine mode does not take what it delegated */
    g_assert_true(c->ops->has_work(c));
    b->cpu->s.prv = PRV_S;
    b->cpu->s.mstatus &= ~MSTATUS_SIE;
    g_assert_false(rv_deliver_interrupt(c));
    b->cpu->s.prv = PRV_U;
    g_assert_true(rv_deliver_interrupt(c));
    g_assert_cmpuint(b->cpu->s.prv, ==, PRV_S);
    g_assert_cmphex(b->cpu->s.scause, ==, UINT64_C(1) << 63 | 1);
    rv_bench_free(b);
}

static void test_unmasking_asks_for_delivery(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct cpu *c = &b->cpu->cpu;

    cpu_irq_set(c, RISCV_IRQ_MTI, true);
    atomic_store(&c->request, 0);
    bench_set(b, CSR_MIE, IRQ_MTI);
    g_assert_cmpuint(atomic_load(&c->request), ==, 0);
    bench_set(b, CSR_MSTATUS, MSTATUS_MIE);
    g_assert_cmpuint(atomic_load(&c->request), ==, CPU_REQ_IRQ);
    atomic_store(&c->request, 0);
    bench_set(b, CSR_MSTATUS, MSTATUS_MPIE);
    g_assert_true(bench_insn(b, helper_mret, 0)); /* to user mode, where it is deliverable */
    g_assert_cmpuint(atomic_load(&c->request), ==, CPU_REQ_IRQ);
    rv_bench_free(b);
}

/* ---- waiting, fences, cache blocks ---- */

static void test_wfi(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct cpu *c = &b->cpu->cpu;

    b->cpu->pc = 0x100;
    g_assert_true(bench_insn(b, helper_wfi, 0x10500073));
    g_assert_true(c->halted);
    g_assert_cmphex(b->cpu->pc, ==, 0x104);
    g_assert_false(c->ops->has_work(c));
    b->cpu->s.mie = IRQ_MSI; /* global enables do not matter */
    cpu_irq_set(c, RISCV_IRQ_MSI, true);
    g_assert_true(c->ops->has_work(c));
    b->cpu->s.prv = PRV_U;
    g_assert_false(bench_insn(b, helper_wfi, 0x10500073));
    b->cpu->s.prv = PRV_S;
    g_assert_true(bench_insn(b, helper_wfi, 0x10500073));
    b->cpu->s.mstatus |= MSTATUS_TW;
    g_assert_false(bench_insn(b, helper_wfi, 0x10500073));
    rv_bench_free(b);
}

static void test_sfence(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_true(bench_sfence(b, 0, 0, 0));
    g_assert_cmpuint(bench_log.flush_all, ==, 1);
    g_assert_true(bench_sfence(b, 0x1000, 0, 1));
    g_assert_cmpuint(bench_log.flush_page, ==, 1);
    g_assert_true(bench_sfence(b, 0, 0x10005, 2)); /* bits above ASIDLEN are ignored */
    g_assert_cmpuint(bench_log.flush_asid, ==, 1);
    g_assert_cmphex(bench_log.asid, ==, rv_asid_id(b->cpu, 5));
    g_assert_true(bench_sfence(b, 0x2000, 7, 3));
    g_assert_cmpuint(bench_log.flush_page_asid, ==, 1);
    g_assert_cmphex(bench_log.addr, ==, 0x2000);
    b->cpu->s.prv = PRV_U;
    g_assert_false(bench_sfence(b, 0, 0, 0));
    b->cpu->s.prv = PRV_S;
    b->cpu->s.mstatus |= MSTATUS_TVM;
    g_assert_false(bench_sfence(b, 0, 0, 4));
    b->cpu->s.prv = PRV_S;
    g_assert_true(bench_sfence(b, 0, 0, 8)); /* SFENCE.W.INVAL is not TVM's business */
    rv_bench_free(b);
}

/* The id that the accelerator tags entries with is the one that fences name. */
static void test_address_space_ids_agree(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    struct cpu *c = &b->cpu->cpu;

    g_assert_cmphex(rv_guest_ops.asid(c), ==, 0);
    g_assert_false(rv_guest_ops.idx_has_asid(c, RV_IDX_S));
    bench_set(b, CSR_SATP, (uint64_t)SATP_SV39 << 60 | UINT64_C(9) << 44);
    g_assert_cmphex(rv_guest_ops.asid(c), ==, rv_asid_id(b->cpu, 9));
    g_assert_true(rv_guest_ops.idx_has_asid(c, RV_IDX_S | RV_IDX_MXR));
    g_assert_false(rv_guest_ops.idx_has_asid(c, RV_IDX_M));
    rv_bench_free(b);
}

static void test_cache_blocks(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_set(b, CSR_PMPADDR0, UINT64_MAX);
    bench_set(b, CSR_PMPCFG0, 0x1f);
    g_assert_true(bench_cbo(b, BENCH_RAM + 0x47, 4));
    g_assert_cmpuint(bench_log.zeroed, ==, 64);
    g_assert_cmphex(bench_log.addr, ==, BENCH_RAM + 0x40);
    b->cpu->s.prv = PRV_S;
    g_assert_false(bench_cbo(b, BENCH_RAM, 4));
    g_assert_cmphex(b->cpu->s.mcause, ==, CAUSE_ILLEGAL);
    bench_set(b, CSR_MENVCFG, ENVCFG_CBZE | ENVCFG_CBCFE);
    b->cpu->s.prv = PRV_S;
    g_assert_true(bench_cbo(b, BENCH_RAM, 4));
    g_assert_true(bench_cbo(b, BENCH_RAM, 2));
    g_assert_false(bench_cbo(b, BENCH_RAM, 0)); /* CBIE is off */
    b->cpu->s.prv = PRV_U;
    g_assert_false(bench_cbo(b, BENCH_RAM, 1)); /* senvcfg has the say there */
    b->cpu->s.senvcfg = ENVCFG_CBCFE;
    b->cpu->s.prv = PRV_U;
    g_assert_true(bench_cbo(b, BENCH_RAM, 1));
    b->cpu->s.prv = PRV_M;
    bench_set(b, CSR_PMPCFG0, 0);
    b->cpu->s.prv = PRV_U;
    g_assert_false(bench_cbo(b, BENCH_RAM + 5, 1));
    g_assert_cmphex(b->cpu->s.mcause, ==, CAUSE_STORE_ACCESS);
    g_assert_cmphex(b->cpu->s.mtval, ==, BENCH_RAM + 5);
    rv_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rv_cpu/isa_strings", test_isa_strings);
    g_test_add_func("/rv_cpu/isa_order", test_isa_order);
    g_test_add_func("/rv_cpu/rows", test_every_extension_has_a_row);
    g_test_add_func("/rv_cpu/refusals", test_refusals);
    g_test_add_func("/rv_cpu/satp_modes", test_satp_mode_limits);
    g_test_add_func("/rv_cpu/help", test_help_names_every_property);
    g_test_add_func("/rv_cpu/state_table", test_every_state_byte_is_listed);
    g_test_add_func("/rv_cpu/reset", test_reset_state);
    g_test_add_func("/rv_cpu/dump", test_dump_shows_registers);
    g_test_add_func("/rv_cpu/trap_m", test_trap_to_machine_mode);
    g_test_add_func("/rv_cpu/trap_s", test_trap_is_delegated);
    g_test_add_func("/rv_cpu/returns", test_returns_are_privileged);
    g_test_add_func("/rv_cpu/faults", test_access_faults_by_cause);
    g_test_add_func("/rv_cpu/irq_priority", test_interrupt_priority);
    g_test_add_func("/rv_cpu/irq_delegated", test_delegated_interrupts);
    g_test_add_func("/rv_cpu/irq_unmask", test_unmasking_asks_for_delivery);
    g_test_add_func("/rv_cpu/wfi", test_wfi);
    g_test_add_func("/rv_cpu/sfence", test_sfence);
    g_test_add_func("/rv_cpu/asid", test_address_space_ids_agree);
    g_test_add_func("/rv_cpu/cbo", test_cache_blocks);
    return g_test_run();
}
