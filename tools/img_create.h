/* The options of -o, for the commands that make images. */
#ifndef TOOLS_IMG_CREATE_H
#define TOOLS_IMG_CREATE_H

#include "util/optparse.h"

#include <stdbool.h>

/* Whether "help" is among the options. */
bool img_is_help(const char *options);
bool img_print_create_opts(const char *format);
/* Put "key=value,..." into o. */
void img_add_options(struct opts *o, const char *text);

#endif
