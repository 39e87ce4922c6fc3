/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Typed argument lists: what a key is made of and what stp_printf takes.
 * Every argument becomes one 64-bit word, so that a list means the same on 32- and 64-bit machines.
 */
#ifndef STP_ARGS_H
#define STP_ARGS_H

#include <stp/port.h>
#include <stp/protocol.gen.h>

/**
 * struct stp_args - Arguments and their types.
 * @value: One word each: an int64, or the address of a NUL-terminated string.
 * @shape: 2^count + the sum of 2^i for each string argument i.
 */
struct stp_args {
	const u64 *value;
	u32 shape;
};

#define STP_SHAPE(count, strings) ((1u << (count)) | (strings))

static inline u32 stp_args_count(const struct stp_args *args)
{
	return 31 - __builtin_clz(args->shape);
}

static inline bool stp_args_is_string(const struct stp_args *args, u32 n)
{
	return args->shape & (1u << n);
}

static inline const char *stp_args_string(const struct stp_args *args, u32 n)
{
	return (const char *)(uintptr_t)args->value[n];
}

/* One argument to its word; a pointer that is no string counts as an address. */
static inline u64 stp_arg_of_int(s64 value)
{
	return (u64)value;
}

static inline u64 stp_arg_of_pointer(const void *value)
{
	return (uintptr_t)value;
}

#define STP_ARG_WORD(x) _Generic((x), \
	char *: stp_arg_of_pointer, const char *: stp_arg_of_pointer, \
	void *: stp_arg_of_pointer, const void *: stp_arg_of_pointer, \
	default: stp_arg_of_int)(x)
#define STP_ARG_STRING(x) _Generic((x), char *: 1u, const char *: 1u, default: 0u)

/* Lists of 0 to STP_PRINT_ARGS_MAX arguments. */
#define STP_ARGS_NTH(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, n, ...) n
#define STP_ARGS_COUNT_OF(...) \
	STP_ARGS_NTH(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define STP_ARGS_PASTE(a, b) a##b
#define STP_ARGS_APPLY(name, n) STP_ARGS_PASTE(name, n)

#define STP_WORDS_1(x) STP_ARG_WORD(x)
#define STP_WORDS_2(x, ...) STP_ARG_WORD(x), STP_WORDS_1(__VA_ARGS__)
#define STP_WORDS_3(x, ...) STP_ARG_WORD(x), STP_WORDS_2(__VA_ARGS__)
#define STP_WORDS_4(x, ...) STP_ARG_WORD(x), STP_WORDS_3(__VA_ARGS__)
#define STP_WORDS_5(x, ...) STP_ARG_WORD(x), STP_WORDS_4(__VA_ARGS__)
#define STP_WORDS_6(x, ...) STP_ARG_WORD(x), STP_WORDS_5(__VA_ARGS__)
#define STP_WORDS_7(x, ...) STP_ARG_WORD(x), STP_WORDS_6(__VA_ARGS__)
#define STP_WORDS_8(x, ...) STP_ARG_WORD(x), STP_WORDS_7(__VA_ARGS__)
#define STP_WORDS_9(x, ...) STP_ARG_WORD(x), STP_WORDS_8(__VA_ARGS__)
#define STP_WORDS_10(x, ...) STP_ARG_WORD(x), STP_WORDS_9(__VA_ARGS__)
#define STP_WORDS_11(x, ...) STP_ARG_WORD(x), STP_WORDS_10(__VA_ARGS__)
#define STP_WORDS_12(x, ...) STP_ARG_WORD(x), STP_WORDS_11(__VA_ARGS__)
#define STP_WORDS_13(x, ...) STP_ARG_WORD(x), STP_WORDS_12(__VA_ARGS__)
#define STP_WORDS_14(x, ...) STP_ARG_WORD(x), STP_WORDS_13(__VA_ARGS__)
#define STP_WORDS_15(x, ...) STP_ARG_WORD(x), STP_WORDS_14(__VA_ARGS__)
#define STP_WORDS_16(x, ...) STP_ARG_WORD(x), STP_WORDS_15(__VA_ARGS__)

#define STP_STRINGS_1(x) STP_ARG_STRING(x)
#define STP_STRINGS_2(x, ...) STP_ARG_STRING(x) | STP_STRINGS_1(__VA_ARGS__) << 1
#define STP_STRINGS_3(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_2(__VA_ARGS__)) << 1
#define STP_STRINGS_4(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_3(__VA_ARGS__)) << 1
#define STP_STRINGS_5(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_4(__VA_ARGS__)) << 1
#define STP_STRINGS_6(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_5(__VA_ARGS__)) << 1
#define STP_STRINGS_7(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_6(__VA_ARGS__)) << 1
#define STP_STRINGS_8(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_7(__VA_ARGS__)) << 1
#define STP_STRINGS_9(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_8(__VA_ARGS__)) << 1
#define STP_STRINGS_10(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_9(__VA_ARGS__)) << 1
#define STP_STRINGS_11(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_10(__VA_ARGS__)) << 1
#define STP_STRINGS_12(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_11(__VA_ARGS__)) << 1
#define STP_STRINGS_13(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_12(__VA_ARGS__)) << 1
#define STP_STRINGS_14(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_13(__VA_ARGS__)) << 1
#define STP_STRINGS_15(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_14(__VA_ARGS__)) << 1
#define STP_STRINGS_16(x, ...) STP_ARG_STRING(x) | (STP_STRINGS_15(__VA_ARGS__)) << 1

/* A list of 1 to 16 arguments as a pointer to struct stp_args; lives as long as the enclosing block. */
#define STP_ARGS(...) \
	(&(const struct stp_args){ \
		.value = (const u64[]){ STP_ARGS_APPLY(STP_WORDS_, STP_ARGS_COUNT_OF(__VA_ARGS__))(__VA_ARGS__) }, \
		.shape = STP_SHAPE(STP_ARGS_COUNT_OF(__VA_ARGS__), \
				   (STP_ARGS_APPLY(STP_STRINGS_, STP_ARGS_COUNT_OF(__VA_ARGS__))(__VA_ARGS__))), \
	})

/* Calls function(ctx, format, arguments as struct stp_args). */
#define STP_FORMATTED(function, ctx, ...) \
	STP_ARGS_APPLY(STP_FORMATTED_, STP_ARGS_MANY(__VA_ARGS__))(function, ctx, __VA_ARGS__)
#define STP_ARGS_NTH17(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, n, ...) n
#define STP_ARGS_MANY(...) \
	STP_ARGS_NTH17(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, NONE, NONE)
#define STP_FORMATTED_NONE(function, ctx, format) \
	function(ctx, format, &(const struct stp_args){ .value = NULL, .shape = STP_SHAPE(0, 0) })
#define STP_FORMATTED_MANY(function, ctx, format, ...) function(ctx, format, STP_ARGS(__VA_ARGS__))

#endif
