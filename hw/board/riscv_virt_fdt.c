/* The RISC-V virt board's device tree.  Ref: Devicetree Specification 0.4; Linux
 * Documentation/devicetree/bindings. */
#include "hw/board/numa_fdt.h"
#include "hw/board/riscv_virt.h"
#include "hw/intc/aplic.h"
#include "hw/intc/imsic.h"
#include "hw/intc/plic.h"
#include "hw/pci/host_ecam.h"
#include "target/riscv/riscv.h"

static const char *const CLINT_COMPATIBLE[] = {"sifive,clint0", "riscv,clint0", NULL};
static const char *const PLIC_COMPATIBLE[] = {"sifive,plic-1.0.0", "riscv,plic0", NULL};
static const char *const APLIC_COMPATIBLE[] = {"qemu,aplic", "riscv,aplic", NULL};
static const char *const IMSIC_COMPATIBLE[] = {"qemu,imsics", "riscv,imsics", NULL};
static const char *const TEST_COMPATIBLE[] = {"sifive,test1", "sifive,test0", "syscon", NULL};
enum { MSWI_SIZE = 0x4000, MTIME = 0xbff8, PREFETCH_BLOCK = 64, MAX_EXTENSIONS = 128 };

static char *cpu_path(unsigned i)
{
    return g_strdup_printf("/cpus/cpu@%u", i);
}

static uint32_t intc_phandle(struct fdt *f, unsigned i)
{
    g_autofree char *path = g_strdup_printf("/cpus/cpu@%u/interrupt-controller", i);
    return fdt_phandle(f, path);
}

static void put_isa(struct fdt *f, const char *path, struct cpu *cpu)
{
    const char *list[MAX_EXTENSIONS + 1] = {NULL};
    g_autofree char *isa = riscv_isa_string(cpu);
    fdt_string(f, path, "riscv,isa", isa);
    fdt_string(f, path, "riscv,isa-base", riscv_xlen(cpu) == 64 ? "rv64i" : "rv32i");
    size_t n = riscv_isa_extensions(cpu, list, MAX_EXTENSIONS);
    list[MIN(n, MAX_EXTENSIONS)] = NULL;
    fdt_strings(f, path, "riscv,isa-extensions", list);
    if (riscv_mmu_type(cpu))
        fdt_string(f, path, "mmu-type", riscv_mmu_type(cpu));
    if (riscv_cbom_block_size(cpu))
        fdt_u32(f, path, "riscv,cbom-block-size", riscv_cbom_block_size(cpu));
    if (riscv_cboz_block_size(cpu))
        fdt_u32(f, path, "riscv,cboz-block-size", riscv_cboz_block_size(cpu));
    if (riscv_has(cpu, "zicbop"))
        fdt_u32(f, path, "riscv,cbop-block-size", PREFETCH_BLOCK);
}

static void put_cpu(struct fdt *f, struct cpu *cpu, unsigned i)
{
    g_autofree char *path = cpu_path(i);
    g_autofree char *intc = g_strdup_printf("%s/interrupt-controller", path);
    fdt_node(f, path);
    fdt_phandle(f, path);
    fdt_string(f, path, "device_type", "cpu");
    fdt_u32(f, path, "reg", i);
    fdt_string(f, path, "status", "okay");
    fdt_string(f, path, "compatible", "riscv");
    put_isa(f, path, cpu);
    fdt_u32(f, intc, "#interrupt-cells", 1);
    fdt_flag(f, intc, "interrupt-controller");
    fdt_string(f, intc, "compatible", "riscv,cpu-intc");
    intc_phandle(f, i);
}

/* Subnodes come out in reverse order of creation, so the last is made first. */
static void put_cpus(struct fdt *f, struct machine *m)
{
    unsigned sockets = MAX(m->cfg.sockets, 1), per_socket = MAX(m->ncpus / sockets, 1);
    fdt_u32(f, "/cpus", "#address-cells", 1);
    fdt_u32(f, "/cpus", "#size-cells", 0);
    fdt_u32(f, "/cpus", "timebase-frequency", VIRT_TIMEBASE_HZ);
    fdt_node(f, "/cpus/cpu-map");
    for (unsigned i = m->ncpus; i-- > 0;) {
        g_autofree char *path = cpu_path(i);
        g_autofree char *core =
            g_strdup_printf("/cpus/cpu-map/cluster%u/core%u", i / per_socket, i % per_socket);
        put_cpu(f, m->cpus[i], i);
        board_fdt_cpu_node(f, m, path, i);
        fdt_u32(f, core, "cpu", fdt_phandle(f, path));
    }
}

