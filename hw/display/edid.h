/* What a monitor says of itself.  Ref: VESA Enhanced EDID Standard, release A, revision 2 (EDID
 * structure 1.4). */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { EDID_SIZE = 128, EDID_MIN_SIDE = 64, EDID_MAX_SIDE = 4095 };

struct edid_config {
    uint32_t xres, yres; /* preferred, pixels */
    uint32_t xmax, ymax; /* no other modes beyond these; 0: no limit */
};

/* False and *errp when a side is out of range. */
bool edid_check(const struct edid_config *c, struct error **errp) MUST_CHECK;
void edid_make(const struct edid_config *c, uint8_t blob[EDID_SIZE]);

#endif
