/* The image tool's parts: commands, and what they share. */
#ifndef TOOLS_IMG_H
#define TOOLS_IMG_H

#include "block/block.h"
#include "util/annot.h"

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses; `check` and `compare` have more (see there). */
enum { IMG_OK = 0, IMG_FAILED = 1 };
/* A command gets its own name as argv[0]; it returns the exit status. */
struct img_command {
    const char *name, *usage, *help;
    int (*run)(int argc, char **argv);
};
extern const char *img_program;                 /* base name of the program, for messages */
extern const struct img_command img_commands[]; /* ended by a NULL name */

/* Options that most commands have. */
struct img_args {
    const char *format, *output, *cache, *src_cache;
    bool quiet, progress, share, image_opts;
    bool json; /* --output=json */
};
/* Long options are short ones beyond the letters. */
enum img_opt {
    IMG_OPT_OUTPUT = 256,
    IMG_OPT_IMAGE_OPTS,
    IMG_OPT_OBJECT,
    IMG_OPT_OWN /* a command's own begin here */
};
struct option;
/* The next option as getopt_long() gives it, common ones handled: -1 at the end, '?' after a
 * message.  more: a command's own long options, ended by a NULL name. */
int img_getopt(int argc, char **argv, const char *letters, const struct option *more,
               struct img_args *a);

void img_error(const char *fmt, ...) PRINTF(1, 2);
/* Print an error and free it; always IMG_FAILED. */
int img_fail(struct error *take_err);
void img_warn(const char *fmt, ...) PRINTF(1, 2);
/* Open by path (or options, with image_opts); flags of cache= are added; NULL after a message. */
struct block_node *img_open(const struct img_args *a, const char *path, const char *format,
                            const char *cache, unsigned flags);
/* The words after the options: exactly n of them; false after a message. */
bool img_want(int argc, char **argv, int n, const char *what);
bool img_parse_size(const char *text, uint64_t *size);
/* Progress in percent on stdout, rarely enough. */
void img_progress(const struct img_args *a, uint64_t done, uint64_t all);
void img_progress_end(const struct img_args *a);
/* "64 MiB"; free it. */
char *img_human_size(uint64_t bytes);

int img_bitmap(int argc, char **argv);
/* Make persistent copies of from's persistent bitmaps; those that were not saved are an error, or
 * left out.  False after a message. */
bool img_copy_bitmaps(struct block_node *from, struct block_node *to, bool skip_broken);
int img_info(int argc, char **argv);
int img_check(int argc, char **argv);
int img_map(int argc, char **argv);
int img_snapshot(int argc, char **argv);
int img_create(int argc, char **argv);
int img_resize(int argc, char **argv);
int img_convert(int argc, char **argv);
int img_dd(int argc, char **argv);
int img_compare(int argc, char **argv);
int img_rebase(int argc, char **argv);
int img_commit(int argc, char **argv);
int img_measure(int argc, char **argv);

#endif
