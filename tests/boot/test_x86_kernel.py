"""Kernels that the emulator itself loads into PCs: what each boot protocol promises them."""
import os
import subprocess
import time

from guest import ROOT, Failed, Guest, emulator, need_file, need_tinamou, need_tool

# Writes "NAME=TEXT" lines to COM1 and ends the emulator by port 0xf4.
KERNEL = r"""
typedef unsigned int u32;
typedef unsigned long long u64;
static void out(unsigned short port, unsigned char v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static void text(const char *s) { while (*s) out(0x3f8, *s++); }
static void show(const char *name, const char *s) { text(name); text("="); text(s); text("\n"); }
static void number(const char *name, u32 v)
{
    char hex[9];
    for (int i = 0; i < 8; i++)
        hex[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
    hex[8] = 0;
    show(name, hex);
}
static void map(const char *p, u32 n, u32 step)
{
    for (u32 i = 0; i < n; i++, p += step)
        if (*(u32 *)(p + 16) == 1 && *(u32 *)p == 0x100000) {
            show("map", "found");
            number("ram", *(u32 *)(p + 8));
        }
}
static char zeros[70000];
static u32 data = 0x12345678;
static void multiboot(u32 *info)
{
    show("cmdline", (char *)info[4]);
    for (u32 i = 0; i < info[5]; i++) {
        u32 *m = (u32 *)info[6] + 4 * i;
        show("module", (char *)m[2]);
        number("size", m[1] - m[0]);
        show("content", (char *)m[0]);
    }
    number("upper", info[2]);
    map((char *)info[12] + 4, info[11] / 24, 24);
}
static void pvh(u32 *info)
{
    show("cmdline", (char *)info[6]);
    for (u32 i = 0; i < info[3]; i++) {
        u32 *m = (u32 *)info[4] + 8 * i;
        number("size", m[2]);
        show("content", (char *)m[0]);
    }
    map((char *)info[10], info[12], 24);
    if (info[8])
        show("rsdp", "found");
}
static void zero_page(char *params)
{
    u32 *list = *(u32 **)(params + 0x250);
    char *line = *(char **)(params + 0x228);
    show("cmdline", line);
    if (line[0] == 'O') /* off and reset of microvm */
        *(volatile char *)0xfea00200 = 0x34;
    if (line[0] == 'R')
        *(volatile char *)0xfea00202 = 0x42;
    if (*(u32 *)(params + 0x21c))
        show("content", *(char **)(params + 0x218));
    map(params + 0x2d0, (unsigned char)params[0x1e8], 20);
    if (list && list[2] == 9 && list[3] == 32 && (list[4] | list[5] | list[6]))
        show("seed", "good");
    if (*(u32 *)(params + 0x70) && **(u32 **)(params + 0x70) == 0x20445352)
        show("rsdp", "found");
}
void start(u32 magic, u32 *info, char *params)
{
    u32 sum = 0;
    for (u32 i = 0; i < sizeof(zeros); i++)
        sum += zeros[i];
    number("magic", magic);
    if (sum == 0 && data == 0x12345678)
        show("memory", "good");
    if (magic == 0x2badb002)
        multiboot(info);
    else if (params && *(u32 *)(params + 0x202) == 0x53726448)
        zero_page(params);
    else if (info[0] == 0x336ec578)
        pvh(info);
    out(0xf4, 0);
    for (;;)
        __asm__ volatile("hlt");
}
"""
ENTRY = r"""
    .section .head, "ax"
    .globl _start
_start:
    jmp begin
    .balign 4
{header}
begin:
    cli
    mov $stack, %esp
    push %esi
    push %ebx
    push %eax
    call start
{note}
    .bss
    .skip 4096
stack:
"""
MULTIBOOT = ".long 0x1badb002, 3, -(0x1badb002 + 3)"
FLAT = """header: .long 0x1badb002, 0x10003, -(0x1badb002 + 0x10003)
    .long header, _start, __data_end, __end, _start"""
