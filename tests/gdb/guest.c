/* What gdb looks at: tests/boot/test_gdb.py.  Compiled without optimisation, with symbols. */

volatile long counter, spins, total;
volatile char bytes[16];
volatile double ratio = 0.5;

static int leaf(int n)
{
    counter = counter + n; /* leaf: the store */
    return n * 2;
}

static int middle(int n)
{
    int twice = leaf(n);
    return twice + 1;
}

#ifdef __riscv
static void finish(void)
{
    *(volatile unsigned *)0x100000 = 0x5555; /* the board's power switch */
}
#else
void power_off(void);
static void finish(void)
{
    power_off();
}
#endif

void main(void)
{
    volatile int go_on = 1;
    long i = 0;
    while (go_on) {
        total += middle((int)(i % 3));
        bytes[i & 15] = (char)i;
        i = i + 1;
    }
    finish();
}
