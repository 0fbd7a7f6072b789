/*
 * Directories as the guest reads them: entries of 32 bytes.
 *
 * Ref: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03,
 * "FAT Directory Structure" and "FAT Long Directory Entries".
 */
#include "block/fat/fat_priv.h"
#include "util/bits.h"

#include <string.h>
#include <time.h>

enum {
    ATTR_READ_ONLY = 0x01,
    ATTR_VOLUME_ID = 0x08,
    ATTR_DIRECTORY = 0x10,
    ATTR_ARCHIVE = 0x20,
    ATTR_LONG_NAME = 0x0f
};
enum { PER_LONG = 13, LAST_LONG = 0x40, YEAR_MIN = 80, YEAR_MAX = 80 + 127 };
enum {
    DIR_ATTR = 11,
    DIR_CRT_TIME = 14,
    DIR_CRT_DATE = 16,
    DIR_ACC_DATE = 18,
    DIR_CLUS_HI = 20,
    DIR_WRT_TIME = 22,
    DIR_WRT_DATE = 24,
    DIR_CLUS_LO = 26,
    DIR_SIZE = 28
};
enum { LDIR_CHECKSUM = 13 };

static size_t long_length(const struct fat_node *n)
{
    size_t len = 0;

    while (n->long_name && n->long_name[len])
        len++;
    return len;
}

static uint32_t entries_of(const struct fat_node *n)
{
    return 1 + (uint32_t)(long_length(n) + PER_LONG - 1) / PER_LONG;
}

uint32_t fat_dir_entries(const struct fat_node *dir)
{
    uint32_t sum = dir->parent ? 2 : 1;

    for (guint i = 0; i < dir->children->len; i++)
        sum += entries_of(g_ptr_array_index(dir->children, i));
    return sum;
}

/* FAT keeps local time, from 1980 to 2107, in steps of two seconds. */
static void stamp(int64_t sec, uint16_t *date, uint16_t *time)
{
    time_t t = (time_t)sec;
    struct tm tm;

    if (!localtime_r(&t, &tm) || tm.tm_year < YEAR_MIN)
        tm = (struct tm){.tm_year = YEAR_MIN, .tm_mday = 1};
    else if (tm.tm_year > YEAR_MAX)
        tm = (struct tm){YEAR_MAX, .tm_mon = 11, .tm_mday = 31, .tm_hour = 23};
    *date = (uint16_t)((tm.tm_year - YEAR_MIN) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
    *time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | MIN(tm.tm_sec, 59) / 2);
}

static uint8_t *put_entry(uint8_t *p, const void *name, uint8_t attr, const struct fat_node *n)
{
    uint16_t date, time;

    memcpy(p, name, FAT_SHORT);
    p[DIR_ATTR] = attr;
    stamp(n->mtime, &date, &time);
    st_le16(p + DIR_CRT_TIME, time);
    st_le16(p + DIR_CRT_DATE, date);
    st_le16(p + DIR_WRT_TIME, time);
    st_le16(p + DIR_WRT_DATE, date);
    stamp(n->atime, &date, &time);
    st_le16(p + DIR_ACC_DATE, date);
    if (attr & ATTR_VOLUME_ID)
        return p + FAT_ENTRY;
    st_le16(p + DIR_CLUS_LO, (uint16_t)n->first);
    st_le16(p + DIR_CLUS_HI, (uint16_t)(n->first >> 16));
    st_le32(p + DIR_SIZE, n->is_dir ? 0 : n->size);
    return p + FAT_ENTRY;
}

static uint8_t checksum(const uint8_t *short_name)
{
    uint8_t sum = 0;

    for (int i = 0; i < FAT_SHORT; i++)
        sum = (uint8_t)((sum << 7 | sum >> 1) + short_name[i]);
    return sum;
}

/* The long name in pieces of 13 characters, the last piece first; ended by one zero, filled with
 * 0xffff. */
static uint8_t *put_long(uint8_t *p, const struct fat_node *n)
{
    static const uint8_t places[PER_LONG] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    size_t len = long_length(n), pieces = entries_of(n) - 1;

    for (size_t i = pieces; i > 0; i--, p += FAT_ENTRY) {
        p[0] = (uint8_t)(i | (i == pieces ? LAST_LONG : 0));
        p[DIR_ATTR] = ATTR_LONG_NAME;
        p[LDIR_CHECKSUM] = checksum(n->short_name);
        for (size_t k = 0; k < PER_LONG; k++) {
            size_t at = (i - 1) * PER_LONG + k;
            st_le16(p + places[k], at < len ? n->long_name[at] : at == len ? 0 : 0xffff);
        }
    }
    return p;
}

/* ".." of a directory in the root names cluster 0, wherever the root lies. */
static uint8_t *put_dots(uint8_t *p, const struct fat_node *dir)
{
    struct fat_node up = *dir->parent;

    if (!up.parent)
        up.first = 0;
    p = put_entry(p, ".          ", ATTR_DIRECTORY, dir);
    return put_entry(p, "..         ", ATTR_DIRECTORY, &up);
}

void fat_dir_fill(struct fat_node *dir, const char *label)
{
    char padded[FAT_SHORT + 1];
    uint8_t *p = dir->content = g_malloc0(dir->size);

    g_snprintf(padded, sizeof(padded), "%-11s", label);
    p = dir->parent ? put_dots(p, dir) : put_entry(p, padded, ATTR_VOLUME_ID, dir);
    for (guint i = 0; i < dir->children->len; i++) {
        const struct fat_node *n = g_ptr_array_index(dir->children, i);
        uint8_t attr = n->is_dir ? ATTR_DIRECTORY : ATTR_ARCHIVE;
        p = put_long(p, n);
        p = put_entry(p, n->short_name, attr | (n->is_read_only ? ATTR_READ_ONLY : 0), n);
    }
}
