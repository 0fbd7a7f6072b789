/* What the program exec runs: a position-independent executable that uses the shared C library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[200] = "";
    unsigned n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, sum = 0;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(line, sizeof(line), "%u %x %.3f %s", n + i, n * i, n / 7.0,
                 strchr("abcdef", 'a' + i % 6));
        sum += strlen(line) + (unsigned char)line[i % 7];
    }
    return sum & 0x7f;
}
