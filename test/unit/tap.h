/*
 * tap.h - the Test Anything Protocol for unit tests: one header, no library.
 *
 * A test program is a plain main() that calls ok() per fact and ends with
 * `return done_testing();`.  plan(n) is optional: with it, a program that runs
 * fewer or more tests than it promised fails; without it, the plan is printed
 * at the end, and a program that dies half-way has none and so fails too.
 */
#ifndef FX_TEST_TAP_H
#define FX_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int	tap_planned = -1;
static int	tap_run;
static int	tap_failed;

/* A line for a person; the harness does not read it. */
__attribute__((format(printf, 1, 2), unused))
static void
diag(const char *format,...)
{
	va_list		args;

	fflush(stdout);
	fputs("# ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

__attribute__((unused))
static void
plan(int n)
{
	tap_planned = n;
	printf("1..%d\n", n);
	fflush(stdout);
}

/* Reports one fact and returns it, so that a caller can stop or add a diag(). */
__attribute__((format(printf, 4, 5), unused))
static bool
tap_ok(bool condition, const char *file, int line, const char *format,...)
{
	va_list		args;

	tap_run++;
	printf("%s %d - ", condition ? "ok" : "not ok", tap_run);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	/* flushed each time: what is printed before a crash tells where it was */
	fflush(stdout);
	if (!condition)
	{
		tap_failed++;
		diag("failed at %s:%d", file, line);
	}
	return condition;
}

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

/* n tests that cannot run here; why says what is missing. */
__attribute__((unused))
static void
skip(int n, const char *why)
{
	for (int i = 0; i < n; i++)
		printf("ok %d # SKIP %s\n", ++tap_run, why);
	fflush(stdout);
}

/* Prints the plan if there was none; the result is main()'s exit code. */
__attribute__((unused))
static int
done_testing(void)
{
	if (tap_planned < 0)
		printf("1..%d\n", tap_run);
	else if (tap_planned != tap_run)
	{
		diag("planned %d tests but ran %d", tap_planned, tap_run);
		tap_failed++;
	}
	if (tap_failed > 0)
		diag("%d of %d tests failed", tap_failed, tap_run);
	fflush(stdout);
	return tap_failed > 0 || tap_run == 0 ? 1 : 0;
}

#endif							/* FX_TEST_TAP_H */
