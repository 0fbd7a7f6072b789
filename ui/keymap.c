/* Which keys of a US keyboard make a character.  Codes from Linux's input-event-codes.h. */
#include "ui/input.h"

#include <linux/input-event-codes.h>
#include <string.h>

/* From KEY_1 on, in the order of codes; '\0': a key without a character. */
static const char plain[] = "1234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shifted[] = "!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0\0\0\0";

static uint16_t find(const char *row, char ch)
{
    const char *at = ch ? memchr(row, ch, sizeof(plain) - 1) : NULL;
    return at ? (uint16_t)(KEY_1 + (at - row)) : 0;
}

uint16_t input_char_key(char ch, uint16_t *modifier)
{
    _Static_assert(sizeof(plain) == sizeof(shifted), "rows of different lengths");
    uint16_t code;
    *modifier = 0;
    if (ch == 0x1b)
        return KEY_ESC;
    if ((code = find(plain, ch == '\r' ? '\n' : ch == 0x7f ? '\b' : ch)))
        return code;
    if (ch >= 1 && ch <= 26) { /* Ctrl-A to Ctrl-Z */
        *modifier = KEY_LEFTCTRL;
        return find(plain, (char)(ch - 1 + 'a'));
    }
    *modifier = KEY_LEFTSHIFT;
    return find(shifted, ch);
}
