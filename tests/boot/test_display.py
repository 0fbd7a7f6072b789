"""What guests show: the BIOS' text screen, modes set by INT 10h, pictures of them."""
import glob
import re
import socket
import struct
import time
import zlib

from guest import Failed, Guest, debian, debian_package, emulator, need_file, need_tinamou
from migrate import Qmp
from test_x86 import assemble

BASE = ["-m", "16", "-nic", "none", "-display", "none", "-monitor", "none", "-serial", "none"]
# Each mode shows colours from the left: the byte or bits drawn, at the beginning of the screen; '#' on port 0x403 says that
# it is there, and a byte from COM2 lets the next one come.
SECTOR = """
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $0x12, %ax
    int $0x10
    mov $0xa000, %ax
    mov %ax, %es
    mov $0x3c4, %dx
    mov $0x0402, %ax
    out %ax, %dx
    movw $0xf00f, %es:0
    call next
    mov $0x13, %ax
    int $0x10
    mov $0xa000, %ax
    mov %ax, %es
    movw $0x0928, %es:0
    call next
    mov $0x4f02, %ax
    mov $0x112, %bx
    int $0x10
    cmp $0x004f, %ax
    jne end
    movl $0x12345678, %es:0
    call next
end:
    mov $3, %ax
    int $0x10
    mov $0x0e4b, %ax
    int $0x10
    call next
1:  hlt
    jmp 1b
next:
    mov $'#', %al
    mov $0x403, %dx
    out %al, %dx
2:  mov $0x2fd, %dx
    in %dx, %al
    test $1, %al
    jz 2b
    mov $0x2f8, %dx
    in %dx, %al
    ret
    .org 510
    .word 0xaa55
    .org 65536
"""


def connect(path):
    """A connection to a server, which may not be there yet."""
    deadline = time.monotonic() + 30
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            if time.monotonic() > deadline:
                raise Failed("nobody at %s" % path)
            time.sleep(0.02)


class Screen:
    """Screendumps of a guest whose QMP is at a path."""

    def __init__(self, path):
        self.qmp = Qmp(path)

    def text(self):
        r = self.qmp.call("screendump", filename="screen.txt", format="text")
        if "error" in r:
            return None
        with open("screen.txt", encoding="utf-8") as f:
            return f.read()

    def await_text(self, wanted, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            text = self.text()
            if text and wanted in text:
                return text
            if time.monotonic() > deadline:
                raise Failed("no %r on the screen:\n%s" % (wanted, text))
            time.sleep(0.1)

    def picture(self):
        """Width, height, and a function from x and y to three bytes."""
        self.qmp.run("screendump", filename="screen.ppm")
        with open("screen.ppm", "rb") as f:
            magic, size, _, data = f.read().split(b"\n", 3)
        width, height = map(int, size.split())
        if magic != b"P6" or len(data) != width * height * 3:
            raise Failed("screen.ppm: %s %s, %d bytes" % (magic, size, len(data)))
        return width, height, lambda x, y: data[(y * width + x) * 3:][:3].hex()

    def png(self):
        """The same of a PNG, with what its rows hold."""
        self.qmp.run("screendump", filename="screen.png", format="png")
        with open("screen.png", "rb") as f:
            data = f.read()
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise Failed("screen.png begins with %r" % data[:8])
        at, body, header = 8, b"", None
        while at < len(data):
            n, kind = struct.unpack(">I4s", data[at:at + 8])
            part = data[at + 8:at + 8 + n]
            if zlib.crc32(kind + part) != struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0]:
                raise Failed("screen.png: bad checksum of %s" % kind)
            header = part if kind == b"IHDR" else header
            body += part if kind == b"IDAT" else b""
            at += n + 12
        width, height, depth, colour = struct.unpack(">IIBB", header[:10])
        return width, height, depth, colour, len(zlib.decompress(body))


def test_the_bios_screen_is_read_as_text_and_as_pictures():
    need_tinamou()
    need_file("/usr/share/seabios/bios.bin")
    for machine in ("pc", "q35", "isapc"):
        with Guest(["-arch", "x86_64", "-M", machine] + BASE + ["-qmp", "unix:qmp-%s,server=on,wait=off" % machine]):
            screen = Screen("qmp-" + machine)
            text = screen.await_text("No bootable device")
            if not text.startswith("SeaBIOS (version ") or text.count("\n") != 25:
                raise Failed("%s: %r" % (machine, text))
            width, height, pixel = screen.picture()
            colours = {pixel(x, y) for x in range(200) for y in range(32)}
            if (width, height) != (720, 400) or colours != {"000000", "a8a8a8"}:
                raise Failed("%s: %dx%d, %s" % (machine, width, height, colours))
            png = screen.png()
            if png != (720, 400, 8, 2, (720 * 3 + 1) * 400):
                raise Failed("%s: PNG %r" % (machine, png))


def test_modes_set_through_the_bios():
    need_tinamou()
    need_file("/usr/share/seabios/bios.bin")
    assemble("sector", SECTOR, 0x7c00)
    wanted = [(640, 480, {(0, 0): "000000", (4, 0): "a80000", (8, 0): "a80000", (12, 0): "000000"}),
              (640, 400, {(0, 0): "ff0000", (1, 1): "ff0000", (2, 0): "5757ff", (4, 0): "000000"}),
              (640, 480, {(0, 0): "345678", (1, 0): "000012"}),
              (720, 400, {(0, 2): "a8a8a8", (719, 399): "000000"})]
    for machine in ("pc", "isapc"):
        args = ["-arch", "x86_64", "-M", machine, "-nic", "none", "-m", "16", "-display", "none", "-monitor", "none", "-serial", "none", "-hda", "sector.img",
                "-qmp", "unix:qmp-%s,server=on,wait=off" % machine, "-chardev", "stdio,id=log", "-device", "isa-debugcon,iobase=0x403,chardev=log",
                "-serial", "unix:line-%s,server=on,wait=off" % machine]
        with Guest(args) as g:
            screen, line = Screen("qmp-" + machine), connect("line-" + machine)
            for width, height, points in wanted:
                g.expect("#")
                got_width, got_height, pixel = screen.picture()
                got = {at: pixel(*at) for at in points}
                if (got_width, got_height) != (width, height) or got != points:
                    raise Failed("%s: %dx%d %r, wanted %dx%d %r" % (machine, got_width, got_height, got, width, height, points))
                line.sendall(b"g")
            screen.await_text("K")


