/*
 * Instructions and the CPUID bits that they need.  Ref: SDM vol. 2, the instructions' pages; APM vol. 3 and 4.
 *
 * Each runs with all registers 0 but esi and edi, which point at zeros.
 */
#include "tests/isa/x86bare/features.h"

/* The text is executed by try(); it needs a bit of CPUID, and perhaps a second one. */
.macro PROBE2 first, second, text
    .section .text
7:  \text
    ret
8:  .asciz "\text"
    .section .probes, "a"
#ifdef __x86_64__
    .quad 7b, 8b
#else
    .long 7b, 8b
#endif
    .long \first, \second
.endm
.macro PROBE first, text
    PROBE2 \first, ALWAYS, "\text"
.endm

#ifdef __x86_64__
#define PROBE64 PROBE
#define PROBE32 IGNORE
#else
#define PROBE64 IGNORE
#define PROBE32 PROBE
#endif
.macro IGNORE first, text
.endm

    /* --- leaf 1, EDX --- */
    /* Without an x87 nobody answers, and nothing happens. */
    PROBE ALWAYS, "fnstsw %ax"
    PROBE ALWAYS, "fnstcw (%esi)"
    PROBE ALWAYS, "fldz; fstp %st(0)"
    PROBE TSC, "rdtsc"
    PROBE MSR, "mov $0x8b, %ecx; rdmsr"
    PROBE MSR, "mov $0x8b, %ecx; wrmsr"
    PROBE CX8, "cmpxchg8b (%esi)"
    PROBE CX8, "lock cmpxchg8b (%esi)"
    PROBE CMOV, "cmovz %eax, %ecx"
    PROBE CMOV, "cmovzw (%esi), %cx"
    PROBE CMOV, "fldz; fldz; fcmovb %st(1), %st; fstp %st(0); fstp %st(0)"
    PROBE CMOV, "fldz; fldz; fcomi %st(1), %st; fucomip %st(1), %st; fstp %st(0)"
    PROBE CLFLUSH, "clflush (%esi)"
    PROBE MMX, "movd %eax, %mm0; emms"
    PROBE MMX, "paddb (%esi), %mm0; emms"
    PROBE MMX, "movq %mm0, (%esi); emms"
    PROBE MMX, "psllq $1, %mm0; emms"
    PROBE FXSR, "fxsave (%esi)"
    PROBE FXSR, "fxrstor (%esi)"
    PROBE SSE, "xorps %xmm0, %xmm0"
    PROBE SSE, "movaps %xmm0, (%esi)"
    PROBE SSE, "addss (%esi), %xmm0"
    PROBE SSE, "sqrtps (%esi), %xmm0"
    PROBE2 SSE, MMX, "cvtpi2ps %mm0, %xmm0; emms"
    PROBE SSE, "stmxcsr (%esi)"
    PROBE SSE, "movntps %xmm0, (%esi)"
    PROBE SSE, "ucomiss (%esi), %xmm0"
    PROBE2 SSE_OR_MMXEXT, MMX, "pshufw $0, %mm0, %mm1; emms"
    PROBE2 SSE_OR_MMXEXT, MMX, "pavgb %mm0, %mm1; emms"
    PROBE2 SSE_OR_MMXEXT, MMX, "pextrw $0, %mm0, %eax; emms"
    PROBE2 SSE_OR_MMXEXT, MMX, "maskmovq %mm0, %mm1; emms"
    PROBE2 SSE_OR_MMXEXT, MMX, "movntq %mm0, (%esi); emms"
    PROBE SSE_OR_MMXEXT, "sfence"
    PROBE SSE2, "addpd (%esi), %xmm0"
    PROBE SSE2, "movapd (%esi), %xmm0"
    PROBE SSE2, "paddb (%esi), %xmm0"
    PROBE SSE2, "movdqu (%esi), %xmm0"
    PROBE SSE2, "movdqa %xmm0, (%esi)"
    PROBE2 SSE2, MMX, "paddq (%esi), %mm0; emms"
    PROBE2 SSE2, MMX, "pmuludq (%esi), %mm0; emms"
    PROBE SSE2, "cvttsd2si (%esi), %eax"
    PROBE SSE2, "cvtdq2ps (%esi), %xmm0"
    PROBE SSE2, "movd %eax, %xmm0"
    PROBE2 SSE2, MMX, "movq2dq %mm0, %xmm0; emms"
    PROBE SSE2, "movnti %eax, (%esi)"
    PROBE SSE2, "maskmovdqu %xmm0, %xmm1"
    PROBE SSE2, "lfence"
    PROBE SSE2, "mfence"
    PROBE SSE2, "pslldq $1, %xmm0"
    /* --- leaf 1, ECX --- */
    PROBE SSE3, "addsubps (%esi), %xmm0"
    PROBE SSE3, "haddpd (%esi), %xmm0"
    PROBE SSE3, "lddqu (%esi), %xmm0"
    PROBE SSE3, "movddup (%esi), %xmm0"
    PROBE SSE3, "movshdup (%esi), %xmm0"
    PROBE SSE3, "fldz; fisttps (%esi)"
    PROBE SSE3, "fldz; fisttpl (%esi)"
    PROBE SSE3, "fldz; fisttpll (%esi)"
    PROBE PCLMULQDQ, "pclmulqdq $0, %xmm0, %xmm1"
    PROBE2 PCLMULQDQ, AVX, "vpclmulqdq $0, %xmm0, %xmm1, %xmm2"
    PROBE MONITOR, "monitor"
    PROBE MONITOR, "mwait"
    PROBE2 SSSE3, MMX, "pshufb (%esi), %mm0; emms"
    PROBE SSSE3, "pshufb (%esi), %xmm0"
    PROBE2 SSSE3, MMX, "palignr $1, (%esi), %mm0; emms"
    PROBE SSSE3, "palignr $1, (%esi), %xmm0"
    PROBE SSSE3, "pabsd (%esi), %xmm0"
    PROBE FMA, "vfmadd132ps (%esi), %xmm0, %xmm1"
    PROBE FMA, "vfmadd213pd (%esi), %ymm0, %ymm1"
    PROBE FMA, "vfnmsub231sd (%esi), %xmm0, %xmm1"
    PROBE FMA, "vfmaddsub213ps %ymm0, %ymm1, %ymm2"
    PROBE64 CX16, "cmpxchg16b (%rsi)"
    PROBE64 CX16, "lock cmpxchg16b (%rsi)"
    PROBE SSE41, "pblendw $1, (%esi), %xmm0"
    PROBE SSE41, "ptest (%esi), %xmm0"
    PROBE SSE41, "roundps $0, (%esi), %xmm0"
    PROBE SSE41, "insertps $0, (%esi), %xmm0"
    PROBE SSE41, "pextrb $0, %xmm0, (%esi)"
    PROBE SSE41, "pinsrd $0, (%esi), %xmm0"
    PROBE SSE41, "movntdqa (%esi), %xmm0"
    PROBE SSE41, "pmulld (%esi), %xmm0"
    PROBE SSE41, "mpsadbw $0, (%esi), %xmm0"
    PROBE SSE41, "blendvps %xmm0, (%esi), %xmm1"
    PROBE SSE41, "pextrw $0, %xmm0, (%esi)"
    PROBE SSE41, "dpps $0, (%esi), %xmm1"
    PROBE SSE42, "crc32b (%esi), %eax"
    PROBE SSE42, "crc32l %eax, %ecx"
    PROBE SSE42, "pcmpgtq (%esi), %xmm0"
    PROBE SSE42, "pcmpestri $0, (%esi), %xmm0"
    PROBE SSE42, "pcmpistrm $0, (%esi), %xmm0"
    PROBE MOVBE, "movbe (%esi), %eax"
    PROBE MOVBE, "movbe %ax, (%esi)"
    PROBE POPCNT, "popcnt (%esi), %eax"
    PROBE POPCNT, "popcntw %ax, %cx"
    PROBE AES, "aesenc (%esi), %xmm0"
    PROBE AES, "aesdeclast (%esi), %xmm0"
    PROBE AES, "aesimc (%esi), %xmm0"
    PROBE AES, "aeskeygenassist $0, (%esi), %xmm0"
    PROBE2 AES, AVX, "vaesenc (%esi), %xmm0, %xmm1"
    PROBE2 AES, AVX, "vaesimc (%esi), %xmm0"
    PROBE2 AES, AVX, "vaeskeygenassist $0, (%esi), %xmm0"
    PROBE XSAVE, "xgetbv"
    PROBE XSAVE, "xsave (%esi)"
    PROBE XSAVE, "mov $1, %eax; xrstor (%esi)"
    PROBE XSAVE, "mov $1, %eax; xsetbv; mov xcr0_allowed, %eax; xsetbv"
    PROBE AVX, "vaddps %ymm0, %ymm1, %ymm2"
    PROBE AVX, "vaddsd (%esi), %xmm1, %xmm2"
    PROBE AVX, "vpaddb (%esi), %xmm0, %xmm1"
    PROBE AVX, "vzeroupper"
    PROBE AVX, "vzeroall"
    PROBE AVX, "vbroadcastss (%esi), %ymm0"
    PROBE AVX, "vtestps (%esi), %ymm0"
    PROBE AVX, "vmaskmovps (%esi), %ymm0, %ymm1"
    PROBE AVX, "vinsertf128 $1, (%esi), %ymm0, %ymm1"
    PROBE AVX, "vpermilpd $1, (%esi), %ymm0"
    PROBE AVX, "vperm2f128 $1, (%esi), %ymm0, %ymm1"
    PROBE AVX, "vpshufb (%esi), %xmm0, %xmm1"
    PROBE AVX, "vpcmpistri $0, (%esi), %xmm0"
    PROBE AVX, "vstmxcsr (%esi)"
    PROBE AVX, "vmovd %eax, %xmm0"
    PROBE F16C, "vcvtph2ps (%esi), %ymm0"
    PROBE F16C, "vcvtps2ph $0, %ymm0, (%esi)"
    PROBE RDRAND, "rdrand %eax"
    PROBE RDRAND, "rdrand %ax"
    /* --- leaf 7 --- */
    PROBE64 FSGSBASE, "rdfsbase %rax"
    PROBE64 FSGSBASE, "rdgsbase %eax"
    PROBE64 FSGSBASE, "wrfsbase %eax"
    PROBE64 FSGSBASE, "wrgsbase %rax"
    PROBE BMI1, "andn (%esi), %eax, %ecx"
    PROBE BMI1, "bextr %eax, (%esi), %ecx"
    PROBE BMI1, "blsi (%esi), %ecx"
    PROBE BMI1, "blsr %ecx, %eax"
    PROBE BMI1, "blsmsk %ecx, %eax"
    PROBE AVX2, "vpaddb (%esi), %ymm0, %ymm1"
    PROBE AVX2, "vpermd (%esi), %ymm0, %ymm1"
    PROBE AVX2, "vpbroadcastb (%esi), %xmm0"
    PROBE AVX2, "vbroadcastss %xmm0, %xmm1"
    PROBE AVX2, "vpgatherdd %xmm0, (%esi, %xmm1), %xmm2"
    PROBE AVX2, "vpsllvd (%esi), %xmm0, %xmm1"
    PROBE AVX2, "vinserti128 $1, (%esi), %ymm0, %ymm1"
    PROBE AVX2, "vpmaskmovd (%esi), %xmm0, %xmm1"
    PROBE AVX2, "vpblendd $1, (%esi), %xmm0, %xmm1"
    PROBE AVX2, "vmovntdqa (%esi), %ymm1"
    PROBE BMI2, "bzhi %eax, (%esi), %ecx"
    PROBE BMI2, "pdep (%esi), %eax, %ecx"
    PROBE BMI2, "pext (%esi), %eax, %ecx"
    PROBE BMI2, "rorx $1, (%esi), %ecx"
    PROBE BMI2, "mulx (%esi), %eax, %ecx"
    PROBE BMI2, "sarx %eax, (%esi), %ecx"
    PROBE BMI2, "shlx %eax, (%esi), %ecx"
    PROBE BMI2, "shrx %eax, (%esi), %ecx"
