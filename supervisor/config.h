/*
 * The configuration: what a libconfig file or the quick mode's arguments ask
 * for, checked. Only the files config_*.c see libconfig; options_quick.c fills
 * the same struct for the quick mode.
 */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/log.h"

#define CONFIG_NAME_MAX 64
#define CONFIG_MONITORS "socktopus-monitor" /* the default control_group */
#define CONFIG_PATH_MAX 4096
#define CONFIG_KEY_BYTES 32
#define CONFIG_ERROR_MAX 512
#define CONFIG_MAX_QUEUE_MS 50 /* the default */
#define CONFIG_POOL_MAX 64     /* candidates */
#define CONFIG_DESTINATIONS_MAX 8
#define CONFIG_CLIENTS_MAX 1024
#define CONFIG_CONNECTIONS_MAX 256
#define CONFIG_UNIX_MODE 0660 /* the default */

enum config_scheduler {
	CONFIG_EARLIEST,
	CONFIG_PRIMARY,
	CONFIG_REDUNDANT
};

enum config_sandbox {
	CONFIG_SANDBOX_REQUIRED,
	CONFIG_SANDBOX_BEST_EFFORT
};

/* Who may use a local socket that stands at an end; what a device is like. */
struct config_rights {
	uint32_t mode;		     /* 0: CONFIG_UNIX_MODE */
	char owner[CONFIG_NAME_MAX]; /* empty: the service's */
	char group[CONFIG_NAME_MAX];
	uint32_t tun_mtu; /* of a device; 0: as it is */
	bool tun_offload;
};

struct config_peer {
	char name[CONFIG_NAME_MAX];
	bool self;			/* quick mode: the identity's own key */
	uint8_t key[CONFIG_KEY_BYTES];	/* public; unset when self */
	char psk_file[CONFIG_PATH_MAX]; /* empty: 32 zero bytes */
	struct address_permit *permits; /* owned; loopback's when unsaid */
	size_t permits_count;
	struct config_rights rights; /* of the named ones among them */
	uint32_t clients;	     /* that a tunnel of it may have, at most */
};

struct config_path {
	struct address_uri *hops;      /* owned; in dialling order */
	size_t hops_count;	       /* 1 to MESSAGE_HOPS_MAX */
	char uri[ADDRESS_URI_MAX * 2]; /* of all hops, for display */
	bool backup;
	bool direct; /* to the destination, which hops[0] is a copy of */
	bool pooled; /* a candidate of the tunnel's pool */
	bool mptcp;
	uint32_t count; /* connections, 1 to 64 */
	char interface[16];
	char source[64];
	char congestion[16];
	char auth[CONFIG_PATH_MAX]; /* credentials of the hops, or empty */
	uint64_t rate_limit_bytes;  /* per second, 0: none */
};

struct config_tunnel {
	char name[CONFIG_NAME_MAX];
	size_t peer; /* index into config.peers */
	/* The listeners, in the order to try them; tcp or srv. */
	struct address_uri destinations[CONFIG_DESTINATIONS_MAX];
	size_t destinations_count; /* 1 or more */
	uint32_t failover_s;	   /* without a path, then the next one */
	struct address_tuple local;
	struct config_rights rights; /* of a local socket there */
	struct address_tuple remote;
	uint32_t clients; /* of the end that learns; 0: it is one */
	uint32_t clients_idle_s;
	enum config_scheduler scheduler;
	uint32_t copies;     /* 1 to 8 */
	uint32_t reorder_ms; /* 0: off */
	uint32_t max_queue_ms;
	uint32_t max_age_ms; /* 0: no limit */
	bool resend;
	uint32_t history_bytes;
	uint32_t dead_s;	   /* silence that ends a path */
	uint32_t rotate_s;	   /* 0: never */
	struct config_path *paths; /* owned; the direct path first */
	size_t paths_count;
	uint32_t pool_use; /* of the pooled paths in service, 0: no pool */
	bool down;	   /* by hand: no path is dialled */
};

struct config {
	bool quick;		    /* from arguments, not from a file */
	char file[CONFIG_PATH_MAX]; /* empty in quick mode */
	char identity[CONFIG_PATH_MAX];
	bool identity_make; /* quick mode: made on first use */
	char control[CONFIG_PATH_MAX];
	/*
	 * Its members may look; empty: nobody. The default one may be missing.
	 */
	char control_group[CONFIG_NAME_MAX];
	char user[CONFIG_NAME_MAX]; /* empty: the default was not changed */
	char worker_user[CONFIG_NAME_MAX];
	enum config_sandbox sandbox;
	bool numeric; /* the sandbox needs numeric relays: see sandbox.h */
	struct log_settings log;
	struct address_service *listens; /* owned */
	size_t listens_count;
	struct config_peer *peers; /* owned */
	size_t peers_count;
	struct config_tunnel *tunnels; /* owned */
	size_t tunnels_count;
};

/*
 * Read and check a file: syntax, every key's name, type and range, duplicate
 * names, unknown peers, key files that cannot be read or that others can
 * read. Returns a new config (config_free()), or NULL with one line
 * "FILE:LINE: what is wrong" in error.
 */
struct config *config_load(const char *file, char error[CONFIG_ERROR_MAX]);

/* The same from memory, for the fuzzer; name stands for the file. */
struct config *
config_parse(const char *text, const char *name, char error[CONFIG_ERROR_MAX]);

/* An empty configuration with every default set. */
struct config *config_new(void);

/* Append one zeroed element with defaults; the pointer is valid until the
 * next append. NULL with errno ENOMEM. */
struct address_service *config_add_listen(struct config *config);
struct config_peer *config_add_peer(struct config *config);
struct address_permit *config_add_permit(struct config_peer *peer);
struct config_tunnel *config_add_tunnel(struct config *config);
struct config_path *config_add_path(struct config_tunnel *tunnel);

/* Set a path's hops (copied) and its display form. 0, or -1 ENOMEM. */
int config_path_set_hops(struct config_path *path,
    const struct address_uri *hops, size_t count);

/* The index must be there; what comes behind it moves up. */
void config_remove_path(struct config_tunnel *tunnel, size_t index);
void config_remove_tunnel(struct config *config, size_t index);
/* No tunnel may have it. */
void config_remove_peer(struct config *config, size_t index);

/* Wipes credentials. Safe on NULL. */
void config_free(struct config *config);

/* Started as a user, these have no meaning. */
void config_forget_users(struct config *config);

const char *config_scheduler_name(enum config_scheduler scheduler);

#endif
