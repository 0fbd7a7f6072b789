"""The command line: what tools ask, what users get wrong, and how the process behaves."""
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import time

from guest import EMULATOR, Failed, Guest, arch_args, debian, emulator, linux, need_tinamou

A = ["-arch", "riscv64"]
M3 = ["-arch", "arm", "-M", "mps2-an385"]
# Arguments and what stderr must say.  Every one ends with status 1 and exactly one line "tinamou: ...".
BAD = [
    ([], "no architecture was given.*riscv64"),
    (["-arch", "riscv46"], "riscv46.*did you mean 'riscv64'"),
    (["-kernl", "x"], "-kernl: no such option; did you mean '-kernel'"),
    (["--kernl", "x"], "did you mean '-kernel'"),
    (["-zzzzzzzz"], "-zzzzzzzz: no such option"),
    (["-kernel"], "-kernel: wanted an argument"),
    (["-kernel", "/nonexistent/image"], "could not load kernel: could not open '/nonexistent/image'"),
    (["-arch", "aarch64", "-M", "virt", "-kernel", "/nonexistent/image"], "could not load kernel: could not open '/nonexistent/image'"),
    (["-kernel", "text"], "'text' does not say which architecture"),
    (["-kernel", "truncated.gz"], "truncated.gz"),
    (["-arch", "x86_64", "-M", "isapc", "-kernel", "x86.elf"], "-kernel: machine 'isapc' starts its firmware only"),
    (["-arch", "x86_64", "-M", "isapc", "-bios", "text"], "170 bytes, wanted a multiple of 4096"),
    (["-arch", "x86_64", "-M", "isapc", "-m", "4G"], "from 1M to 3584M"),
    (["-arch", "x86_64", "-M", "pc", "-m", "5G", "-cpu", "pentium"], "-m: at most 3072M fit into the 32 address bits"),
    (["-arch", "x86_64", "-M", "pc", "-smp", "2", "-cpu", "486"], "several processors need local APICs"),
    (["-arch", "x86_64", "-M", "pc", "-boot", "cax"], "-boot cax: order=cax: wanted letters of drives"),
    (["-arch", "x86_64", "-M", "pc", "-boot", "once=e"], "a PC has no drive 'e'.*wanted a, c, d or n"),
    (["-arch", "x86_64", "-M", "pc", "-boot", "splash=text"], "wanted JPEG or BMP"),
    (["-arch", "x86_64", "-M", "q35,usb=on"], "usb=on: this machine has no USB controller"),
    (["-arch", "x86_64", "-M", "pc-i440fy-9.2"], "pc-i440fy-9.2.*did you mean 'pc'|pc-i440fy-9.2.*there is"),
    (["-arch", "x86_64", "-M", "isapc", "-cpu", "Hasswell"], "Hasswell.*did you mean 'Haswell'"),
    (["-arch", "x86_64", "-M", "isapc", "-cpu", "Haswell-v9"], "Haswell-v9.*did you mean 'Haswell'"),
    (["-arch", "x86_64", "-M", "isapc", "-cpu", "qemu64,+smpe"], "smpe.*did you mean 'smep'"),
    (["-arch", "x86_64", "-M", "isapc", "-cpu", "qemu64,vendor=Intel"], "wanted just 12 letters"),
    (["-arch", "x86_64", "-M", "isapc", "-cpu", "host"], "needs KVM; wanted 'max'"),
    (A + ["-kernel", "x86.elf"], "x86.elf"),
    (A + ["-kernel", "short.elf"], "short.elf"),
    (A + ["-M", "virtt"], "no riscv64 machine is named 'virtt'; did you mean 'virt'"),
    (A + ["-M", "virt,aclnt=on"], "aclnt.*did you mean 'aclint'"),
    (A + ["-M", "virt,aclint=maybe"], "aclint.*maybe"),
    (A + ["-cpu", "rv46"], "rv46.*did you mean 'rv64'"),
    (A + ["-cpu", "rv64,zbz=on"], "zbz"),
    (A + ["-cpu", "rv64,zba=maybe"], "zba.*maybe"),
    (A + ["-accel", "tgc"], "no accelerator is named 'tgc'; did you mean 'tcg'"),
    (A + ["-accel", "kvm"], "'kvm' cannot run riscv64 guests"),
    (A + ["-enable-kvm"], "'kvm' cannot run riscv64 guests"),
    (A + ["-accel", "tcg,tb-sise=1"], "tb-sise.*did you mean 'tb-size'"),
    (A + ["-accel", "tcg,engine=jot"], "jot"),
    (A + ["-accel", "tcg,thread=some"], "some"),
    (A + ["-m", "2Q"], "wanted a size.*2Q"),
    (A + ["-m", "0"], "-m 0"),
    (A + ["-m", "1G,maxmem=2G"], "maxmem"),
    (A + ["-m", "60T"], "."),
    (A + ["-smp", "0"], "at least 1"),
    (A + ["-smp", "4,cores=3"], r"cores \(3\)"),
    (A + ["-smp", "2,sokets=2"], "did you mean 'sockets'"),
    (A + ["-smp", "100000"], "100000"),
    (A + ["-append", "x"], "-append needs a -kernel"),
    (A + ["-incoming", "fle:state"], "'fle:state' is no address of a state: wanted file:PATH"),
    (A + ["-incoming", "tcp:localhost"], "wanted tcp:HOST:PORT"),
    (A + ["-incoming", "file:/nonexistent"], "could not open '/nonexistent'"),
    (A + ["-incoming", "file:text"], "this is no saved state|ends too early"),
    (A + ["-incoming", "file:text,offest=1"], "offest.*did you mean 'offset'"),
    (A + ["-incoming", "exec:true"], "ends too early"),
    (A + ["-loadvm", "x"], "-loadvm x: no drive can hold snapshots"),
    (A + ["-initrd", "x"], "-initrd needs a -kernel"),
    (A + ["-bios", "nonexistent.bin"], "nonexistent.bin"),
    (A + ["-dtb", "/nonexistent.dtb"], "/nonexistent.dtb"),
    (A + ["-dtb", "text"], "text"),
    (A + ["-drive", "file=/nonexistent.img"], "/nonexistent.img"),
    (A + ["/nonexistent.img"], "/nonexistent.img"),
    (A + ["-drive", "fil=text"], "fil.*did you mean 'file'"),
    (A + ["-drive", "if=none,id=e"], "wanted file=FILE"),
    (A + ["-drive", "if=none,id=e,media=cdrom,fromat=raw"], "did you mean 'format'"),
    (A + ["-drive", "if=none,id=e,media=cdrom", "-device", "virtio-blk-device,drive=e"], "drive 'e' is empty"),
    (A + ["-device", "virtio-scsi-device", "-drive", "if=none,id=e,media=cdrom", "-device", "scsi-hd,drive=e"], "'e' is empty"),
    (A + ["-drive", "file=text,if=ide"], "if=ide"),
    (A + ["-drive", "file=text,if=virtoi"], "did you mean 'virtio'"),
    (A + ["-drive", "file=text,cache=writbac"], "did you mean 'writeback'"),
    (A + ["-drive", "file=text,format=qcow3"], "qcow3"),
    (A + ["-drive", "file=text,format=raw,aio=iouring"], "aio=iouring.*did you mean 'io_uring'"),
    (A + ["-drive", "file=image.qcow2"], "qcow2"),
    (A + ["-drive", "file=text,format=raw,disard=on"], "did you mean 'discard'"),
    (A + ["-drive", "file=text,format=raw,detect-zeroes=unmap"], "needs discard=unmap"),
    (A + ["-drive", "file=text,format=raw,werror=stp"], "did you mean 'stop'"),
    (A + ["-drive", "file=text,format=raw,iops-total-max=5"], "iops-total-max without iops-total"),
    (A + ["-drive", "file=json:{"], "not valid JSON"),
    (A + ["-drive", "file=text,format=raw", "-drive", "file=text,format=raw"], "could not lock 'text'"),
    (A + ["-drive", "file=nbd:unix:/nonexistent.sock"], "could not connect to 'nbd:unix:/nonexistent.sock'"),
    (A + ["-drive", "file=nbd:nowhere"], "nbd:HOST:PORT"),
    (A + ["-drive", "file=fat:rw:.,format=raw"], "fat:rw:.*cannot be written to; use fat:\\."),
    (A + ["-drive", "file=fat:missing,format=raw"], "could not open 'fat:missing'"),
    (A + ["-drive", "file=fat:32:floppy:.,format=raw"], "a floppy disk has FAT12, not FAT32"),
    (A + ["-blockdev", "driver=vvfat,node-name=f,dir=.,fat-type=8"], "fat-type=8: wanted one of"),
    (A + ["-blockdev", "driver=vvfat,node-name=f,dir=.,label=twelve chars"], "label=twelve chars"),
    (A + ["-blockdev", "driver=vvfat,node-name=f"], "wanted a directory: fat:DIR"),
    (A + ["-blockdev", "driver=copy-on-read,node-name=c,read-only=on,file.driver=raw,file.read-only=on,file.file.driver=file,"
          "file.file.filename=text"], "driver=copy-on-read: .*is read-only"),
    (A + ["-drive", "file=http://localhost/x"], "protocol 'http' is not supported"),
    (A + ["-blockdev", '{"driver":"raw","node-name":"n","file":{"driver":"file","filename":"text","lockng":"off"}}'],
     "did you mean 'file.locking'"),
    (A + ["-blockdev", "driver=file,filename=text"], "node-name=ID"),
    (A + ["-blockdev", "driver=file,node-name=1x,filename=text"], "node-name=1x"),
    (A + ["-blockdev", "driver=rwa,node-name=n,file.filename=text"], "did you mean 'raw'"),
    (A + ["-drive", "file=text,readonly=perhaps"], "perhaps"),
    (A + ["-drive", "file=text,format=raw,if=pflash,unit=7"], "no flash bank 7"),
    (A + ["-drive", "file=text,format=raw,index=1", "-drive", "file=text,format=raw,index=1"], "index=1"),
    (A + ["-blockdev", "driver=raw,node-name=n,file=missing"], "missing"),
    (A + ["-blockdev", "driver=qcow2,node-name=n,filename=text"], "qcow2"),
    (A + ["-device", "virtio-blk-devise"], "did you mean 'virtio-blk-device'"),
    (A + ["-device", "virtio-blk-device,driv=x"], "driv.*did you mean 'drive'"),
    (A + ["-device", "virtio-blk-device,drive=nope"], "nope"),
    (A + ["-device", "virtio-blk-device"], "drive"),
    (A + ["-device", "virtio-rng-device,bus=virtio-mmio-bus.99"], "virtio-mmio-bus.99"),
    (A + ["-device", "virtio-rng-device"] * 9, "virtio-mmio-bus"),
    (A + ["-device", "virtio-rng-pci,addr=20"], "'20' is no PCI address.*up to 1f"),
    (A + ["-device", "virtio-rng-pci,addr=0"], "addr=00.0: 'gpex-root' is there already"),
    (A + ["-device", "virtio-rng-pci,id=r,addr=3", "-device", "virtio-rng-pci,addr=3.1"], "'r', function 0.*multifunction=on"),
    (A + ["-device", "virtio-rng-pci,bus=pcie.1"], "no bus is named 'pcie.1'; did you mean 'pcie.0'"),
    (A + ["-device", "virtio-rng-pci,bus=virtio-mmio-bus.0"], "needs a PCI"),
    (A + ["-device", "virtio-rng-pci,vector=1"], "no property 'vector', did you mean 'vectors'"),
    (A + ["-device", "virtio-rng-pci,max-byte=1"], "no property 'max-byte', did you mean 'max-bytes'"),
    (A + ["-device", "virtio-rng-pci,vectors=999"], "vectors is 999, must be 0 to 128"),
    (A + ["-device", "virtio-rng-pci,disable-legacy=on,disable-modern=on"], "disable-modern=on leaves no interface"),
    (A + ["-device", "virtio-rng-pci,romfile=/nonexistent"], "romfile.*/nonexistent"),
    (A + ["-device", "virtio-rng-pci,ioeventfd=perhaps"], "ioeventfd.*perhaps"),
    (A + ["-global", "virtio-mmio.ioeventfd=perhaps"], "ioeventfd.*perhaps"),
    (A + ["-device", "vhost-vsock-pci"], "guest-cid= is missing"),
    (A + ["-device", "vhost-vsock-device,guest-cid=2"], "guest-cid is 2, must be 3 to 4294967294"),
    (A + ["-device", "vhost-vsock-pci,guest-cid=3,vhostfd=nope"], "vhostfd.*'nope'"),
    (A + ["-device", "vhost-vsock-pci,guest-cid=3,vhostfd=0"], "kernel would not serve this process"),
    (A + ["-device", "vhost-scsi-pci,wwpn=x"], "'vhost-scsi-pci': the host's kernel serves it .*/dev/vhost-scsi"),
    (A + ["-device", "vhost-user-fs-pci,chardev=c,tag=t"], "another process serves it.*-virtfs"),
    (A + ["-device", "pcie-root-port,slot=1", "-device", "pcie-root-port,id=b,slot=1"],
     "'b': slot 1 of chassis 0 is taken by 'pcie-root-port.0'"),
    (A + ["-device", "pcie-root-port,slot=8192"], "slot is 8192, must be 0 to 8191"),
    (A + ["-device", "pcie-root-port,hotplug=maybe"], "property 'hotplug'.*maybe"),
    (A + ["-device", "virtio-blk-pci,drive=d,num-queues=65", "-blockdev", "driver=null-co,node-name=d,size=1048576"],
     "num-queues is 65, must be 1 to 64"),
    (A + ["-device", "virtio-rng-pci,id=a/b"], "id=a/b: wanted letters"),
    (A + ["-device", "virtio-rng-pc"], "did you mean 'virtio-rng-pci'"),
    (A + ["-device", '{"driver": "virtio-rng-pci", "id": }'], "-device"),
    (A + ["-global", "virtio-rng-pci.max-byte=1"], "max-byte"),
    (A + ["-device", "virtconsole"], "virtconsole"),
    (A + ["-device", "riscv.sifive.plic"], "part of a board"),
    (A + ["-device", "virtio-rng-device,id=a", "-device", "virtio-rng-device,id=a"], "id=a"),
    (A + ["-device", "virtio-rng-device,rng=nope"], "nope"),
    (A + ["-object", "rng-randm,id=r"], "did you mean 'rng-random'"),
    (A + ["-object", "rng-random,id=r,filename=/nonexistent"], "/nonexistent"),
    (A + ["-object", "rng-random"], "id=ID"),
    (A + ["-semihosting-config", "enable=maybe"], "-semihosting-config enable=maybe: .*enable"),
    (A + ["-semihosting-config", "target=gbd"], "no such target 'gbd'; wanted native or auto"),
    (A + ["-semihosting-config", "target=gdb"], "wanted native or auto"),
    (A + ["-semihosting-config", "enable=on,chardev=nope"], "no chardev 'nope'"),
    (A + ["-semihosting-config", "enable=on,user=on"], "did you mean 'userspace'|unknown option 'user'"),
    (A + ["-gdb"], "-gdb: wanted an argument"),
    (A + ["-gdb", "tcp:1234"], "-gdb tcp:1234: .*did you mean 'tcp::1234'"),
    (A + ["-gdb", "tcp::123456"], "-gdb tcp::123456: port.*65535"),
    (A + ["-gdb", "tpc::1234"], "-gdb tpc::1234: unknown character device 'tpc::1234'"),
    (A + ["-gdb", "chardev:nope"], "-gdb chardev:nope: no chardev 'nope'"),
    (A + ["-gdb", "tcp::0,sever=on"], "did you mean 'server'"),
    (A + ["-gdb", "unix:/nonexistent/gdb"], "/nonexistent/gdb"),
    (A + ["-device", "scsi-hd"], "SCSI"),
    (A + ["-device", "virtio-scsi-device", "-device", "scsi-hd"], "drive=ID"),
    (A + ["-device", "virtio-scsi-device,num_queues=99"], "num_queues is 99"),
    (A + ["-device", "virtio-scsi-device,id=s", "-device", "scsi-cd,scsi-id=1", "-device", "scsi-cd,scsi-id=1,lun=0"], "taken by"),
    (A + ["-device", "virtio-scsi-device", "-device", "scsi-cd,lun=99999"], "lun must be 0 to"),
    (A + ["-device", "virtio-scsi-device", "-device", "scsi-cd,werror=stp"], "werror is 'stp'.*did you mean 'stop'"),
    (A + ["-device", "virtio-balloon-device", "-device", "virtio-balloon-device"], "has a balloon already"),
    (A + ["-device", "virtio-keybord-device"], "did you mean 'virtio-keyboard-device'"),
    (A + ["-device", "virtio-serial-device,max_ports=40"], "max_ports is 40, must be 1 to 31"),
    (A + ["-device", "virtio-rng-device,period=0"], "period must not be 0"),
    (A + ["-virtfs", "local,path=/tmp,security_model=none"], "mount_tag=NAME"),
    (A + ["-virtfs", "local,path=/tmp,mount_tag=x"], "wanted security_model=: one of passthrough"),
    (A + ["-virtfs", "local,path=/tmp,mount_tag=x,security_model=maped"], "did you mean 'mapped'"),
    (A + ["-virtfs", "local,path=/tmp,mount_tag=x,security_model=mapped-file"], "use mapped-xattr"),
    (A + ["-virtfs", "local,path=/tmp,mount_tag=x,security_model=none,fmode=0600"], "fmode goes with"),
    (A + ["-virtfs", "local,path=/tmp,mount_tag=x,security_model=mapped,fmode=9"], "octal"),
    (A + ["-virtfs", "local,path=/nonexistent,mount_tag=x,security_model=none"], "/nonexistent"),
    (A + ["-virtfs", "proxy,path=/tmp,mount_tag=x,security_model=none"], "one of local"),
    (A + ["-fsdev", "local,id=a,path=/tmp,security_model=none,multidev=warn"], "did you mean 'multidevs'"),
    (A + ["-fsdev", "local,path=/tmp,security_model=none"], "id=ID"),
    (A + ["-device", "loader"], "wanted file=FILE"),
    (A + ["-device", "loader,data=1,addr=0"], "data needs data-len"),
    (M3 + ["-nic", "user", "-nic", "user"], "no place for another"),
    (M3 + ["-cpu", "cortex-m4"], "has a cortex-m3"),
    (M3 + ["-smp", "2"], "at most 1 CPU"),
    (M3 + ["-m", "64M"], "has 16M of RAM"),
    (A + ["-device", "virtio-9p-device,mount_tag=x"], "fsdev=ID"),
    (A + ["-fsdev", "local,id=ab,path=/tmp,security_model=none", "-device", "virtio-9p-device,fsdev=abc,mount_tag=x"],
     "did you mean 'ab'"),
    (A + ["-global", "nonsense"], "DRIVER.PROP=VALUE"),
    (A + ["-global", "virtio-mmio.force-legcy=off"], "did you mean 'force-legacy'"),
    (A + ["-serial", "foo"], "foo"),
    (A + ["-serial", "file:/nonexistent/x"], "/nonexistent/x"),
    (A + ["-serial", "chardev:nope"], "nope"),
    (A + ["-chardev", "fil,id=x,path=y"], "did you mean 'file'"),
    (A + ["-chardev", "file,path=y"], "id"),
    (A + ["-monitor", "stdoi"], "-monitor stdoi: unknown character device 'stdoi'"),
    (A + ["-serial", "stdio", "-monitor", "stdio"], "-monitor stdio:"),
    (A + ["-qmp", "tcp:1234"], "-qmp tcp:1234: wanted HOST:PORT"),
    (A + ["-mon", "chardev=nosuch"], "-mon chardev=nosuch: no chardev 'nosuch'"),
    (A + ["-mon", "mode=control"], "-mon mode=control: wanted chardev=ID"),
    (A + ["-chardev", "null,id=c", "-mon", "c,mode=contrl"], "mode=contrl: no such mode; did you mean 'control'?"),
    (A + ["-chardev", "null,id=c", "-mon", "c,pretty=on"], "pretty=on is for mode=control only"),
    (A + ["-chardev", "null,id=c", "-mon", "c", "-mon", "c"], "chardev 'c' is in use by 'a monitor'"),
    (A + ["-chardev", "udp,id=u"], "chardev 'u' .udp.: wanted port="),
    (A + ["-chardev", "spicevmc,id=u"], "'spicevmc' is not supported: there is no SPICE server"),
    (A + ["-serial", "udp:1234"], "wanted HOST:PORT"),
    (A + ["-serial", "websocket:127.0.0.1:1"], "websocket=on is for servers"),
    (A + ["-add-fd", "fd=3"], "-add-fd fd=3: wanted fd=N,set=N"),
    (A + ["-add-fd", "fd=1,set=1"], "wanted one above 2"),
    (A + ["-add-fd", "fd=99,set=1"], "fd: 99: Bad file descriptor"),
    (A + ["-serial", "file:/dev/fdset/7"], "/dev/fdset/7"),
    (A + ["-debugcon", "stdio"], "-debugcon stdio: machine 'virt' has no debug port"),
    (A + ["-acpitable", "sig=TEST"], "-acpitable: machine 'virt' takes no ACPI tables"),
    (A + ["-object", "memory-backend-file,id=m,size=1G"], "wanted mem-path=FILE"),
    (A + ["-object", "memory-backend-memfd,id=m,size=1G,hugetlb=on"], "hugetlb: memory has transparent huge pages only"),
    (A + ["-M", "virt,memory-backend=m", "-object", "memory-backend-file,id=m,size=128M,mem-path=/nonexistent/m"],
     "memory back end 'm': /nonexistent/m: No such file"),
    (A + ["-numa", "nod"], "-numa nod: wanted node, cpu or dist; did you mean 'node'"),
    (A + ["-numa", "node,cpus=1"], "cpus=1: there are CPUs 0 to 0"),
    (A + ["-numa", "node,memdev=x"], "memdev=x: no -object memory-backend-ram has that id"),
    (A + ["-m", "1G", "-numa", "node,mem=512M"], "-numa: the nodes have 512M of memory, but -m says 1024M"),
    (A + ["-numa", "node,nodeid=1"], "there are 1 nodes, but no node 0"),
    (A + ["-numa", "node", "-numa", "node,nodeid=0"], "there is a node 0 already"),
    (A + ["-numa", "node", "-numa", "cpu,node-id=0,socket-id=7"], "there is no such CPU: -smp says"),
    (A + ["-numa", "node", "-numa", "cpu,node-id=3"], "node-id=3: there is no such node"),
    (A + ["-smp", "2", "-numa", "node,cpus=0-1", "-numa", "node,cpus=1"], "CPU 1 is in node 0 already"),
    (A + ["-numa", "node", "-numa", "node", "-numa", "dist,src=0,dst=1,val=5"], "val=5: wanted 10 for the node itself, 11 to 255"),
    (A + ["-numa", "node", "-numa", "node", "-numa", "node", "-numa", "dist,src=0,dst=1,val=15"], "how far is it from node 0 to node 2"),
    (["-arch", "x86_64", "-M", "isapc", "-numa", "node"], "-numa: machine 'isapc' has one node"),
    (A + ["-option-rom", "x.rom"], "-option-rom x.rom: machine 'virt' has no option ROMs"),
    (["-arch", "x86_64", "-M", "q35,pic=off"], "pic=off: this machine always has"),
    (["-arch", "x86_64", "-M", "pc,smbios-entry-point-type=16"], "wanted 32, 64 or auto"),
    (["-arch", "x86_64", "-M", "pc,usb=on"], "usb=on: this machine has no USB controller"),
    (["-arch", "x86_64", "-M", "pc,kernel-irqchip=on", "-device", "qemu-xhci"], "there is no device 'qemu-xhci': USB is not supported yet"),
    (["-arch", "x86_64", "-M", "pc", "-option-rom", "/etc/passwd"], "'/etc/passwd' is no option ROM: it does not begin with 55 aa"),
    (["-arch", "x86_64", "-M", "pc", "-device", "e1000,bootindex=3", "-device", "rtl8139,bootindex=3"],
     "property 'bootindex': 3 is that of device 'e1000.[01]' already"),
    (["-arch", "x86_64", "-M", "pc", "-acpitable", "sig=TEST"], "-acpitable sig=TEST: wanted file=FILE with a whole table"),
    (A + ["-parallel", "stdio"], "-parallel stdio: machine 'virt' has no parallel port"),
    (A + ["-object", "secret,id=s"], "wanted one of data=TEXT and file=PATH"),
    (A + ["-object", "secret,id=s,data=a!b,format=base64"], "its data is not base64"),
    (A + ["-object", "memory-backend-ram,id=m"], "wanted size=SIZE"),
    (A + ["-object", "memory-backend-ram,id=m,size=1G,policy=bind"], "bound to nodes"),
    (A + ["-machine", "virt,memory-backend=m"], "no -object memory-backend-ram has that id"),
    (A + ["-m", "2G", "-object", "memory-backend-ram,id=m,size=1G", "-machine", "virt,memory-backend=m"], "but -m says 2147483648"),
    (A + ["-sandbox", "on,spawn=maybe"], "spawn is 'maybe': wanted allow or deny"),
    (A + ["-sandbox", "on,spwan=deny"], "did you mean 'spawn'"),
    (A + ["-audiodev", '{"id": "a", "driver": "alsa"}'], "sound is not supported yet"),
    (A + ["-icount", "shift=auto"], "wanted shift=N with a number from 0 to 10"),
    (A + ["-icount", "shift=11"], "-icount shift=11"),
    (A + ["-icount", "6,align=on"], "align=on: virtual time is not held back"),
    (A + ["-icount", "6,slep=off"], "did you mean 'sleep'"),
    (A + ["-icount", "6,rr=record"], "runs are not recorded"),
    (A + ["-icount", "6", "-smp", "2"], "for one processor only"),
    (A + ["-netdev", "usr,id=n"], "no such back end 'usr'; did you mean 'user'"),
    (A + ["-netdev", "user"], "wanted id=ID"),
    (A + ["-netdev", "user,id=n,hostfwt=tcp::1-:2"], "did you mean 'hostfwd'"),
    (A + ["-netdev", "user,id=n,hostfwd=tcp:1"], "a '-' is missing"),
    (A + ["-netdev", "user,id=n,hostfwd=tcp:1-2"], "a ':' is missing"),
    (A + ["-netdev", "user,id=n,hostfwd=sctp::1-:2"], "wanted tcp or udp"),
    (A + ["-netdev", "user,id=n,hostfwd=unix:s"], "a '-' is missing"),
    (A + ["-netdev", "user,id=n,hostfwd=unix:-:1"], "path has 1 to 107 bytes"),
    (A + ["-netdev", "user,id=n,hostfwd=unix:/nonexistent/s-:22"], "could not listen there: No such file"),
    (A + ["-netdev", "user,id=n,hostfwd=unix:s-:0"], "must not be 0"),
    (A + ["-netdev", "user,id=n,hostfwd=tcp:1.2.3:1-:2"], "not an IPv4 address"),
    (A + ["-netdev", "user,id=n,hostfwd=tcp:192.0.2.1:1-:2"], "could not listen there"),
    (A + ["-netdev", "user,id=n,net=10.0.2.0/40"], "netmask '40'"),
    (A + ["-netdev", "user,id=n,net=10.0.2"], "net=10.0.2: wanted an IPv4 address"),
    (A + ["-netdev", "user,id=n,dhcpstart=1.2.3.4"], "dhcpstart=1.2.3.4 is not in the network"),
    (A + ["-netdev", "user,id=n,host=10.0.2.3"], "dns and host must be different"),
    (A + ["-netdev", "user,id=n,ipv6-host=fe80::1"], "ipv6-host=fe80::1 is not in the network"),
    (A + ["-netdev", "user,id=n,ipv4=off,ipv6=off"], "both off"),
    (A + ["-netdev", "user,id=n,restrict=perhaps"], "perhaps"),
    (A + ["-netdev", "user,id=n,tftp=/nonexistent"], "not a directory"),
    (A + ["-M", "virt,aia=gic"], "aia=gic: wanted none, aplic or aplic-imsic"),
    (A + ["-M", "virt,aia-guests=3"], "aia-guests=3 is for aia=aplic-imsic"),
    (A + ["-M", "virt,aia=aplic-imsic,aia-guests=8"], "aia-guests=8: wanted 0 to 7"),
    (A + ["-netdev", "user,id=n,smb=/none"], "smb=/none: it is not a directory"),
    (A + ["-netdev", "user,id=n,smbserver=10.0.2.4"], "wanted smb=DIR, too"),
    (A + ["-redir", "tcp:22"], "-redir tcp:22: wanted"),
    (A + ["-netdev", "user,id=n,guestfwd=tcp:10.0.2.100:1"], "where TARGET is cmd:COMMAND"),
    (A + ["-netdev", "user,id=n,guestfwd=tcp:10.0.2.100:1-fish:x"], "unknown character device 'fish:x'"),
    (A + ["-netdev", "user,id=n", "-netdev", "user,id=n"], "another network client has that id"),
    (A + ["-netdev", "vde,id=n"], "'vde' is not supported"),
    (A + ["-netdev", "hubport,id=n"], "hubid=N"),
    (A + ["-netdev", "hubport,id=n,hubid=0,netdev=x"], "there is no netdev 'x'"),
    (A + ["-netdev", '{"type":"user"'], "-netdev"),
    (A + ["-netdev", "socket,id=n"], "exactly one of"),
    (A + ["-netdev", "socket,id=n,listen=5555"], "wanted HOST:PORT"),
    (A + ["-netdev", "socket,id=n,udp=127.0.0.1:5"], "udp= needs localaddr"),
    (A + ["-netdev", "socket,id=n,mcast=1.2.3.4:5"], "not a multicast address"),
    (A + ["-netdev", "socket,id=n,fd=77"], "file 77 is not open"),
    (A + ["-netdev", "stream,id=n"], "wanted addr.type=inet"),
    (A + ["-netdev", "stream,id=n,addr.type=inet,addr.prot=1"], "addr.prot"),
    (A + ["-netdev", "stream,id=n,server=on,addr.type=unix,addr.path=/nonexistent/s"], "could not listen on '/nonexistent/s'"),
    (A + ["-netdev", "dgram,id=n"], "the remote address is missing"),
    (A + ["-netdev", "dgram,id=n,remote.type=inet,remote.host=127.0.0.1,remote.port=7"], "the local address is missing"),
    (A + ["-netdev", "tap,id=n,fd=77"], "file 77 is not an open TAP"),
    (A + ["-netdev", "tap,id=n,fd=77,ifname=x"], "ifname= cannot be given with fd="),
    (A + ["-netdev", "tap,id=n,vhostforce=on"], "there is no vhost"),
    (A + ["-netdev", "tap,id=n,ifname=a-name-that-is-too-long"], "longer than 15"),
    (A + ["-netdev", "bridge,id=n,helper=/nonexistent/helper"], "/nonexistent/helper"),
    (A + ["-net", "dump"], "use -object filter-dump"),
    (A + ["-nic", "usr"], "no such back end 'usr'; did you mean 'user'"),
    (A + ["-nic", "user,model=virtoi-net-device"], "-nic user.*did you mean 'virtio-net-device'"),
    (A + ["-net", "nic,modle=virtio"], "did you mean 'model'"),
    (A + ["-device", "virtio-net-device,netdev=n"], "there is no netdev 'n'"),
    (A + ["-netdev", "user,id=net0", "-device", "virtio-net-device,netdev=net1"], "did you mean 'net0'"),
    (A + ["-netdev", "user,id=n"] + ["-device", "virtio-net-device,netdev=n"] * 2, "netdev 'n' is in use"),
    (A + ["-device", "virtio-net-device,mac=52:54:00:12:34"], "wanted the form 52:54:00:12:34:56"),
    (A + ["-device", "virtio-net-device,mac=01:00:00:00:00:01"], "multicast"),
    (A + ["-device", "virtio-net-device,rx_queue_size=100"], "power of two from 256 to 1024"),
    (A + ["-object", "filter-dump,id=f"], "wanted netdev=ID and file=FILE"),
    (A + ["-object", "filter-dump,id=f,netdev=n,file=x"], "there is no netdev 'n'"),
    (A + ["-netdev", "user,id=n", "-object", "filter-dump,id=f,netdev=n,file=/nonexistent/x"], "/nonexistent/x"),
    (A + ["-display", "gtk"], "only 'none'"),
    (["-arch", "x86_64", "-M", "pc", "-vga", "stdd"], "-vga stdd: no such card; did you mean 'std'"),
    (["-arch", "x86_64", "-M", "q35", "-vga", "qxl"], "-vga qxl: that card does not exist here; wanted std or none"),
    (["-arch", "x86_64", "-M", "pc", "-device", "VGA,vgamem_mb=3"], "vgamem_mb is 3, must be a power of two from 1 to 512"),
    (["-arch", "x86_64", "-M", "pc", "-device", "VGA,xres=1"], "xres is 1, must be"),
    (["-arch", "x86_64", "-M", "isapc", "-device", "isa-vga,romfile=none.bin"], "none.bin"),
    (["-arch", "x86_64", "-M", "isapc", "-device", "VGA"], "VGA"),
    (A + ["-d", "in_am"], "did you mean 'in_asm'"),
    (A + ["-D", "/nonexistent/log"], "/nonexistent/log"),
    (A + ["-rtc", "base=never"], "base=never"),
    (A + ["-rtc", "driftfix=slow"], "driftfix=slow: wanted none or slew"),
    (A + ["-M", "virt,smp.cores=3", "-smp", "2"], "-smp 2,cores=3"),
    (A + ["-M", "virt,memory.size=10Q"], "-m size=10Q"),
    (A + ["-boot", "nemu=on"], "did you mean 'menu'"),
    (A + ["-action", "rebot=reset"], "did you mean 'reboot'"),
    (A + ["-action", "reboot=rest"], "did you mean 'reset'"),
    (A + ["-uuid", "1234"], "-uuid 1234"),
    (A + ["-fw_cfg", "name=opt/x"], "wanted name=NAME and one of"),
    (A + ["-fw_cfg", "name=opt/x,file=/nonexistent"], "/nonexistent"),
    (A + ["-pidfile", "/nonexistent/pid"], "/nonexistent/pid"),
    (A + ["-echr", "999"], "999"),
    (A + ["-expect", "a(b"], r"-expect a\(b: bad regular expression at char 3: missing"),
    (A + ["-expect", ""], "bad regular expression: it is empty"),
    (A + ["-expect", "@of"], "did you mean '@off'"),
    (A + ["-fail", "@linus"], "did you mean '@linux'"),
    (A + ["-send", "a\\q"], r"unknown escape '\\q'"),
    (A + ["-send", ""], "wanted text to send"),
    (A + ["-expect", "a", "-send", "b"], "-send b: wanted an -expect after it"),
    (A + ["-expect", "@off", "-expect", "b"], "-expect @off: nothing can come after it"),
    (A + ["-readconfig", "/nonexistent"], "-readconfig /nonexistent: could not open"),
    (A + ["-readconfig", "text"], "line 1: wanted KEY = \"VALUE\", found 'this is no image'"),
    (A + ["-readconfig", "group.conf"], "line 2: there is no group 'drvie'"),
    (A + ["-readconfig", "key.conf"], "line 1: -msg foo=a: unknown option 'foo'"),
    (A + ["-set", "device.net0.mac=x"], "no -device before it has id=net0"),
    (A + ["-set", "nonsense"], "wanted GROUP.ID.KEY=VALUE"),
    (A + ["-run-with", "user=nobody-at-all"], "-run-with: there is no user 'nobody-at-all'"),
    (A + ["-chroot", "/nonexistent"], "could not change the root directory"),
    (A + ["-dfilter", "12"], "'12': wanted FIRST..LAST"),
    (A + ["-watchdog-action", "rest"], "no such action 'rest'; did you mean 'reset'"),
    (A + ["-action", "panic=paws"], "panic: no such action 'paws'; did you mean 'pause'"),
    (A + ["-timeout", "soon"], "wanted a time above 0"),
    (A + ["-timeout", "0"], "wanted a time above 0"),
    (A + ["-step-timeout", "5 apples"], "-step-timeout 5 apples: wanted a time"),
    (A + ["-result", "report.txt"], "ends in .json"),
    (A + ["-result", "/nonexistent/report.xml"], "could not write in '/nonexistent'"),
    (A + ["-timeout", "1", "-symbols", "text"], "neither an ELF file nor a System.map"),
    (A + ["-timeout", "1", "-symbols", "/nonexistent"], "/nonexistent"),
    (A + ["-symbols", "System.map"], "wanted -timeout as well"),
    (A + ["-daemonize", "-timeout", "1"], "nobody would see the exit status"),
    (["-arch", "riscv64", "-smbios", "type=1"], "-smbios: machine 'virt' has no SMBIOS tables"),
    (["-arch", "aarch64", "-M", "virt", "-smbios", "type=1,seral=x"], "no 'seral'; did you mean 'serial'"),
    (["-arch", "aarch64", "-M", "virt,gic-version=7"], "gic-version=7: wanted 2, 3 or max"),
    (["-arch", "aarch64", "-M", "virt,gic-version=2", "-smp", "9"], "at most 8 CPUs"),
    (["-arch", "aarch64", "-M", "virt,highmem=off", "-m", "8G"], "at most 3072M"),
]


