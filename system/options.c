/* Every command-line option: the only list.  Help is printed from it; rows without help text are
 * accepted or refused for the sake of existing scripts. */
#include "system/cli.h"

#include "core/action.h"
#include "system/runner.h"
#include "util/log.h"
#include "util/optparse.h"

#include <stddef.h>
#include <string.h>

#define TEXT(field) .how = CLI_TEXT, .off = offsetof(struct cli, field)
#define FLAG(field) .how = CLI_FLAG, .off = offsetof(struct cli, field)
#define LIST(field) .how = CLI_LIST, .off = offsetof(struct cli, field)
#define CALL(fn)    .how = CLI_CALL, .call = fn

static void add_drive(struct cli *cli, const char *path, const char *rest)
{
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_ptr_array_add(cli->drive, g_strdup_printf("file=%s,%s", escaped, rest));
}

static bool call_watchdog_action(struct cli *cli, const char *arg, struct error **errp)
{
    unsigned action;

    g_ptr_array_add(cli->action, g_strdup_printf("watchdog=%s", arg));
    return action_parse(watchdog_action_names, arg, &action, errp);
}

static bool call_gdb_default(struct cli *cli, const char *arg UNUSED, struct error **errp UNUSED)
{
    cli->gdb = "tcp::1234";
    return true;
}

static bool call_hda(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "index=0,media=disk");
    return true;
}

static bool call_hdb(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "index=1,media=disk");
    return true;
}

static bool call_hdc(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "index=2,media=disk");
    return true;
}

static bool call_hdd(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "index=3,media=disk");
    return true;
}

static bool call_cdrom(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "index=2,media=cdrom");
    return true;
}

static bool call_fda(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "if=floppy,index=0");
    return true;
}

static bool call_fdb(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "if=floppy,index=1");
    return true;
}

static bool call_pflash(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    add_drive(cli, arg, "if=pflash,format=raw");
    return true;
}

static bool call_enable_kvm(struct cli *cli, const char *arg UNUSED, struct error **errp UNUSED)
{
    g_ptr_array_add(cli->accel, g_strdup("kvm"));
    return true;
}

static bool call_localtime(struct cli *cli, const char *arg UNUSED, struct error **errp UNUSED)
{
    cli->rtc = "base=localtime";
    return true;
}

static bool call_singlestep(struct cli *cli, const char *arg UNUSED, struct error **errp UNUSED)
{
    g_ptr_array_add(cli->accel, g_strdup("tcg,one-insn-per-tb=on"));
    return true;
}

static bool call_vnc(struct cli *cli UNUSED, const char *arg, struct error **errp)
{
    if (!strcmp(arg, "none"))
        return true;
    error_set(errp, "not supported yet: there is no display; use -display none");
    return false;
}

static bool call_tb_size(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    g_ptr_array_add(cli->accel, g_strdup_printf("tcg,tb-size=%s", arg));
    return true;
}

static bool call_display(struct cli *cli, const char *arg, struct error **errp)
{
    cli->display = arg;
    if (!strcmp(arg, "none") || !strcmp(arg, "help") || !strcmp(arg, "?"))
        return true;
    error_set(errp, "there is no such display here; only 'none' is");
    return false;
}

static bool call_audiodev(struct cli *cli, const char *arg, struct error **errp)
{
    struct opts *o = opts_parse_any(arg, "driver", errp);
    const char *driver = o ? opts_get(o, "driver", "") : "";
    cli->want_audio_help = o && opts_has_help(o);
    bool ok = cli->want_audio_help || !strcmp(driver, "none");

    if (o && !ok)
        error_set(errp, "sound is not supported yet; only 'none' is accepted");
    opts_free(o);
    return ok;
}

static bool call_message(struct cli *cli, const char *arg, struct error **errp)
{
    struct opts *o = opts_parse(arg, NULL);
    static const char *const keys[] = {"timestamp", "guest-name", NULL};
    bool ok = opts_get_bool(o, "timestamp", cli->message_time, &cli->message_time, errp) &&
              opts_get_bool(o, "guest-name", cli->message_name, &cli->message_name, errp) &&
              opts_check_used(o, keys, errp);

    opts_free(o);
    return ok;
}

static bool call_dfilter(struct cli *cli UNUSED, const char *arg, struct error **errp)
{
    return log_set_filter(arg, errp);
}

