/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Errors that a probe raises and catches (X7), and arithmetic that may (X8).
 *
 * C has no exceptions: an error stands in the context until it is caught, and whoever writes the probe, or the translator, asks for
 * it where the script would have left. One that is still there at the end of the hit is reported and counted.
 */
#ifndef STP_ERROR_H
#define STP_ERROR_H

#include <stp/format.h>
#include <stp/probe.h>

/* stp_raise(ctx, format, arguments...) - Raise an error with that message; see stp_raise_args(). */
#define stp_raise(ctx, format, ...) stp_raise_args(ctx, STP_FORMAT_CHECKED(format, ##__VA_ARGS__), STP_ARGS(__VA_ARGS__))

/**
 * stp_raise_args() - Raise an error; one that is already raised stays.
 *
 * Context: Any, inside a probe. Never sleeps or allocates.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EINVAL for a format that does not fit its arguments;
 *          -STP_EFAULT if memory could not be read.
 */
int stp_raise_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args);

/* stp_raised() - Whether an error is raised. */
static inline bool stp_raised(const struct stp_ctx *ctx)
{
	return ctx->raised;
}

/**
 * stp_catch() - Take the error back.
 * @message: Out: its message, valid until the next stp_raise(); "" if there is none.
 *
 * Return: 1 if one was raised; 0; -STP_ESTATE outside a probe; -STP_EBUDGET.
 */
int stp_catch(struct stp_ctx *ctx, const char **message);

/**
 * stp_divide_int64() - @a / @b, truncated toward zero; STP_INT64_MIN / -1 is STP_INT64_MIN (X8).
 * @result: Out: the quotient; 0 unless the call returns 0.
 *
 * Return: 0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EDOM by 0: the error "division by zero" is raised.
 */
int stp_divide_int64(struct stp_ctx *ctx, s64 a, s64 b, s64 *result);

/**
 * stp_modulo_int64() - The remainder of that division, with the sign of @a.
 *
 * Return: As stp_divide_int64().
 */
int stp_modulo_int64(struct stp_ctx *ctx, s64 a, s64 b, s64 *result);

/* stp_div(), stp_mod() - The same as values: 0 if there is none, and the error is raised. */
static inline s64 stp_div(struct stp_ctx *ctx, s64 a, s64 b)
{
	s64 result;

	stp_divide_int64(ctx, a, b, &result);
	return result;
}

static inline s64 stp_mod(struct stp_ctx *ctx, s64 a, s64 b)
{
	s64 result;

	stp_modulo_int64(ctx, a, b, &result);
	return result;
}

#endif