/* interrupts-extended: for each hart, its controller with each of the lines given (at most two). */
static void put_hart_irqs(struct fdt *f, const char *path, const struct machine *m, unsigned line,
                          unsigned line2)
{
    unsigned lines = line2 ? 2 : 1, n = 0;
    g_autofree uint32_t *cells = g_new(uint32_t, (size_t)m->ncpus * lines * 2);
    for (unsigned i = 0; i < m->ncpus; i++) {
        uint32_t phandle = intc_phandle(f, i);
        cells[n++] = phandle;
        cells[n++] = line;
        if (line2) {
            cells[n++] = phandle;
            cells[n++] = line2;
        }
    }
    fdt_cells(f, path, "interrupts-extended", cells, n);
}

static void put_reg(struct fdt *f, const char *path, enum virt_place place)
{
    fdt_reg64(f, path, virt_map[place].base, virt_map[place].size);
}

static const char APLIC_M[] = "/soc/interrupt-controller@c000000";
static const char APLIC_S[] = "/soc/interrupt-controller@d000000";
static const char IMSIC_M[] = "/soc/interrupt-controller@24000000";
static const char IMSIC_S[] = "/soc/interrupt-controller@28000000";
enum { LEVEL_HIGH = 4 };

/* The node that supervisor software hears wires by. */
static uint32_t wires_phandle(struct fdt *f, const struct riscv_virt *b)
{
    return fdt_phandle(f, b->aia_kind == VIRT_AIA_NONE ? "/soc/plic@c000000" : APLIC_S);
}

static void put_irq(struct fdt *f, const struct riscv_virt *b, const char *path, unsigned irq)
{
    fdt_u32(f, path, "interrupt-parent", wires_phandle(f, b));
    if (b->aia_kind == VIRT_AIA_NONE)
        fdt_u32(f, path, "interrupts", irq);
    else
        FDT_CELLS(f, path, "interrupts", irq, LEVEL_HIGH);
}

static void put_swi(struct fdt *f, const char *path, const char *compatible, gpa base,
                    const struct machine *m, unsigned line)
{
    fdt_string(f, path, "compatible", compatible);
    fdt_reg64(f, path, base, MSWI_SIZE);
    put_hart_irqs(f, path, m, line, 0);
    fdt_flag(f, path, "interrupt-controller");
    fdt_u32(f, path, "#interrupt-cells", 0);
}

static void put_aclint(struct fdt *f, const struct machine *m)
{
    static const char mtimer[] = "/soc/mtimer@2004000";
    gpa base = virt_map[VIRT_CLINT].base;
    put_swi(f, "/soc/mswi@2000000", "riscv,aclint-mswi", base, m, RISCV_IRQ_MSI);
    fdt_string(f, mtimer, "compatible", "riscv,aclint-mtimer");
    FDT_CELLS(f, mtimer, "reg", 0, base + MTIME, 0, 0x10000 - MTIME, 0, base + MSWI_SIZE, 0,
              MTIME - MSWI_SIZE);
    put_hart_irqs(f, mtimer, m, RISCV_IRQ_MTI, 0);
    put_swi(f, "/soc/sswi@2f00000", "riscv,aclint-sswi", virt_map[VIRT_ACLINT_SSWI].base, m,
            RISCV_IRQ_SSI);
}

static void put_clint(struct fdt *f, const struct machine *m)
{
    static const char path[] = "/soc/clint@2000000";
    fdt_strings(f, path, "compatible", CLINT_COMPATIBLE);
    put_reg(f, path, VIRT_CLINT);
    put_hart_irqs(f, path, m, RISCV_IRQ_MSI, RISCV_IRQ_MTI);
}

static void put_plic(struct fdt *f, const struct machine *m)
{
    static const char path[] = "/soc/plic@c000000";
    fdt_strings(f, path, "compatible", PLIC_COMPATIBLE);
    put_reg(f, path, VIRT_PLIC);
    put_hart_irqs(f, path, m, RISCV_IRQ_MEI, RISCV_IRQ_SEI);
    fdt_u32(f, path, "riscv,ndev", PLIC_SOURCES - 1);
    fdt_flag(f, path, "interrupt-controller");
    fdt_u32(f, path, "#interrupt-cells", 1);
    fdt_u32(f, path, "#address-cells", 0);
    fdt_phandle(f, path);
}

static void put_imsics(struct fdt *f, const struct riscv_virt *b, bool supervisor)
{
    const char *path = supervisor ? IMSIC_S : IMSIC_M;
    unsigned bits = supervisor ? imsic_guest_bits(b->aia_guests) : 0;
    fdt_strings(f, path, "compatible", IMSIC_COMPATIBLE);
    fdt_reg64(f, path, virt_map[supervisor ? VIRT_IMSIC_S : VIRT_IMSIC_M].base,
              (uint64_t)b->m.ncpus * IMSIC_PAGE << bits);
    fdt_flag(f, path, "interrupt-controller");
    fdt_u32(f, path, "#interrupt-cells", 0);
    fdt_flag(f, path, "msi-controller");
    fdt_u32(f, path, "#msi-cells", 0);
    put_hart_irqs(f, path, &b->m, supervisor ? RISCV_IRQ_SEI : RISCV_IRQ_MEI, 0);
    fdt_u32(f, path, "riscv,num-ids", IMSIC_IDS);
    if (bits)
        fdt_u32(f, path, "riscv,guest-index-bits", bits);
    fdt_phandle(f, path);
}

