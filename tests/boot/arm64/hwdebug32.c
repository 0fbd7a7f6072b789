/* As hwdebug.c, in AArch32 state, where a step is a breakpoint on any other address. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Registers of PTRACE_SETHBPREGS: address 1 and control 2 of a breakpoint, of a watchpoint below 0.
 */
enum { SET_HW_REGS = 30, BREAK = 1, WATCH = -1 };
enum { ENABLED = 1, USER = 2 << 1, STORES = 2 << 3, INSN = 0xf << 5, THUMB = 3 << 5 };

static volatile long watched[2];

static __attribute__((noinline, target("arm"))) void in_arm(long i)
{
    watched[1] = i;
    if (i >= 3)
        watched[0] = i;
    __asm__ volatile("");
}

static __attribute__((noinline, target("thumb"))) void in_thumb(long i)
{
    watched[1] = i;
    __asm__ volatile("");
}

static void set(pid_t child, int which, unsigned long addr, unsigned control)
{
    unsigned long regs[2] = {addr, control};

    for (int i = 0; i < 2; i++)
        if (ptrace(SET_HW_REGS, child, (void *)(long)(which * (i + 1)), &regs[i])) {
            perror("PTRACE_SETHBPREGS");
            exit(1);
        }
}

/* Let it go until it stops, and say where. */
static void go(pid_t child, const char *what)
{
    siginfo_t info;
    int status;

    ptrace(PTRACE_CONT, child, 0, 0);
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
        return;
    }
    ptrace(PTRACE_GETSIGINFO, child, 0, &info);
    unsigned long at = (unsigned long)info.si_addr;
    const char *where = at == (unsigned long)&watched[0]          ? "the variable"
                        : at == (unsigned long)&in_arm            ? "the function"
                        : at == ((unsigned long)&in_thumb & ~1ul) ? "the function in Thumb"
                                                                  : "elsewhere";
    printf("%s: signal %d, code %d, %s\n", what, WSTOPSIG(status), info.si_code, where);
}

static void child_main(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (long i = 0; i < 6; i++) {
        in_arm(i);
        in_thumb(i);
    }
    _exit(7);
}

int main(void)
{
    int status;
    pid_t child = fork();

    if (!child)
        child_main();
    waitpid(child, &status, 0);
    set(child, BREAK, (unsigned long)&in_arm, ENABLED | USER | INSN);
    go(child, "break");
    set(child, BREAK, (unsigned long)&in_thumb & ~1ul, ENABLED | USER | THUMB);
    go(child, "break");
    set(child, BREAK, (unsigned long)&in_thumb & ~1ul, USER | THUMB);
    set(child, WATCH, (unsigned long)&watched[0], ENABLED | USER | STORES | INSN);
    go(child, "watch");
    printf("before it: %ld, %ld\n", ptrace(PTRACE_PEEKDATA, child, &watched[0], 0),
           ptrace(PTRACE_PEEKDATA, child, &watched[1], 0));
    set(child, WATCH, (unsigned long)&watched[0], USER | STORES | INSN);
    go(child, "end");
    return 0;
}
