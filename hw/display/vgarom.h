/* The BIOS of a card that has no address of its own for it: firmware finds it in fw_cfg. */
#ifndef HW_DISPLAY_VGAROM_H
#define HW_DISPLAY_VGAROM_H

#include "core/machine.h"

/* For realize: offer the file to firmware, as "vgaroms/NAME".  file NULL: the usual one, if it is
 * installed; "": none.  Nothing where there is no fw_cfg.  False with *errp for a bad file. */
bool vgarom_offer(struct machine *m, const char *file, const char *usual,
                  struct error **errp) MUST_CHECK;

#endif
