/* The catalogue as a Linux program: catalogue [1 | WORD], for keys from another implementation. */
#include "tests/isa/aarch64/simd/catalogue.h"
#include "tests/isa/values.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

void run_code(const void *code, struct state *s);

static volatile int undefined;

static void on_sigill(int sig, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    (void)sig;
    (void)info;
    undefined = 1;
    c->uc_mcontext.pc += 4;
}

void print(const char *text)
{
    fputs(text, stdout);
}

int run_word(uint32_t word, struct state *s)
{
    static uint32_t *code;
    static uint32_t last;
    if (!code)
        code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
    if (word != last) {
        code[0] = word;
        code[1] = 0xd65f03c0; /* ret */
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        last = word;
    }
    undefined = 0;
    run_code(code, s);
    return !undefined;
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &sa, NULL);
    catalogue(argc > 1 ? strtoul(argv[1], NULL, 16) : 0);
    return 0;
}
