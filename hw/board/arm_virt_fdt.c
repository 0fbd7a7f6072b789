/* The Arm virt board's device tree.  Ref: Devicetree Specification 0.4; Linux
 * Documentation/devicetree/bindings. */
#include "hw/board/arm_virt.h"
#include "target/arm/arm.h"

static const char ROOT_NAME[] = "linux,dummy-virt";
static const char *const UART_COMPATIBLE[] = {"arm,pl011", "arm,primecell", NULL};

static void put_reg(struct fdt *f, const char *path, const struct arm_virt_range *r)
{
    fdt_reg64(f, path, r->base, r->size);
}

/* Subnodes come out in reverse order of creation, so the last is made first. */
static void put_cpus(struct fdt *f, const struct arm_virt *b)
{
    fdt_u32(f, "/cpus", "#address-cells", 1);
    fdt_u32(f, "/cpus", "#size-cells", 0);
    for (unsigned i = b->m.ncpus; i-- > 0;) {
        g_autofree char *path = g_strdup_printf("/cpus/cpu@%u", i);
        fdt_string(f, path, "device_type", "cpu");
        fdt_string(f, path, "compatible", arm_compatible(b->m.cpus[i]));
        fdt_u32(f, path, "reg", (uint32_t)arm_mpidr(b->m.cpus[i]));
    }
}

static void put_uart(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/pl011@9000000";
    fdt_strings(f, path, "compatible", UART_COMPATIBLE);
    put_reg(f, path, &b->map[ARM_VIRT_UART]);
    fdt_string(f, "/chosen", "stdout-path", path);
    fdt_string(f, "/aliases", "serial0", path);
}

struct fdt *arm_virt_fdt(struct arm_virt *b)
{
    struct fdt *f = fdt_new();
    fdt_string(f, "/", "compatible", ROOT_NAME);
    fdt_string(f, "/", "model", ROOT_NAME);
    fdt_u32(f, "/", "#address-cells", 2);
    fdt_u32(f, "/", "#size-cells", 2);
    put_cpus(f, b);
    put_uart(f, b);
    fdt_string(f, "/memory@40000000", "device_type", "memory");
    fdt_reg64(f, "/memory@40000000", b->map[ARM_VIRT_DRAM].base, b->m.cfg.ram_size);
    return f;
}