def test_machines_without_a_card_say_so():
    need_tinamou()
    for args in (["-M", "pc", "-vga", "none"], ["-M", "q35", "-nodefaults"]):
        with Guest(["-arch", "x86_64"] + args + BASE + ["-S", "-qmp", "unix:qmp,server=on,wait=off"]):
            r = Qmp("qmp").call("screendump", filename="screen.png")
            if r.get("error", {}).get("desc") != "the machine has no display":
                raise Failed("%s: %r" % (args, r))
    for args, count in (([], 1), (["-device", "VGA"], 1), (["-device", "secondary-vga"], 2), (["-vga", "std", "-device", "bochs-display"], 2)):
        with Guest(["-arch", "x86_64", "-M", "q35"] + args + BASE + ["-S", "-qmp", "unix:qmp,server=on,wait=off"]):
            text = Qmp("qmp").hmp("info pci")
            if text.count("1234:1111") != count:
                raise Failed("%s: %s" % (args, text))


def test_a_run_follows_the_screen_and_types():
    need_tinamou()
    need_file("/usr/share/seabios/bios-256k.bin")
    assemble("sector", SECTOR, 0x7c00)
    args = ["-arch", "x86_64", "-M", "pc", "-nic", "none", "-m", "16", "-display", "none", "-monitor", "none", "-serial", "none", "-hda", "sector.img",
            "-boot", "menu=on", "-timeout", "60", "-expect-on", "screen", "-expect", "Press ESC for boot menu"]
    status, _, err = emulator(args + ["-send", r"\x1b", "-expect", r"(?s)Select boot device:\n.*1\. ata0-0"], timeout=90)
    if status != 0 or "2 of 2 expectations met" not in err:
        raise Failed("status %d: %s" % (status, err))
    status, _, err = emulator(["-arch", "riscv64", "-M", "virt", "-display", "none", "-expect-on", "screen", "-expect", "x"], timeout=30)
    if status != 1 or "-expect-on screen: the machine has no display" not in err:
        raise Failed("without a display: status %d: %s" % (status, err))


def test_the_bios_shows_a_splash_before_its_menu():
    need_tinamou()
    need_file("/usr/share/seabios/bios-256k.bin")
    rows = bytes((0x12, 0x34, 0x56)) * (640 * 480) # blue first
    with open("splash.bmp", "wb") as f:
        f.write(struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(rows), 0, 0, 54, 40, 640, 480, 1, 24, 0, len(rows), 0, 0, 0, 0) + rows)
    with Guest(["-arch", "x86_64", "-M", "pc,boot.splash=splash.bmp"] + BASE + ["-boot", "menu=on,splash-time=60000", "-qmp",
                                                                         "unix:qmp,server=on,wait=off"]) as g:
        screen = Screen("qmp")
        while True:
            width, height, pixel = screen.picture()
            if width == 640 and pixel(639, 479) != "000000":
                break
            time.sleep(0.1)
        colours = {pixel(x, y) for x in range(0, 640, 9) for y in range(0, 480, 7)}
        if height != 480 or colours != {"563412"}:
            g.fail("%dx%d, %s" % (width, height, colours))
        screen.qmp.hmp("sendkey esc")
        screen.await_text("Select boot device")


def test_debian_has_its_shell_on_screen_and_keyboard():
    need_tinamou()
    images = debian("amd64")
    args = ["-arch", "x86_64", "-M", "pc", "-nic", "none", "-m", "256", "-display", "none", "-monitor", "none", "-serial", "none", "-kernel", images + "/kernel",
            "-initrd", images + "/initrd-small.cpio.gz", "-append", "console=tty0 quiet", "-timeout", "100", "-expect-on", "screen"]
    status, _, err = emulator(args + ["-expect", "~ #", "-send", r'echo "A_$((6*7))|Z" | tr "|" "~"\n', "-expect", "^A_42~Z$"], timeout=110)
    if status != 0 or "2 of 2 expectations met" not in err:
        raise Failed("status %d: %s" % (status, err))


def memtest():
    """The 64-bit program of Debian's memtest86+."""
    return min(glob.glob(debian_package("memtest86+") + "/boot/*x*64.bin"))


def test_memtest86_passes():
    """A whole pass; time is what instructions take, so that the fading of bits is not waited for."""
    need_tinamou()
    need_file("/usr/share/seabios/bios-256k.bin")
    args = ["-arch", "x86_64", "-M", "pc", "-nic", "none", "-m", "6", "-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=10,sleep=off",
            "-kernel", memtest(), "-append", "nopause", "-qmp", "unix:qmp,server=on,wait=off"]
    with Guest(args):
        text = Screen("qmp").await_text("Pass:  1 ", timeout=150)
        if not re.search(r"^ *Memtest86\+ v[67]\.", text) or not re.search(r"Pass: +1 +Errors: 0\b", text):
            raise Failed("memtest86+:\n" + text)


test_memtest86_passes.limit = 200
