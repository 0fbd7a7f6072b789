/*
 * OLED controller SSD0323: 128 by 80 pixels of 16 grey levels, behind a serial bus.
 * Ref: Solomon Systech SSD0323 data sheet, revision 1.3: commands.
 *
 * The panel of the LM3S6965 evaluation board shows 64 of the rows.
 */
#include "hw/display/ssd0323.h"

#include <string.h>

enum { COLS = SSD0323_COLUMNS, ROWS = SSD0323_ROWS, MAX_ARGUMENTS = 10, LEVELS = 15 };
enum {
    CMD_COLUMNS = 0x15,
    CMD_SCROLL_STOP = 0x2e,
    CMD_SCROLL_START = 0x2f,
    CMD_ROWS = 0x75,
    CMD_CONTRAST = 0x81,
    CMD_CURRENT = 0x84, /* to 0x86: quarter, half, full */
    CMD_REMAP = 0xa0,
    CMD_START_LINE = 0xa1,
    CMD_OFFSET = 0xa2,
    CMD_NORMAL = 0xa4, /* then all on, all off, inverse */
    CMD_INVERSE = 0xa7,
    CMD_OFF = 0xae,
    CMD_ON = 0xaf
};
enum { REMAP_COLUMNS = 1, REMAP_NIBBLES = 2, REMAP_VERTICAL = 4, REMAP_ROWS = 16 };

struct ssd0323 {
    struct device dev;
    struct ssd0323_state {
        uint8_t pixels[ROWS][COLS];
        uint8_t data_mode, deselected; /* the pins */
        uint8_t command, arguments[MAX_ARGUMENTS], wanted, have;
        uint8_t col, row, col_start, col_end, row_start, row_end;
        uint8_t contrast, current, remap, start_line, offset, mode, on, multiplex;
        uint8_t pad[2];
    } s;
};

/* How many bytes follow a command. */
static unsigned argument_count(uint8_t command)
{
    switch (command) {
    case CMD_COLUMNS:
    case CMD_ROWS: return 2;
    case 0x23: /* graphic acceleration */
    case CMD_CONTRAST:
    case CMD_REMAP:
    case CMD_START_LINE:
    case CMD_OFFSET:
    case 0xa8: /* multiplex ratio */
    case 0xad: /* master configuration */
    case 0xb0: /* row period, phase, clock, precharge and so on to 0xbf */
    case 0xb1:
    case 0xb2:
    case 0xb3:
    case 0xb4:
    case 0xbc:
    case 0xbe:
    case 0xbf:
    case 0xfd: return 1;
    case 0x25: return 6; /* copy */
    case 0x26: return 3; /* horizontal scroll */
    case 0xb8: return 8; /* grey scale table */
    default: return 0;
    }
}

static uint8_t at_most(uint8_t val, uint8_t max)
{
    return val > max ? max : val;
}

static void set_columns(struct ssd0323_state *s)
{
    s->col_start = s->col = at_most(s->arguments[0] & 0x3f, COLS - 1);
    s->col_end = at_most(s->arguments[1] & 0x3f, COLS - 1);
}

static void set_rows(struct ssd0323_state *s)
{
    s->row_start = s->row = at_most(s->arguments[0] & 0x7f, ROWS - 1);
    s->row_end = at_most(s->arguments[1] & 0x7f, ROWS - 1);
}

/* With all its arguments.  What only changes voltages and timing shows nothing. */
static void execute(struct ssd0323_state *s)
{
    uint8_t arg = s->arguments[0];
    switch (s->command) {
    case CMD_COLUMNS: set_columns(s); break;
    case CMD_ROWS: set_rows(s); break;
    case CMD_CONTRAST: s->contrast = arg & 0x7f; break;
    case CMD_CURRENT:
    case CMD_CURRENT + 1:
    case CMD_CURRENT + 2: s->current = s->command - CMD_CURRENT; break;
    case CMD_REMAP: s->remap = arg; break;
    case CMD_START_LINE: s->start_line = arg & 0x7f; break;
    case CMD_OFFSET: s->offset = arg & 0x7f; break;
    case CMD_NORMAL:
    case CMD_NORMAL + 1:
    case CMD_NORMAL + 2:
    case CMD_INVERSE: s->mode = s->command - CMD_NORMAL; break;
    case 0xa8: s->multiplex = arg; break;
    case CMD_OFF:
    case CMD_ON: s->on = s->command == CMD_ON; break;
    default: break;
    }
}

static void take_command(struct ssd0323_state *s, uint8_t byte)
{
    if (s->wanted == s->have) {
        s->command = byte;
        s->wanted = (uint8_t)argument_count(byte);
        s->have = 0;
    } else {
        s->arguments[s->have++] = byte;
    }
    if (s->have == s->wanted) {
        execute(s);
        s->wanted = s->have = 0;
    }
}

