/* SCSI disks and drives, command by command, on an adapter that only waits. */
#include "hw/scsi/disk.h"
#include "hw/scsi/scsi.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

extern const struct device_type scsi_hd_type, scsi_cd_type;

enum { DISK_BLOCKS = 64, BUFFER = 8192 };

struct adapter {
    struct device dev;
    struct scsi_bus bus;
    struct adapter_state {
        uint8_t none;
    } s;
};
static const struct state_field adapter_state[] = {STATE(adapter, none, 0), STATE_END};
DEVICE_CLASS(adapter) = {.desc = "adapter of this test", .state = adapter_state};

static void ignore_unit(struct scsi_bus *bus UNUSED, struct scsi_unit *u UNUSED)
{
}

static void ignore_change(struct scsi_bus *bus UNUSED, struct scsi_unit *u UNUSED,
                          uint16_t what UNUSED)
{
}
static const struct scsi_bus_ops ops = {ignore_unit, ignore_unit, ignore_change};

struct rig {
    struct bench *b;
    struct adapter *a;
    struct device *unit;
    char *path;
    uint8_t data[BUFFER];
    struct scsi_request r;
    _Atomic bool done;
};

static struct rig *new_rig(const struct device_type *type)
{
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;
    int fd = g_file_open_tmp("scsi-XXXXXX", &r->path, NULL);
    g_assert_cmpint(ftruncate(fd, DISK_BLOCKS * 2048), ==, 0);
    g_assert_cmpint(pwrite(fd, "block one", 9, type == &scsi_cd_type ? 2048 : 512), ==, 9);
    close(fd);
    g_assert_nonnull(block_open("disk", r->path, "raw", type == &scsi_cd_type, false, NULL));
    r->b = bench_new_raw(&adapter_type);
    r->a = (struct adapter *)r->b->dev;
    bench_realize(r->b);
    scsi_bus_init(&r->a->bus, r->b->dev, &ops);
    r->unit = device_new(type, r->b->m, "unit");
    if (!device_set(r->unit, "drive", "disk", &err) || !device_set(r->unit, "serial", "s1", &err) ||
        !hw_bus_plug(r->b->m, r->unit, NULL, &err) || !device_realize(r->unit, &err))
        g_error("%s", error_text(err));
    return r;
}

static void rig_free(struct rig *r)
{
    device_free(r->unit);
    scsi_bus_fini(&r->a->bus);
    bench_free(r->b);
    block_close_all();
    g_unlink(r->path);
    g_free(r->path);
    g_free(r);
}

static void on_done(struct scsi_request *q)
{
    ((struct rig *)q->opaque)->done = true;
}

static bool is_done(void *rig)
{
    return ((struct rig *)rig)->done;
}

/* Send a command of n bytes to (0, lun) with n_out bytes of r->data going out; the sense key and
 * code (0: GOOD). */
static uint32_t send_to(struct rig *r, unsigned lun, size_t n_out, size_t n_in, const uint8_t *cdb,
                        size_t n)
{
    struct iovec out = {r->data, n_out}, in = {r->data, n_in};
    r->r = (struct scsi_request){.out = &out, .in = &in, .nout = n_out > 0, .nin = n_in > 0};
    r->r.out_bytes = n_out;
    r->r.in_bytes = n_in;
    r->r.done = on_done;
    r->r.opaque = r;
    r->done = false;
    memcpy(r->r.cdb, cdb, n);
    mutex_lock(&r->b->dev->lock);
    bool complete = scsi_start(&r->a->bus, 0, lun, &r->r);
    mutex_unlock(&r->b->dev->lock);
    if (!complete)
        g_assert_true(bench_wait(is_done, r));
    scsi_request_fini(&r->r);
    if (r->r.status == SCSI_GOOD)
        return 0;
    g_assert_cmpint(r->r.status, ==, SCSI_CHECK_CONDITION);
    return (uint32_t)r->r.sense[2] << 16 | ld_be16(r->r.sense + 12);
}
#define SEND(r, n_out, n_in, ...) send_to(r, 0, n_out, n_in, (const uint8_t[16]){__VA_ARGS__}, 16)
enum { ATTENTION = 0x062900, RANGE = 0x052100, BAD_CDB = 0x052400, NO_OPCODE = 0x052000 };

