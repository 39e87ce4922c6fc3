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
 * 3. A writer uses only what the reader has given back (T2).
 */
#include <stp/ring.h>

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

/* Reserve @size bytes; offset and time of the successful try are those of the record. */
static int reserve(struct stp_ring *ring, u32 size, unsigned long *at, u64 *time_ns)
{
	unsigned long head;

	do {
		head = STP_READ(ring->head);
		/* Pairs with stp_ring_consume(): its bytes are read before we overwrite them. */
		if (head + size - stp_load_acquire(&ring->tail) > ring->size)
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
	if (head - STP_READ(ring->tail) >= ring->wake_size)
		stp_port_wake(ring);
}

int stp_ring_write(struct stp_ring *ring, u32 type, u32 level, u32 probe, const void *payload, u32 size)
{
	union {
		struct stp_record_header header;
		u64 word[sizeof(struct stp_record_header) / sizeof(u64)];
	} head = {
		.header = {
			.magic = STP_RECORD_MAGIC,
			.payload_size = size,
			.cpu = ring->cpu,
			.context = level,
			.type = type,
			.probe = probe,
		},
	};
	unsigned long at;
	u32 i;
	int error;

	enter_write(ring);
	error = reserve(ring, record_size(size), &at, &head.header.time_ns);
	if (!error) {
		head.header.sequence = at;
		for (i = 0; i < sizeof(head.word) / sizeof(u64); i++)
			*word_at(ring, at + i * sizeof(u64)) = head.word[i];
		copy_in(ring, at + sizeof(head), payload, size);
	}
	leave_write(ring);
	return error;
}

unsigned long stp_ring_readable(const struct stp_ring *ring)
{
	/* Pairs with leave_write(). */
	return stp_load_acquire(&ring->committed) - ring->tail;
}

const u8 *stp_ring_peek(const struct stp_ring *ring, unsigned long *bytes)
{
	unsigned long begin = ring->tail & (ring->size - 1);
	unsigned long until_end = ring->size - begin;

	*bytes = stp_ring_readable(ring);
	if (*bytes > until_end)
		*bytes = until_end;
	return ring->data + begin;
}

void stp_ring_consume(struct stp_ring *ring, unsigned long bytes)
{
	/* Pairs with reserve(). */
	stp_store_release(&ring->tail, ring->tail + bytes);
}