def make_bad_files():
    with open("text", "w") as f:
        f.write("this is no image\n" * 10)
    with open("group.conf", "w") as f:
        f.write("# a comment\n[drvie \"d\"]\n")
    with open("key.conf", "w") as f:
        f.write("[msg]\nfoo = \"a\"\n")
    with open("System.map", "w") as f:
        f.write("ffffffff80000000 T _start\n")
    with open("truncated.gz", "wb") as f:
        f.write(bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]))
    header = bytearray(64)
    header[0:7] = b"\x7fELF\x02\x01\x01"
    header[16:20] = bytes([2, 0, 62, 0])
    with open("x86.elf", "wb") as f:
        f.write(header)
    header[18] = 243
    header[32] = 64
    header[54], header[56] = 56, 3 # three program headers that are not there
    with open("short.elf", "wb") as f:
        f.write(header)
    with open("image.qcow2", "wb") as f:
        f.write(b"QFI\xfb\0\0\0\3" + bytes(504))


def test_bad_input_gets_one_clear_line():
    need_tinamou()
    make_bad_files()
    wrong = []
    for args, want in BAD:
        try:
            status, _, err = emulator(["-display", "none"] + args)
        except subprocess.TimeoutExpired:
            wrong.append("%s: started a machine" % " ".join(args))
            continue
        lines = [x for x in err.split("\n") if x and "using -arch" not in x and "warning:" not in x]
        if status != 1 or len(lines) != 1 or not lines[0].startswith("tinamou: ") or not re.search(want, lines[0]):
            wrong.append("%s: status %d, wanted %r: %s" % (" ".join(args), status, want, err.strip()[-400:]))
    if wrong:
        raise Failed("%d of %d:\n%s" % (len(wrong), len(BAD), "\n".join(wrong)))


