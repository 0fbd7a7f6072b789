/*
 * The disk around the files: master boot record, boot sector, FSInfo, FAT; and who has which
 * cluster.
 *
 * Files and directories lie in one piece each, one after the other, so the FAT needs no memory.
 * Ref: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03,
 * "Boot Sector and BPB", "FAT Type Determination", "FAT Data Structure", "FAT32 FSInfo".
 */
#include "block/fat/fat_priv.h"
#include "util/bits.h"

#include <stdio.h>
#include <string.h>

enum {
    HEADS = 16,
    TRACK = 63, /* sectors */
    CYLINDER = HEADS * TRACK,
    PART_START = TRACK,   /* the volume begins with the second track */
    SMALL_DISK = 64512,   /* sectors: FAT12 */
    USUAL_DISK = 1032192, /* FAT16 and FAT32, unless more is needed */
    FATS = 2,
    MAX_PER_CLUSTER = 64,
    SPARE = 64 << 20, /* bytes that a larger disk has free */
    MAX_DIR_ENTRIES = 65536,
    PER_SECTOR = SECTOR / FAT_ENTRY,
};
/* The type follows from the number of clusters alone; a margin helps those who count differently.
 */
enum { MARGIN = 16, LESS_THAN_FAT16 = 4085, LESS_THAN_FAT32 = 65525, MOST_FAT32 = 0x0ffffff5 };
enum { PART_FAT12 = 0x01, PART_FAT16 = 0x06, PART_FAT32 = 0x0c };
enum { FSINFO_SECTOR = 1, BACKUP_SECTOR = 6, MEDIA_DISK = 0xf8, MEDIA_FLOPPY = 0xf0 };

/* --- sizes --- */
static uint32_t min_clusters(unsigned bits)
{
    return bits == 12 ? 1 : bits == 16 ? LESS_THAN_FAT16 + MARGIN : LESS_THAN_FAT32 + MARGIN;
}

static uint32_t max_clusters(const struct fat_layout *l)
{
    uint32_t most = l->bits == 12 ? LESS_THAN_FAT16 : l->bits == 16 ? LESS_THAN_FAT32 : MOST_FAT32;
    uint32_t of_sectors = (UINT32_MAX - 65536) / (l->per_cluster + 1); /* sectors have 32 bits */

    return MIN(most - MARGIN, of_sectors);
}

static uint32_t fat_sectors(unsigned bits, uint32_t clusters)
{
    return (uint32_t)(((uint64_t)(clusters + FAT_FIRST) * bits + 8 * SECTOR - 1) / (8 * SECTOR));
}

static uint32_t root_sectors(const struct fat_layout *l)
{
    return l->root_entries / PER_SECTOR;
}

static uint64_t volume_for(const struct fat_layout *l, uint32_t clusters)
{
    return l->reserved + root_sectors(l) + FATS * (uint64_t)fat_sectors(l->bits, clusters) +
           (uint64_t)clusters * l->per_cluster;
}

/* Whether a node has clusters at all: the root of FAT12 and FAT16 lies before them. */
static bool has_clusters(const struct fat_layout *l, const struct fat_node *n)
{
    return n->size && (n->parent || l->bits == 32);
}

static uint64_t clusters_of(const struct fat_layout *l, const struct fat_node *n)
{
    uint64_t bytes = (uint64_t)l->per_cluster * SECTOR;

    return has_clusters(l, n) ? (n->size + bytes - 1) / bytes : 0;
}

static uint64_t clusters_needed(const struct fat_layout *l, const struct fat_tree *t)
{
    uint64_t sum = 0;

    for (guint i = 0; i < t->nodes->len; i++)
        sum += clusters_of(l, g_ptr_array_index(t->nodes, i));
    return sum;
}

/* As many clusters as fit into a volume of this size, and no sector more. */
static void fill_volume(struct fat_layout *l, uint64_t sectors)
{
    uint64_t before = l->reserved + root_sectors(l),
             n = sectors > before ? (sectors - before) / l->per_cluster : 0;

    while (n && volume_for(l, (uint32_t)n) > sectors)
        n--;
    l->clusters = (uint32_t)MIN(n, max_clusters(l));
}

/* The usual size, with the smallest clusters that the type allows for it. */
static bool try_usual(struct fat_layout *l, const struct fat_tree *t)
{
    uint64_t disk = l->bits == 12 ? SMALL_DISK : USUAL_DISK, sectors = disk - PART_START;

    l->per_cluster = l->bits == 32 ? 8 : 1;
    while (sectors / l->per_cluster > max_clusters(l))
        l->per_cluster *= 2;
    fill_volume(l, sectors);
    l->disk = disk;
    return clusters_needed(l, t) <= l->clusters;
}