/* From the start of a window to its end; true when it began anew. */
static bool advance(uint8_t *at, uint8_t start, uint8_t end, uint8_t last)
{
    bool wraps = *at == end || *at == last;
    *at = wraps ? start : (uint8_t)(*at + 1);
    return wraps;
}

static void take_data(struct ssd0323_state *s, uint8_t byte)
{
    s->pixels[s->row][s->col] = byte;
    if (s->remap & REMAP_VERTICAL) {
        if (advance(&s->row, s->row_start, s->row_end, ROWS - 1))
            advance(&s->col, s->col_start, s->col_end, COLS - 1);
    } else if (advance(&s->col, s->col_start, s->col_end, COLS - 1)) {
        advance(&s->row, s->row_start, s->row_end, ROWS - 1);
    }
}

uint32_t ssd0323_transfer(void *opaque, uint32_t out, unsigned bits UNUSED)
{
    struct ssd0323 *o = opaque;
    mutex_lock(&o->dev.lock);
    if (!o->s.deselected && o->s.data_mode)
        take_data(&o->s, (uint8_t)out);
    else if (!o->s.deselected)
        take_command(&o->s, (uint8_t)out);
    mutex_unlock(&o->dev.lock);
    return 0;
}

static void set_pin(struct ssd0323 *o, uint8_t *pin, bool level)
{
    mutex_lock(&o->dev.lock);
    *pin = level;
    mutex_unlock(&o->dev.lock);
}

void ssd0323_set_data(void *opaque, unsigned n UNUSED, bool level)
{
    struct ssd0323 *o = opaque;
    set_pin(o, &o->s.data_mode, level);
}

void ssd0323_set_select(void *opaque, unsigned n UNUSED, bool level)
{
    struct ssd0323 *o = opaque;
    set_pin(o, &o->s.deselected, level);
}

/* What the panel shows at a place of the memory. */
static uint8_t shown(const struct ssd0323_state *s, unsigned row, unsigned col)
{
    static const uint8_t all[] = {0, 0xff, 0x00, 0};
    unsigned from = s->remap & REMAP_ROWS ? ROWS - 1 - row : row;
    uint8_t byte =
        s->pixels[(from + s->start_line) % ROWS][s->remap & REMAP_COLUMNS ? COLS - 1 - col : col];
    if (s->mode == 1 || s->mode == 2)
        return all[s->mode];
    if (s->remap & REMAP_NIBBLES)
        byte = (uint8_t)(byte << 4 | byte >> 4);
    return s->mode == 3 ? (uint8_t)~byte : byte;
}

bool ssd0323_copy(struct device *dev, uint8_t pixels[SSD0323_ROWS][SSD0323_COLUMNS])
{
    struct ssd0323 *o = (struct ssd0323 *)dev;
    mutex_lock(&dev->lock);
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned col = 0; col < COLS; col++)
            pixels[row][col] = shown(&o->s, row, col);
    bool on = o->s.on;
    mutex_unlock(&dev->lock);
    return on;
}

static void ssd0323_loaded(struct device *dev)
{
    struct ssd0323_state *s = &((struct ssd0323 *)dev)->s;
    s->wanted = at_most(s->wanted, MAX_ARGUMENTS);
    s->have = at_most(s->have, s->wanted);
    s->col = at_most(s->col, COLS - 1);
    s->row = at_most(s->row, ROWS - 1);
    s->col_start = at_most(s->col_start, COLS - 1);
    s->row_start = at_most(s->row_start, ROWS - 1);
    s->mode &= 3;
}

static const struct state_field ssd0323_state[] = {
    STATE_ARRAY(ssd0323, pixels, 0),
    STATE(ssd0323, data_mode, 0),
    STATE(ssd0323, deselected, 0),
    STATE(ssd0323, command, 0),
    STATE_ARRAY(ssd0323, arguments, 0),
    STATE(ssd0323, wanted, 0),
    STATE(ssd0323, have, 0),
    STATE(ssd0323, col, 0),
    STATE(ssd0323, row, 0),
    STATE(ssd0323, col_start, 0),
    STATE(ssd0323, col_end, COLS - 1),
    STATE(ssd0323, row_start, 0),
    STATE(ssd0323, row_end, ROWS - 1),
    STATE(ssd0323, contrast, 0x40),
    STATE(ssd0323, current, 0),
    STATE(ssd0323, remap, 0),
    STATE(ssd0323, start_line, 0),
    STATE(ssd0323, offset, 0),
    STATE(ssd0323, mode, 0),
    STATE(ssd0323, on, 0),
    STATE(ssd0323, multiplex, ROWS - 1),
    STATE_ARRAY(ssd0323, pad, 0),
    STATE_END,
};

DEVICE_CLASS(ssd0323) = {
    .desc = "OLED controller (SSD0323)",
    .state = ssd0323_state,
    .loaded = ssd0323_loaded,
};