static void put_aplic(struct fdt *f, const struct riscv_virt *b, bool supervisor)
{
    const char *path = supervisor ? APLIC_S : APLIC_M;
    fdt_strings(f, path, "compatible", APLIC_COMPATIBLE);
    put_reg(f, path, supervisor ? VIRT_APLIC_S : VIRT_APLIC_M);
    fdt_flag(f, path, "interrupt-controller");
    fdt_u32(f, path, "#interrupt-cells", 2);
    fdt_u32(f, path, "#address-cells", 0);
    fdt_u32(f, path, "riscv,num-sources", APLIC_SOURCES);
    if (b->aia_kind == VIRT_AIA_IMSIC)
        fdt_u32(f, path, "msi-parent", fdt_phandle(f, supervisor ? IMSIC_S : IMSIC_M));
    else
        put_hart_irqs(f, path, &b->m, supervisor ? RISCV_IRQ_SEI : RISCV_IRQ_MEI, 0);
    if (!supervisor) {
        fdt_u32(f, path, "riscv,children", fdt_phandle(f, APLIC_S));
        FDT_CELLS(f, path, "riscv,delegation", fdt_phandle(f, APLIC_S), 1, APLIC_SOURCES);
        /* An older name, which firmware before the binding's last word asks for. */
        FDT_CELLS(f, path, "riscv,delegate", fdt_phandle(f, APLIC_S), 1, APLIC_SOURCES);
    }
    fdt_phandle(f, path);
}

static void put_interrupts(struct fdt *f, const struct riscv_virt *b)
{
    if (b->aia_kind == VIRT_AIA_NONE) {
        put_plic(f, &b->m);
        return;
    }
    for (int supervisor = 0; supervisor < 2 && b->aia_kind == VIRT_AIA_IMSIC; supervisor++)
        put_imsics(f, b, supervisor);
    put_aplic(f, b, false);
    put_aplic(f, b, true);
}

static void put_virtio(struct fdt *f, const struct riscv_virt *b)
{
    for (unsigned i = 0; i < VIRT_VIRTIO_SLOTS; i++) {
        gpa base = virt_map[VIRT_VIRTIO].base + i * virt_map[VIRT_VIRTIO].size;
        g_autofree char *path = g_strdup_printf("/soc/virtio_mmio@%x", (unsigned)base);
        fdt_string(f, path, "compatible", "virtio,mmio");
        fdt_reg64(f, path, base, virt_map[VIRT_VIRTIO].size);
        put_irq(f, b, path, VIRT_IRQ_VIRTIO + i);
    }
}

enum { PCI_SPACE_IO = 0x1000000, PCI_SPACE_MEM32 = 0x2000000, PCI_SPACE_MEM64 = 0x3000000 };

/* Who hears pin of slot, for the four slots after which the rotation repeats. */
static void put_pcie_map(struct fdt *f, const struct riscv_virt *b, const char *path)
{
    enum { MAX_CELLS = 7, SLOT_SHIFT = 11 };
    uint32_t cells[ECAM_INTX_LINES * ECAM_INTX_LINES * MAX_CELLS] = {0}, *c = cells;
    bool aia = b->aia_kind != VIRT_AIA_NONE;
    for (unsigned slot = 0; slot < ECAM_INTX_LINES; slot++)
        for (unsigned pin = 0; pin < ECAM_INTX_LINES; pin++, c += aia ? 7 : 6) {
            c[0] = slot << SLOT_SHIFT;
            c[3] = pin + 1;
            c[4] = wires_phandle(f, b);
            c[5] = VIRT_IRQ_PCIE + (slot + pin) % ECAM_INTX_LINES;
            if (aia)
                c[6] = LEVEL_HIGH;
        }
    fdt_u32(f, path, "#interrupt-cells", 1);
    FDT_CELLS(f, path, "interrupt-map-mask", 3U << SLOT_SHIFT, 0, 0, 7);
    fdt_cells(f, path, "interrupt-map", cells, (size_t)(c - cells));
}