NOTE = r"""
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long _start
    .text
"""
SCRIPT = """
ENTRY(_start)
PHDRS { text PT_LOAD; note PT_NOTE; }
SECTIONS {
    . = %s;
    .head : { *(.head) } :text
    .text : { *(.text*) *(.rodata*) } :text
    .note : { *(.note.pvh) } :text :note
    .data : { *(.data*) } :text
    __data_end = .;
    .bss : { *(.bss*) *(COMMON) } :text
    __end = .;
    /DISCARD/ : { *(.eh_frame) *(.note.gnu*) *(.comment) }
}
"""
# Real-mode code of a bzImage, and what follows it at 1 MiB.
SETUP = r"""
    .code16
    .globl _start
_start:
    .org 0x1f1
    .byte 1
    .word 0
    .long 1
    .word 0, 0, 0
    .word 0xaa55
    jmp begin
    .ascii "HdrS"
    .word {version}
    .long 0
    .word 0, 0
    .byte 0, 1
    .word 0
    .long 0x100000, 0, 0, 0
    .word 0
    .byte 0, 0
cmd_line:
    .long 0
    .long 0x37ffffff, 0x1000, 0, {cmdline_max}, 0, 0, 0, 0, 0
setup_data:
    .quad 0, 0x100000
    .long 0x40000, 0
    .org 0x26c
begin:
    mov %cs, %ax
    sub $0x20, %ax
    mov %ds, %bx
    cmp %ax, %bx
    jne bad
    movl cmd_line, %esi
    shr $4, %esi
    mov %si, %es
    xor %si, %si
    mov $0x3f8, %dx
1:  mov %es:(%si), %al
    inc %si
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  cmpl $0, setup_data
    je 3f
    movb $'+', plus + 1 /* code that is next is what was stored, also where segments are not flat */
plus:
    mov $'?', %al
    out %al, %dx
3:  movl 0x218, %eax
    test %eax, %eax
    jz 4f
    mov $'i', %al
    out %al, %dx
4:
bad:
    mov $0, %al
    mov $0xf4, %dx
    out %al, %dx
5:  hlt
    jmp 5b
    .org 1024
"""


def run_tool(*args):
    r = subprocess.run(list(args), capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stderr)


def build(name, header="", note="", flat=False, base="0x200000"):
    cc = need_tool("gcc")
    for file, content in (("k.c", KERNEL), ("e.S", ENTRY.format(header=header, note=note)), ("k.ld", SCRIPT % base)):
        with open(file, "w") as f:
            f.write(content)
    run_tool(cc, "-m32", "-Os", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector", "-mno-sse",
             "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-Wl,--build-id=none,-Tk.ld", "-o", name, "e.S", "k.c")
    if flat:
        run_tool(need_tool("objcopy"), "-O", "binary", name, name)


def build_linux(version=0x20c, cmdline_max=255):
    with open("s.S", "w") as f:
        f.write(SETUP.format(version=version, cmdline_max=cmdline_max))
    run_tool(need_tool("gcc"), "-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-no-pie", "-Wl,-Ttext=0",
             "-Wl,--oformat=binary,--build-id=none", "-o", "setup", "s.S")
    build("protected", flat=True, base="0x100000")
    with open("bzImage", "wb") as f:
        for part in ("setup", "protected"):
            with open(part, "rb") as g:
                f.write(g.read())


def run(machine, more, arch="x86_64"):
    need_tinamou()
    need_file("/usr/share/seabios/bios-256k.bin")
    return emulator(["-arch", arch, "-M", machine, "-m", "64", "-display", "none", "-monitor", "none", "-serial", "stdio",
                     "-device", "isa-debug-exit,iobase=0xf4,iosize=1"] + more, timeout=60)


def expect(machine, more, want, arch="x86_64"):
    status, out, err = run(machine, more, arch)
    lines = out.replace("\r", "").split("\n")
    missing = [w for w in want if w not in lines]
    if missing or status != 1:
        raise Failed("%s %s: status %d, no %s in %r %r" % (machine, " ".join(more), status, missing, out[-600:], err[-400:]))


def write(name, text):
    with open(name, "w") as f:
        f.write(text)


BOARDS = ("pc", "q35")


def test_multiboot_kernels_get_modules_and_the_map():
    write("one", "first\0")
    write("two", "second\0")
    want = ["magic=2badb002", "memory=good", "cmdline=%s a=b c", "module=one", "content=first", "module=two with args", "size=00000007",
            "content=second", "upper=0000f800", "map=found"]
    for flat in (False, True):
        name = "flat" if flat else "elf"
        build(name, FLAT if flat else MULTIBOOT, flat=flat)
        for board in BOARDS:
            expect(board, ["-kernel", name, "-append", "a=b c", "-initrd", "one,two with args"],
                   [w % name if "%" in w else w for w in want])


def test_pvh_kernels_get_their_start_info():
    build("pvh", note=NOTE)
    write("rd", "ramdisk\0")
    want = ["magic=00000000", "memory=good", "cmdline=x=1", "size=00000008", "content=ramdisk", "rsdp=found"]
    for board in BOARDS:
        expect(board, ["-kernel", "pvh", "-append", "x=1", "-initrd", "rd"], want)