def test_version_and_help():
    _, out, _ = emulator(["-version"], check=0)
    if not re.match(r"QEMU emulator version \d+\.\d+\.\d+", out):
        raise Failed("-version begins with %r" % out[:60])
    for option in ("-help", "--help", "-h"):
        _, out, _ = emulator([option], check=0)
        if not re.match(r"QEMU emulator version \d+\.\d+\.\d+", out):
            raise Failed("%s begins with %r" % (option, out[:60]))
        for name in ("name", "machine", "kernel", "drive", "serial", "device", "accel", "nographic"):
            if not re.search("^-%s( |$)" % name, out, re.M):
                raise Failed("%s does not list -%s" % (option, name))


def test_probes_of_tools():
    need_tinamou()
    for args, want in [
        (A + ["-machine", "help"], r"^virt +RISC-V VirtIO board"),
        (["-M", "help"], r"^virt +RISC-V VirtIO board"),
        (A + ["-M", "virt,help"], r"aclint=<bool>"),
        (A + ["-cpu", "help"], r"\brv64\b"),
        (["-arch", "riscv32", "-cpu", "help"], r"\brv32\b"),
        (A + ["-cpu", "help", "-machine", "virt"], r"\brv64\b"),
        (["-M", "none", "-accel", "help"], r"^tcg$"),
        (["-accel", "tcg,help"], r"tb-size"),
        (["-device", "help"], r'^name "virtio-blk-device", bus virtio-mmio-bus'),
        (["-device", "virtio-blk-device,help"], r"drive=<"),
        (["-device", "help"], r'^name "virtio-blk-pci", bus PCI'),
        (["-device", "virtio-blk-pci,help"], r"(?s)addr=<.*vectors=<.*drive=<"),
        (["-chardev", "help"], r"socket"),
        (["-object", "help"], r"rng-random"),
        (["-display", "help"], r"^none$"),
        (["-vga", "help"], r"^std "),
        (["-audiodev", "help"], r"^none$"),
        (["-nic", "model=help"], r"(?s)^virtio$.*^e1000$"),
        (["-object", "iothread,help"], r"poll-max-ns="),
        (["-d", "help"], r"guest_errors"),
    ]:
        _, out, _ = emulator(args, check=0)
        if not re.search(want, out, re.M):
            raise Failed("%s: no %r in\n%s" % (" ".join(args), want, out))


