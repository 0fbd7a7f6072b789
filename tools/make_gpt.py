#!/usr/bin/env python3
"""Make a disk image with a GUID partition table.

usage: tools/make_gpt.py IMAGE TYPE:NAME:FILE...
Each FILE becomes a partition of its size, aligned to a MiB; TYPE is esp, linux, or bios: GRUB's core image for BIOSes, which
the boot sector started by them (boot.img beside it) loads.  The image is sparse.
Ref: UEFI Specification 2.10, chapter 5; GNU GRUB, include/grub/i386/pc/boot.h (offsets in boot.img and core.img).
"""
import os
import struct
import sys
import uuid
import zlib

SECTOR, MIB = 512, 1 << 20
ENTRIES, ENTRY_SIZE = 128, 128
TYPES = {"esp": uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b"), "linux": uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4"),
         "bios": uuid.UUID("21686148-6449-6e6f-744e-656564454649")}
BOOT_CODE, CORE_LBA, BLOCK_LIST, CORE_SEGMENT = 440, 0x5c, SECTOR - 12, 0x820


def copy(source, image, at):
    """Bytes of a file to a place, holes left out."""
    with open(source, "rb") as f:
        image.seek(at)
        while True:
            block = f.read(MIB)
            if not block:
                return
            if block.count(0) == len(block):
                image.seek(len(block), os.SEEK_CUR)
            else:
                image.write(block)


def add_grub(core, image, at):
    """The boot sector has the place of the core's first sector, and that one the place of the rest."""
    size = os.path.getsize(core)
    with open(os.path.join(os.path.dirname(core), "boot.img"), "rb") as f:
        boot = f.read(BOOT_CODE)
    image.seek(0)
    image.write(boot[:CORE_LBA] + struct.pack("<Q", at // SECTOR) + boot[CORE_LBA + 8:])
    image.seek(at + BLOCK_LIST)
    image.write(struct.pack("<QHH", at // SECTOR + 1, (size - 1) // SECTOR, CORE_SEGMENT))


def header(disk, here, other, table_at, sectors, table):
    first = 2 + ENTRIES * ENTRY_SIZE // SECTOR
    fields = [b"EFI PART", 0x10000, 92, 0, 0, here, other, first, sectors - first, disk.bytes_le, table_at, ENTRIES, ENTRY_SIZE,
              zlib.crc32(table)]
    packed = struct.pack("<8sIIIIQQQQ16sQIII", *fields)
    fields[3] = zlib.crc32(packed)
    return struct.pack("<8sIIIIQQQQ16sQIII", *fields)


def main():
    if len(sys.argv) < 3 or any(a.count(":") != 2 for a in sys.argv[2:]):
        sys.exit(__doc__)
    table, at, name = b"", MIB, sys.argv[1]
    with open(name, "wb") as image:
        for part in sys.argv[2:]:
            kind, label, source = part.split(":")
            size = os.path.getsize(source)
            copy(source, image, at)
            if kind == "bios":
                add_grub(source, image, at)
            table += struct.pack("<16s16sQQQ72s", TYPES[kind].bytes_le, uuid.uuid4().bytes_le, at // SECTOR,
                                 (at + size) // SECTOR - 1, 0, label.encode("utf-16-le"))
            at += (size + MIB - 1) // MIB * MIB
        sectors = (at + MIB) // SECTOR
        table = table.ljust(ENTRIES * ENTRY_SIZE, b"\0")
        disk, last = uuid.uuid4(), sectors - 1
        backup = last - ENTRIES * ENTRY_SIZE // SECTOR
        image.truncate(sectors * SECTOR)
        protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1, min(last, 0xffffffff))
        for where, data in ((446, protective), (510, b"\x55\xaa"), (SECTOR, header(disk, 1, last, 2, sectors, table)),
                            (2 * SECTOR, table), (backup * SECTOR, table),
                            (last * SECTOR, header(disk, last, 1, backup, sectors, table))):
            image.seek(where)
            image.write(data)


main()
