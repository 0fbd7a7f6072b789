/* Files of pictures, row by row: neither needs a second copy of the surface. */
#include "ui/picture.h"

#include <errno.h>
#include <glib.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

enum { BYTES = 3 }; /* of a pixel in files: red, green, blue */

static void pack_row(const struct surface *s, unsigned y, uint8_t *to)
{
    const uint32_t *from = s->pixels + (size_t)y * s->stride;
    for (unsigned x = 0; x < s->width; x++, to += BYTES) {
        to[0] = (uint8_t)(from[x] >> 16);
        to[1] = (uint8_t)(from[x] >> 8);
        to[2] = (uint8_t)from[x];
    }
}

/* libpng's way to fail is to jump back to whoever called setjmp(). */
static bool png_rows(const struct surface *s, png_structp png, png_infop info, uint8_t *row)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_IHDR(png, info, s->width, s->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < s->height; y++) {
        pack_row(s, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    return true;
}

/* Warnings are of no use to anybody here. */
static void on_png_warning(png_structp png UNUSED, png_const_charp text UNUSED)
{
}

static void on_png_error(png_structp png, png_const_charp text UNUSED)
{
    png_longjmp(png, 1);
}

static bool png_out(const struct surface *s, FILE *f)
{
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_png_error, on_png_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    g_autofree uint8_t *row = g_malloc((size_t)s->width * BYTES);
    bool ok = info != NULL;
    if (ok) {
        png_init_io(png, f);
        ok = png_rows(s, png, info, row);
    }
    png_destroy_write_struct(&png, &info);
    return ok;
}

static bool ppm_out(const struct surface *s, FILE *f)
{
    g_autofree uint8_t *row = g_malloc((size_t)s->width * BYTES);
    fprintf(f, "P6\n%u %u\n255\n", s->width, s->height);
    for (unsigned y = 0; y < s->height; y++) {
        pack_row(s, y, row);
        fwrite(row, BYTES, s->width, f);
    }
    return !ferror(f);
}

static bool write_file(const struct surface *s, const char *path,
                       bool (*out)(const struct surface *s, FILE *f), struct error **errp)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        error_set(errp, "cannot write '%s': %s", path, strerror(errno));
        return false;
    }
    errno = 0;
    bool ok = out(s, f);
    int why = errno;
    if (fclose(f) != 0 && ok) {
        why = errno;
        ok = false;
    }
    if (!ok)
        error_set(errp, "cannot write '%s': %s", path, strerror(why ? why : EIO));
    return ok;
}

bool picture_write_png(const struct surface *s, const char *path, struct error **errp)
{
    return write_file(s, path, png_out, errp);
}

bool picture_write_ppm(const struct surface *s, const char *path, struct error **errp)
{
    return write_file(s, path, ppm_out, errp);
}
