/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_JOB_H
#define STP_GUEST_JOB_H

/**
 * job_run() - Interpret the steps file, one step a line; `#` opens a comment line.
 * @path: The steps file.
 *
 *   start NAME PROGRAM ARG…         start in the background
 *   await NAME TEXT SECONDS         until a line of NAME's stdout or stderr contains TEXT
 *   run NAME SECONDS PROGRAM ARG…   start, and wait for exit status 0
 *   signal NAME INT|TERM|KILL|QUIT|USR2|STOP|CONT [if-running]   send a signal; NAME may have ended, if it says so
 *   wait NAME SECONDS [STATUS]      until NAME ends, with exit status STATUS (0)
 *   insmod PATH [PARAM=VALUE…]      load a module
 *   rmmod MODULE                    unload it
 *   send PATH                       send a file or a directory tree to the host
 *   follow PATH                     from now on send the files of a directory as they grow
 *   unfollow                        send the rest of it, no more after that
 *   write PATH TEXT                 write TEXT into a file
 *   test NAME                       what follows is the test NAME's, up to the next one; the kernel's log has it, too
 *
 * A word may be quoted: "a b", with \" \\ \n inside. After the first step that fails the programs are ended and only
 * `send` steps still run, so that evidence comes back; a `test` then ends the job. A program that still runs at the end is a failure.
 *
 * If the host interrupts the job, what `run` has running gets SIGTERM, now or when it starts, and may end as it likes; the job goes on.
 *
 * Return: 0 if every step succeeded.
 */
int job_run(const char *path);

#endif