def test_names_choose_the_architecture():
    need_tinamou()
    for name in ("qemu-system-riscv32", "tinamou-system-riscv64"):
        os.symlink(EMULATOR, name)
        r = subprocess.run(["./" + name, "-machine", "help"], capture_output=True, text=True)
        if "(riscv" in r.stdout or not re.search("^virt ", r.stdout, re.M):
            raise Failed("%s -machine help: %s" % (name, r.stdout + r.stderr))
    os.symlink(EMULATOR, "qemu-system-vax")
    r = subprocess.run(["./qemu-system-vax", "-display", "none"], capture_output=True, text=True)
    if r.returncode != 1 or "vax" not in r.stderr:
        raise Failed("qemu-system-vax: %d %s" % (r.returncode, r.stderr))


def test_terminate_is_a_clean_exit():
    with linux() as g:
        g.shell()
        g.terminate()
        g.wait_exit(0, 10)


def test_interrupt_during_early_boot():
    with linux() as g:
        g.expect("OpenSBI", 30)
        g.process.send_signal(signal.SIGINT)
        g.wait_exit(0, 10)


def test_paused_start_runs_nothing():
    d = debian()
    with Guest(arch_args() + ["-M", "virt", "-nographic", "-S", "-kernel", d + "/kernel"]) as g:
        time.sleep(2)
        g.read_more(time.monotonic())
        if "OpenSBI" in g.text:
            g.fail("the guest ran under -S")
        g.terminate()
        g.wait_exit(0, 10)


