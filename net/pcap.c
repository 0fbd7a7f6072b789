/*
 * -object filter-dump: frames of a netdev, as a pcap file.
 * Ref: Wireshark, "Libpcap File Format" (development/LibpcapFileFormat); link type 1 is Ethernet.
 *
 * The file shows what a wire would carry: frames that are to be segmented are recorded in segments.
 */
#include "net/net_priv.h"
#include "net/offload.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PCAP_VERSION_MAJOR = 2, PCAP_VERSION_MINOR = 4, LINK_ETHERNET = 1, BUFFERED = 64 << 10 };
static const uint32_t PCAP_MAGIC = 0xa1b2c3d4; /* microseconds */

struct dump {
    struct net_filter filter;
    FILE *file;
    uint32_t maxlen;
    bool failed;
    struct dump *next;
};
static struct dump *dumps; /* main thread only */

static void write_record(void *opaque, const struct net_frame *f)
{
    struct dump *d = opaque;
    int64_t now = g_get_real_time();
    size_t left = MIN(f->size, d->maxlen);
    uint8_t head[16];

    st_le32(head, (uint32_t)(now / G_USEC_PER_SEC));
    st_le32(head + 4, (uint32_t)(now % G_USEC_PER_SEC));
    st_le32(head + 8, (uint32_t)left);
    st_le32(head + 12, (uint32_t)f->size);
    fwrite(head, sizeof(head), 1, d->file);
    for (unsigned i = 0; i < f->niov && left; i++) {
        size_t n = MIN(left, f->iov[i].iov_len);
        fwrite(f->iov[i].iov_base, n, 1, d->file);
        left -= n;
    }
}

/* With the back end's lock held. */
static void dump_frame(struct net_filter *fl, const struct net_frame *f)
{
    struct dump *d = container_of(fl, struct dump, filter);

    if (d->failed)
        return;
    offload_convert(f, 0, write_record, d);
    if (fflush(d->file)) {
        log_warn("filter-dump '%s': %s; recording ends", fl->id, g_strerror(errno));
        d->failed = true;
    }
}

static void dump_free(struct net_filter *fl)
{
    struct dump *d = container_of(fl, struct dump, filter), **p = &dumps;

    while (*p != d)
        p = &(*p)->next;
    *p = d->next;
    fclose(d->file);
    g_free(fl->id);
    g_free(d);
}

static struct dump *dump_find(const char *id)
{
    struct dump *d = dumps;

    while (d && strcmp(d->filter.id, id))
        d = d->next;
    return d;
}

static void write_header(FILE *f, uint32_t maxlen)
{
    uint8_t head[24] = {0};

    st_le32(head, PCAP_MAGIC);
    st_le16(head + 4, PCAP_VERSION_MAJOR);
    st_le16(head + 6, PCAP_VERSION_MINOR);
    st_le32(head + 16, maxlen);
    st_le32(head + 20, LINK_ETHERNET);
    fwrite(head, sizeof(head), 1, f);
}

bool net_dump_new(const char *id, const char *netdev, const char *path, uint32_t maxlen,
                  struct error **errp)
{
    struct net_client *backend = net_find(netdev, errp);

    if (!backend)
        return false;
    if (dump_find(id)) {
        error_set(errp, "id=%s: another object has that id", id);
        return false;
    }
    FILE *file = fopen(path, "we");
    if (!file) {
        error_set(errp, "could not create '%s': %s", path, g_strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IOFBF, BUFFERED);
    write_header(file, maxlen);
    struct dump *d = g_new0(struct dump, 1);
    d->filter = (struct net_filter){.id = g_strdup(id), .frame = dump_frame, .free = dump_free};
    d->file = file;
    d->maxlen = maxlen;
    d->next = dumps;
    dumps = d;
    net_filter_add(backend, &d->filter);
    return true;
}

bool net_dump_del(const char *id)
{
    struct dump *d = dump_find(id);

    if (d)
        net_filter_del(&d->filter);
    return d != NULL;
}
