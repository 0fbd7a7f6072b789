/* Running code on the host itself: registers and flags are loaded from, and stored to, one page. */
#include "tests/isa/x86/bench.h"

#include <asm/ldt.h>
#include <cpuid.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <ucontext.h>
#include <unistd.h>

#define STATE_AT UINT64_C(0x30020000) /* two pages: the second is a stack */

/* Known to the assembly by its offsets. */
struct state {
    uint64_t r[16], flags; /* 0, 128 */
    uint64_t code;         /* 136 */
    uint32_t far_offset;   /* 144 */
    uint16_t far_selector, pad;
    uint64_t host_sp;           /* 152 */
    uint64_t back;              /* 160 */
    uint64_t data;              /* 168: selector of DS and ES; 0: none */
    uint32_t mxcsr, host_mxcsr; /* 176, 180 */
    uint64_t has_avx;           /* 184 */
    uint64_t v[16][4];          /* 192 */
    struct fx {                 /* 704: as FXSAVE64 has it */
        uint16_t fcw, fsw;
        uint8_t valid, pad1;
        uint16_t fop;
        uint64_t fip, fdp;
        uint32_t mxcsr, mxcsr_mask;
        struct x87_st st[8];
        uint64_t rest[44];
    } fx;
};
#define HOST_STATE ((struct state *)STATE_AT)
_Static_assert(offsetof(struct state, data) == 168 && offsetof(struct state, v) == 192 &&
                   offsetof(struct state, fx) == 704 && sizeof(struct fx) == 512,
               "the assembly below");

/* The state lies at 0x30020000, the stack for flags ends at 0x30022000. */
__asm__(".text\n"
        "native_enter:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, 0x30020098\n"
        "fxrstor64 0x300202c0\n"
        "ldmxcsr 0x300200b0\n"
        "cmpq $0, 0x300200b8\n"
        "je 2f\n"
        "vmovdqu 0x300200c0, %ymm0; vmovdqu 0x300200e0, %ymm1\n"
        "vmovdqu 0x30020100, %ymm2; vmovdqu 0x30020120, %ymm3\n"
        "vmovdqu 0x30020140, %ymm4; vmovdqu 0x30020160, %ymm5\n"
        "vmovdqu 0x30020180, %ymm6; vmovdqu 0x300201a0, %ymm7\n"
        "vmovdqu 0x300201c0, %ymm8; vmovdqu 0x300201e0, %ymm9\n"
        "vmovdqu 0x30020200, %ymm10; vmovdqu 0x30020220, %ymm11\n"
        "vmovdqu 0x30020240, %ymm12; vmovdqu 0x30020260, %ymm13\n"
        "vmovdqu 0x30020280, %ymm14; vmovdqu 0x300202a0, %ymm15\n"
        "jmp 3f\n"
        "2:\n"
        "movups 0x300200c0, %xmm0; movups 0x300200e0, %xmm1\n"
        "movups 0x30020100, %xmm2; movups 0x30020120, %xmm3\n"
        "movups 0x30020140, %xmm4; movups 0x30020160, %xmm5\n"
        "movups 0x30020180, %xmm6; movups 0x300201a0, %xmm7\n"
        "movups 0x300201c0, %xmm8; movups 0x300201e0, %xmm9\n"
        "movups 0x30020200, %xmm10; movups 0x30020220, %xmm11\n"
        "movups 0x30020240, %xmm12; movups 0x30020260, %xmm13\n"
        "movups 0x30020280, %xmm14; movups 0x300202a0, %xmm15\n"
        "3: cmpq $0, 0x300200a8\n"
        "je 1f\n"
        "mov 0x300200a8, %eax; mov %eax, %ds; mov %eax, %es\n"
        "1: mov $0x30022000, %esp\n"
        "pushq 0x30020080; popfq\n"
        "mov 0x30020000, %rax; mov 0x30020008, %rcx; mov 0x30020010, %rdx; mov 0x30020018, %rbx\n"
        "mov 0x30020020, %rsp; mov 0x30020028, %rbp; mov 0x30020030, %rsi; mov 0x30020038, %rdi\n"
        "mov 0x30020040, %r8; mov 0x30020048, %r9; mov 0x30020050, %r10; mov 0x30020058, %r11\n"
        "mov 0x30020060, %r12; mov 0x30020068, %r13; mov 0x30020070, %r14; mov 0x30020078, %r15\n"
        "ljmp *0x30020090\n"
        "native_exit:\n"
        "mov %rax, 0x30020000; mov %rcx, 0x30020008; mov %rdx, 0x30020010; mov %rbx, 0x30020018\n"
        "mov %rsp, 0x30020020; mov %rbp, 0x30020028; mov %rsi, 0x30020030; mov %rdi, 0x30020038\n"
        "mov %r8, 0x30020040; mov %r9, 0x30020048; mov %r10, 0x30020050; mov %r11, 0x30020058\n"
        "mov %r12, 0x30020060; mov %r13, 0x30020068; mov %r14, 0x30020070; mov %r15, 0x30020078\n"
        "mov $0x30022000, %esp\n"
        "pushfq; popq 0x30020080\n"
        "native_back:\n"
        "cld\n"
        "stmxcsr 0x300200b0; ldmxcsr 0x300200b4\n"
        "cmpq $0, 0x300200b8\n"
        "je 4f\n"
        "vmovdqu %ymm0, 0x300200c0; vmovdqu %ymm1, 0x300200e0\n"
        "vmovdqu %ymm2, 0x30020100; vmovdqu %ymm3, 0x30020120\n"
        "vmovdqu %ymm4, 0x30020140; vmovdqu %ymm5, 0x30020160\n"
        "vmovdqu %ymm6, 0x30020180; vmovdqu %ymm7, 0x300201a0\n"
        "vmovdqu %ymm8, 0x300201c0; vmovdqu %ymm9, 0x300201e0\n"
        "vmovdqu %ymm10, 0x30020200; vmovdqu %ymm11, 0x30020220\n"
        "vmovdqu %ymm12, 0x30020240; vmovdqu %ymm13, 0x30020260\n"
        "vmovdqu %ymm14, 0x30020280; vmovdqu %ymm15, 0x300202a0\n"
        "vzeroupper\n"
        "jmp 5f\n"
        "4:\n"
        "movups %xmm0, 0x300200c0; movups %xmm1, 0x300200e0\n"
        "movups %xmm2, 0x30020100; movups %xmm3, 0x30020120\n"
        "movups %xmm4, 0x30020140; movups %xmm5, 0x30020160\n"
        "movups %xmm6, 0x30020180; movups %xmm7, 0x300201a0\n"
        "movups %xmm8, 0x300201c0; movups %xmm9, 0x300201e0\n"
        "movups %xmm10, 0x30020200; movups %xmm11, 0x30020220\n"
        "movups %xmm12, 0x30020240; movups %xmm13, 0x30020260\n"
        "movups %xmm14, 0x30020280; movups %xmm15, 0x300202a0\n"
        "5: fxsave64 0x300202c0\n"
        "fninit\n"
        "mov 0x30020098, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");
