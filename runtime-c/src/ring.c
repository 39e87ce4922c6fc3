// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The per-CPU ring. One writer CPU, any context of it; one reader, any CPU.
 * Must never: take a lock, spin on what it interrupted, write outside @data.
 * Sibling: runtime-as/assembly/ring.ts
 *
 * Guarantees:
 * 1. Space is reserved by one local cmpxchg on @head; offset and time of a record are those of the try that
 *    succeeded, so both grow along the stream (T1, T3).
 * 2. @committed moves only when no writer of this CPU is between reserve and commit, so the reader never sees a
 *    record half-written (T5).
 * 3. A writer uses only what the reader has given back (T2); in a ring that overwrites, what it has dropped itself (T6):
 *    whole records that are published, never one that is being written.
 */
#include <stp/ring.h>
#include <stp/wire.h>

#define RECORD_ALIGN 8

static u32 record_size(u32 payload_size)
{
	return sizeof(struct stp_record_header) + ((payload_size + RECORD_ALIGN - 1) & ~(RECORD_ALIGN - 1u));
}

/* The word at stream offset @at, a multiple of 8, around the end of the memory if need be. */
static u64 *word_at(const struct stp_ring *ring, unsigned long at)
{
	return (u64 *)(ring->data + (at & (ring->size - 1)));
}

/* A field of four bytes of a header. */
static u32 field_at(const struct stp_ring *ring, unsigned long at)
{
	return stp_wire32(*(const u32 *)(ring->data + (at & (ring->size - 1))));
}

/* Copy to stream offset @at, zeros behind it up to a whole word. */
static void copy_in(struct stp_ring *ring, unsigned long at, const u8 *from, u32 size)
{
	u64 word;
	u32 i;

	for (; size >= sizeof(word); size -= sizeof(word), from += sizeof(word), at += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		*word_at(ring, at) = word;
	}
	if (!size)
		return;
	word = 0;
	for (i = 0; i < size; i++)
		((u8 *)&word)[i] = from[i];
	*word_at(ring, at) = word;
}

/*
 * Drop the oldest record, if it is published (T6). Whoever interrupts us may drop it first, and write over what we read of it: then our
 * cmpxchg fails, for a stream offset never comes back.
 */
static STP_NOINLINE bool drop_oldest(struct stp_ring *ring)
{
	unsigned long tail = STP_READ(ring->tail);
	u32 size, probe;

	if (tail == STP_READ(ring->committed))
		return false;
	size = record_size(field_at(ring, tail + offsetof(struct stp_record_header, payload_size)));
	probe = field_at(ring, tail + offsetof(struct stp_record_header, probe));
	if (stp_local_cmpxchg(&ring->tail, tail, tail + size) == tail)
		stp_ledger_take_back(&ring->overwritten[probe], STP_LOSS_KIND_RECORD, STP_LOSS_OVERWRITTEN);
	/* Pairs with stp_ring_snapshot(): it is seen to be dropped before it is written over. */
	stp_write_barrier();
	return true;
}

/* Whether @size bytes fit behind @head, after dropping what may be dropped. Offsets never come back: where they have 32 bits, a stream ends at 4 GiB. */
static bool make_room(struct stp_ring *ring, unsigned long head, u32 size)
{
	if (sizeof(head) == 4 && head + size < head)
		return false;
	/* Pairs with stp_ring_consume(): its bytes are read before we overwrite them. */
	while (head + size - stp_load_acquire(&ring->tail) > ring->size)
		if (!ring->overwritten || size > ring->size || !drop_oldest(ring))
			return false;
	return true;
}

/* Reserve @size bytes; offset and time of the successful try are those of the record. */
static int reserve(struct stp_ring *ring, u32 size, unsigned long *at, u64 *time_ns)
{
	unsigned long head;

	do {
		head = STP_READ(ring->head);
		if (stp_unlikely(!make_room(ring, head, size)))
			return -STP_EFULL;
		*time_ns = stp_time_ns();
	} while (stp_local_cmpxchg(&ring->head, head, head + size) != head);
	*at = head;
	return 0;
}

static void enter_write(struct stp_ring *ring)
{
	/* Plain: whoever interrupts leaves the count as it was. */
	STP_WRITE(ring->nest, STP_READ(ring->nest) + 1);
	stp_barrier();
}

