/*
 * For tests of the memory system: page tables, entering less privileged modes, small functions
 * written at run time.
 *
 * The program itself is mapped at its own addresses by one large page; the tests' pages lie in a
 * window that one table of last-level entries maps.  s10 and s11 belong to these macros.
 */
/* clang-format off */
#define MPP_M 0x1800
#define MPP_S 0x0800
#define MPP_U 0
#define MSTATUS_MIE  0x8
#define MSTATUS_MPRV 0x20000
#define MSTATUS_SUM  0x40000
#define MSTATUS_MXR  0x80000

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_G 0x20
#define PTE_A 0x40
#define PTE_D 0x80
#define RX    (PTE_V | PTE_R | PTE_X | PTE_A)
#define RW    (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)
#define RWX   (RW | PTE_X)

#define PAGE 0x1000
/* Two sets of tables: ROOT, L1 (Sv39 only), L0 of the window. */
#define ROOT(n) (SCRATCH + (n) * 0x4000)
#define L1(n)   (SCRATCH + (n) * 0x4000 + 0x1000)
#define L0(n)   (SCRATCH + (n) * 0x4000 + 0x2000)
/* Pages of memory that tests map. */
#define PHYS(n) (SCRATCH + 0x20000 + (n) * PAGE)
#define FRAMES  32

#if __riscv_xlen == 64
#define WINDOW    0x100000000
#define PTE_SIZE  8
#define SATP(n, asid) (8 << 60 | (asid) << 44 | ROOT(n) >> 12)
#else
#define WINDOW    0x40000000
#define PTE_SIZE  4
#define SATP(n, asid) (1 << 31 | (asid) << 22 | ROOT(n) >> 12)
#endif
#define VIRT(n) (WINDOW + (n) * PAGE)
#define ENTRY(pa, flags) (((pa) >> 12) << 10 | (flags))
/* Instructions as words. */
#define INSN_RET          0x00008067
#define INSN_LI_A0(value) (0x00000513 | ((value) & 0xfff) << 20)
#define INSN_ADD_A0(value) (0x00050513 | ((value) & 0xfff) << 20)
#define INSN_NOP          0x00000013
#define INSN_ECALL        0x00000073
#define INSN_FENCE_I      0x0000100f

/* A PTE-sized word to memory. */
.macro POKE address, value
    li s10, \address
    li s11, \value
    SX s11, 0(s10)
.endm
.macro POKE32 address, value
    li s10, \address
    li s11, \value
    sw s11, 0(s10)
.endm
/* Map page \index of the window in the set \set of tables. */
.macro MAP set, index, pa, flags
    POKE L0(\set) + (\index) * PTE_SIZE, ENTRY(\pa, \flags)
.endm
.macro UNMAP set, index
    POKE L0(\set) + (\index) * PTE_SIZE, 0
.endm
/* The program's own memory at its own addresses (for S-mode), and the way to the window's table. */
.macro MAKE_TABLES set
#if __riscv_xlen == 64
    POKE ROOT(\set) + 2 * 8, ENTRY(0x80000000, RWX | PTE_G)
    POKE ROOT(\set), ENTRY(0, RW | PTE_G)
    POKE ROOT(\set) + 4 * 8, ENTRY(L1(\set), PTE_V)
    POKE L1(\set), ENTRY(L0(\set), PTE_V)
#else
    POKE ROOT(\set) + 512 * 4, ENTRY(0x80000000, RWX | PTE_G)
    POKE ROOT(\set) + 64 * 4, ENTRY(0x10000000, RW | PTE_G)
    POKE ROOT(\set), ENTRY(0, RW | PTE_G)
    POKE ROOT(\set) + 256 * 4, ENTRY(L0(\set), PTE_V)
#endif
.endm
/* A function at \address that returns \value (12 bits signed). */
.macro FUNCTION address, value
    POKE32 \address, INSN_LI_A0(\value)
    POKE32 \address + 4, INSN_RET
.endm
/* Call the function at a constant address; it must return the value. */
.macro CALL_EXPECT address, value
    li a0, 0
    li a1, \address
    jalr ra, 0(a1)
    EXPECT a0, \value
.endm
.macro SET_SATP set, asid
    li s10, SATP(\set, \asid)
    csrw satp, s10
.endm

.macro OPEN_PMP
    li s10, -1
    csrw pmpaddr0, s10
    li s10, 0x1f
    csrw pmpcfg0, s10
.endm
/* Go on in mode \mpp. */
.macro ENTER mpp
    li s10, MPP_M
    csrc mstatus, s10
    li s10, \mpp
    csrs mstatus, s10
    la s10, .Lthere\@
    csrw mepc, s10
    mret
.Lthere\@:
.endm
/* From S to M. */
.macro LEAVE_S
    EXPECT_TRAP 9, ecall
.endm
/* Go on at a constant address in mode \mpp; the trap \cause comes back with this mepc and mtval. */
.macro ENTER_AT mpp, address, cause, epc, tval
    li s10, MPP_M
    csrc mstatus, s10
    li s10, \mpp
    csrs mstatus, s10
    li s10, \address
    csrw mepc, s10
    li tp, \cause
    la ra, .Lback\@
    mret
.Lback\@:
    EXPECT t1, \epc
    EXPECT t0, \tval
.endm
/* Data accesses of M-mode as mode \mpp makes them. */
.macro DATA_AS mpp
    li s10, MPP_M
    csrc mstatus, s10
    li s10, MSTATUS_MPRV | \mpp
    csrs mstatus, s10
.endm
.macro DATA_AS_M
    li s10, MSTATUS_MPRV
    csrc mstatus, s10
    li s10, MPP_M
    csrs mstatus, s10
.endm