def test_linux_begins_in_real_mode_with_command_line_and_seed():
    build_linux()
    write("rd", "ramdisk\0")
    for board in BOARDS:
        expect(board, ["-kernel", "bzImage", "-append", "console=none"], ["console=none+"])
    expect("pc", ["-kernel", "bzImage", "-append", "before disks", "-drive", "format=raw,file=bzImage"], ["before disks+"])
    expect("pc", ["-kernel", "bzImage", "-append", "quiet", "-initrd", "rd"], ["quiet+i"], "i386")


def test_microvm_starts_kernels_without_firmware():
    build("elf", MULTIBOOT)
    build("pvh", note=NOTE)
    build_linux()
    write("rd", "ramdisk\0")
    rd, slots = ["-initrd", "rd", "-append", "a=b"], "virtio_mmio.device=512@0xfeb00c00:11 virtio_mmio.device=512@0xfeb00e00:12"
    common = ["memory=good", "content=ramdisk", "ram=03f00000"]
    expect("microvm", ["-kernel", "elf"] + rd, common + ["cmdline=elf a=b", "upper=0000fc00"])
    for kernel, more in (("pvh", []), ("bzImage", ["seed=good"])):
        for arch in ("x86_64", "i386"):
            expect("microvm", ["-kernel", kernel] + rd, common + more + ["cmdline=a=b" + (" tsc_early_khz=1000000" if kernel == "bzImage" else ""), "rsdp=found"], arch)
        expect("microvm,acpi=off", ["-kernel", kernel, "-device", "virtio-rng-device", "-device", "virtio-balloon-device"] + rd,
               common + ["cmdline=a=b " + slots])


def test_microvm_powers_off_and_resets_by_acpi():
    build_linux()
    for word in ("OFF", "RESET"):
        status, out, err = run("microvm", ["-kernel", "bzImage", "-append", word, "-no-reboot"])
        if status != 0 or "cmdline=" + word not in out:
            raise Failed("%s: status %d: %r %r" % (word, status, out[-300:], err[-300:]))


def test_microvm_starts_firmware():
    build("pvh", note=NOTE)
    write("rd", "ramdisk\0")
    for bios in ("/usr/share/seabios/bios-microvm.bin", "/usr/share/qemu/qboot.rom"):
        need_file(bios)
        expect("microvm", ["-bios", bios, "-kernel", "pvh", "-initrd", "rd", "-append", "a=b"], ["memory=good"])


def test_what_is_no_kernel_is_told():
    build_linux(cmdline_max=20)
    build("elf")
    write("text", "no kernel\n" * 100)
    with open("cut", "wb") as f, open("bzImage", "rb") as g:
        f.write(g.read()[:1024])
    with open("image", "wb") as f:
        f.write(b"\0" * 56 + b"ARM\x64" + b"\0" * 4000)
    with open("sector", "wb") as f:
        f.write(b"\0" * 510 + b"\x55\xaa" + b"\0" * 512)
    for args, want in ((["-kernel", "elf"], "neither a multiboot header nor a PVH note"),
                       (["-kernel", "text"], "is no kernel: wanted a bzImage, a multiboot or a PVH kernel"),
                       (["-kernel", "cut"], "is truncated"),
                       (["-kernel", "image"], "is for aarch64, this machine is x86_64"),
                       (["-kernel", "sector"], "is a boot sector or disk image"),
                       (["-kernel", "bzImage", "-append", "x" * 30], "30 characters, the kernel 'bzImage' takes at most 20"),
                       (["-kernel", "missing"], "missing"),
                       (["-initrd", "text"], "-initrd needs a -kernel")):
        status, _, err = run("pc", args)
        if status != 1 or want not in err or len(err.strip().split("\n")) != 1:
            raise Failed("%s: status %d, wanted '%s', found %r" % (" ".join(args), status, want, err))


def test_the_option_rom_is_made_from_its_source():
    r = subprocess.run([os.path.join(ROOT, "tools", "make_bootrom"), "--check"], capture_output=True, text=True)
    if r.returncode not in (0, 77):
        raise Failed(r.stderr)


LOOP = """
    .code32
    .globl _start
    .long 0x1badb002, 0, -0x1badb002
_start:
    mov $0x200000, %edi
    movl $0, 8(%edi)
1:  mov 8(%edi), %eax
    test %eax, %eax
    je 1b
    hlt
"""


def test_an_endless_loop_can_be_ended_while_it_is_logged():
    cc = need_tool("gcc")
    with open("loop.S", "w") as f:
        f.write(LOOP)
    subprocess.run([cc, "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x101000,--build-id=none", "-o", "loop", "loop.S"], check=True)
    with Guest(["-arch", "x86_64", "-M", "microvm", "-m", "64", "-display", "none", "-serial", "none", "-monitor", "none", "-kernel", "loop",
                "-d", "nochain", "-D", "log"]) as g:
        time.sleep(1) # until the loop is compiled as one
        g.terminate()
        g.process.wait(20)