#ifdef __x86_64__
    PROBE INVPCID, "mov $2, %eax; invpcid (%rsi), %rax"
#else
    PROBE INVPCID, "mov $2, %eax; invpcid (%esi), %eax"
#endif
    PROBE RDSEED, "rdseed %eax"
    PROBE ADX, "adcx (%esi), %eax"
    PROBE ADX, "adox %ecx, %eax"
    PROBE SMAP, "clac"
    PROBE SMAP, "stac"
    PROBE CLFLUSHOPT, "clflushopt (%esi)"
    PROBE CLWB, "clwb (%esi)"
    PROBE SHA, "sha1rnds4 $0, (%esi), %xmm0"
    PROBE SHA, "sha1nexte (%esi), %xmm0"
    PROBE SHA, "sha256msg1 (%esi), %xmm0"
    PROBE SHA, "sha256rnds2 %xmm0, (%esi), %xmm1"
    PROBE PKU, "rdpkru"
    PROBE PKU, "wrpkru"
    PROBE2 VAES, AVX, "vaesenc (%esi), %ymm0, %ymm1"
    PROBE2 VAES, AVX, "vaesdeclast (%esi), %ymm0, %ymm1"
    PROBE2 VPCLMULQDQ, AVX, "vpclmulqdq $0, (%esi), %ymm0, %ymm1"
