// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The report channel: frames to the host over a virtio-serial port.
 *
 * The console is for the kernel; nothing that decides a job's verdict is read from there. Siblings: ../frames.ts
 */
#define _GNU_SOURCE
#include "report.h"
#include "clock.h"
#include "power.h"

#include <stp/wire.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORT_NAME "stp.report"
#define PORT_CLASS "/sys/class/virtio-ports"
#define PORT_WAIT_MS 5000
#define PORT_POLL_MS 10
#define HEARD_WAIT_MS 10000

static int port = -1;
static s64 beat_due_ms;

static bool port_is_ours(const char *entry)
{
	char path[300], name[sizeof(PORT_NAME)];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), PORT_CLASS "/%s/name", entry);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, name, sizeof(name));
	close(fd);
	return size >= (ssize_t)strlen(PORT_NAME) && !memcmp(name, PORT_NAME, strlen(PORT_NAME));
}

/* devtmpfs makes /dev/vportNpM; which one is ours only sysfs knows. */
static int port_find(void)
{
	struct dirent *entry;
	char path[300];
	int fd = -1;
	DIR *dir;

	dir = opendir(PORT_CLASS);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !port_is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

int report_open(void)
{
	s64 deadline_ms = clock_ms() + PORT_WAIT_MS;

	/* The driver learns its ports from messages of the device, some time after the module is loaded. */
	while ((port = port_find()) < 0) {
		if (clock_ms() >= deadline_ms) {
			errno = ENODEV;
			return -1;
		}
		usleep(PORT_POLL_MS * 1000);
	}
	return 0;
}

static void write_all(const void *bytes, size_t size)
{
	const char *at = bytes;
	ssize_t done;

	while (size) {
		done = write(port, at, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			power_off("cannot write to the report port");
		at += done;
		size -= done;
	}
}

void report_send(u32 type, const void *payload, size_t size)
{
	/* One write a frame: each wakes QEMU. */
	static char frame[sizeof(struct stp_frame_header) + REPORT_PAYLOAD_SIZE_MAX];
	struct stp_frame_header header = {
		.magic = stp_wire32(STP_FRAME_MAGIC),
		.type = stp_wire32(type),
		.payload_size = stp_wire32(size),
	};

	if (size > REPORT_PAYLOAD_SIZE_MAX)
		power_off("a frame is too large");
	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), payload, size);
	write_all(frame, sizeof(header) + size);
	beat_due_ms = clock_ms() + REPORT_BEAT_MS;
}

void report_text(u32 type, const char *text)
{
	report_send(type, text, strlen(text));
}

void report_output(const char *name, int stream, const void *bytes, size_t size)
{
	static char payload[REPORT_PAYLOAD_SIZE_MAX];
	size_t head = strlen(name) + 1;

	memcpy(payload, name, head);
	payload[head++] = stream;
	memcpy(payload + head, bytes, size);
	report_send(STP_FRAME_OUTPUT, payload, head + size);
}

void report_exit(const char *name, int status)
{
	char payload[128];
	int head, digits;

	head = snprintf(payload, sizeof(payload), "%s", name) + 1;
	digits = snprintf(payload + head, sizeof(payload) - head, "%d", status);
	report_send(STP_FRAME_EXIT, payload, head + digits);
}

void report_error(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	report_output("init", 2, line, strlen(line));
}

int report_beat(void)
{
	if (clock_ms() >= beat_due_ms)
		report_send(STP_FRAME_BEAT, "", 0);
	return beat_due_ms - clock_ms();
}

int report_fd(void)
{
	return port;
}

bool report_heard(void)
{
	char byte;

	return read(port, &byte, 1) == 1;
}

void report_done(int error)
{
	struct pollfd answer = { .fd = port, .events = POLLIN };
	char heard = 0;

	report_text(STP_FRAME_DONE, error ? "1" : "0");
	/* What came before may be a wish to interrupt. */
	while (heard != '\n' && poll(&answer, 1, HEARD_WAIT_MS) > 0 && read(port, &heard, 1) == 1)
		;
}