/* What is there and some space, with the smallest clusters that make a FAT of reasonable size. */
static bool try_larger(struct fat_layout *l, const struct fat_tree *t)
{
    uint64_t reasonable = l->bits == 32 ? 1 << 21 : max_clusters(l);

    for (; l->per_cluster <= MAX_PER_CLUSTER; l->per_cluster *= 2) {
        uint64_t n = clusters_needed(l, t), spare = SPARE / SECTOR / l->per_cluster;
        bool is_last = l->per_cluster == MAX_PER_CLUSTER;
        if (n > max_clusters(l) || (n > reasonable && !is_last))
            continue;
        l->clusters = (uint32_t)MIN(n + spare, max_clusters(l));
        if (l->clusters < min_clusters(l->bits))
            continue;
        l->disk = PART_START + volume_for(l, l->clusters);
        l->disk += CYLINDER - l->disk % CYLINDER;
        return true;
    }
    return false;
}

static uint32_t root_entries(const struct fat_tree *t)
{
    const struct fat_node *root = g_ptr_array_index(t->nodes, 0);

    return (uint32_t)align_up(root->size / FAT_ENTRY, PER_SECTOR);
}

static bool try_floppy(struct fat_layout *l, const struct fat_tree *t, bool is_small)
{
    l->disk = is_small ? 2880 : 5760;
    l->track = is_small ? 18 : 36;
    l->heads = 2;
    l->per_cluster = is_small ? 1 : 2;
    l->root_entries = MAX(root_entries(t), is_small ? 224U : 240U);
    fill_volume(l, l->disk);
    return clusters_needed(l, t) <= l->clusters;
}

/* --- the choice --- */
static uint64_t bytes_needed(const struct fat_tree *t)
{
    uint64_t sum = 0;

    for (guint i = 0; i < t->nodes->len; i++)
        sum += ((const struct fat_node *)g_ptr_array_index(t->nodes, i))->size;
    return sum;
}

static bool check_dirs(const struct fat_tree *t, struct error **errp)
{
    for (guint i = 0; i < t->nodes->len; i++) {
        struct fat_node *n = g_ptr_array_index(t->nodes, i);
        uint32_t entries = n->is_dir ? fat_dir_entries(n) : 0;
        if (entries > MAX_DIR_ENTRIES) {
            g_autofree char *path = fat_node_path(n);
            error_set(errp, "fat:%s: directory '%s' needs %u entries, FAT has at most %d", t->dir,
                      path, entries, MAX_DIR_ENTRIES);
            return false;
        }
        if (n->is_dir)
            n->size = entries * FAT_ENTRY;
    }
    return true;
}

static void start_layout(struct fat_layout *l, const struct fat_tree *t, unsigned bits)
{
    *l = (struct fat_layout){.bits = bits, .heads = HEADS, .track = TRACK};
    l->reserved = bits == 32 ? 32 : 1;
    l->root_entries = bits == 32 ? 0 : MAX(root_entries(t), 512U);
    l->serial = g_str_hash(t->dir) | 1;
}

static bool try_bits(struct fat_layout *l, const struct fat_tree *t, unsigned bits)
{
    start_layout(l, t, bits);
    if (l->root_entries > UINT16_MAX) /* a field of 16 bits */
        return false;
    l->start = PART_START;
    return try_usual(l, t) || try_larger(l, t);
}

static bool choose_floppy(struct fat_layout *l, struct fat_tree *t, unsigned bits,
                          struct error **errp)
{
    if (bits && bits != 12) {
        error_set(errp, "fat:%s: a floppy disk has FAT12, not FAT%u", t->dir, bits);
        return false;
    }
    start_layout(l, t, 12);
    l->is_floppy = true;
    if (try_floppy(l, t, bits == 12))
        return true;
    error_set(errp,
              "fat:%s: the %" G_GUINT64_FORMAT " bytes in it do not fit on a floppy disk of "
              "%" G_GUINT64_FORMAT " KiB",
              t->dir, bytes_needed(t), l->disk / 2);
    return false;
}

