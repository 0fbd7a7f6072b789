/* Files of pictures: PNG, and PPM of the portable pixmap family.  Ref: PNG Specification, second
 * edition; ppm(5). */
#ifndef UI_PICTURE_H
#define UI_PICTURE_H

#include "ui/console.h"

/* Write the surface to a file, which is created or replaced; false and *errp when that fails. */
bool picture_write_png(const struct surface *s, const char *path, struct error **errp) MUST_CHECK;
bool picture_write_ppm(const struct surface *s, const char *path, struct error **errp) MUST_CHECK;

#endif
