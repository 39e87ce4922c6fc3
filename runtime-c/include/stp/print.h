/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The print buffer: static, per CPU and context level; a flush makes one record of it (P2-P6). */
#ifndef STP_PRINT_H
#define STP_PRINT_H

#include <stp/map.h>

/* stp_printf(ctx, format, arguments...) - Append to the print buffer; see stp_printf_args(). The format is a literal. */
#define stp_printf(ctx, format, ...) stp_printf_args(ctx, STP_FORMAT_CHECKED(format, ##__VA_ARGS__), STP_ARGS(__VA_ARGS__))

/**
 * stp_printf_args() - Append formatted text to the print buffer of @ctx.
 * @ctx: Context; NULL outside a probe.
 *
 * A text that does not fit behind what is there flushes that first; one longer than the buffer is cut (P2).
 *
 * Context: Any, inside a probe. Never sleeps or allocates.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EINVAL for a format that does not fit its arguments;
 *          -STP_EFAULT if memory could not be read (P1).
 */
int stp_printf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args);

/**
 * stp_print_flush() - Send the print buffer as one record, stamped once, and empty it (P3).
 *
 * Context: Any, inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EFULL if the ring had no room (the text is lost and counted).
 */
int stp_print_flush(struct stp_ctx *ctx);

/* stp_print_map(ctx, &map, .sort = STP_BY_..., .limit = N, .remove = true) - Print a line for each entry; see stp_print_map_options(). */
#define stp_print_map(ctx, m, ...) stp_print_map_options(ctx, &(m)->map, (struct stp_walk_options){ __VA_ARGS__ })

/**
 * stp_print_map_options() - Print a line for each entry that a walk visits (P5). With .remove it prints and clears.
 *
 * Context: As stp_walk_begin(), inside a probe.
 * Return:  Lines; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EINVAL for an order that the map does not have;
 *          -STP_EBUSY if the map is held or has STP_MAP_WALKS_MAX walks.
 */
int stp_print_map_options(struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options);

/* stp_print_hist(ctx, &map, STP_KEY(...)) - Print the histogram of an entry; see stp_print_hist_args(). */
#define stp_print_hist(ctx, m, key) stp_print_hist_args(ctx, &(m)->map, STP_MAP_KEY(m, key))

/**
 * stp_print_hist_args() - Print the histogram of the entry under @key (P6).
 *
 * Context: As stp_map_read(), inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EINVAL if the map has no histogram or @key does not fit it;
 *          -STP_EBUSY; -STP_ENOENT if the key is absent.
 */
int stp_print_hist_args(struct stp_ctx *ctx, struct stp_map *map, const struct stp_args *key);

/*
 * Below the public calls.
 */

/* stp_print_begin() - The checks of a call that prints. Return: 0; -STP_ESTATE; -STP_EBUDGET (counted). */
int stp_print_begin(struct stp_ctx *ctx);

/* stp_print_room() - A text that is written where it will stand, at the end of the print buffer. */
struct stp_text stp_print_room(struct stp_ctx *ctx);

/* stp_print_full() - Whether @text does not fit and there is something to flush before: then flush, and make the text again. */
bool stp_print_full(struct stp_ctx *ctx, const struct stp_text *text);

/* stp_print_take() - Append what was written into the room (P2). */
void stp_print_take(struct stp_ctx *ctx, const struct stp_text *text);

/* stp_print_offer() - Offer one record to the ring. Return: 0; -STP_EFULL (counted). */
int stp_print_offer(struct stp_ctx *ctx, u32 type, const char *text, u32 size);

/* stp_print_send() - As stp_print_flush(), without its checks. */
int stp_print_send(struct stp_ctx *ctx);

#endif
