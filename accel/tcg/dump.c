/* What -d in_asm, out_asm and stats print, and the perf map. */
#include "accel/tcg/tcg_priv.h"
#include "util/log.h"

#include <capstone/capstone.h>

enum { MAX_INSN_BYTES = 16 };

void dump_in_asm(struct tcg_vcpu *v, const struct unit *u, const gva *pcs, unsigned n)
{
    FILE *f = log_begin();
    fprintf(f, "IN: cpu %u, mode %#x, %u instructions\n", v->cpu->index, u->mode, n);
    const uint8_t *page = (const uint8_t *)((uintptr_t)u->host & PAGE_MASK_);
    for (unsigned i = 0; i < n; i++) {
        unsigned off = pcs[i] & ~PAGE_MASK_;
        v->ops->disas(v->cpu, f, pcs[i], page + off, MIN(MAX_INSN_BYTES, PAGE_SIZE_ - off));
    }
    fputc('\n', f);
    log_end();
}

static bool open_host_disassembler(csh *cs)
{
#if defined(__x86_64__)
    return cs_open(CS_ARCH_X86, CS_MODE_64, cs) == CS_ERR_OK;
#elif defined(__aarch64__)
    return cs_open(CS_ARCH_ARM64, CS_MODE_ARM, cs) == CS_ERR_OK;
#else
    return false;
#endif
}

void dump_out_asm(struct tcg_vcpu *v, const struct unit *u)
{
    csh cs;
    if (!v->tcg->be->is_native || !open_host_disassembler(&cs))
        return;
    FILE *f = log_begin();
    fprintf(f, "OUT: pc %#lx, %u bytes (%u hot)\n", (unsigned long)u->pc, u->code.size,
            u->code.cold_off);
    const uint8_t *p = u->code.start;
    size_t left = u->code.size;
    uint64_t addr = (uint64_t)(uintptr_t)p;
    cs_insn *insn = cs_malloc(cs);
    while (left) {
        if (addr - (uint64_t)(uintptr_t)u->code.start == u->code.cold_off)
            fprintf(f, "  -- cold\n");
        if (cs_disasm_iter(cs, &p, &left, &addr, insn)) {
            fprintf(f, "  %lx:  %-8s %s\n", (unsigned long)insn->address, insn->mnemonic,
                    insn->op_str);
        } else {
            fprintf(f, "  %lx:  .byte %#x\n", (unsigned long)addr, *p);
            p++, left--, addr++;
        }
    }
    cs_free(insn, 1);
    cs_close(&cs);
    fputc('\n', f);
    log_end();
}

void perf_map_add(struct tcg *t, const struct unit *u)
{
    fprintf(t->perf_map, "%lx %x guest_%lx_m%x\n", (unsigned long)u->code.start, u->code.size,
            (unsigned long)u->pc, u->mode);
    fflush(t->perf_map);
}

static void stats_of(const struct tcg_vcpu *v, FILE *f)
{
    const struct tcg_stats *s = &v->stats;
    double us = s->translate_ns / 1000.0, insns = s->insns ? s->insns : 1;
    fprintf(f, "cpu %u: engine %s\n", v->cpu->index, v->tcg->be->name);
    fprintf(f,
            "  units          %lu (tier block; %lu relative), %lu guest instructions, %lu host "
            "bytes (%.1f "
            "an instruction)\n",
            s->units, s->relative, s->insns, s->host_bytes, s->host_bytes / insns);
    fprintf(f, "  translation    %.1f ms, %.2f us a guest instruction\n", us / 1000, us / insns);
    fprintf(f,
            "  regions        %lu, %lu guest instructions, %lu host bytes, %.1f ms; loop heads "
            "without one %lu; samples %lu; side exits %lu\n",
            s->regions, s->region_insns, s->region_bytes, s->region_ns / 1e6, s->no_regions,
            s->samples, s->exit_side);
    fprintf(f, "  exits          direct %lu, look-up %lu, request %lu, main %lu\n", s->exit_direct,
            s->exit_lookup, s->exit_request, s->exit_main);
    fprintf(f, "  linking        chained %lu, dispatch fills %lu, found by hash %lu\n", s->chained,
            s->dispatch_fills, s->hash_hits);
    fprintf(f, "  slow paths     load %lu, store %lu, atomic %lu, device registers %lu\n",
            s->slow_ld, s->slow_st, s->slow_atomic, s->mmio);
    uint64_t inside = tcg_env(v->cpu)->l2_refills;
    fprintf(f,
            "  TLB            first-level fills %lu, second-level hits %lu (and inside translated "
            "code %lu), page walks %lu\n",
            s->l1_fills + inside, s->l2_hits, inside, s->walks);
    fprintf(
        f,
        "  TLB flushes    all %lu, asid %lu, page %lu (large %lu); space switches %lu; salts %lu\n",
        s->flush_all, s->flush_asid, s->flush_page, s->flush_page_large, s->space_switches,
        s->salts);
    fprintf(f,
            "  events         faults %lu, interrupts %lu, stores to code pages %lu, units "
            "invalidated %lu\n",
            s->faults, s->interrupts, s->smc_writes, s->invalidated);
}

void dump_stats(struct machine *m, FILE *f)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        stats_of(tcg_vcpu(m->cpus[i]), f);
}
