/* All tables of monitor/, in the order in which they are listed. */
#include "monitor/commands_priv.h"

void monitor_register_all(void)
{
    monitor_register(cmd_control);
    monitor_register(cmd_block);
    monitor_register(cmd_bitmap);
    monitor_register(cmd_chardev);
    monitor_register(cmd_create);
    monitor_register(cmd_display);
    monitor_register(cmd_dump);
    monitor_register(cmd_fds);
    monitor_register(cmd_internal);
    monitor_register(cmd_job);
    monitor_register(cmd_media);
    monitor_register(cmd_memory);
    monitor_register(cmd_nbd);
    monitor_register(cmd_net);
    monitor_register(cmd_overlay);
    monitor_register(cmd_intc);
    monitor_register(cmd_pci);
    monitor_register(cmd_qom);
    monitor_register(cmd_reopen);
    monitor_register(cmd_schema);
}
