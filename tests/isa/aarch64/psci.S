/*
 * PSCI by HVC: what it says of itself, standby and power-down states, suspend of the system.
 * Ref: DEN 0022, 5.
 * RUN: cpu=cortex-a57
 */
#include "test.h"

    .set GICD, 0x08000000
    .set GICC, 0x08010000
    .set VERSION, 0x84000000
    .set CPU_SUSPEND, 0xc4000001
    .set AFFINITY_INFO, 0xc4000004
    .set FEATURES, 0x8400000a
    .set SYSTEM_SUSPEND, 0xc400000e
    .set TIMER, 27

.macro PSCI function, a1=0, a2=0, a3=0
    ldr x0, =\function
    ldr x1, =\a1
    ldr x2, =\a2
    ldr x3, =\a3
    hvc #0
.endm

/* The virtual timer fires after so many ticks. */
.macro SOON
    mov x4, #1000
    msr cntv_tval_el0, x4
    mov x4, #1
    msr cntv_ctl_el0, x4
    isb
.endm

tests:
    msr daifset, #15
    ldr x4, =GICD
    mov w5, #1
    str w5, [x4]
    ldr w5, =1 << TIMER
    str w5, [x4, #0x100]
    ldr x4, =GICC
    mov w5, #0xff
    str w5, [x4, #4]
    mov w5, #1
    str w5, [x4]

TEST version
    PSCI VERSION
    EXPECT x0, 0x10001
TEST features: those that are there, those that are not
    .irp function, 0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003, 0xc4000004, 0x84000006, 0x84000008
    PSCI FEATURES, \function
    EXPECT x0, 0
    .endr
    .irp function, 0x84000009, 0x8400000a, 0x8400000e, 0xc400000e, 0x84000012, 0xc4000012, 0x80000000
    PSCI FEATURES, \function
    EXPECT x0, 0
    .endr
    .irp function, 0x84000005, 0x84000007, 0x8400000b, 0x8400000f, 0x8400001f, 0xc4000000, 0x84000100
    PSCI FEATURES, \function
    EXPECT x0, -1
    .endr
TEST a power state with reserved bits
    PSCI CPU_SUSPEND, 0x80000000
    EXPECT x0, -2
TEST standby retains everything
    SOON
    mov x20, #0x1234
    PSCI CPU_SUSPEND, 0, 0, 7
    EXPECT x0, 0
    EXPECT x20, 0x1234
    mrs x0, sctlr_el1
    and x0, x0, #1
    EXPECT x0, 1
    mrs x0, cntv_ctl_el0
    EXPECT x0, 5
TEST AFFINITY_INFO of this one and of none
    PSCI AFFINITY_INFO
    EXPECT x0, 0
    PSCI AFFINITY_INFO, 0x300
    EXPECT x0, -2
TEST a power-down state
    SOON
    PSCI CPU_SUSPEND, 0x10000, woken, 0x55
    b fail
woken:
    mov x28, #test_number
    EXPECT x0, 0x55
    mrs x0, sctlr_el1
    and x0, x0, #1
    EXPECT x0, 0
    mrs x0, daif
    EXPECT x0, 0x3c0
    mrs x0, cntv_ctl_el0
    EXPECT x0, 5
TEST suspend of the system
    SOON
    PSCI SYSTEM_SUSPEND, resumed, 0x66
    b fail
resumed:
    mov x28, #test_number
    EXPECT x0, 0x66
    mrs x0, currentel
    EXPECT x0, 4
    ldr x4, =GICC
    ldr w0, [x4, #0xc]
    EXPECT x0, TIMER
    adr x1, passed
    mov w0, #4
    hlt #0xf000
    b finish