static bool call_readconfig(struct cli *cli, const char *arg, struct error **errp)
{
    return config_read(cli, arg, errp);
}

static bool call_set(struct cli *cli, const char *arg, struct error **errp)
{
    return config_set(cli, arg, errp);
}

static bool call_runas(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    cli->run_user = arg;
    return true;
}

static bool call_chroot(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    cli->run_root = arg;
    return true;
}

static const char *keep(struct cli *cli, const char *text)
{
    return text ? g_string_chunk_insert(cli->texts, text) : NULL;
}

/* Memory is given back to the host while the process ends in any case: async-teardown asks for
 * nothing more. */
static bool call_run_with(struct cli *cli, const char *arg, struct error **errp)
{
    static const char *const keys[] = {"async-teardown", "chroot", "user", NULL};
    struct opts *o = opts_parse(arg, NULL);
    bool teardown, ok = opts_get_bool(o, "async-teardown", false, &teardown, errp);
    const char *root = opts_get(o, "chroot", NULL), *user = opts_get(o, "user", NULL);

    ok = ok && opts_check_used(o, keys, errp);
    cli->run_root = root ? keep(cli, root) : cli->run_root;
    cli->run_user = user ? keep(cli, user) : cli->run_user;
    opts_free(o);
    return ok;
}

static struct runner *runner_of(struct cli *cli)
{
    if (!cli->runner)
        cli->runner = runner_new();
    return cli->runner;
}

static bool call_expect(struct cli *cli, const char *arg, struct error **errp)
{
    cli->want_runner_help |= !strcmp(arg, "help");
    return cli->want_runner_help || runner_add_expect(runner_of(cli), arg, errp);
}

static bool call_fail(struct cli *cli, const char *arg, struct error **errp)
{
    cli->want_runner_help |= !strcmp(arg, "help");
    return cli->want_runner_help || runner_add_fail(runner_of(cli), arg, errp);
}

static bool call_send(struct cli *cli, const char *arg, struct error **errp)
{
    return runner_add_send(runner_of(cli), arg, errp);
}

static bool call_timeout(struct cli *cli, const char *arg, struct error **errp)
{
    return runner_set_timeout(runner_of(cli), arg, errp);
}

static bool call_step_timeout(struct cli *cli, const char *arg, struct error **errp)
{
    return runner_set_step_timeout(runner_of(cli), arg, errp);
}

static bool call_result(struct cli *cli, const char *arg, struct error **errp)
{
    return runner_add_result(runner_of(cli), arg, errp);
}

static bool call_symbols(struct cli *cli, const char *arg, struct error **errp)
{
    return runner_add_symbols(runner_of(cli), arg, errp);
}

static bool call_expect_on(struct cli *cli, const char *arg, struct error **errp UNUSED)
{
    runner_set_chardev(runner_of(cli), arg);
    return true;
}

