/*
 * The lines are kept as text, so that a change of the size or of the part that
 * is looked at draws them anew without asking anybody.
 *
 * Signals that end us are blocked but while we wait, so none comes between a
 * look at the flag and the wait.
 */
#include "supervisor/ctl/watch_screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/ctl/graph.h"
#include "supervisor/ctl/watch_lines.h"
#include "supervisor/engine/clock.h"

#define GRAPH_MIN 6
#define FIXED 54 /* columns besides the name and the two graphs */

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static struct {
	SCREEN *terminal; /* NULL: not ours, or given back */
	bool wide;	  /* knows UTF-8 */
	sigset_t waiting; /* the signals that are blocked while we wait */
	struct watch_lines seen;
	size_t top; /* the first line that is seen */
} screen;

static volatile sig_atomic_t ended;

static void
handle_end(int number)
{
	ended = number;
}

static void
catch_ends(void)
{
	struct sigaction action = { .sa_handler = handle_end };
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaction(ends[i], &action, NULL);
		sigaddset(&mask, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, &screen.waiting);
}

static void
release_ends(void)
{
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &screen.waiting, NULL);
}

static void
start_colours(void)
{
	static const short colours[] = { [WATCH_GOOD] = COLOR_GREEN,
		[WATCH_BUSY] = COLOR_YELLOW,
		[WATCH_BAD] = COLOR_RED,
		[WATCH_GRAPH] = COLOR_CYAN };
	short i;

	if (getenv("NO_COLOR") != NULL || !has_colors())
		return;
	start_color();
	use_default_colors();
	for (i = WATCH_GOOD; i <= WATCH_GRAPH; i++)
		init_pair(i, colours[i], -1);
}

int
watch_screen_open(void)
{
	setlocale(LC_CTYPE, "");
	screen.wide = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen.terminal = newterm(NULL, stdout, stdin);
	if (screen.terminal == NULL)
		return -1;
	atexit(watch_screen_close);
	catch_ends();
	start_colours();
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	(void)curs_set(0);
	return 0;
}