void native_enter(void);
extern const char native_exit[], native_back[];

static sigjmp_buf probe;
static volatile sig_atomic_t probing;
static struct regs *running;

static int vector_of(int sig, greg_t trap)
{
    switch (sig) {
    case SIGFPE: return (int)trap;
    case SIGILL: return X86_UD;
    case SIGTRAP: return X86_BP;
    default: return X86_GP;
    }
}

static void on_signal(int sig, siginfo_t *info G_GNUC_UNUSED, void *context)
{
    static const uint8_t order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                      REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                      REG_R12, REG_R13, REG_R14, REG_R15};
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (probing)
        siglongjmp(probe, 1);
    if (!running) {
        signal(sig, SIG_DFL);
        return;
    }
    for (unsigned i = 0; i < 16; i++)
        HOST_STATE->r[i] = (uint64_t)g[order[i]];
    HOST_STATE->flags = (uint64_t)g[REG_EFL];
    running->rip = (uint64_t)g[REG_RIP];
    running->vector = vector_of(sig, g[REG_TRAPNO]);
    g[REG_RIP] = (greg_t)(uintptr_t)native_back;
    g[REG_CSGSFS] = (g[REG_CSGSFS] & ~INT64_C(0xffff)) | 0x33;
}

static bool map(uint64_t at, size_t size, int prot)
{
    void *p = mmap((void *)(uintptr_t)at, size, prot,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return p == (void *)(uintptr_t)at;
}

bool native_init(void)
{
    static uint8_t stack[65536];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGFPE, SIGILL, SIGTRAP, SIGSEGV, SIGBUS};
    if (!map(BENCH_CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) ||
        !map(BENCH_DATA, BENCH_DATA_SIZE, PROT_READ | PROT_WRITE) ||
        !map(STATE_AT, 8192, PROT_READ | PROT_WRITE) || sigaltstack(&alt, NULL))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &sa, NULL);
    return true;
}

/* Of the local descriptor table: 16-bit code and its data. */
enum { SEL_CODE_64 = 0x33, SEL_CODE_32 = 0x23, SEL_DATA = 0x2b, SEL_CODE_16 = 7, SEL_DATA_16 = 15 };

