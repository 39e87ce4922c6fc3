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
 * @any:   Bit i: argument i is a wildcard (M14); its word means nothing.
 */
struct stp_args {
	const u64 *value;
	u32 shape;
	u32 any;
};

#define STP_SHAPE(count, strings) ((1u << (count)) | (strings))

static STP_ALWAYS_INLINE u32 stp_args_count(const struct stp_args *args)
{
	return 31 - __builtin_clz(args->shape);
}

static STP_ALWAYS_INLINE bool stp_args_is_string(const struct stp_args *args, u32 n)
{
	return args->shape & (1u << n);
}

static STP_ALWAYS_INLINE const char *stp_args_string(const struct stp_args *args, u32 n)
{
	return (const char *)(uintptr_t)args->value[n];
}

/* STP_ANY - A key part that matches anything, for stp_map_contains() and stp_map_del_slice(). */
struct stp_any;
#define STP_ANY ((const struct stp_any *)0)

/* One argument to its word; a pointer that is no string counts as an address. */
static STP_ALWAYS_INLINE u64 stp_arg_of_int(s64 value)
{
	return (u64)value;
}

static STP_ALWAYS_INLINE u64 stp_arg_of_pointer(const void *value)
{
	return (uintptr_t)value;
}

#define STP_ARG_WORD(x) _Generic((x), \
	char *: stp_arg_of_pointer, const char *: stp_arg_of_pointer, \
	void *: stp_arg_of_pointer, const void *: stp_arg_of_pointer, \
	const struct stp_any *: stp_arg_of_pointer, \
	default: stp_arg_of_int)(x)
#define STP_ARG_STRING(x) _Generic((x), char *: 1u, const char *: 1u, default: 0u)
#define STP_ARG_ANY(x) _Generic((x), const struct stp_any *: 1u, default: 0u)

/* Lists of 0 to STP_PRINT_ARGS_MAX arguments. */
#define STP_ARGS_NTH(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, n, ...) n
#define STP_ARGS_COUNT_OF(...) \
	STP_ARGS_NTH(0, ##__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define STP_ARGS_PASTE(a, b) a##b
#define STP_ARGS_APPLY(name, n) STP_ARGS_PASTE(name, n)

/* STP_EACH_n(f, ...): f of each, as a list. */
#define STP_EACH_0(f)
#define STP_EACH_1(f, x) f(x)
#define STP_EACH_2(f, x, ...) f(x), STP_EACH_1(f, __VA_ARGS__)
#define STP_EACH_3(f, x, ...) f(x), STP_EACH_2(f, __VA_ARGS__)
#define STP_EACH_4(f, x, ...) f(x), STP_EACH_3(f, __VA_ARGS__)
#define STP_EACH_5(f, x, ...) f(x), STP_EACH_4(f, __VA_ARGS__)
#define STP_EACH_6(f, x, ...) f(x), STP_EACH_5(f, __VA_ARGS__)
#define STP_EACH_7(f, x, ...) f(x), STP_EACH_6(f, __VA_ARGS__)
#define STP_EACH_8(f, x, ...) f(x), STP_EACH_7(f, __VA_ARGS__)
#define STP_EACH_9(f, x, ...) f(x), STP_EACH_8(f, __VA_ARGS__)
#define STP_EACH_10(f, x, ...) f(x), STP_EACH_9(f, __VA_ARGS__)
#define STP_EACH_11(f, x, ...) f(x), STP_EACH_10(f, __VA_ARGS__)
#define STP_EACH_12(f, x, ...) f(x), STP_EACH_11(f, __VA_ARGS__)
#define STP_EACH_13(f, x, ...) f(x), STP_EACH_12(f, __VA_ARGS__)
#define STP_EACH_14(f, x, ...) f(x), STP_EACH_13(f, __VA_ARGS__)
#define STP_EACH_15(f, x, ...) f(x), STP_EACH_14(f, __VA_ARGS__)
#define STP_EACH_16(f, x, ...) f(x), STP_EACH_15(f, __VA_ARGS__)

/* STP_BITS_n(f, ...): f of each, as the bits of a number. */
#define STP_BITS_0(f) 0u
#define STP_BITS_1(f, x) f(x)
#define STP_BITS_2(f, x, ...) (f(x) | (STP_BITS_1(f, __VA_ARGS__)) << 1)
#define STP_BITS_3(f, x, ...) (f(x) | (STP_BITS_2(f, __VA_ARGS__)) << 1)
#define STP_BITS_4(f, x, ...) (f(x) | (STP_BITS_3(f, __VA_ARGS__)) << 1)
#define STP_BITS_5(f, x, ...) (f(x) | (STP_BITS_4(f, __VA_ARGS__)) << 1)
#define STP_BITS_6(f, x, ...) (f(x) | (STP_BITS_5(f, __VA_ARGS__)) << 1)
#define STP_BITS_7(f, x, ...) (f(x) | (STP_BITS_6(f, __VA_ARGS__)) << 1)
#define STP_BITS_8(f, x, ...) (f(x) | (STP_BITS_7(f, __VA_ARGS__)) << 1)
#define STP_BITS_9(f, x, ...) (f(x) | (STP_BITS_8(f, __VA_ARGS__)) << 1)
#define STP_BITS_10(f, x, ...) (f(x) | (STP_BITS_9(f, __VA_ARGS__)) << 1)
#define STP_BITS_11(f, x, ...) (f(x) | (STP_BITS_10(f, __VA_ARGS__)) << 1)
#define STP_BITS_12(f, x, ...) (f(x) | (STP_BITS_11(f, __VA_ARGS__)) << 1)
#define STP_BITS_13(f, x, ...) (f(x) | (STP_BITS_12(f, __VA_ARGS__)) << 1)
#define STP_BITS_14(f, x, ...) (f(x) | (STP_BITS_13(f, __VA_ARGS__)) << 1)
#define STP_BITS_15(f, x, ...) (f(x) | (STP_BITS_14(f, __VA_ARGS__)) << 1)
#define STP_BITS_16(f, x, ...) (f(x) | (STP_BITS_15(f, __VA_ARGS__)) << 1)

#define STP_ARGS_BITS(f, ...) STP_ARGS_APPLY(STP_BITS_, STP_ARGS_COUNT_OF(__VA_ARGS__))(f, ##__VA_ARGS__)

/* Constants, whatever the arguments are: number and types, and which are STP_ANY. */
#define STP_ARGS_SHAPE(...) STP_SHAPE(STP_ARGS_COUNT_OF(__VA_ARGS__), STP_ARGS_BITS(STP_ARG_STRING, ##__VA_ARGS__))
#define STP_ARGS_ANY(...) STP_ARGS_BITS(STP_ARG_ANY, ##__VA_ARGS__)

/* The words of 0 to 16 arguments, as an array that lives as long as the enclosing block. */
#define STP_ARGS_WORDS(...) ((const u64[STP_ARGS_COUNT_OF(__VA_ARGS__) + !STP_ARGS_COUNT_OF(__VA_ARGS__)]){ \
	STP_ARGS_APPLY(STP_EACH_, STP_ARGS_COUNT_OF(__VA_ARGS__))(STP_ARG_WORD, ##__VA_ARGS__) })

/* A list of 0 to 16 arguments as a pointer to struct stp_args; lives as long as the enclosing block. */
#define STP_ARGS(...) \
	(&(const struct stp_args){ \
		.value = STP_ARGS_WORDS(__VA_ARGS__), \
		.shape = STP_ARGS_SHAPE(__VA_ARGS__), \
		.any = STP_ARGS_ANY(__VA_ARGS__), \
	})

#endif