/* The outermost writer publishes all that was reserved, by itself and by whoever interrupted it (T5). */
static void leave_write(struct stp_ring *ring)
{
	unsigned long head;

	stp_barrier();
	if (STP_READ(ring->nest) > 1) {
		STP_WRITE(ring->nest, STP_READ(ring->nest) - 1);
		return;
	}
	do {
		/* Whoever interrupts us from here leaves the publishing to us, so that committed never moves back. */
		STP_WRITE(ring->nest, 1);
		stp_barrier();
		head = STP_READ(ring->head);
		/* Pairs with stp_ring_readable(): records are written before they are seen. */
		stp_store_release(&ring->committed, head);
		stp_barrier();
		STP_WRITE(ring->nest, 0);
		stp_barrier();
		/* A record that came before nest was 0 left its publishing to us. */
	} while (STP_READ(ring->head) != head);
	if (head - STP_READ(ring->tail) >= STP_READ(ring->wanted)) {
		STP_WRITE(ring->wanted, STP_RING_UNWANTED);
		stp_port_wake(ring);
	}
}

/* What is known of a record before it is reserved. */
struct claim {
	u32 type, level, probe, size;
};

static STP_ALWAYS_INLINE void fill_header(struct stp_record_header *header, const struct stp_ring *ring, const struct claim *claim, unsigned long at,
					  u64 time_ns)
{
	header->magic = stp_wire32(STP_RECORD_MAGIC);
	header->payload_size = stp_wire32(claim->size);
	header->cpu = stp_wire16(ring->cpu);
	header->context = claim->level;
	header->type = claim->type;
	header->probe = stp_wire32(claim->probe);
	header->sequence = stp_wire64(at);
	header->time_ns = stp_wire64(time_ns);
}

/* A header that goes around the end of the memory. */
static STP_NOINLINE void put_parted_header(struct stp_ring *ring, const struct claim *claim, unsigned long at, u64 time_ns)
{
	struct stp_record_header header;

	fill_header(&header, ring, claim, at, time_ns);
	copy_in(ring, at, (const u8 *)&header, sizeof(header));
}

int stp_ring_write(struct stp_ring *ring, u32 type, u32 level, u32 probe, const void *payload, u32 size)
{
	const struct claim claim = { .type = type, .level = level, .probe = probe, .size = size };
	unsigned long at;
	u64 time_ns;
	int error;

	enter_write(ring);
	error = reserve(ring, record_size(size), &at, &time_ns);
	if (!error) {
		if (stp_likely((at & (ring->size - 1)) + sizeof(struct stp_record_header) <= ring->size))
			fill_header((struct stp_record_header *)word_at(ring, at), ring, &claim, at, time_ns);
		else
			put_parted_header(ring, &claim, at, time_ns);
		copy_in(ring, at + sizeof(struct stp_record_header), payload, size);
	}
	leave_write(ring);
	return error;
}

unsigned long stp_ring_readable(const struct stp_ring *ring)
{
	/* Pairs with leave_write(). */
	return stp_load_acquire(&ring->committed) - ring->tail;
}

const u8 *stp_ring_peek_at(const struct stp_ring *ring, unsigned long skip, unsigned long *bytes)
{
	unsigned long begin = (ring->tail + skip) & (ring->size - 1);
	unsigned long until_end = ring->size - begin;

	*bytes = stp_ring_readable(ring) - skip;
	if (*bytes > until_end)
		*bytes = until_end;
	return ring->data + begin;
}

const u8 *stp_ring_peek(const struct stp_ring *ring, unsigned long *bytes)
{
	return stp_ring_peek_at(ring, 0, bytes);
}

void stp_ring_consume(struct stp_ring *ring, unsigned long bytes)
{
	/* Pairs with reserve(). */
	stp_store_release(&ring->tail, ring->tail + bytes);
}

/* Copy out of the ring from stream offset @at. */
static void copy_out(const struct stp_ring *ring, unsigned long at, u8 *to, unsigned long size)
{
	unsigned long begin = at & (ring->size - 1);
	unsigned long until_end = ring->size - begin;

	if (until_end > size)
		until_end = size;
	memcpy(to, ring->data + begin, until_end);
	memcpy(to + until_end, ring->data, size - until_end);
}

unsigned long stp_ring_snapshot(const struct stp_ring *ring, u8 *to, unsigned long *from)
{
	/* Before tail: what is published later is at or behind it. Pairs with leave_write(). */
	unsigned long end = stp_load_acquire(&ring->committed);
	unsigned long begin = stp_load_acquire(&ring->tail);
	unsigned long oldest;

	*from = end;
	if (end - begin - 1 >= ring->size)
		return 0; /* nothing there, or all of it dropped by now */
	copy_out(ring, begin, to, end - begin);
	stp_read_barrier();
	oldest = STP_READ(ring->tail);
	if (end - oldest - 1 >= ring->size)
		return 0;
	memmove(to, to + (oldest - begin), end - oldest);
	*from = oldest;
	return end - oldest;
}
