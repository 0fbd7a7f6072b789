/* Bits of CPUID by name: 32 for each register that has features.  Ref: SDM vol. 2, CPUID; APM vol.
 * 3, appendix E. */
#ifndef X86BARE_FEATURES_H
#define X86BARE_FEATURES_H

#define L1D   0x000
#define L1C   0x020
#define L7B   0x040
#define L7C   0x060
#define LDA   0x080 /* leaf 0xd, subleaf 1 */
#define XD    0x0a0 /* leaf 0x80000001 */
#define XC    0x0c0
#define WORDS 7

#define FPU          0x000
#define VME          0x001
#define DE_          0x002
#define PSE          0x003
#define TSC          0x004
#define MSR          0x005
#define PAE          0x006
#define MCE          0x007
#define CX8          0x008
#define APIC         0x009
#define SEP          0x00b
#define MTRR         0x00c
#define PGE          0x00d
#define MCA          0x00e
#define CMOV         0x00f
#define PAT          0x010
#define PSE36        0x011
#define CLFLUSH      0x013
#define MMX          0x017
#define FXSR         0x018
#define SSE          0x019
#define SSE2         0x01a
#define SSE3         0x020
#define PCLMULQDQ    0x021
#define MONITOR      0x023
#define SSSE3        0x029
#define FMA          0x02c
#define CX16         0x02d
#define PCID         0x031
#define SSE41        0x033
#define SSE42        0x034
#define X2APIC       0x035
#define MOVBE        0x036
#define POPCNT       0x037
#define TSC_DEADLINE 0x038
#define AES          0x039
#define XSAVE        0x03a
#define OSXSAVE      0x03b
#define AVX          0x03c
#define F16C         0x03d
#define RDRAND       0x03e
#define FSGSBASE     0x040
#define TSC_ADJUST   0x041
#define BMI1         0x043
#define AVX2         0x045
#define SMEP         0x047
#define BMI2         0x048
#define INVPCID      0x04a
#define RDSEED       0x052
#define ADX          0x053
#define SMAP         0x054
#define CLFLUSHOPT   0x057
#define CLWB         0x058
#define SHA          0x05d
#define UMIP         0x062
#define PKU          0x063
#define OSPKE        0x064
#define VAES         0x069
#define VPCLMULQDQ   0x06a
#define LA57         0x070
#define RDPID        0x076
#define XSAVEOPT     0x080
#define XSAVEC       0x081
#define XGETBV1      0x082
#define XSAVES       0x083
#define SYSCALL      0x0ab
#define NX           0x0b4
#define MMXEXT       0x0b6
#define FXSR_OPT     0x0b9
#define PDPE1GB      0x0ba
#define RDTSCP       0x0bb
#define LM           0x0bd
#define LAHF_LM      0x0c0
#define CR8LEGACY    0x0c4
#define ABM          0x0c5
#define SSE4A        0x0c6
#define MISALIGNSSE  0x0c7
#define PREFETCHW    0x0c8
/* No bits: what is there always, never, as of the P6, which brought CMOV, with one of two features.
 */
#define ALWAYS        0x100
#define NEVER         0x101
#define P6            0x102
#define SSE_OR_MMXEXT 0x103

#endif
