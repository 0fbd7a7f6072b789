/* Shared between the files of target/riscv that make and configure harts. */
#ifndef TARGET_RISCV_CPU_PRIV_H
#define TARGET_RISCV_CPU_PRIV_H

#include "target/riscv/cpu.h"

enum {
    RV_PRIV_1_10 = 0x10a00,
    RV_PRIV_1_11 = 0x10b00,
    RV_PRIV_1_12 = 0x10c00,
    RV_PRIV_1_13 = 0x10d00
};
/* Bit of address-space ids (guest_ops.asid) that are not Bare. */
enum { RV_ASID_PAGED = 1 << 16 };

#define RV_EXT_BIT(e) (UINT64_C(1) << (e))

/* A CPU model: what -cpu NAME starts from. */
struct rv_model {
    const char *name, *desc;
    uint8_t xlen;      /* 32 or 64 */
    uint8_t satp_mode; /* the largest, 0: no MMU */
    uint8_t pmp_count;
    bool is_bare; /* translation appears with s=on only */
    unsigned priv_spec;
    uint64_t ext; /* bits of enum rv_ext; what they need is added */
    uint64_t vendorid, archid;
};

/* ext.c */
struct rv_ext_request {
    uint64_t defaults; /* of the model */
    uint64_t on, off;  /* asked for by name */
    unsigned xlen, priv_spec;
    bool has_mmu;
};
/* Enumerator of a name, -1 for none; case and letters as in the ISA string. */
int rv_ext_find(const char *name);
/* Row n of the table, in ISA-string order, or false past its end. */
bool rv_ext_row(size_t n, enum rv_ext *e, const char **name, const char **help);
/* Add what extensions need, drop what cannot be; false and *errp when the request contradicts
 * itself. */
bool rv_ext_resolve(const struct rv_ext_request *req, uint64_t *out,
                    struct error **errp) MUST_CHECK;
uint64_t rv_misa(const struct rv_cpu *cpu);

/* models.c */
/* Model and properties of -cpu TEXT into a hart's configuration fields; is32 is the default width
 * of "max". */
bool rv_configure(struct rv_cpu *cpu, const char *text, bool is32, struct error **errp) MUST_CHECK;

/* cpu.c */
extern const struct cpu_ops rv32_cpu_ops, rv64_cpu_ops;
uint32_t rv_asid_id(const struct rv_cpu *cpu, uint64_t asid);
/* Recompute everything derived from s: after reset and after loading a snapshot. */
void rv_sync(struct rv_cpu *cpu);

#endif
