/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_REPORT_H
#define STP_GUEST_REPORT_H

#include "types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stp/protocol.gen.h>

/* Largest payload of one frame. The host refuses larger ones. Sibling: frames.ts */
#define REPORT_PAYLOAD_SIZE_MAX 65536

/* Time between two beats, and so the shortest silence that the host may call one. */
#define REPORT_BEAT_MS 1000

/**
 * report_open() - Open the report port, waiting until the driver has made it.
 *
 * Return: 0, or -1 with errno set.
 */
int report_open(void);

/**
 * report_send() - Send one frame.
 * @type:    STP_FRAME_*.
 * @payload: Payload.
 * @size:    Its size in bytes, at most REPORT_PAYLOAD_SIZE_MAX.
 *
 * Does not return if the host has closed the channel: nobody waits for this guest any more, so it is powered off.
 */
void report_send(u32 type, const void *payload, size_t size);

/** report_text() - Send one frame whose payload is a string. */
void report_text(u32 type, const char *text);

/** report_output() - Send output bytes of a program; @stream is 1 or 2, @size at most REPORT_PAYLOAD_SIZE_MAX / 2. */
void report_output(const char *name, int stream, const void *bytes, size_t size);

/** report_exit() - Send the exit status of a program. */
void report_exit(const char *name, int status);

/** report_error() - Send one line on the stderr of the program called "init". */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * report_beat() - Send a beat if one is due.
 *
 * Return: Milliseconds until the next one is due.
 */
int report_beat(void);

/** report_fd() - What poll() says is readable when the host wants the job to come to its end. */
int report_fd(void);

/** report_heard() - Takes that word of the host. Return: whether there was one. */
bool report_heard(void);

/**
 * report_done() - The last frame; returns when the host says that it has it.
 *
 * A write is over when QEMU's queue has the bytes. What is still there at power-off is lost.
 */
void report_done(int error);

#endif
