/* What a monitor says of itself: one block of EDID 1.4. */
#include "hw/display/edid.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { DPI = 100, REFRESH = 60, H_BLANK = 160, H_FRONT = 48, H_SYNC = 32, V_FRONT = 3, V_SYNC = 6 };
enum { MIN_V_BLANK_US = 460, V_BACK_MIN = 6, DESCRIPTOR = 18, NO_TIMING = 0x01 };
enum { TIMINGS = 35, STANDARD = 38, FIRST_DESCRIPTOR = 54, CHECKSUM = 127 };
enum { D_NAME = 0xfc, D_RANGES = 0xfd, D_NONE = 0x10 };

bool edid_check(const struct edid_config *c, struct error **errp)
{
    const struct {
        const char *name;
        uint32_t value;
    } side[] = {{"xres", c->xres}, {"yres", c->yres}};
    for (unsigned i = 0; i < G_N_ELEMENTS(side); i++)
        if (side[i].value < EDID_MIN_SIDE || side[i].value > EDID_MAX_SIDE) {
            error_set(errp, "%s is %u, must be %d to %d", side[i].name, side[i].value,
                      EDID_MIN_SIDE, EDID_MAX_SIDE);
            return false;
        }
    return true;
}

static bool allowed(const struct edid_config *c, unsigned width, unsigned height)
{
    return (c->xmax == 0 || width <= c->xmax) && (c->ymax == 0 || height <= c->ymax);
}

/* Section 3.8: one bit a mode. */
static void put_established(const struct edid_config *c, uint8_t *at)
{
    at[0] = (uint8_t)((allowed(c, 640, 480) ? 0x20 : 0) | (allowed(c, 800, 600) ? 0x01 : 0));
    at[1] = allowed(c, 1024, 768) ? 0x08 : 0;
}

/* Section 3.9: width / 8 - 31, then aspect (16:10, 4:3, 5:4, 16:9) and rate - 60. */
static void put_standard(const struct edid_config *c, uint8_t *at)
{
    static const struct {
        uint16_t width, height;
        uint8_t aspect;
    } mode[] = {{1920, 1080, 3}, {1680, 1050, 0}, {1600, 900, 3}, {1440, 900, 0},
                {1280, 1024, 2}, {1280, 960, 1},  {1280, 800, 0}, {1152, 864, 1}};
    for (unsigned i = 0; i < G_N_ELEMENTS(mode); i++) {
        bool yes = allowed(c, mode[i].width, mode[i].height);
        at[2 * i] = yes ? (uint8_t)(mode[i].width / 8 - 31) : NO_TIMING;
        at[2 * i + 1] = yes ? (uint8_t)(mode[i].aspect << 6) : NO_TIMING;
    }
}

/* Section 3.10.2, with reduced blanking as VESA's Coordinated Video Timings have it. */
static void put_timing(const struct edid_config *c, uint8_t *at)
{
    unsigned x = c->xres, y = c->yres;
    double line_us = (1e6 / REFRESH - MIN_V_BLANK_US) / y;
    unsigned v_blank = MAX((unsigned)(MIN_V_BLANK_US / line_us) + 1, V_FRONT + V_SYNC + V_BACK_MIN);
    uint64_t clock = (uint64_t)(x + H_BLANK) * (y + v_blank) * REFRESH / 10000;
    unsigned mm_x = x * 254 / (DPI * 10), mm_y = y * 254 / (DPI * 10);
    st_le16(at, (uint16_t)MIN(clock, UINT16_MAX));
    at[2] = (uint8_t)x;
    at[3] = H_BLANK;
    at[4] = (uint8_t)((x >> 8) << 4);
    at[5] = (uint8_t)y;
    at[6] = (uint8_t)v_blank;
    at[7] = (uint8_t)((y >> 8) << 4 | v_blank >> 8);
    at[8] = H_FRONT;
    at[9] = H_SYNC;
    at[10] = V_FRONT << 4 | V_SYNC;
    at[12] = (uint8_t)mm_x;
    at[13] = (uint8_t)mm_y;
    at[14] = (uint8_t)((mm_x >> 8) << 4 | mm_y >> 8);
    at[17] = 0x1a; /* digital separate sync, horizontal positive */
}

static void put_descriptor(uint8_t *at, uint8_t kind, const char *text)
{
    at[3] = kind;
    if (kind == D_NONE)
        return;
    memset(at + 5, ' ', DESCRIPTOR - 5);
    memcpy(at + 5, text, strlen(text));
    at[5 + strlen(text)] = '\n';
}

static void put_ranges(uint8_t *at)
{
    static const uint8_t limits[] = {50, 125, 30, 160, 65, 1, '\n', ' ', ' ', ' ', ' ', ' ', ' '};
    at[3] = D_RANGES;
    memcpy(at + 5, limits, sizeof(limits));
}

static void put_identity(const struct edid_config *c, uint8_t *blob)
{
    static const uint8_t header[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    static const uint8_t srgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
    enum { T = 'T' - '@', N = 'N' - '@', M = 'M' - '@' };
    enum { DIGITAL_8_BITS = 0xa5, GAMMA_2_2 = 120, FEATURES = 0x06, YEAR = 2024 - 1990 };
    memcpy(blob, header, sizeof(header));
    blob[8] = T << 2 | N >> 3;
    blob[9] = (N & 7) << 5 | M;
    blob[10] = 1;
    blob[17] = YEAR;
    blob[18] = 1;
    blob[19] = 4;
    blob[20] = DIGITAL_8_BITS;
    blob[21] = (uint8_t)(c->xres * 254 / (DPI * 100));
    blob[22] = (uint8_t)(c->yres * 254 / (DPI * 100));
    blob[23] = GAMMA_2_2;
    blob[24] = FEATURES;
    memcpy(blob + 25, srgb, sizeof(srgb));
}

void edid_make(const struct edid_config *c, uint8_t blob[EDID_SIZE])
{
    uint8_t sum = 0;
    memset(blob, 0, EDID_SIZE);
    put_identity(c, blob);
    put_established(c, blob + TIMINGS);
    put_standard(c, blob + STANDARD);
    put_timing(c, blob + FIRST_DESCRIPTOR);
    put_ranges(blob + FIRST_DESCRIPTOR + DESCRIPTOR);
    put_descriptor(blob + FIRST_DESCRIPTOR + 2 * DESCRIPTOR, D_NAME, "Tinamou");
    put_descriptor(blob + FIRST_DESCRIPTOR + 3 * DESCRIPTOR, D_NONE, NULL);
    for (unsigned i = 0; i < CHECKSUM; i++)
        sum = (uint8_t)(sum + blob[i]);
    blob[CHECKSUM] = (uint8_t)-sum;
}