/* clang-format off */
const struct cli_option cli_options[] = {
    {.help = "Standard options"},
    {.name = "help", .alias = "h", FLAG(want_help), .help = "show this list"},
    {.name = "version", FLAG(want_version), .help = "show the version"},
    {.name = "arch", .args = "ARCH", TEXT(arch),
     .help = "guest architecture: riscv64, riscv32, aarch64, arm, x86_64 or i386; found from the\n"
             "-kernel or -bios image, or from the program's name, when not given"},
    {.name = "machine", .alias = "M", .args = "[type=]NAME[,PROP=VALUE...]", LIST(machine),
     .help = "board and its properties; several are merged\n"
             "('help' lists boards, NAME,help lists properties)\n"
             "accel=A[:B...] is a list of accelerators to try"},
    {.name = "cpu", .args = "MODEL[,PROP=VALUE...]", TEXT(cpu),
     .help = "CPU model ('help' lists models, MODEL,help lists properties)"},
    {.name = "accel", .args = "[accel=]NAME[,PROP=VALUE...]", LIST(accel),
     .help = "accelerator; several are tried in order ('help' lists them)\n"
             "thread=multi|single (one host thread a CPU either way)\n"
             "tb-size=N (MiB for translated code)\n"
             "engine=jit|interp (translate, or interpret)\n"
             "lockstep=on (run both, stop at the first difference)"},
    {.name = "m", .args = "[size=]SIZE", TEXT(memory),
     .help = "guest memory, in MiB unless followed by k, M, G or T"},
    {.name = "smp", .args = "[cpus=]N[,maxcpus=M][,sockets=S][,cores=C][,threads=T]", TEXT(smp),
     .help = "number of CPUs and how they are arranged"},
    {.name = "numa", .args = "node[,nodeid=N][,cpus=A[-B]]...[,memdev=ID|,mem=SIZE]", LIST(numa),
     .help = "nodes of processors and memory, which the guest is told of; also\n"
             "cpu,node-id=N[,socket-id=N][,core-id=N][,thread-id=N]\n"
             "dist,src=N,dst=N,val=DISTANCE (10 is the node itself)"},
    {.name = "mem-path", .args = "PATH", TEXT(mem_path),
     .help = "keep the memory in a file there; in a directory, in one without a name"},
    {.name = "mem-prealloc", FLAG(mem_prealloc), .help = "have all of it from the start"},
    {.name = "name", .args = "[guest=]NAME[,process=NAME][,debug-threads=on|off]", TEXT(name),
     .help = "name of the guest, of the process, and whether threads get names"},
    {.name = "uuid", .args = "UUID", TEXT(uuid), .help = "the machine's UUID"},
    {.name = "boot", .args = "[order=DRIVES][,menu=on|off][,strict=on|off]...", TEXT(boot),
     .help = "hints for firmware that asks for them"},
    {.name = "global", .args = "DRIVER.PROP=VALUE", LIST(global),
     .help = "set a property of every device of a type, also of those that\n"
             "the board makes: -global virtio-mmio.force-legacy=false\n"
             "(or driver=DRIVER,property=PROP,value=VALUE)"},

    {.help = "Kernel and firmware"},
    {.name = "kernel", .args = "FILE", TEXT(kernel), .help = "Linux Image or ELF kernel, gzip, zstd or zboot packed"},
    {.name = "initrd", .args = "FILE", TEXT(initrd), .help = "initial RAM disk"},
    {.name = "append", .args = "TEXT", TEXT(append), .help = "kernel command line"},
    {.name = "dtb", .args = "FILE", TEXT(dtb), .help = "device tree to use instead of the board's own"},
    {.name = "bios", .args = "FILE", TEXT(bios),
     .help = "firmware: a file, 'default' (OpenSBI), or 'none' (start in the\nkernel)"},
    {.name = "pflash", .args = "FILE", CALL(call_pflash), .help = "contents of a flash bank"},
    {.name = "fw_cfg", .args = "[name=]NAME,file=FILE|string=TEXT", LIST(fw_cfg),
     .help = "add a file to the firmware configuration device"},
    {.name = "option-rom", .args = "FILE[,bootindex=N]", LIST(option_rom),
     .help = "an option ROM that a PC's BIOS runs"},
    {.name = "smbios", .args = "type=N,KEY=VALUE...", LIST(smbios),
     .help = "what firmware and the guest are told of the machine's make (type 1: manufacturer,\n"
             "product, version, serial, uuid, sku, family; 0, 2, 3, 4, 11, 17)"},
    {.name = "acpitable", .args = "file=FILE | sig=TEXT,data=FILE", LIST(acpitable),
     .help = "add an ACPI table of a PC: a whole one, or one behind a new header\n"
             "[rev=N][,oem_id=TEXT][,oem_table_id=TEXT][,oem_rev=N]\n"
             "[,asl_compiler_id=TEXT][,asl_compiler_rev=N]: fields of the header"},
    {.name = "L", .args = "DIR", LIST(dirs), .help = "look for firmware here first ('help' lists where else)"},

    {.help = "Disks and devices"},
    {.name = "drive", .args = "[file=FILE][,if=none|virtio|pflash][,format=raw|qcow2|...]", LIST(drive),
     .help = "[,id=ID][,index=N][,unit=N][,media=disk|cdrom][,readonly=on|off]\n"
             "[,snapshot=on|off][,cache=none|writeback|writethrough|directsync|unsafe]\n"
             "[,aio=threads|io_uring][,discard=ignore|unmap][,detect-zeroes=off|on|unmap]\n"
             "[,copy-on-read=on|off][,werror=report|ignore|enospc|stop][,rerror=report|ignore|stop]\n"
             "[,throttling.bps-total=N][,throttling.iops-total=N]...[,serial=TEXT]\n"
             "a disk; if=none only names it for -device"},
    {.name = "blockdev", .args = "driver=DRIVER,node-name=ID,...", LIST(blockdev),
     .help = "a disk image by its parts: driver=file,filename=FILE or\n"
             "driver=qcow2,file=NODE or driver=qcow2,file.filename=FILE,\n"
             "also as JSON: '{\"driver\": \"qcow2\", ...}'"},
    {.name = "hda", .args = "FILE", CALL(call_hda), .help = "first disk; also -hdb, -hdc, -hdd"},
    {.name = "hdb", .args = "FILE", CALL(call_hdb)},
    {.name = "hdc", .args = "FILE", CALL(call_hdc)},
    {.name = "hdd", .args = "FILE", CALL(call_hdd)},
    {.name = "fda", .args = "FILE", CALL(call_fda), .help = "floppy in drive A, of PCs; also -fdb"},
    {.name = "fdb", .args = "FILE", CALL(call_fdb)},
    {.name = "cdrom", .args = "FILE", CALL(call_cdrom), .help = "read-only disk"},
    {.name = "snapshot", FLAG(snapshot), .help = "leave disk images as they are: writes are dropped at exit"},
    {.name = "device", .args = "NAME[,PROP=VALUE...]", LIST(device),
     .help = "add a device ('help' lists them, NAME,help lists properties)"},
    {.name = "object", .args = "TYPE,id=ID[,PROP=VALUE...]", LIST(object),
     .help = "rng-random,id=ID[,filename=FILE] or rng-builtin,id=ID: where a\n"
             "virtio-rng device gets its bytes; memory-backend-ram,id=ID,size=N,\n"
             "memory-backend-memfd,... or memory-backend-file,mem-path=FILE,...[,share=on]:\n"
             "memory for -machine memory-backend=ID or -numa node,memdev=ID\n"
             "('help' lists types)"},

    {.name = "virtfs", .args = "local,path=DIR,mount_tag=NAME,security_model=MODEL[,id=ID]", LIST(virtfs),
     .help = "[,readonly=on|off][,fmode=MODE][,dmode=MODE]\n"
             "[,multidevs=remap|forbid|warn][,writeout=immediate]\n"
             "share a directory: mount -t 9p -o trans=virtio NAME /mnt\n"
             "MODEL, where owners and modes of the guest's files are kept:\n"
             "mapped-xattr (attributes), passthrough or none (as they are)"},
    {.name = "fsdev", .args = "local,id=ID,path=DIR,security_model=MODEL[,...]", LIST(fsdev),
     .help = "the same by its parts: for -device virtio-9p,fsdev=ID,mount_tag=NAME"},

    {.help = "Serial lines, consoles, display"},
    {.name = "serial", .args = "DEV", LIST(serial),
     .help = "connect the next serial line: mon:stdio, stdio, pty, file:FILE,\n"
             "pipe:PATH, tcp:HOST:PORT, unix:PATH, telnet:HOST:PORT,\n"
             "websocket:HOST:PORT, udp:HOST:PORT[@[HOST]:PORT], chardev:ID,\n"
             "null, none; sockets take ,server=on[,wait=off]"},
    {.name = "chardev", .args = "BACKEND,id=ID[,PROP=VALUE...]", LIST(chardev),
     .help = "name a character device back end ('help' lists them)"},
    {.name = "monitor", .args = "DEV", LIST(monitor),
     .help = "a monitor for people on a device as -serial takes it, or none;\n"
             "by default one shares the terminal (Ctrl-a c switches)"},
    {.name = "qmp", .args = "DEV", LIST(qmp), .help = "a monitor for programs: QMP, JSON on lines"},
    {.name = "qmp-pretty", .args = "DEV", LIST(qmp_pretty), .help = "the same, indented for people to read"},
    {.name = "mon", .args = "[chardev=]ID[,mode=readline|control][,pretty=on|off]", LIST(mon),
     .help = "a monitor on a -chardev: readline for people, control for QMP"},
    {.name = "add-fd", .args = "fd=N,set=N[,opaque=TEXT]", LIST(add_fd),
     .help = "put an inherited descriptor into a set; a file named\n"
             "/dev/fdset/N is the one of set N with the right access mode"},
    {.name = "parallel", .args = "DEV", LIST(parallel),
     .help = "what is at a PC's next parallel port (default: null at the first one); 'none' for none"},
    {.name = "debugcon", .args = "DEV", TEXT(debugcon),
     .help = "where a PC's debug port goes, 0xe9 or as -global isa-debugcon.iobase=PORT says"},
    {.name = "nographic", FLAG(nographic), .help = "no window; the first serial line on the terminal"},
    {.name = "display", .args = "none", CALL(call_display), .help = "no window ('help' lists displays)"},
    {.name = "vga", .args = "std|none", TEXT(vga), .help = "display card of a PC (default: std)"},
    {.name = "echr", .args = "CODE", TEXT(escape), .help = "escape character of the terminal instead of Ctrl-a; 0: none"},

    {.help = "Network"},
    {.name = "netdev", .args = "TYPE,id=ID[,PROP=VALUE...]", LIST(netdev),
     .help = "a back end for -device CARD,netdev=ID ('help' lists them)\n"
             "user[,hostfwd=tcp:[ADDR]:PORT-[ADDR]:PORT][,net=ADDR/LEN]\n"
             "[,restrict=on|off][,tftp=DIR][,bootfile=FILE][,hostname=NAME]\n"
             "[,guestfwd=tcp:ADDR:PORT-cmd:COMMAND|CHARDEV][,dns=ADDR]\n"
             "[,smb=DIR[,smbserver=ADDR]]...: a private network behind the\n"
             "host's, without privileges\n"
             "tap[,ifname=NAME][,script=FILE|no][,queues=N] or tap,fd=N: an\n"
             "interface of the host; bridge[,br=NAME]: one on a bridge\n"
             "socket,listen=[HOST]:PORT or connect=, mcast=, udp=, fd=;\n"
             "stream,addr.type=inet|unix,...; dgram,local.type=...,remote...:\n"
             "a cable to another process; hubport,hubid=N: a port of a hub"},
    {.name = "nic", .args = "[TYPE][,model=CARD][,mac=ADDR][,PROP=VALUE...]", LIST(nic),
     .help = "a network card and its back end in one: -nic user; -nic none"},
    {.name = "net", .args = "nic|TYPE|none[,PROP=VALUE...]", LIST(net),
     .help = "the old form: a card or a back end on a common hub"},
    {.name = "smb", .args = "DIR", TEXT(smb),
     .help = "old forms of options of the (first) user network: smb=DIR; also\n"
             "-tftp DIR, -bootp FILE (bootfile=) and -redir\n"
             "[tcp|udp]:PORT:[ADDR]:PORT (hostfwd=)"},
    {.name = "tftp", .args = "DIR", TEXT(tftp)},
    {.name = "bootp", .args = "FILE", TEXT(bootp)},
    {.name = "redir", .args = "RULE", LIST(redir)},

    {.help = "Running"},
    {.name = "S", FLAG(start_paused), .help = "do not start the CPUs"},
    {.name = "incoming", .args = "URI", TEXT(incoming),
     .help = "go on with a machine that was saved or is being sent:\n"
             "file:PATH[,offset=N][,verify=off], exec:COMMAND, fd:NAME,\n"
             "unix:PATH, tcp:HOST:PORT; 'defer' waits for migrate-incoming"},
    {.name = "loadvm", .args = "NAME", TEXT(loadvm), .help = "go on from a snapshot that is in the disk images (savevm)"},
    {.name = "no-reboot", FLAG(no_reboot), .help = "exit when the guest resets"},
    {.name = "no-shutdown", FLAG(no_shutdown), .help = "pause instead of exiting when the guest powers off"},
    {.name = "action", .args = "[reboot=reset|shutdown][,shutdown=poweroff|pause]", LIST(action),
     .help = "[,panic=shutdown|pause|exit-failure|none]\n"
             "[,watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi]\n"
             "what to do when the guest resets, powers off, says that it panicked,\n"
             "or its watchdog runs out"},
    {.name = "watchdog-action", .args = "ACTION", CALL(call_watchdog_action),
     .help = "short for -action watchdog=ACTION"},
    {.name = "rtc", .args = "[base=utc|localtime|DATE][,clock=host|vm]", TEXT(rtc),
     .help = "time of the guest's clock chip"},
    {.name = "icount", .args = "[shift=]N[,sleep=on|off][,align=off]", TEXT(icount),
     .help = "virtual time is the number of instructions executed, times 2 to the N ns (0 to 10)"},
    {.name = "readconfig", .args = "FILE", CALL(call_readconfig),
     .help = "options from a file: [device \"ID\"] and lines of KEY = \"VALUE\""},
    {.name = "set", .args = "GROUP.ID.KEY=VALUE", CALL(call_set),
     .help = "add to an option that was given before it: -set device.net0.mac=..."},
    {.name = "nodefaults", FLAG(nodefaults), .help = "no devices that were not asked for"},
    {.name = "no-user-config", .how = CLI_ACCEPT, .help = "accepted: there are no configuration files"},
    {.name = "daemonize", FLAG(daemonize), .help = "go to the background once the guest is ready to run"},
    {.name = "pidfile", .args = "FILE", TEXT(pidfile), .help = "write the process id there"},
    {.name = "enable-kvm", CALL(call_enable_kvm), .help = "as -accel kvm, which cannot run these guests: add -accel tcg"},
    {.name = "sandbox", .args = "on|off[,obsolete=deny|allow][,elevateprivileges=allow|deny|children]", TEXT(sandbox),
     .help = "[,spawn=allow|deny][,resourcecontrol=allow|deny]\n"
             "deny system calls that the emulator does not need"},
    {.name = "msg", .args = "[timestamp=on|off][,guest-name=on|off]", CALL(call_message),
     .help = "begin messages with the time, and with the guest's name"},
    {.name = "run-with", .args = "[chroot=DIR][,user=NAME|UID:GID][,async-teardown=on|off]", CALL(call_run_with),
     .help = "once all files are open, see only what is below DIR, and have\n"
             "no more rights than that user (also: -chroot DIR, -runas USER)"},

    {.help = "Running a test (see docs/test-runner.md): the exit status is 0 when all was met, 1 when it failed, 124 when time was up"},
    {.name = "expect", .args = "REGEX|@off|@reset", CALL(call_expect),
     .help = "wait for this on the first serial line, after what came before\n"
             "it on the command line; at the last one the run has passed\n"
             "(@off: the guest powers off; 'help' lists the names)"},
    {.name = "send", .args = "TEXT", CALL(call_send),
     .help = "type this when all -expect before it were met; C's escapes\n"
             "(\\n, \\r, \\x03) are known"},
    {.name = "fail", .args = "REGEX|@linux|@NAME", CALL(call_fail),
     .help = "the run has failed when this shows, at any time ('help' lists\n"
             "the names of patterns)"},
    {.name = "timeout", .args = "SECONDS", CALL(call_timeout),
     .help = "how long all may take, as 90, 1.5, 10m or 1h; then what each\nvCPU is doing is printed"},
    {.name = "step-timeout", .args = "SECONDS", CALL(call_step_timeout),
     .help = "how long each -expect after this may take"},
    {.name = "result", .args = "FILE.json|FILE.xml", CALL(call_result),
     .help = "write a report there, JSON or JUnit's XML; several may be given"},
    {.name = "symbols", .args = "FILE", CALL(call_symbols),
     .help = "names for -timeout's backtraces: an ELF file or a System.map\n"
             "(else: -kernel if it is ELF, System.map beside it)"},
    {.name = "expect-on", .args = "CHARDEV|screen", CALL(call_expect_on),
     .help = "watch this chardev, or the text screen, instead of the first\n"
             "serial line"},

    {.name = "semihosting", FLAG(semihosting),
     .help = "let bare-metal programs use files, a console and an exit status\nof the host"},
    {.name = "semihosting-config", .args = "[enable=on|off][,target=native|auto][,chardev=ID]", TEXT(semihosting_config),
     .help = "[,userspace=on|off][,arg=TEXT...]\n"
             "the same: its console, whether user mode may, its arguments"},

    {.help = "Looking inside"},
    {.name = "s", CALL(call_gdb_default), .help = "short for -gdb tcp::1234"},
    {.name = "gdb", .args = "DEV", TEXT(gdb),
     .help = "let gdb connect there: tcp::PORT, tcp:HOST:PORT, unix:PATH, stdio,\n"
             "chardev:ID, none"},
    {.name = "d", .args = "ITEM[,ITEM...]", TEXT(log_items), .help = "write a log ('help' lists the items)"},
    {.name = "D", .args = "FILE", TEXT(log_file), .help = "write it there instead of to stderr"},
    {.name = "dfilter", .args = "RANGE[,RANGE...]", CALL(call_dfilter),
     .help = "log code (in_asm, op, out_asm, exec, cpu) at these addresses only:\n"
             "FIRST..LAST, FIRST+LENGTH, LAST-LENGTH"},
    {.name = "perfmap", FLAG(perf_map), .help = "write /tmp/perf-PID.map for perf"},

    /* In scripts written for older emulators. */
    {.name = "no-hpet", FLAG(no_hpet)},
    {.name = "no-acpi", FLAG(no_acpi)},
    {.name = "no-fd-bootchk", FLAG(no_fd_bootchk)},
    /* Harmless in scripts written for other machines or older emulators. */
    {.name = "win2k-hack", .how = CLI_ACCEPT},
    {.name = "no-kvm", .how = CLI_ACCEPT},
    {.name = "no-quit", .how = CLI_ACCEPT},
    {.name = "no-frame", .how = CLI_ACCEPT},
    {.name = "only-migratable", .how = CLI_ACCEPT},
    {.name = "full-screen", .how = CLI_ACCEPT},
    {.name = "balloon", .args = "none", .how = CLI_ACCEPT},
    {.name = "k", .args = "LANGUAGE", .how = CLI_ACCEPT},
    {.name = "overcommit", .args = "OPTIONS", .how = CLI_ACCEPT},
    {.name = "singlestep", CALL(call_singlestep)},
    {.name = "localtime", CALL(call_localtime)},
    {.name = "hdachs", .args = "CYLS,HEADS,SECS", .how = CLI_ACCEPT},
    {.name = "soundhw", .args = "CARD", .how = CLI_REFUSE, .reason = "there are no sound cards"},
    {.name = "tb-size", .args = "MIB", CALL(call_tb_size)},
    {.name = "audiodev", .args = "none", CALL(call_audiodev)},
    {.name = "audio", .args = "none", CALL(call_audiodev)},

    /* Known names that do nothing here yet: a clear line instead of "no such option". */
    {.name = "writeconfig", .args = "FILE", .how = CLI_REFUSE, .reason = "there are no configuration files"},
    {.name = "usb", .how = CLI_REFUSE, .reason = "there is no USB controller"},
    {.name = "usbdevice", .args = "NAME", .how = CLI_REFUSE, .reason = "there is no USB controller"},
    {.name = "vnc", .args = "DISPLAY", CALL(call_vnc)},
    {.name = "spice", .args = "OPTIONS", .how = CLI_REFUSE, .reason = "there is no display; use -display none"},
    {.name = "sdl", .how = CLI_REFUSE, .reason = "there is no display; use -display none"},
    {.name = "curses", .how = CLI_REFUSE, .reason = "there is no display; use -display none"},
    {.name = "tpmdev", .args = "OPTIONS", .how = CLI_REFUSE, .reason = "there is no TPM"},
    {.name = "sd", .args = "FILE", .how = CLI_REFUSE, .reason = "this machine has no SD card; use -hda"},
    {.name = "mtdblock", .args = "FILE", .how = CLI_REFUSE, .reason = "use -pflash"},
    {.name = "runas", .args = "USER", CALL(call_runas)},
    {.name = "chroot", .args = "DIR", CALL(call_chroot)},
    {.name = "preconfig", .how = CLI_REFUSE, .reason = "start with -S instead"},
    {.name = "plugin", .args = "FILE", .how = CLI_REFUSE, .reason = "there are no plugins"},
    {.name = "trace", .args = "OPTIONS", .how = CLI_REFUSE, .reason = "use -d"},
    {.name = "jitdump", .how = CLI_REFUSE, .reason = "use -perfmap"},
    {.name = "watchdog", .args = "MODEL", LIST(device)},
    {.name = "qtest", .args = "DEV", .how = CLI_REFUSE, .reason = "there is no qtest protocol"},
    {0},
};
/* clang-format on */