static void put_pcie(struct fdt *f, const struct riscv_virt *b)
{
    static const char path[] = "/soc/pci@30000000";
    const struct virt_range *io = &virt_map[VIRT_PCIE_IO], *low = &virt_map[VIRT_PCIE_MMIO];
    const struct virt_range *ecam = &virt_map[VIRT_PCIE_ECAM], *high = &b->pcie_high;
    fdt_string(f, path, "compatible", "pci-host-ecam-generic");
    fdt_string(f, path, "device_type", "pci");
    put_reg(f, path, VIRT_PCIE_ECAM);
    fdt_u32(f, path, "#address-cells", 3);
    fdt_u32(f, path, "#size-cells", 2);
    fdt_u32(f, path, "linux,pci-domain", 0);
    FDT_CELLS(f, path, "bus-range", 0, ecam->size / ECAM_BUS_SIZE - 1);
    fdt_flag(f, path, "dma-coherent");
    FDT_CELLS(f, path, "ranges", PCI_SPACE_IO, 0, 0, 0, io->base, 0, io->size, PCI_SPACE_MEM32, 0,
              low->base, 0, low->base, 0, low->size, PCI_SPACE_MEM64, high->base >> 32, high->base,
              high->base >> 32, high->base, high->size >> 32, high->size);
    if (b->aia_kind == VIRT_AIA_IMSIC)
        fdt_u32(f, path, "msi-parent", fdt_phandle(f, IMSIC_S));
    put_pcie_map(f, b, path);
}

static void put_test(struct fdt *f)
{
    static const char path[] = "/soc/test@100000";
    static const struct {
        const char *path, *compatible;
        uint32_t value;
    } uses[] = {{"/reboot", "syscon-reboot", 0x7777}, {"/poweroff", "syscon-poweroff", 0x5555}};
    fdt_strings(f, path, "compatible", TEST_COMPATIBLE);
    put_reg(f, path, VIRT_TEST);
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
        fdt_string(f, uses[i].path, "compatible", uses[i].compatible);
        fdt_u32(f, uses[i].path, "regmap", fdt_phandle(f, path));
        fdt_u32(f, uses[i].path, "offset", 0);
        fdt_u32(f, uses[i].path, "value", uses[i].value);
    }
}

static void put_uart(struct fdt *f, const struct riscv_virt *b)
{
    static const char path[] = "/soc/serial@10000000";
    fdt_string(f, path, "compatible", "ns16550a");
    put_reg(f, path, VIRT_UART0);
    fdt_u32(f, path, "clock-frequency", VIRT_UART_HZ);
    put_irq(f, b, path, VIRT_IRQ_UART0);
    fdt_string(f, "/chosen", "stdout-path", path);
    fdt_string(f, "/aliases", "serial0", path);
}

static void put_rtc(struct fdt *f, const struct riscv_virt *b)
{
    static const char path[] = "/soc/rtc@101000";
    fdt_string(f, path, "compatible", "google,goldfish-rtc");
    put_reg(f, path, VIRT_RTC);
    put_irq(f, b, path, VIRT_IRQ_RTC);
}

static void put_flash(struct fdt *f)
{
    static const char path[] = "/flash@20000000";
    gpa base = virt_map[VIRT_FLASH].base;
    uint64_t size = virt_map[VIRT_FLASH].size;
    fdt_string(f, path, "compatible", "cfi-flash");
    FDT_CELLS(f, path, "reg", 0, base, 0, size, 0, base + size, 0, size);
    fdt_u32(f, path, "bank-width", 4);
}

static void put_fw_cfg(struct fdt *f)
{
    static const char path[] = "/fw-cfg@10100000";
    fdt_string(f, path, "compatible", "qemu,fw-cfg-mmio");
    put_reg(f, path, VIRT_FW_CFG);
    fdt_flag(f, path, "dma-coherent");
}

static void put_root(struct fdt *f)
{
    fdt_string(f, "/", "model", "riscv-virtio,qemu");
    fdt_string(f, "/", "compatible", "riscv-virtio");
    fdt_u32(f, "/", "#address-cells", 2);
    fdt_u32(f, "/", "#size-cells", 2);
    fdt_string(f, "/soc", "compatible", "simple-bus");
    fdt_u32(f, "/soc", "#address-cells", 2);
    fdt_u32(f, "/soc", "#size-cells", 2);
    fdt_flag(f, "/soc", "ranges");
}

struct fdt *riscv_virt_fdt(struct riscv_virt *b)
{
    struct fdt *f = fdt_new();
    put_root(f);
    put_cpus(f, &b->m);
    board_fdt_memory(f, &b->m, virt_map[VIRT_DRAM].base);
    if (b->aclint)
        put_aclint(f, &b->m);
    else
        put_clint(f, &b->m);
    put_interrupts(f, b);
    put_virtio(f, b);
    put_pcie(f, b);
    put_test(f);
    put_uart(f, b);
    put_rtc(f, b);
    put_flash(f);
    put_fw_cfg(f);
    return f;
}