static bool choose(struct fat_layout *l, struct fat_tree *t, unsigned bits, struct error **errp)
{
    if ((!bits && (try_bits(l, t, 16) || try_bits(l, t, 32))) || (bits && try_bits(l, t, bits)))
        return true;
    error_set(errp,
              "fat:%s: the %u files and directories with %" G_GUINT64_FORMAT
              " bytes in it are too much for FAT%u",
              t->dir, t->nodes->len - 1, bytes_needed(t), bits ? bits : 32);
    if (bits && bits < 32)
        error_append(errp, "; fat:32:%s has more room", t->dir);
    return false;
}

bool fat_layout_make(struct fat_layout *l, struct fat_tree *t, unsigned bits, bool is_floppy,
                     struct error **errp)
{
    uint32_t next = FAT_FIRST;

    if (!check_dirs(t, errp) ||
        !(is_floppy ? choose_floppy(l, t, bits, errp) : choose(l, t, bits, errp)))
        return false;
    l->fat_size = fat_sectors(l->bits, l->clusters);
    l->volume = (uint32_t)volume_for(l, l->clusters);
    l->root = l->start + l->reserved + FATS * (uint64_t)l->fat_size;
    l->data = l->root + root_sectors(l);
    for (guint i = 0; i < t->nodes->len; i++) {
        struct fat_node *n = g_ptr_array_index(t->nodes, i);
        n->clusters = (uint32_t)clusters_of(l, n);
        n->first = n->clusters ? next : 0;
        next += n->clusters;
    }
    l->used = next - FAT_FIRST;
    t->owners = g_ptr_array_new();
    for (guint i = 0; i < t->nodes->len; i++) {
        struct fat_node *n = g_ptr_array_index(t->nodes, i);
        if (n->clusters)
            g_ptr_array_add(t->owners, n);
        if (n->is_dir)
            fat_dir_fill(n, t->label);
    }
    return true;
}

/* --- clusters --- */
struct fat_node *fat_node_at(const struct fat_tree *t, const struct fat_layout *l, uint32_t cluster)
{
    guint low = 0, high = t->owners->len;

    if (cluster < FAT_FIRST || cluster - FAT_FIRST >= l->used)
        return NULL;
    while (high - low > 1) {
        guint mid = low + (high - low) / 2;
        const struct fat_node *n = g_ptr_array_index(t->owners, mid);
        if (n->first <= cluster)
            low = mid;
        else
            high = mid;
    }
    return g_ptr_array_index(t->owners, low);
}

/* The value of a FAT entry: the next cluster, or that there is none, or free. */
static uint32_t fat_value(const struct fat_tree *t, const struct fat_layout *l, uint64_t cluster)
{
    const uint32_t end = MASK64(0, l->bits == 32 ? 28 : l->bits) & ~7U;
    uint8_t media = l->is_floppy ? MEDIA_FLOPPY : MEDIA_DISK;

    if (cluster == 0)
        return (end & ~0xffU) | media;
    if (cluster == 1)
        return end | 7;
    if (cluster - FAT_FIRST >= l->used)
        return 0;
    const struct fat_node *n = fat_node_at(t, l, (uint32_t)cluster);
    return cluster + 1 < (uint64_t)n->first + n->clusters ? (uint32_t)cluster + 1 : end | 7;
}

/* Two entries of 12 bits are three bytes: the first in the low half. */
static uint8_t fat12_byte(const struct fat_tree *t, const struct fat_layout *l, uint64_t at)
{
    uint64_t pair = at / 3 * 2;
    uint32_t low = fat_value(t, l, pair), high = fat_value(t, l, pair + 1);

    return (uint8_t)((low | high << 12) >> (at % 3 * 8));
}

static void fat_sector(const struct fat_tree *t, const struct fat_layout *l, uint64_t index,
                       uint8_t *buf)
{
    uint64_t per = (uint64_t)SECTOR * 8 / l->bits;

    if (l->bits == 12) {
        for (unsigned i = 0; i < SECTOR; i++)
            buf[i] = fat12_byte(t, l, index * SECTOR + i);
        return;
    }
    for (unsigned i = 0; i < per; i++) {
        uint32_t value = fat_value(t, l, index * per + i);
        if (l->bits == 16)
            st_le16(buf + 2 * i, (uint16_t)value);
        else
            st_le32(buf + 4 * i, value);
    }
}

/* --- boot sectors --- */
static void put_chs(uint8_t *p, const struct fat_layout *l, uint64_t sector)
{
    uint64_t cylinder = sector / (l->heads * l->track);

    if (cylinder > 1023) { /* beyond what it can say */
        memcpy(p, "\xfe\xff\xff", 3);
        return;
    }
    p[0] = (uint8_t)(sector / l->track % l->heads);
    p[1] = (uint8_t)(sector % l->track + 1) | (uint8_t)(cylinder >> 8 << 6);
    p[2] = (uint8_t)cylinder;
}

