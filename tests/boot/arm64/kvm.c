/* A Linux program that runs kvm_guest.S under KVM, with a GICv3. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

enum { RAM_SIZE = 32 << 20, RAM_BASE = 0x40000000 };
#define REG_PC UINT64_C(0x6030000000100040)

extern const char guest_start[], guest_end[];

__asm__(".section .rodata\n"
        "guest_start: .incbin \"kvm_guest.bin\"\n"
        "guest_end: .text\n"
        ".globl guest_start, guest_end");

static int ok(int result, const char *what)
{
    if (result >= 0)
        return result;
    perror(what);
    exit(1);
}

static void set_attr(int device, uint32_t group, uint64_t attr, void *value)
{
    struct kvm_device_attr a = {0, group, attr, (uintptr_t)value};

    ok(ioctl(device, KVM_SET_DEVICE_ATTR, &a), "KVM_SET_DEVICE_ATTR");
}

static void add_gic(int vm)
{
    struct kvm_create_device d = {KVM_DEV_TYPE_ARM_VGIC_V3, 0, 0};
    uint64_t distributor = 0x08000000, redistributor = 0x080a0000;
    uint32_t irqs = 64;

    ok(ioctl(vm, KVM_CREATE_DEVICE, &d), "KVM_CREATE_DEVICE");
    set_attr(d.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
    set_attr(d.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributor);
    set_attr(d.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
    set_attr(d.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static void add_ram(int vm)
{
    char *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region r = {0, 0, RAM_BASE, RAM_SIZE, (uintptr_t)ram};

    ok(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
    memcpy(ram, guest_start, (size_t)(guest_end - guest_start));
}

static int add_cpu(int vm)
{
    int cpu = ok(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    struct kvm_vcpu_init init;
    uint64_t pc = RAM_BASE;
    struct kvm_one_reg reg = {REG_PC, (uintptr_t)&pc};

    ok(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
    init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
    ok(ioctl(cpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
    ok(ioctl(cpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
    return cpu;
}

int main(void)
{
    int kvm = ok(open("/dev/kvm", O_RDWR), "/dev/kvm");
    int vm = ok(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    int size = ok(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");

    add_ram(vm);
    int cpu = add_cpu(vm);
    add_gic(vm);
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    for (;;) {
        ok(ioctl(cpu, KVM_RUN, 0), "KVM_RUN");
        if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write)
            break;
        putchar(run->mmio.data[0]);
    }
    printf("\nexit %u, event %u\n", run->exit_reason, run->system_event.type);
    return 0;
}
