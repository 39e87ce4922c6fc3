// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Histograms: definition, buckets, text (S4-S6).
 * Must never: count a sample in no bucket, or print more rows than there are buckets.
 * Sibling: runtime-as/assembly/histogram.ts
 */
#include <stp/print.h>
#include <stp/session.h>

#define COLUMNS 50 /* of the bars */
#define MARGIN 2   /* empty rows shown beside others */
#define LABEL_MIN 5 /* columns: as wide as "value" */

int stp_hist_init(struct stp_hist *hist, const char *name)
{
	u64 width;

	hist->buckets = hist->kind == STP_HIST_KIND_LOG ? STP_HIST_BUCKETS_MAX : 0;
	if (hist->kind != STP_HIST_KIND_LINEAR)
		return 0;
	if (hist->interval <= 0) {
		stp_log("map %s: the histogram's interval must be 1 or more, not %d\n", name, hist->interval);
		return -STP_EINVAL;
	}
	if (hist->low > hist->high) {
		stp_log("map %s: the histogram's low of %d is above its high of %d; exchange them\n", name, hist->low, hist->high);
		return -STP_EINVAL;
	}
	width = stp_divide_u64((u64)hist->high - (u64)hist->low, hist->interval);
	if (width > STP_HIST_BUCKETS_MAX - 3) {
		stp_log("map %s: a histogram has at most %d buckets, not %u; make the interval larger\n", name, STP_HIST_BUCKETS_MAX - 2,
			width < ~0ull ? width + 1 : width);
		return -STP_EINVAL;
	}
	hist->buckets = width + 3;
	return 0;
}

u32 stp_hist_bucket(const struct stp_hist *hist, s64 value)
{
	u64 at;

	if (value < hist->low)
		return 0;
	at = stp_divide_u64((u64)value - (u64)hist->low, hist->interval);
	return at < hist->buckets - 2 ? at + 1 : hist->buckets - 1;
}

/* What is printed: rows @first to @last, each bar's unit, widths. */
struct picture {
	const struct stp_hist *hist;
	const u64 *buckets;
	u32 first, last;
	u64 scale;
	u32 label_width, count_width;
};

static const char *prefix_of(const struct stp_hist *hist, u32 row)
{
	if (hist->kind == STP_HIST_KIND_LOG)
		return "";
	return row == 0 ? "<" : row == hist->buckets - 1 ? ">" : "";
}

static s64 label_of(const struct stp_hist *hist, u32 row)
{
	u64 steps;

	if (hist->kind == STP_HIST_KIND_LOG) {
		if (row == STP_HIST_LOG_ZERO)
			return 0;
		return row < STP_HIST_LOG_ZERO ? (s64)(0 - (1ull << (STP_HIST_LOG_ZERO - 1 - row))) : (s64)(1ull << (row - STP_HIST_LOG_ZERO - 1));
	}
	steps = row == 0 ? 0 : row == hist->buckets - 1 ? row - 2 : row - 1;
	return (u64)hist->low + steps * (u64)hist->interval;
}

static u32 label_width(const struct stp_hist *hist, u32 row)
{
	return stp_number_length(label_of(hist, row), true) + !!prefix_of(hist, row)[0];
}

static u32 larger(u32 a, u32 b)
{
	return a > b ? a : b;
}

/* S6: first and last row, with their margins. Return: whether there is any sample. */
static bool find_rows(struct picture *picture)
{
	const struct stp_hist *hist = picture->hist;
	u32 end = hist->buckets - 1;
	u32 i;

	for (i = 0; i <= end && !picture->buckets[i]; i++)
		;
	if (i > end)
		return false;
	picture->first = picture->last = i;
	for (; i <= end; i++)
		if (picture->buckets[i])
			picture->last = i;
	for (i = 0; i < MARGIN; i++) {
		if (picture->first && !(hist->kind == STP_HIST_KIND_LOG && picture->first == STP_HIST_LOG_ZERO))
			picture->first--;
		if (picture->last < end)
			picture->last++;
	}
	if (hist->kind == STP_HIST_KIND_LINEAR) {
		picture->first += !picture->first && !picture->buckets[0];
		picture->last -= picture->last == end && !picture->buckets[end];
	}
	return true;
}

