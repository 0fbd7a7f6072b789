/* The tables of commands that monitor/ itself brings. */
#ifndef MONITOR_COMMANDS_PRIV_H
#define MONITOR_COMMANDS_PRIV_H

#include "monitor/monitor_priv.h"

extern const struct monitor_command cmd_block[];
extern const struct monitor_command cmd_chardev[];
extern const struct monitor_command cmd_control[];
extern const struct monitor_command cmd_dump[];
extern const struct monitor_command cmd_fds[];
extern const struct monitor_command cmd_memory[];
extern const struct monitor_command cmd_net[];
extern const struct monitor_command cmd_pci[];
extern const struct monitor_command cmd_qom[];
extern const struct monitor_command cmd_schema[];

#endif