static void test_attention_comes_first_and_once(void)
{
    struct rig *r = new_rig(&scsi_hd_type);
    g_assert_cmphex(SEND(r, 0, 36, 0x12, 0, 0, 0, 36), ==, 0);
    g_assert_cmpmem(r->data + 16, 13, "QEMU HARDDISK", 13);
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, ATTENTION);
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, 0);
    rig_free(r);
}

static void test_reads_and_writes_of_each_length(void)
{
    struct rig *r = new_rig(&scsi_hd_type);
    SEND(r, 0, 0, 0x00);
    g_assert_cmphex(SEND(r, 0, 512, 0x08, 0, 0, 1, 1), ==, 0);
    g_assert_cmpstr((char *)r->data, ==, "block one");
    memset(r->data, 0x5a, 1024);
    g_assert_cmphex(SEND(r, 1024, 0, 0x2a, 0, 0, 0, 0, 7, 0, 0, 2), ==, 0);
    memset(r->data, 0, 1024);
    g_assert_cmphex(SEND(r, 0, 1024, 0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 2), ==, 0);
    g_assert_cmphex(r->data[1023], ==, 0x5a);
    g_assert_cmphex(SEND(r, 0, 512, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1), ==, 0);
    g_assert_cmphex(r->data[511], ==, 0x5a);
    g_assert_cmphex(SEND(r, 0, 512, 0x28, 0, 0, 0, 1, 0, 0, 0, 1), ==, RANGE);
    g_assert_cmphex(SEND(r, 0, 512, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1),
                    ==, RANGE);
    g_assert_cmphex(SEND(r, 0, 512, 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1), ==, BAD_CDB);
    g_assert_cmphex(SEND(r, 0, 100, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), ==, 0);
    g_assert_true(r->r.overrun);
    rig_free(r);
}

static void test_write_same_unmap_and_verify(void)
{
    struct rig *r = new_rig(&scsi_hd_type);
    SEND(r, 0, 0, 0x00);
    memset(r->data, 0x77, 512);
    g_assert_cmphex(SEND(r, 512, 0, 0x41, 0, 0, 0, 0, 4, 0, 0, 3), ==, 0);
    g_assert_cmphex(SEND(r, 512, 0, 0x2f, 2, 0, 0, 0, 6, 0, 0, 1), ==, 0);
    r->data[5] = 0;
    g_assert_cmphex(SEND(r, 512, 0, 0x2f, 2, 0, 0, 0, 6, 0, 0, 1), ==, 0x0e1d00);
    g_assert_cmphex(SEND(r, 512, 0, 0x41, 0, 0, 0, 0, 4, 0, 0, 0), ==, BAD_CDB);
    memset(r->data, 0, 24);
    st_be16(r->data, 22);
    st_be16(r->data + 2, 16);
    st_be64(r->data + 8, 4);
    st_be32(r->data + 16, 2);
    g_assert_cmphex(SEND(r, 24, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 24), ==, 0);
    st_be32(r->data + 16, UINT32_MAX);
    g_assert_cmphex(SEND(r, 24, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 24), ==, RANGE);
    g_assert_cmphex(SEND(r, 0, 512, 0x28, 0, 0, 0, 0, 6, 0, 0, 1), ==, 0);
    g_assert_cmphex(r->data[5], ==, 0x77);
    rig_free(r);
}

