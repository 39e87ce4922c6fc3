// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Texts: formats, numbers, quotes, messages of errors and strings at the limits of their sizes (B, P). */
#include <stp/error.h>
#include <stp/print.h>
#include <stp/stp.h>

#include "bed.h"

static void need_format(u32 size, const char *expected, u32 length, u32 cut, const char *format, const struct stp_args *args)
{
	char *out = stp_alloc(size); /* whoever writes behind it is found */
	struct stp_text text = { .out = out, .size = size };

	watch.preempt_off[0]++;
	watch_need(!stp_format(&text, format, args), format, __FILE__, __LINE__);
	watch.preempt_off[0]--;
	watch_need(text.length == length && text.cut == cut, format, __FILE__, __LINE__);
	watch_need(!strncmp(out, expected, length < size ? length : size), format, __FILE__, __LINE__);
	stp_free(out);
}

static void case_texts(void)
{
	struct bed_options session = { .body = bed_nothing, .cpus = 1 };
	char longest[STP_STRING_SIZE_MAX + 1], memory[40];
	u32 length;
	s64 value;

	for (length = STP_STRING_SIZE_MAX - 3; length <= STP_STRING_SIZE_MAX; length++) {
		u32 kept = length < STP_STRING_SIZE_MAX ? length : STP_STRING_SIZE_MAX - 1;

		memset(longest, 's', length);
		longest[length] = 0;
		need_format(600, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(600, longest, kept, length != kept, "%1s", STP_ARGS(longest));
		need_format(kept, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(7, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(7, longest, kept, length != kept, "%1s", STP_ARGS(longest));
	}
	need_format(30, "-9223372036854775808", 20, 0, "%d", STP_ARGS(STP_INT64_MIN));
	need_format(20, "-9223372036854775808", 20, 0, "%d", STP_ARGS(STP_INT64_MIN));
	need_format(30, "9223372036854775807", 19, 0, "%d", STP_ARGS(STP_INT64_MAX));
	need_format(30, "1000000000000000000", 19, 0, "%d", STP_ARGS(1000000000000000000));
	need_format(30, "-1000000000000000000", 20, 0, "%d", STP_ARGS(-1000000000000000000));
	need_format(30, "999999999999999999 0", 20, 0, "%d %d", STP_ARGS(999999999999999999, 0));
	need_format(30, "-9 10 -10 99 0 1", 16, 0, "%d %d %d %d %d %d", STP_ARGS(-9, 10, -10, 99, 0, 1));
	need_format(40, "1777777777777777777777 ffffffffffffffff", 39, 0, "%o %x", STP_ARGS(-1, -1));
	need_format(30, "<NULL>|<NU|  <NULL>", 19, 0, "%s|%.3s|%8s", &(struct stp_args){ .value = (const u64[]){ 0, 0, 0 }, .shape = STP_SHAPE(3, 7) });
	/* Memory: from an address, which is a look of this CPU's context, and from a string, behind whose end are zeros. */
	bed_open(&session);
	for (length = 0; length < sizeof(memory); length++)
		memory[length] = 'A' + length;
	need_format(40, memory, 33, 0, "%.33m", STP_ARGS((const void *)memory));
	need_format(40, memory, 16, 0, "%.16m", STP_ARGS((const void *)memory));
	need_format(40, "414243", 6, 0, "%.3M", STP_ARGS((const void *)memory));
	need_format(40, "   A|", 5, 0, "%4m|", STP_ARGS((const void *)memory));
	need_format(60, "30313233343536373839616263646566676800000000", 44, 0, "%.22M", STP_ARGS("0123456789abcdefgh"));
	need_format(60, "3031323334353637383961626364656600000000", 40, 0, "%.20M", STP_ARGS("0123456789abcdef"));
	{
		struct stp_text none = { .out = NULL };

		watch.preempt_off[0]++;
		need(stp_format(&none, "%m", STP_ARGS(5)) == -STP_EFAULT && stp_format(&none, "%#m", STP_ARGS((const void *)memory)) == -STP_EFAULT);
		need(stp_format(&none, "%.*d", STP_ARGS("x", 1)) == -STP_EINVAL && stp_format(&none, "%*d", STP_ARGS(513, 1)) == -STP_EINVAL);
		need(stp_format(&none, "%*d", STP_ARGS(-513, 1)) == -STP_EINVAL && !stp_format(&none, "%*d%*d%512d", STP_ARGS(512, 1, -512, 1, 1)));
		watch.preempt_off[0]--;
	}
	bed_close();
#define NUMBER(text, base, expected, result) need(stp_string_number(text, base, &value) == (result) && value == (expected))
	NUMBER("z", 36, 35, 0);
	NUMBER("Za", 36, 35 * 36 + 10, 0);
	NUMBER("\t\n\v\f\r 9", 10, 9, 0);
	NUMBER("{", 36, 0, -STP_EINVAL);
	NUMBER("@", 36, 0, -STP_EINVAL);
	NUMBER("[", 36, 0, -STP_EINVAL);
	NUMBER("`", 36, 0, -STP_EINVAL);
	NUMBER("/", 36, 0, -STP_EINVAL);
	NUMBER(":", 36, 0, -STP_EINVAL);
	NUMBER("1", 37, 0, -STP_EINVAL);
	NUMBER("1", 1, 0, -STP_EINVAL);
	NUMBER("1", -1, 0, -STP_EINVAL);
	NUMBER("10", 2, 2, 0);
	NUMBER("0x1F", 0, 31, 0);
	NUMBER("0xf", 16, 15, 0);
	NUMBER("0XA", 16, 10, 0);
	NUMBER("0xg", 16, 0, -STP_EINVAL);
	NUMBER("017", 0, 15, 0);
	NUMBER("19", 0, 19, 0);
	NUMBER("-9223372036854775808", 0, STP_INT64_MIN, 0);
	NUMBER("-9223372036854775809", 0, STP_INT64_MIN, -STP_EINVAL);
	NUMBER("+9223372036854775807", 0, STP_INT64_MAX, 0);
	NUMBER("9223372036854775808", 0, STP_INT64_MAX, -STP_EINVAL);
	NUMBER("99999999999999999999999", 0, STP_INT64_MAX, -STP_EINVAL);
	NUMBER("", 0, 0, -STP_EINVAL);
	NUMBER("-", 10, 0, -STP_EINVAL);
}

static void need_quoted(const char *bytes, const char *expected)
{
	char out[64];
	struct stp_text text = { .out = out, .size = sizeof(out) };

	stp_text_quoted(&text, bytes, strlen(bytes));
	out[text.length] = 0;
	watch_need(!strcmp(out, expected), out, __FILE__, __LINE__);
}

/* B9: bytes that have a letter; UTF-8 from U+00A0 on as it is, what is not well-formed in octal. */
static void case_quotes(void)
{
	need_quoted("\a\b\t\n\v\f\r\"\\'", "\"\\a\\b\\t\\n\\v\\f\\r\\\"\\\\'\"");
	need_quoted("\x06\x0e\x1f ~\x7f", "\"\\006\\016\\037 ~\\177\"");
	need_quoted("\xc2\xa0\xc3\xbf\xdf\xbf", "\"\xc2\xa0\xc3\xbf\xdf\xbf\"");
	need_quoted("\xc2\x9f\xc1\xbf", "\"\\302\\237\\301\\277\"");
	need_quoted("\xc3\x80\xc3\x9f", "\"\xc3\x80\xc3\x9f\"");
	need_quoted("\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", "\"\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"");
	need_quoted("\xe0\x9f\xbf", "\"\\340\\237\\277\"");
	need_quoted("\xed\xa0\x80", "\"\\355\\240\\200\"");
	need_quoted("\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf\"");
	need_quoted("\xf0\x8f\xbf\xbf", "\"\\360\\217\\277\\277\"");
	need_quoted("\xf4\x90\x80\x80", "\"\\364\\220\\200\\200\"");
	need_quoted("\xf5\x80\x80\x80", "\"\\365\\200\\200\\200\"");
	need_quoted("\xe2\x82", "\"\\342\\202\"");
	need_quoted("\xe2\x82x", "\"\\342\\202x\"");
	need_quoted("\xf1\x80\x80x", "\"\\361\\200\\200x\"");
	need_quoted("\xc3", "\"\\303\"");
	need_quoted("\xc3x", "\"\\303x\"");
}

static u32 message_length;

static void raise_long(struct stp_ctx *ctx)
{
	char text[STP_STRING_SIZE_MAX];
	const char *message;
	s64 rest;

	memset(text, 'e', message_length);
	text[message_length] = 0;
	need(!stp_raise(ctx, "%s", text));
	need(stp_catch(ctx, &message) == 1 && strlen(message) == (message_length < STP_ERROR_SIZE_MAX ? message_length : STP_ERROR_SIZE_MAX - 1));
	need(stp_catch(ctx, &message) == 0 && !*message);
	need(!stp_divide_int64(ctx, 0, -1, &rest) && !rest && !stp_divide_int64(ctx, -7, 2, &rest) && rest == -3 && !stp_modulo_int64(ctx, -7, 2, &rest) && rest == -1);
	need(!stp_divide_int64(ctx, STP_INT64_MIN, -1, &rest) && rest == STP_INT64_MIN && !stp_modulo_int64(ctx, 7, -2, &rest) && rest == 1);
}

static void case_messages(void)
{
	struct bed_options options = { .body = raise_long, .cpus = 1 };

	for (message_length = STP_ERROR_SIZE_MAX - 3; message_length <= STP_ERROR_SIZE_MAX + 1; message_length++) {
		bed_open(&options);
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		need(stp_session.cpu[0].rows[0].cut == (message_length >= STP_ERROR_SIZE_MAX));
		bed_close();
	}
}

/* B4: what is behind the longest string is not looked at, nor is it there for what is searched. */
static void cut_strings(struct stp_ctx *ctx)
{
	char longer[STP_STRING_SIZE_MAX + 90];
	const char *out;

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	need(!stp_string_replace(ctx, &out, longer, "aa", "b"));
	need(strlen(out) == 256 && out[254] == 'b' && out[255] == 'a' && ctx->row->cut == 1);
	need(stp_string_length(longer) == STP_STRING_SIZE_MAX - 1);
	longer[STP_STRING_SIZE_MAX - 1] = 'b';
	need(stp_string_find(longer, "b") == -STP_ENOENT && stp_string_find(longer, "") == 0);
	longer[STP_STRING_SIZE_MAX - 2] = 'c';
	need(stp_string_find(longer, "ac") == STP_STRING_SIZE_MAX - 3 && stp_string_compare(longer, "aaac") < 0 && stp_string_compare("b", longer) > 0);
	need(!stp_string_token(ctx, &out, longer, "c", 0) && strlen(out) == STP_STRING_SIZE_MAX - 2);
	need(stp_string_token(ctx, &out, longer, "c", 1) == -STP_ENOENT);
}

static void case_strings(void)
{
	struct bed_options options = { .body = cut_strings, .cpus = 1 };

	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	bed_close();
}

void texts_cases(void)
{
	case_texts();
	case_quotes();
	case_messages();
	case_strings();
}
