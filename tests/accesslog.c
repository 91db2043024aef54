#include "tests/accesslog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_STAMP_S INT64_C(1735689600) /* 2025-01-01 00:00 UTC */
#define LINES_PER_S 12000		  /* a billion a day */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const users[] = { "alice", "bob", "carol", "svc-backup" };

static const char *const methods[] = { "GET", "GET", "GET", "GET", "GET", "GET",
	"GET", "POST", "HEAD", "PUT" };

/* %u takes a number of the resource. */
static const char *const paths[] = {
	"/",
	"/index.html",
	"/static/css/site.%u.css",
	"/static/js/bundle.%u.js",
	"/images/products/%u/large.jpg",
	"/images/products/%u/thumb.webp",
	"/products/%u",
	"/products/%u/reviews?page=2&sort=newest",
	"/api/v2/cart/%u",
	"/api/v2/search?q=winter+jacket&offset=%u&limit=20",
	"/api/v2/session/%u/refresh",
	"/blog/2024/11/how-we-ship-%u-parcels-a-day",
	"/favicon.ico",
	"/robots.txt",
	"/wp-login.php",
};

static const unsigned int statuses[] = { 200, 200, 200, 200, 200, 200, 200, 200,
	200, 200, 304, 304, 206, 301, 302, 404, 404, 403, 499, 500, 503 };

static const char *const referers[] = {
	"-",
	"-",
	"-",
	"https://www.example.com/",
	"https://www.example.com/products/%u",
	"https://search.example.net/?q=jacket+%u",
	"https://news.example.org/item?id=%u",
};

static const char *const agents[] = {
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
	"(KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) "
	"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
	"Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 "
	"Firefox/132.0",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 "
	"(KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (compatible; Googlebot/2.1; "
	"+http://www.google.com/bot.html)",
	"curl/8.5.0",
	"python-requests/2.32.3",
	"-",
};

/* xorshift64*: quick, and good enough for text. */
static uint32_t
draw(struct accesslog *log, uint32_t below)
{
	log->state ^= log->state >> 12;
	log->state ^= log->state << 25;
	log->state ^= log->state >> 27;
	return (uint32_t)(((log->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) *
		below >>
	    32);
}

/* Small numbers are much more frequent than large ones. */
static uint32_t
draw_skewed(struct accesslog *log, uint32_t below)
{
	return draw(log, draw(log, draw(log, below) + 1) + 1);
}

static size_t
put(char *line, size_t at, const char *text)
{
	size_t length = strlen(text);

	memcpy(line + at, text, length);
	return at + length;
}

/* A text with at most one %u in it. */
static size_t
put_numbered(struct accesslog *log, char *line, size_t at, const char *text)
{
	const char *mark = strstr(text, "%u");

	if (mark == NULL)
		return put(line, at, text);
	memcpy(line + at, text, (size_t)(mark - text));
	at += (size_t)(mark - text);
	at += (size_t)snprintf(line + at, 12, "%" PRIu32,
	    draw_skewed(log, 1000000));
	return put(line, at, mark + 2);
}

static size_t
put_client(struct accesslog *log, char *line, size_t at)
{
	uint32_t client = draw_skewed(log, UINT32_C(1) << 24);

	if (client % 8 == 0)
		return at +
		    (size_t)snprintf(line + at, 64,
			"2001:db8:%" PRIx32 ":%" PRIx32 "::%" PRIx32,
			client >> 16, client & 0xffff, draw(log, 0xffff) + 1);
	return at +
	    (size_t)snprintf(line + at, 64,
		"%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32,
		client % 190 + 11, client >> 16 & 255, client >> 8 & 255,
		client & 255);
}

static size_t
put_user(struct accesslog *log, char *line, size_t at)
{
	at = put(line, at, " - ");
	if (draw(log, 40) != 0)
		return put(line, at, "-");
	return put(line, at, users[draw(log, LENGTH(users))]);
}

static size_t
put_time(struct accesslog *log, char *line, size_t at)
{
	time_t now = FIRST_STAMP_S + (time_t)(log->lines / LINES_PER_S);
	struct tm fields;

	if (log->stamp_s != now) {
		gmtime_r(&now, &fields);
		strftime(log->time, sizeof(log->time),
		    " [%d/%b/%Y:%H:%M:%S +0000] ", &fields);
		log->stamp_s = now;
	}
	return put(line, at, log->time);
}

static size_t
put_request(struct accesslog *log, char *line, size_t at)
{
	at = put(line, at, "\"");
	at = put(line, at, methods[draw(log, LENGTH(methods))]);
	at = put(line, at, " ");
	at = put_numbered(log, line, at, paths[draw(log, LENGTH(paths))]);
	return put(line, at,
	    draw(log, 3) == 0 ? " HTTP/1.1\" " : " HTTP/2.0\" ");
}

static size_t
put_answer(struct accesslog *log, char *line, size_t at)
{
	unsigned int status = statuses[draw(log, LENGTH(statuses))];
	uint32_t bytes;

	bytes = status == 304 ? 0 : draw_skewed(log, 4000000) + 120;
	at += (size_t)snprintf(line + at, 32, "%u %" PRIu32 " \"", status,
	    bytes);
	at = put_numbered(log, line, at, referers[draw(log, LENGTH(referers))]);
	at = put(line, at, "\" \"");
	at = put(line, at, agents[draw_skewed(log, LENGTH(agents))]);
	return put(line, at, "\"");
}

void
accesslog_init(struct accesslog *log, uint64_t seed)
{
	memset(log, 0, sizeof(*log));
	/* An odd factor spreads small seeds; the state must not be 0. */
	log->state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

size_t
accesslog_line(struct accesslog *log, char line[ACCESSLOG_LINE_MAX])
{
	size_t at;

	at = put_client(log, line, 0);
	at = put_user(log, line, at);
	at = put_time(log, line, at);
	at = put_request(log, line, at);
	at = put_answer(log, line, at);
	line[at] = '\0';
	log->lines++;
	return at;
}
