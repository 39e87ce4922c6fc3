/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reading reports by netlink (netlink_report.c). */
#ifndef STP_PORT_KERNEL_NETLINK_REPORT_H
#define STP_PORT_KERNEL_NETLINK_REPORT_H

#include <net/genetlink.h>

/* The answer to STP_NL_READ. Return: 0, or an errno. */
int stp_netlink_read(struct genl_info *info, const struct genl_family *family);

/* Gives the memory of what was read last back. */
void stp_netlink_drop_report(void);

#endif
