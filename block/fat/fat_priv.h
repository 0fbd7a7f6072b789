/* Inside of protocol fat: a host directory as a FAT disk that is made up while it is read. */
#ifndef BLOCK_FAT_FAT_PRIV_H
#define BLOCK_FAT_FAT_PRIV_H

#include "block/block_priv.h"

enum { FAT_SHORT = 11, FAT_ENTRY = 32, FAT_LONG_MAX = 255, FAT_FIRST = 2 };

/* A file or directory of the host. */
struct fat_node {
    struct fat_node *parent; /* NULL: the root */
    char *name;              /* the host's, any bytes */
    gunichar2 *long_name;    /* the guest's; NULL: the short one is the whole name */
    uint8_t short_name[FAT_SHORT];
    bool is_dir, is_read_only, is_told; /* is_told: a change on the host was */
    uint32_t size;                      /* bytes; directories: of content */
    uint32_t first, clusters;           /* first 0: empty, or the root of FAT12 and FAT16 */
    int64_t mtime, atime;               /* seconds since 1970 */
    uint64_t dev, ino;
    GPtrArray *children; /* directories: borrowed struct fat_node */
    uint8_t *content;    /* directories: what the guest reads */
};

struct fat_tree {
    GPtrArray *nodes;  /* all, each directory before what is in it; the first is the root */
    GPtrArray *owners; /* borrowed: those with clusters, in the clusters' order */
    const char *dir;   /* as the user gave it, for messages */
    int fd;            /* of the root directory, -1: none */
    char label[FAT_SHORT + 1];
};

/* --- tree.c --- */
/* Read a directory and all below it: names, sizes, times.  False and *errp. */
bool fat_tree_load(struct fat_tree *t, const char *dir, struct error **errp) MUST_CHECK;
void fat_tree_free(struct fat_tree *t);
/* Of a node, from the root; g_free() it. */
char *fat_node_path(const struct fat_node *n);

/* --- names.c --- */
/* Give the children of one directory names that FAT can hold, no two alike.  *changed counts the
 * names that are not the host's, and *example (NULL at first, g_free() it) tells of one. */
void fat_names_assign(GPtrArray *children, unsigned *changed, char **example);

/* --- entries.c --- */
/* How many 32-byte entries the directory has: its label's or dots', and its children's. */
uint32_t fat_dir_entries(const struct fat_node *dir);
/* Make dir->content, of dir->size bytes; all nodes have their clusters. */
void fat_dir_fill(struct fat_node *dir, const char *label);

/* --- layout.c --- */
/* Where everything lies; sectors of 512 bytes, from the disk's first. */
struct fat_layout {
    unsigned bits; /* 12, 16 or 32 */
    bool is_floppy;
    uint32_t heads, track;       /* sectors a track */
    uint64_t disk, start;        /* of the disk; where the volume begins */
    uint32_t volume;             /* sectors */
    uint32_t reserved, fat_size; /* fat_size: of each of the two */
    uint32_t root_entries;       /* FAT12, FAT16 */
    uint32_t per_cluster, clusters;
    uint32_t used; /* clusters that hold something */
    uint32_t serial;
    uint64_t root, data; /* where the root directory (FAT12, FAT16) and cluster 2 begin */
};
/* Choose the sizes and give each node its clusters.  bits 0: what is large enough.  False and
 * *errp when it does not fit. */
bool fat_layout_make(struct fat_layout *l, struct fat_tree *t, unsigned bits, bool is_floppy,
                     struct error **errp) MUST_CHECK;
/* The node that has a cluster, or NULL. */
struct fat_node *fat_node_at(const struct fat_tree *t, const struct fat_layout *l,
                             uint32_t cluster);
/* What a sector before the data holds: MBR, boot sector, FAT, root directory. */
void fat_meta_sector(const struct fat_tree *t, const struct fat_layout *l, uint64_t sector,
                     uint8_t *buf);

#endif