#ifdef __x86_64__
    PROBE RDPID, "rdpid %rax"
#else
    PROBE RDPID, "rdpid %eax"
#endif
    /* --- leaf 0xd --- */
    PROBE XSAVEOPT, "mov $1, %eax; xsaveopt (%esi)"
    PROBE XSAVEC, "mov $1, %eax; xsavec (%esi)"
    PROBE XSAVES, "mov $1, %eax; xsaves (%esi)"
    PROBE XSAVES, "mov $1, %eax; xsaves (%esi); xrstors (%esi)"
    /* --- extended leaves --- */
    PROBE RDTSCP, "rdtscp"
    PROBE64 LAHF_LM, "lahf"
    PROBE64 LAHF_LM, "sahf"
    PROBE SSE4A, "extrq $1, $1, %xmm0"
    PROBE SSE4A, "extrq %xmm0, %xmm1"
    PROBE SSE4A, "insertq $1, $1, %xmm0, %xmm1"
    PROBE SSE4A, "insertq %xmm0, %xmm1"
    PROBE SSE4A, "movntss %xmm0, (%esi)"
    PROBE SSE4A, "movntsd %xmm0, (%esi)"
    PROBE P6, "prefetchw (%esi)"
    PROBE P6, "prefetch (%esi)"
    PROBE32 CR8LEGACY, ".byte 0xf0, 0x0f, 0x20, 0xc0" /* LOCK MOV EAX, CR0 */
    /* --- what every processor has --- */
    PROBE ALWAYS, "cpuid"
    PROBE ALWAYS, "pause"
    PROBE ALWAYS, "bswap %eax"
    PROBE ALWAYS, "xadd %eax, (%esi)"
    PROBE ALWAYS, "lock cmpxchg %eax, (%esi)"
    PROBE ALWAYS, "invd"
    PROBE ALWAYS, "wbinvd"
    PROBE ALWAYS, ".byte 0xf3, 0x0f, 0x09" /* WBNOINVD is WBINVD with a prefix */
    PROBE ALWAYS, "invlpg (%esi)"
    PROBE ALWAYS, ".byte 0xf3, 0x0f, 0xbc, 0xc1" /* TZCNT is BSF with a prefix */
    PROBE ALWAYS, ".byte 0xf3, 0x0f, 0xbd, 0xc1" /* LZCNT is BSR with a prefix */
    PROBE64 ALWAYS, ".byte 0x0f, 0x01, 0xf8, 0x0f, 0x01, 0xf8" /* SWAPGS */
    PROBE64 ALWAYS, "mov %cr8, %rax"
    PROBE64 ALWAYS, "movslq %eax, %rcx"
    PROBE64 SSE2, "movnti %rax, (%rsi)"
    PROBE ALWAYS, "lock addl $1, (%esi)"
    PROBE ALWAYS, "lock bts %eax, (%esi)"
    PROBE ALWAYS, "lock notb (%esi)"
    PROBE ALWAYS, "lock xchg %eax, (%esi)"
    /* --- hints of later processors: nothing, as of the P6 --- */
    PROBE P6, "nopl 5(%esi)"
    PROBE P6, ".byte 0xf3, 0x0f, 0x1e, 0xfa" /* ENDBR64 */
    PROBE P6, ".byte 0xf3, 0x0f, 0x1e, 0xfb" /* ENDBR32 */
    PROBE P6, ".byte 0xf3, 0x0f, 0x1e, 0xc8" /* RDSSPD eax */
    PROBE P6, ".byte 0x0f, 0x1c, 0x06" /* CLDEMOTE (esi) */
    PROBE P6, ".byte 0x66, 0x0f, 0x1a, 0x06" /* BNDMOV */
    PROBE P6, ".byte 0xf3, 0x0f, 0x1a, 0x06" /* BNDCL */
    PROBE P6, ".byte 0xf2, 0x0f, 0x1b, 0xc0" /* BNDCN */
    PROBE P6, ".byte 0x0f, 0x18, 0x0e" /* PREFETCHT0 */
    PROBE P6, ".byte 0x0f, 0x18, 0x36" /* PREFETCHIT1's place */
    PROBE P6, ".byte 0x0f, 0x19, 0xc0"
    PROBE P6, ".byte 0x0f, 0x1d, 0xc0"
    /* --- what none of the models has --- */
    PROBE NEVER, "ud2"
    PROBE NEVER, ".byte 0x0f, 0xff, 0xc0" /* UD0 */
    PROBE NEVER, ".byte 0x0f, 0xb9, 0xc0" /* UD1 */
    PROBE NEVER, ".byte 0x0f, 0x0f, 0xc1, 0x9e" /* PFADD mm0, mm1 */
    PROBE NEVER, ".byte 0x0f, 0x0e" /* FEMMS */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xc1" /* VMCALL */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xc2" /* VMLAUNCH */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xc7, 0x36" /* VMXON */
    PROBE NEVER, ".byte 0x0f, 0x78, 0xc0" /* VMREAD */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xd8" /* VMRUN */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xd9" /* VMMCALL */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xdd" /* CLGI */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xdf" /* INVLPGA */
    PROBE NEVER, ".byte 0x0f, 0x37" /* GETSEC */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xcf" /* ENCLS */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xd7" /* ENCLU */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xd5" /* XEND */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xd6" /* XTEST */
    PROBE NEVER, ".byte 0xc7, 0xf8, 0, 0, 0, 0" /* XBEGIN */
    PROBE NEVER, ".byte 0xc6, 0xf8, 0" /* XABORT */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xe8" /* SERIALIZE */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0x01, 0xe8" /* SETSSBSY */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xae, 0xe8" /* INCSSPD */
    PROBE NEVER, ".byte 0x0f, 0x38, 0xf6, 0x06" /* WRSSD */
    PROBE NEVER, ".byte 0x66, 0x0f, 0x38, 0xf5, 0x06" /* WRUSSD */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xae, 0x36" /* CLRSSBSY */
    PROBE NEVER, ".byte 0x0f, 0x38, 0xf9, 0x06" /* MOVDIRI */
    PROBE NEVER, ".byte 0x66, 0x0f, 0x38, 0xf8, 0x06" /* MOVDIR64B */
    PROBE NEVER, ".byte 0xf2, 0x0f, 0x38, 0xf8, 0x06" /* ENQCMD */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xae, 0xf0" /* UMONITOR */
    PROBE NEVER, ".byte 0xf2, 0x0f, 0xae, 0xf0" /* UMWAIT */
    PROBE NEVER, ".byte 0x66, 0x0f, 0xae, 0xf0" /* TPAUSE */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xae, 0xe0" /* PTWRITE */
    PROBE NEVER, ".byte 0x66, 0x0f, 0x38, 0xcf, 0xc0" /* GF2P8MULB */
    PROBE NEVER, ".byte 0x66, 0x0f, 0x3a, 0xce, 0xc0, 0" /* GF2P8AFFINEQB */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xfc" /* CLZERO */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xfa" /* MONITORX */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xfb" /* MWAITX */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xfd" /* RDPRU */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xfe" /* INVLPGB */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xff" /* TLBSYNC */
    PROBE NEVER, ".byte 0x0f, 0x01, 0xc5" /* PCONFIG */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0x38, 0xd8, 0x06" /* AESENCWIDE128KL */
    PROBE NEVER, ".byte 0xc4, 0xe2, 0x79, 0x50, 0xc0" /* VPDPBUSD */
    PROBE NEVER, ".byte 0xc4, 0xe3, 0x79, 0x68, 0xc0, 0" /* VFMADDPS of FMA4 */
    PROBE NEVER, ".byte 0x8f, 0xe8, 0x78, 0xc0, 0xc0, 0" /* VPROTB of XOP */
    PROBE NEVER, ".byte 0x8f, 0xe9, 0x78, 0x01, 0xc8" /* BLCFILL */
    PROBE NEVER, ".byte 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0" /* VADDPS zmm */
    PROBE NEVER, ".byte 0xc5, 0xfb, 0x93, 0xc0" /* KMOVD */
    PROBE NEVER, ".byte 0x0f, 0x04"
    PROBE NEVER, ".byte 0x0f, 0x0a"
    PROBE NEVER, ".byte 0x0f, 0x24, 0xc0" /* MOV from TR0 */
    PROBE NEVER, ".byte 0x0f, 0x20, 0xc8" /* MOV from CR1 */
    PROBE NEVER, ".byte 0x0f, 0x22, 0xe8" /* MOV to CR5 */
    PROBE NEVER, ".byte 0x0f, 0xa6, 0xc0"
    /* --- LOCK is for some, and for memory --- */
    PROBE NEVER, ".byte 0xf0, 0x90" /* NOP */
    PROBE NEVER, ".byte 0xf0, 0x01, 0xc0" /* ADD of registers */
    PROBE NEVER, ".byte 0xf0, 0x39, 0x06" /* CMP */
    PROBE NEVER, ".byte 0xf0, 0x85, 0x06" /* TEST */
    PROBE NEVER, ".byte 0xf0, 0x89, 0x06" /* MOV */
    PROBE NEVER, ".byte 0xf0, 0x0f, 0xa3, 0x06" /* BT */
    PROBE NEVER, ".byte 0xf0, 0x0f, 0xba, 0x26, 0" /* BT imm */
    PROBE NEVER, ".byte 0xf0, 0x0f, 0xc1, 0xc0" /* XADD of registers */
    PROBE NEVER, ".byte 0xf0, 0xd1, 0x26" /* SHL */
    PROBE NEVER, ".byte 0xf0, 0x03, 0x06" /* ADD from memory */
    PROBE NEVER, ".byte 0xf0, 0xf7, 0x26" /* MUL */
    PROBE NEVER, ".byte 0xf0, 0xff, 0x36" /* PUSH */
    PROBE NEVER, ".byte 0xf0, 0x0f, 0x58, 0x06" /* ADDPS */
    PROBE NEVER, ".byte 0xf0, 0xc5, 0xf8, 0x58, 0xc0" /* LOCK before VEX */
    PROBE NEVER, ".byte 0x66, 0xc5, 0xf8, 0x58, 0xc0" /* 66 before VEX */
    PROBE NEVER, ".byte 0xf3, 0xc5, 0xf8, 0x58, 0xc0" /* F3 before VEX */
    /* --- of instructions in groups, what is left free --- */
    PROBE NEVER, ".byte 0xfe, 0xd0"
    PROBE NEVER, ".byte 0xff, 0xf8"
    PROBE NEVER, ".byte 0x8f, 0xc8"
    PROBE NEVER, ".byte 0xc6, 0xc8, 0"
    PROBE NEVER, ".byte 0x0f, 0xba, 0xc0, 0"
    PROBE NEVER, ".byte 0x0f, 0xc7, 0x06"
    PROBE NEVER, ".byte 0x0f, 0x00, 0xf0"
    PROBE NEVER, ".byte 0x8e, 0xc8" /* MOV to CS */
    PROBE NEVER, ".byte 0x8e, 0xf0" /* MOV to segment register 6 */
    PROBE NEVER, ".byte 0x8c, 0xf0"
    PROBE NEVER, ".byte 0x8d, 0xc0" /* LEA of a register */
    PROBE NEVER, ".byte 0x0f, 0xb2, 0xc0" /* LSS of a register */
    PROBE NEVER, ".byte 0xff, 0xd8" /* far CALL of a register */
    PROBE NEVER, ".byte 0xff, 0xe8" /* far JMP of a register */
    PROBE NEVER, ".byte 0x0f, 0xaa" /* RSM outside of SMM */