static void put_mbr(const struct fat_layout *l, uint8_t *buf)
{
    uint8_t *p = buf + 446;

    st_le32(buf + 440, l->serial);
    p[0] = 0x80; /* active */
    put_chs(p + 1, l, l->start);
    p[4] = l->bits == 12 ? PART_FAT12 : l->bits == 16 ? PART_FAT16 : PART_FAT32;
    put_chs(p + 5, l, l->start + l->volume - 1);
    st_le32(p + 8, (uint32_t)l->start);
    st_le32(p + 12, l->volume);
    st_le16(buf + 510, 0xaa55);
}

/* The fields that every type has at the same place. */
static void put_bpb(const struct fat_layout *l, uint8_t *buf)
{
    bool is_small = l->volume < 65536 && l->bits != 32;

    memcpy(buf, "\xeb\xfe\x90MSWIN4.1", 11); /* a jump to itself: there is nothing to boot */
    st_le16(buf + 11, SECTOR);
    buf[13] = (uint8_t)l->per_cluster;
    st_le16(buf + 14, (uint16_t)l->reserved);
    buf[16] = FATS;
    st_le16(buf + 17, (uint16_t)l->root_entries);
    st_le16(buf + 19, is_small ? (uint16_t)l->volume : 0);
    buf[21] = l->is_floppy ? MEDIA_FLOPPY : MEDIA_DISK;
    st_le16(buf + 22, l->bits == 32 ? 0 : (uint16_t)l->fat_size);
    st_le16(buf + 24, (uint16_t)l->track);
    st_le16(buf + 26, (uint16_t)l->heads);
    st_le32(buf + 28, (uint32_t)l->start);
    st_le32(buf + 32, is_small ? 0 : l->volume);
}

static void put_boot(const struct fat_tree *t, const struct fat_layout *l, uint8_t *buf)
{
    uint8_t *p = buf + 36;

    put_bpb(l, buf);
    if (l->bits == 32) {
        st_le32(p, l->fat_size);
        st_le32(p + 8, FAT_FIRST); /* the root directory */
        st_le16(p + 12, FSINFO_SECTOR);
        st_le16(p + 14, BACKUP_SECTOR);
        p += 28;
    }
    p[0] = l->is_floppy ? 0 : 0x80;
    p[2] = 0x29; /* the next three are there */
    st_le32(p + 3, l->serial);
    char text[20];
    g_snprintf(text, sizeof(text), "%-11sFAT%u   ", t->label, l->bits);
    memcpy(p + 7, text, 19);
    st_le16(buf + 510, 0xaa55);
}

static void put_fsinfo(const struct fat_layout *l, uint8_t *buf)
{
    st_le32(buf, 0x41615252);
    st_le32(buf + 484, 0x61417272);
    st_le32(buf + 488, l->clusters - l->used);
    st_le32(buf + 492, l->used < l->clusters ? FAT_FIRST + l->used : 0xffffffff);
    st_le32(buf + 508, 0xaa550000);
}

static void reserved_sector(const struct fat_tree *t, const struct fat_layout *l, uint64_t index,
                            uint8_t *buf)
{
    if (index == 0 || (l->bits == 32 && index == BACKUP_SECTOR))
        put_boot(t, l, buf);
    else if (l->bits == 32 && (index == FSINFO_SECTOR || index == BACKUP_SECTOR + FSINFO_SECTOR))
        put_fsinfo(l, buf);
    else if (l->bits == 32 && (index == 2 || index == BACKUP_SECTOR + 2))
        st_le16(buf + 510, 0xaa55); /* the boot program's third sector */
}

void fat_meta_sector(const struct fat_tree *t, const struct fat_layout *l, uint64_t sector,
                     uint8_t *buf)
{
    const struct fat_node *root = g_ptr_array_index(t->nodes, 0);
    uint64_t fat = l->start + l->reserved;

    memset(buf, 0, SECTOR);
    if (sector < l->start) {
        if (!sector)
            put_mbr(l, buf);
    } else if (sector < fat) {
        reserved_sector(t, l, sector - l->start, buf);
    } else if (sector < l->root) {
        fat_sector(t, l, (sector - fat) % l->fat_size, buf);
    } else {
        uint64_t at = (sector - l->root) * SECTOR;
        if (at < root->size)
            memcpy(buf, root->content + at, MIN(SECTOR, root->size - at));
    }
}