bool native_has_16(void)
{
    struct user_desc code = {.entry_number = 0,
                             .base_addr = BENCH_CODE,
                             .limit = 0xffff,
                             .contents = 2},
                     data = {
                         .entry_number = 1, .base_addr = BENCH_DATA, .limit = BENCH_DATA_SIZE - 1};
    enum { WRITE = 0x11 };
    return native_has_32() && !syscall(SYS_modify_ldt, WRITE, &code, sizeof(code)) &&
           !syscall(SYS_modify_ldt, WRITE, &data, sizeof(data));
}

/* The way back: a far jump from each width. */
static void put_return(uint8_t *p, uint32_t mode)
{
    uint64_t back = (uintptr_t)native_exit;
    if (mode & X86_MODE_64) {
        memcpy(p, "\xff\x24\x25\xa0\x00\x02\x30", 7); /* jmp *0x300200a0 */
        HOST_STATE->back = back;
        return;
    }
    if (!(mode & X86_MODE_CS32))
        *p++ = 0x66;
    p[0] = 0xea;
    memcpy(p + 1, &back, 4);
    memcpy(p + 5, "\x33\x00", 2);
}

static void put_x87(const struct x87_regs *x)
{
    HOST_STATE->fx = (struct fx){.fcw = x->fcw,
                                 .fsw = x->fsw,
                                 .valid = x->valid,
                                 .fop = x->fop,
                                 .fip = x->fip,
                                 .fdp = x->fdp,
                                 .mxcsr = BENCH_MXCSR};
    memcpy(HOST_STATE->fx.st, x->st, sizeof(x->st));
}

static void get_x87(struct x87_regs *x)
{
    const struct fx *f = &HOST_STATE->fx;
    x->fcw = f->fcw;
    x->fsw = f->fsw;
    x->valid = f->valid;
    x->fop = f->fop;
    x->fip = f->fip;
    x->fdp = f->fdp;
    memcpy(x->st, f->st, sizeof(x->st));
}

void native_run(struct regs *r, unsigned len, uint32_t mode)
{
    bool is_16 = !(mode & (X86_MODE_64 | X86_MODE_CS32));
    memcpy(HOST_STATE->r, r->r, sizeof(r->r));
    HOST_STATE->flags = r->flags | 0x202;
    HOST_STATE->far_offset = is_16 ? 0 : BENCH_CODE;
    HOST_STATE->far_selector = mode & X86_MODE_64 ? SEL_CODE_64 : is_16 ? SEL_CODE_16 : SEL_CODE_32;
    HOST_STATE->data = mode & X86_MODE_64 ? 0 : is_16 ? SEL_DATA_16 : SEL_DATA;
    HOST_STATE->mxcsr = r->mxcsr;
    HOST_STATE->host_mxcsr = BENCH_MXCSR;
    HOST_STATE->has_avx = native_has_avx();
    memcpy(HOST_STATE->v, r->v, sizeof(r->v));
    put_x87(&r->x87);
    put_return((uint8_t *)(uintptr_t)BENCH_CODE + len, mode);
    r->vector = -1;
    r->rip = is_16 ? len : BENCH_CODE + len;
    running = r;
    native_enter();
    running = NULL;
    memcpy(r->r, HOST_STATE->r, sizeof(r->r));
    r->flags = HOST_STATE->flags & 0xcd5;
    r->mxcsr = HOST_STATE->mxcsr;
    memcpy(r->v, HOST_STATE->v, sizeof(r->v));
    get_x87(&r->x87);
    r->rip += is_16 ? BENCH_CODE : 0;
}

bool native_has_avx(void)
{
    return __builtin_cpu_supports("avx");
}

bool native_has_misaligned(void)
{
    enum { MISALIGNSSE = 1 << 7 };
    unsigned a, b, c = 0, d;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & MISALIGNSSE);
}

bool native_has_late_fdp(void)
{
    enum { FDP_EXCPTN_ONLY = 1 << 6 };
    unsigned a, b = 0, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & FDP_EXCPTN_ONLY);
}

bool native_has_32(void)
{
    struct regs r = {.vector = 0, .mxcsr = BENCH_MXCSR, .x87 = {.fcw = BENCH_FCW}};
    bool works = false;
    if ((uintptr_t)native_exit >> 32)
        return false;
    memcpy((void *)(uintptr_t)BENCH_CODE, "\x40", 1); /* inc eax */
    if (!sigsetjmp(probe, 1)) {
        probing = 1;
        native_run(&r, 1, BENCH_MODE_32);
        works = r.r[0] == 1;
    }
    probing = 0;
    running = NULL;
    return works;
}