def test_serial_to_a_file():
    d = debian()
    with Guest(arch_args() + ["-M", "virt", "-m", "512M", "-display", "none", "-monitor", "none", "-serial", "file:serial.log",
                              "-kernel", d + "/kernel", "-no-reboot", "-append", "console=ttyS0 panic=-1"]) as g:
        g.wait_exit(0, 90) # no root file system: it panics and resets
    with open("serial.log", errors="replace") as f:
        if "Linux version" not in f.read():
            raise Failed("no kernel log in serial.log")


def test_daemonize_with_pidfile():
    d = debian()
    r = subprocess.run([EMULATOR] + arch_args() + ["-M", "virt", "-m", "512M", "-display", "none", "-daemonize", "-pidfile", "vm.pid",
                        "-serial", "file:" + os.path.abspath("serial.log"), "-kernel", d + "/kernel"], timeout=30)
    if r.returncode:
        raise Failed("-daemonize: status %d" % r.returncode)
    with open("vm.pid") as f:
        pid = int(f.read())
    try:
        os.kill(pid, 0)
        deadline = time.monotonic() + 30
        while "OpenSBI" not in open("serial.log", errors="replace").read():
            if time.monotonic() > deadline:
                raise Failed("the daemon runs no guest")
            time.sleep(0.2)
    finally:
        os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if not os.path.exists("vm.pid"):
            return
        time.sleep(0.1)
    raise Failed("vm.pid is still there 10 s after SIGTERM")