static void test_mode_pages(void)
{
    struct rig *r = new_rig(&scsi_hd_type);
    SEND(r, 0, 0, 0x00);
    g_assert_cmphex(SEND(r, 0, 255, 0x1a, 8, 0x08, 0, 255), ==, 0);
    g_assert_cmphex(r->data[6] & 4, ==, 4); /* the cache is on */
    r->data[0] = 0;
    r->data[6] = 0;
    g_assert_cmphex(SEND(r, 24, 0, 0x15, 0x10, 0, 0, 24), ==, 0);
    g_assert_cmphex(SEND(r, 0, 255, 0x1a, 8, 0x08, 0, 255), ==, 0);
    g_assert_cmphex(r->data[6] & 4, ==, 0);
    r->data[8] = 0xff; /* cannot be changed */
    g_assert_cmphex(SEND(r, 24, 0, 0x15, 0x10, 0, 0, 24), ==, 0x052600);
    g_assert_cmphex(SEND(r, 0, 255, 0x1a, 8, 0xc8, 0, 255), ==, 0x053900);
    g_assert_cmphex(SEND(r, 0, 255, 0x1a, 8, 0x33, 0, 255), ==, BAD_CDB);
    rig_free(r);
}

static void test_missing_units_and_commands(void)
{
    static const uint8_t inquiry[16] = {0x12, 0, 0, 0, 36}, ready[16] = {0};
    struct rig *r = new_rig(&scsi_hd_type);
    SEND(r, 0, 0, 0x00);
    g_assert_cmphex(SEND(r, 0, 0, 0xff), ==, NO_OPCODE);
    g_assert_cmphex(send_to(r, 5, 0, 36, inquiry, 16), ==, 0);
    g_assert_cmphex(r->data[0], ==, 0x7f);
    g_assert_cmphex(send_to(r, 5, 0, 0, ready, 16), ==, 0x052500);
    g_assert_cmphex(SEND(r, 0, 64, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64), ==, 0);
    g_assert_cmpuint(ld_be32(r->data), ==, 8);
    rig_free(r);
}

static void test_a_disc_comes_and_goes(void)
{
    struct rig *r = new_rig(&scsi_cd_type);
    struct error *err = NULL;
    SEND(r, 0, 0, 0x00);
    g_assert_cmphex(SEND(r, 0, 2048, 0x28, 0, 0, 0, 0, 1, 0, 0, 1), ==, 0);
    g_assert_cmpstr((char *)r->data, ==, "block one");
    g_assert_cmphex(SEND(r, 512, 0, 0x2a, 0, 0, 0, 0, 1, 0, 0, 1), ==, NO_OPCODE);
    g_assert_cmphex(SEND(r, 0, 20, 0x43, 0, 0, 0, 0, 0, 0, 0, 20), ==, 0);
    g_assert_cmpuint(ld_be32(r->data + 16), ==, DISK_BLOCKS); /* where the lead-out begins */
    g_assert_cmphex(SEND(r, 0, 0, 0x1e, 0, 0, 0, 1), ==, 0);
    g_assert_false(scsi_disk_move_tray(r->unit, true, false, &err)); /* the guest locked it */
    g_clear_pointer(&err, error_free);
    g_assert_cmphex(SEND(r, 0, 0, 0x1b, 0, 0, 0, 2), ==, 0x055302);
    g_assert_cmphex(SEND(r, 0, 0, 0x1e), ==, 0);
    g_assert_true(scsi_disk_move_tray(r->unit, true, false, NULL));
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, 0x023a02);
    g_assert_true(scsi_disk_set_medium(r->unit, NULL, NULL));
    g_assert_true(scsi_disk_move_tray(r->unit, false, false, NULL));
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, 0x023a00);
    g_assert_true(scsi_disk_move_tray(r->unit, true, false, NULL));
    g_assert_true(scsi_disk_set_medium(r->unit, block_find("disk"), NULL));
    g_assert_true(scsi_disk_move_tray(r->unit, false, false, NULL));
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, 0x062800);
    g_assert_cmphex(SEND(r, 0, 0, 0x00), ==, 0);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scsi/attention", test_attention_comes_first_and_once);
    g_test_add_func("/scsi/read and write", test_reads_and_writes_of_each_length);
    g_test_add_func("/scsi/same, unmap, verify", test_write_same_unmap_and_verify);
    g_test_add_func("/scsi/mode pages", test_mode_pages);
    g_test_add_func("/scsi/missing", test_missing_units_and_commands);
    g_test_add_func("/scsi/disc", test_a_disc_comes_and_goes);
    return g_test_run();
}
