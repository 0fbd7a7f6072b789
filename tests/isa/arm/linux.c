/* The catalogue as a Linux program: catalogue [1 | WORD], for keys from another implementation. */
#include "tests/isa/arm/catalogue.h"
#include "tests/isa/values.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

volatile uint32_t exception_seen;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    (void)info;
    exception_seen = sig == SIGILL ? 1 : 2;
    c->uc_mcontext.arm_pc = BEHIND;
    c->uc_mcontext.arm_cpsr &= ~0x0600fe20u; /* IT, E, T */
}

void print(const char *text)
{
    fputs(text, stdout);
}

void code_written(void)
{
    __builtin___clear_cache((char *)CODE, (char *)CODE + 128);
}

int main(int argc, char **argv)
{
    static char stack[1 << 16];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_sigaction = on_signal,
                           .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaltstack(&ss, NULL);
    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    mmap((void *)(CODE - 0x10000), 0x40000, PROT_READ | PROT_WRITE | PROT_EXEC,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    catalogue(argc > 1 ? strtoul(argv[1], NULL, 0) : 0);
    return 0;
}