def run_on_terminal(end, controlling=True):
    """Run a guest on a pseudo-terminal, end it with end(fd, pid); the terminal's settings before and after."""
    d = debian()
    args = [EMULATOR] + arch_args() + ["-M", "virt", "-m", "512M", "-nographic", "-kernel", d + "/kernel"]
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    p = subprocess.Popen(args, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                         preexec_fn=lambda: controlling and fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    text, deadline = b"", time.monotonic() + 60
    os.set_blocking(ours, False)
    while b"OpenSBI" not in text and time.monotonic() < deadline:
        try:
            text += os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.05)
    during = termios.tcgetattr(theirs)
    end(ours, p)
    stop = time.monotonic() + 20
    while p.poll() is None and time.monotonic() < stop:
        try:
            os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.05)
    if p.poll() is None:
        p.kill()
        raise Failed("still running")
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    if during[3] & termios.ICANON:
        raise Failed("the terminal was not in raw mode while the guest ran")
    if before != after:
        raise Failed("the terminal's settings were not restored")
    return p.returncode


def test_ctrl_a_x_quits_and_restores_the_terminal():
    status = run_on_terminal(lambda fd, p: os.write(fd, b"\x01x"))
    if status != 0:
        raise Failed("status %d" % status)


def test_sigterm_restores_the_terminal():
    run_on_terminal(lambda fd, p: p.send_signal(signal.SIGTERM))


def test_a_terminal_that_is_not_the_controlling_one():
    run_on_terminal(lambda fd, p: os.write(fd, b"\x01x"), controlling=False)


def test_crash_restores_the_terminal():
    need_tinamou()
    run_on_terminal(lambda fd, p: p.send_signal(signal.SIGSEGV))


def test_blockdev_by_parts():
    need_tinamou()
    for name, mib in (("one.img", 1), ("two.img", 2)):
        with open(name, "wb") as f:
            f.truncate(mib << 20)
    with linux(["-blockdev", "driver=file,node-name=f,filename=one.img", "-blockdev", "driver=raw,node-name=d,file=f", "-device",
                "virtio-blk-device,drive=d,serial=one", "-blockdev",
                "driver=raw,node-name=e,file.driver=file,file.filename=two.img", "-device",
                "virtio-blk-device,drive=e,serial=two"], "initrd.cpio.gz") as g:
        g.shell()
        sizes = g.run("cat /sys/block/vda/size /sys/block/vdb/size").split()
        if sorted(sizes) != ["2048", "4096"]:
            g.fail("sizes are %r" % sizes)
        g.send("exit\n")
        g.wait_exit(0)