#ifdef __x86_64__
    /* --- not in 64-bit code --- */
    PROBE NEVER, ".byte 0x27" /* DAA */
    PROBE NEVER, ".byte 0x2f" /* DAS */
    PROBE NEVER, ".byte 0x37" /* AAA */
    PROBE NEVER, ".byte 0x3f" /* AAS */
    PROBE NEVER, ".byte 0xd4, 10" /* AAM */
    PROBE NEVER, ".byte 0xd5, 10" /* AAD */
    PROBE NEVER, ".byte 0x60" /* PUSHA */
    PROBE NEVER, ".byte 0x61" /* POPA */
    PROBE NEVER, ".byte 0x62, 0x06" /* BOUND */
    PROBE NEVER, ".byte 0xce" /* INTO */
    PROBE NEVER, ".byte 0x06" /* PUSH ES */
    PROBE NEVER, ".byte 0x07"
    PROBE NEVER, ".byte 0x0e"
    PROBE NEVER, ".byte 0x16"
    PROBE NEVER, ".byte 0x17"
    PROBE NEVER, ".byte 0x1e"
    PROBE NEVER, ".byte 0x1f"
    PROBE NEVER, ".byte 0x82, 0x06, 0" /* ADD, another encoding */
    PROBE NEVER, ".byte 0x9a, 0, 0, 0, 0, 8, 0" /* far CALL */
    PROBE NEVER, ".byte 0xea, 0, 0, 0, 0, 8, 0" /* far JMP */
    PROBE NEVER, ".byte 0xd6" /* SALC */
    PROBE NEVER, ".byte 0xc4, 0x06" /* LES */
#else
    PROBE ALWAYS, "daa; das; aaa; aas"
    PROBE ALWAYS, "aam; aad"
    PROBE ALWAYS, "pusha; popa"
    PROBE ALWAYS, "into"
    PROBE ALWAYS, ".byte 0x82, 0x06, 0"
    PROBE ALWAYS, ".byte 0xd6"
    PROBE ALWAYS, "bound %eax, (%esi)"
    PROBE ALWAYS, "push %es; pop %es"
    PROBE NEVER, ".byte 0x0f, 0x01, 0xf8" /* SWAPGS */
    PROBE NEVER, ".byte 0xf3, 0x0f, 0xae, 0xc0" /* RDFSBASE */
#endif