static void find_widths(struct picture *picture)
{
	u64 most = 0;
	u32 i;

	for (i = picture->first; i <= picture->last; i++)
		if (picture->buckets[i] > most)
			most = picture->buckets[i];
	picture->count_width = stp_number_length(most, false);
	picture->scale = stp_divide_u64(most + COLUMNS - 1, COLUMNS);
	if (most > ~0ull - (COLUMNS - 1))
		picture->scale = stp_divide_u64(most, COLUMNS) + 1;
	picture->label_width = larger(LABEL_MIN, larger(label_width(picture->hist, picture->first), label_width(picture->hist, picture->last)));
}

/* Whether the row and all within the margin are empty. */
static bool is_left_out(const struct picture *picture, u32 row)
{
	u32 from = row > picture->first + MARGIN ? row - MARGIN : picture->first;
	u32 to = row + MARGIN < picture->last ? row + MARGIN : picture->last;

	for (; from <= to; from++)
		if (picture->buckets[from])
			return false;
	return true;
}

static void write_right(struct stp_text *text, u32 width, const char *prefix, u64 number, bool is_signed)
{
	u32 length = stp_number_length(number, is_signed) + !!prefix[0];

	stp_text_pad(text, ' ', width > length ? width - length : 0);
	stp_text_put(text, prefix, !!prefix[0]);
	stp_text_number(text, number, is_signed);
}

#define HEAD (~0u) /* as a row: the first line */
#define GAP (~0u - 1) /* rows were left out */
#define FOOT (~0u - 2) /* the empty line */

static STP_NOINLINE void write_line(struct stp_text *text, const struct picture *picture, u32 row)
{
	u32 bar;

	if (row == HEAD) {
		stp_text_pad(text, ' ', picture->label_width - LABEL_MIN);
		stp_text_put(text, "value |", 7);
		stp_text_pad(text, '-', COLUMNS);
		stp_text_put(text, " count", 6);
	} else if (row == GAP) {
		stp_text_pad(text, ' ', picture->label_width);
		stp_text_put(text, " ~", 2);
	} else if (row != FOOT) {
		bar = stp_divide_u64(picture->buckets[row], picture->scale);
		write_right(text, picture->label_width, prefix_of(picture->hist, row), label_of(picture->hist, row), true);
		stp_text_put(text, " |", 2);
		stp_text_pad(text, '@', bar);
		write_right(text, COLUMNS + 1 + picture->count_width - bar, "", picture->buckets[row], false);
	}
	stp_text_put(text, "\n", 1);
}

static void print_line(struct stp_ctx *ctx, const struct picture *picture, u32 row)
{
	struct stp_text text = stp_print_room(ctx);

	write_line(&text, picture, row);
	if (stp_print_full(ctx, &text)) {
		text = stp_print_room(ctx);
		write_line(&text, picture, row);
	}
	stp_print_take(ctx, &text);
}

void stp_hist_print(struct stp_ctx *ctx, const struct stp_hist *hist, const u64 *buckets)
{
	struct picture picture = { .hist = hist, .buckets = buckets };
	bool gap = false;
	u32 row;

	if (!find_rows(&picture))
		return;
	find_widths(&picture);
	print_line(ctx, &picture, HEAD);
	for (row = picture.first; row <= picture.last; row++) {
		if (is_left_out(&picture, row)) {
			gap = true;
			continue;
		}
		if (gap)
			print_line(ctx, &picture, GAP);
		gap = false;
		print_line(ctx, &picture, row);
	}
	print_line(ctx, &picture, FOOT);
}
