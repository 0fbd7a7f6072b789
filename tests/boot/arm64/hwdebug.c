/* A Linux program that debugs its child with the processor's own breakpoint, watchpoint and step.
 */
#include <elf.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/ptrace.h>

enum { ENABLED = 1, USER = 2 << 1, STORES = 2 << 3, INSN = 0xf << 5, EIGHT_BYTES = 0xff << 5 };

static volatile long watched[2];

static __attribute__((noinline)) void target(long i)
{
    watched[1] = i;
    if (i >= 3)
        watched[0] = i;
    __asm__ volatile("");
}

static void set(pid_t child, int kind, const volatile void *addr, unsigned control)
{
    struct user_hwdebug_state s = {0};
    struct iovec v = {&s, offsetof(struct user_hwdebug_state, dbg_regs) + sizeof(s.dbg_regs[0])};

    s.dbg_regs[0].addr = (unsigned long)addr;
    s.dbg_regs[0].ctrl = control;
    if (ptrace(PTRACE_SETREGSET, child, kind, &v)) {
        perror("PTRACE_SETREGSET");
        exit(1);
    }
}

/* Let it go until it stops, and say where. */
static unsigned long go(pid_t child, int request, const char *what)
{
    struct user_pt_regs r;
    struct iovec v = {&r, sizeof(r)};
    siginfo_t info;
    int status;

    ptrace(request, child, 0, 0);
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
        return 0;
    }
    ptrace(PTRACE_GETSIGINFO, child, 0, &info);
    ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v);
    const char *where = info.si_addr == &watched[0]       ? "the variable"
                        : info.si_addr == (void *)&target ? "the function"
                                                          : "elsewhere";
    printf("%s: signal %d, code %d, %s\n", what, WSTOPSIG(status), info.si_code, where);
    return r.pc;
}

static void child_main(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (long i = 0; i < 6; i++)
        target(i);
    _exit(7);
}

int main(void)
{
    int status;
    pid_t child = fork();

    if (!child)
        child_main();
    waitpid(child, &status, 0);
    set(child, NT_ARM_HW_BREAK, (void *)&target, ENABLED | USER | INSN);
    unsigned long at = go(child, PTRACE_CONT, "break");
    set(child, NT_ARM_HW_BREAK, 0, 0);
    printf("a step of %ld\n", (long)(go(child, PTRACE_SINGLESTEP, "step") - at));
    set(child, NT_ARM_HW_WATCH, &watched[0], ENABLED | USER | STORES | EIGHT_BYTES);
    go(child, PTRACE_CONT, "watch");
    printf("before it: %ld, %ld\n", ptrace(PTRACE_PEEKDATA, child, &watched[0], 0),
           ptrace(PTRACE_PEEKDATA, child, &watched[1], 0));
    set(child, NT_ARM_HW_WATCH, 0, 0);
    go(child, PTRACE_CONT, "end");
    return 0;
}