void
watch_screen_close(void)
{
	if (screen.terminal == NULL)
		return;
	endwin();
	delscreen(screen.terminal);
	screen.terminal = NULL;
	release_ends();
	watch_lines_free(&screen.seen);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Cut at the right edge, where curses would go on in the next line. */
__attribute__((format(printf, 3, 4))) static void
put(int y, int x, const char *format, ...)
{
	char text[WATCH_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (x < COLS)
		mvaddnstr(y, x, text, COLS - x);
}

/* Right of x, as wide as there is room for: the newest samples. */
static void
draw_graph(int y, size_t x, size_t width, const double *samples, size_t count)
{
	static const char *const wide[] = { " ", "\u2581", "\u2582", "\u2583",
		"\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char *const narrow[] = { " ", "_", ".", "-", "=", "+", "*",
		"%", "#" };
	unsigned char levels[GRAPH_SAMPLES];
	size_t i;

	width = smaller(width, GRAPH_SAMPLES);
	graph_levels(samples, count, levels, width);
	attron(COLOR_PAIR(WATCH_GRAPH));
	for (i = 0; i < width; i++)
		mvaddstr(y, (int)(x + i),
		    screen.wide ? wide[levels[i]] : narrow[levels[i]]);
	attroff(COLOR_PAIR(WATCH_GRAPH));
}

/* How the columns share the width; a graph that is too narrow is left out. */
static void
share(size_t *name, size_t *graph)
{
	size_t width = COLS > 0 ? (size_t)COLS : 0;
	size_t rest = width > FIXED ? width - FIXED : 0;

	*name = smaller(screen.seen.longest, rest > 20 ? rest / 2 : 10);
	*graph = rest > *name ? (rest - *name) / 2 : 0;
	*graph = smaller(*graph, GRAPH_SAMPLES);
	if (*graph >= GRAPH_MIN)
		return;
	*graph = 0;
	*name = smaller(screen.seen.longest, rest > 10 ? rest : 10);
}

static void
draw_path(int y, const struct watch_line *line, size_t name, size_t graph)
{
	int x = 4 + (int)name;

	put(y, 2, "%.*s", (int)name, line->text);
	attron(COLOR_PAIR(line->colour));
	put(y, x, "%-9.9s", line->state);
	attroff(COLOR_PAIR(line->colour));
	put(y, x + 10, "%10.10s", line->rtt);
	put(y, x + 22 + (int)graph, "%13s%14s", line->tx, line->rx);
	if (graph == 0 || line->samples == NULL)
		return;
	draw_graph(y, (size_t)x + 21, graph, line->samples->rtt_ms,
	    line->samples->count);
	draw_graph(y, (size_t)x + 50 + graph, graph, line->samples->rate,
	    line->samples->count);
}

static void
draw_head(size_t name, size_t graph)
{
	time_t now = time(NULL);
	struct tm fields;
	char text[64];
	int x = 4 + (int)name;

	localtime_r(&now, &fields);
	strftime(text, sizeof(text), "%H:%M:%S", &fields);
	attron(A_BOLD);
	put(0, 0, "socktopus");
	attroff(A_BOLD);
	put(0, 9, "  %s  q quits, arrows scroll", text);
	attron(A_REVERSE);
	mvhline(1, 0, ' ', COLS);
	put(1, 2, "PATH");
	put(1, x, "STATE");
	put(1, x + 10, "%10s", "RTT");
	put(1, x + 22 + (int)graph, "%13s%14s", "TX", "RX");
	attroff(A_REVERSE);
}

static void
draw_line(int y, const struct watch_line *line, size_t name, size_t graph)
{
	if (line->title) {
		attron(A_BOLD);
		put(y, 0, "%s", line->text);
		attroff(A_BOLD);
	} else if (line->state[0] != '\0')
		draw_path(y, line, name, graph);
	else
		put(y, 2, "%s", line->text);
}

static void
draw(void)
{
	size_t name, graph, room, i;

	room = LINES > 2 ? (size_t)LINES - 2 : 0;
	if (screen.top + room > screen.seen.count)
		screen.top = screen.seen.count > room ?
		    screen.seen.count - room :
		    0;
	share(&name, &graph);
	erase();
	draw_head(name, graph);
	for (i = 0; i < smaller(room, screen.seen.count - screen.top); i++)
		draw_line(2 + (int)i, &screen.seen.lines[screen.top + i], name,
		    graph);
	if (screen.seen.count == 0)
		put(3, 2, "no running socktopus was found");
	refresh();
}

void
watch_screen_show(const struct gather *gather, const struct watch_why *why)
{
	watch_lines_update(&screen.seen, gather, why);
	draw();
}

/* False if the user has had enough. */
static bool
heed(int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case KEY_UP:
	case 'k':
		screen.top -= screen.top > 0;
		break;
	case KEY_DOWN:
	case 'j':
		screen.top++;
		break;
	case KEY_NPAGE:
		screen.top += (size_t)LINES;
		break;
	case KEY_PPAGE:
		screen.top -= smaller(screen.top, (size_t)LINES);
		break;
	default: /* KEY_RESIZE among them */
		break;
	}
	draw();
	return true;
}

int
watch_screen_wait(int64_t period_ms)
{
	struct pollfd keys = { isatty(STDIN_FILENO) ? STDIN_FILENO : -1, POLLIN,
		0 };
	uint64_t until_us = clock_now_us() + (uint64_t)period_ms * 1000, now_us;
	struct timespec limit;
	int key;

	while ((now_us = clock_now_us()) < until_us) {
		limit.tv_sec = (time_t)((until_us - now_us) / 1000000);
		limit.tv_nsec = (long)((until_us - now_us) % 1000000 * 1000);
		if (ppoll(&keys, 1, &limit, &screen.waiting) == -1 &&
		    errno != EINTR)
			return -1;
		if (ended != 0)
			return ended;
		if ((keys.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			return -1;
		while ((key = getch()) != ERR)
			if (!heed(key))
				return -1;
	}
	return 0;
}
