"""SCSI disks and CD-ROM drives behind a virtio adapter, as Linux sees them."""
import hashlib
import os

from guest import Failed, alone, linux
from modules import devtool, with_modules
from test_devices import check_image, host_sum, make_disk

MODULES = ["virtio_scsi", "sd_mod", "sr_mod", "isofs", "crc32c_generic", "ext4"]
ZEROS = hashlib.sha256(bytes(4 << 20)).hexdigest()
ADAPTER = ["-device", "virtio-scsi-device,id=scsi0"]


def drive(name, path, more=""):
    return ["-drive", "file=%s,if=none,format=raw,id=%s%s" % (path, name, more)]


def blank(path, mib):
    with open(path, "wb") as f:
        f.truncate(mib << 20)


def start(g):
    g.shell()
    g.run("sh /extra/load && sleep 1; for n in 1 2 3 4 5 6 7 8 9; do [ -e /dev/sda ] || [ -e /dev/sr0 ] || sleep 1; done")


def finish(g):
    g.send("exit\n")
    g.wait_exit(0)


def use_disk(adapter):
    make_disk("disk.img")
    args = adapter + drive("d0", "disk.img") + ["-device", "scsi-hd,bus=scsi0.0,drive=d0,serial=abc123"]
    with linux(args, with_modules(MODULES), smp=2) as g:
        start(g)
        g.run("mount -t ext4 /dev/sda /mnt")
        if host_sum("root/data/busybox") not in g.run("sha256sum /mnt/data/busybox"):
            g.fail("busybox has another checksum in the guest")
        g.run("echo hello from the guest >/mnt/data/reply")
        g.run("dd if=/dev/urandom of=/mnt/data/big bs=64k count=160 2>/dev/null && sync", 120)
        before = g.run("sha256sum /mnt/data/big", 60).split()[0]
        g.run("umount /mnt && echo 3 >/proc/sys/vm/drop_caches && mount -t ext4 /dev/sda /mnt")
        if g.run("sha256sum /mnt/data/big", 60).split()[0] != before:
            g.fail("10 MiB read back differently after a remount")
        g.run("umount /mnt")
        finish(g)
    check_image("disk.img")


@alone
def test_ext4_on_a_scsi_disk():
    use_disk(ADAPTER)


@alone
def test_ext4_on_a_scsi_disk_behind_pci():
    use_disk(["-device", "virtio-scsi-pci,id=scsi0,num_queues=2"])


def test_what_linux_is_told_about_disks():
    blank("a.img", 8)
    blank("b.img", 16)
    args = ADAPTER + drive("a", "a.img") + drive("b", "b.img")
    args += ["-device", "scsi-hd,drive=a,scsi-id=3,lun=0,serial=first,wwn=0x5000c50015ea71ac,logical_block_size=4096,"
             "physical_block_size=4096",
             "-device", "scsi-hd,drive=b,scsi-id=3,lun=300,write-cache=off,rotation_rate=1"]
    with linux(args, with_modules(MODULES)) as g:
        start(g)
        # Linux shows the address method of units above 255: 0x4000 + 300.
        g.run("ls -d /sys/class/scsi_disk/*:3:0 && ls -d /sys/class/scsi_disk/*:3:16684")
        g.run("cd /sys/class/scsi_disk/*:3:0; B=device/block/*; cat cache_type | grep -qx 'write back' &&"
              " [ $(cat $B/queue/logical_block_size) = 4096 ] && [ $(cat $B/size) = 16384 ]; cd /")
        g.run("cd /sys/class/scsi_disk/*:3:16684; B=device/block/*; cat cache_type | grep -qx 'write through' &&"
              " [ $(cat $B/queue/rotational) = 0 ] && [ $(cat provisioning_mode) = unmap ]; cd /")
        g.run("grep -qx naa.5000c50015ea71ac /sys/class/scsi_disk/*:3:0/device/wwid")
        g.run("grep -q 'QEMU HARDDISK' /sys/class/scsi_disk/*:3:0/device/model")
        g.run("tail -c5 /sys/class/scsi_disk/*:3:0/device/vpd_pg80 | grep -q first")
        g.run("echo 'write through' >$(echo /sys/class/scsi_disk/*:3:0)/cache_type")
        g.run("grep -qx 'write through' /sys/class/scsi_disk/*:3:0/cache_type")
        finish(g)


def test_discard_frees_space():
    with open("d.img", "wb") as f:
        f.write(b"\xaa" * (8 << 20))
    args = ADAPTER + drive("d", "d.img", ",discard=unmap") + ["-device", "scsi-hd,drive=d"]
    with linux(args, with_modules(MODULES)) as g:
        start(g)
        g.run("blkdiscard -o 1048576 -l 4194304 /dev/sda")
        if ZEROS not in g.run("dd if=/dev/sda bs=1M skip=1 count=4 2>/dev/null | sha256sum"):
            g.fail("what was discarded does not read as zeros")
        finish(g)
    with open("d.img", "rb") as f:
        data = f.read()
    if data[1 << 20:5 << 20].strip(b"\0") or data[:1 << 20] != b"\xaa" * (1 << 20) or data[5 << 20] != 0xaa:
        raise Failed("other bytes than those discarded changed")
    if os.stat("d.img").st_blocks * 512 > 5 << 20:
        raise Failed("the host's file still takes %d bytes" % (os.stat("d.img").st_blocks * 512))


def test_cdrom():
    make_disk("cd.img", "16M", 2048)
    args = ADAPTER + drive("cd", "cd.img", ",readonly=on") + ["-device", "scsi-cd,drive=cd", "-device", "scsi-cd"]
    with linux(args, with_modules(MODULES, files=[devtool()])) as g:
        start(g)
        g.run("grep -q 'QEMU CD-ROM' /sys/block/sr0/device/model && [ $(cat /sys/block/sr0/size) = 32768 ]")
        g.run("mount -t ext4 -o ro,noload /dev/sr0 /mnt && cat /mnt/data/hello")
        if host_sum("root/data/busybox") not in g.run("sha256sum /mnt/data/busybox"):
            g.fail("busybox has another checksum in the guest")
        g.run("umount /mnt && /extra/devtool eject /dev/sr0 && [ $(cat /sys/block/sr0/size) = 32768 ]")
        g.run("dd if=/dev/sr0 bs=2048 count=1 of=/dev/null 2>/dev/null") # that closes the tray
        g.run("/extra/devtool eject /dev/sr0 && /extra/devtool close /dev/sr0 && dd if=/dev/sr0 bs=2048 count=1 of=/dev/null 2>/dev/null")
        g.run("! dd if=/dev/sr1 bs=2048 count=1 of=/dev/null 2>/dev/null")
        finish(g)
