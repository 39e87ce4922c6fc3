/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Backtraces, registers and names of addresses (L7, L8).
 *
 * A backtrace is text: `<stack 0xffffffff81234567 0x...>`, of user space `<ustack PID 0x...>`, innermost frame first. It ends with ` ...>` if the walk was cut
 * short: by STP_STACK_FRAMES_MAX, by what fits, or by a frame that could not be read. `stp post` puts names in the place of addresses, afterwards and elsewhere.
 */
#ifndef STP_STACK_H
#define STP_STACK_H

#include <stp/look.h>
#include <stp/print.h>

/* stp_stack(), stp_user_stack() - As a pool string, fit for a map's key: as many frames as it holds. "" if there is no stack. */
const char *stp_stack(struct stp_ctx *ctx);
const char *stp_user_stack(struct stp_ctx *ctx);

/**
 * stp_print_stack(), stp_print_user_stack() - Append it to the print buffer, and a newline.
 *
 * Return: As stp_printf().
 */
int stp_print_stack(struct stp_ctx *ctx);
int stp_print_user_stack(struct stp_ctx *ctx);

/* stp_print_registers() - Append the registers of the hit, one line for four of them. Return: As stp_printf(); -STP_ENOENT if the hit has none. */
int stp_print_registers(struct stp_ctx *ctx);

/* stp_symbol() - Name of a kernel address at once, "vfs_read+0x12", as a pool string. It costs microseconds: `stp post` does it for nothing. */
const char *stp_symbol(struct stp_ctx *ctx, u64 address);

#endif
