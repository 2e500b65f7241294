/* Loads that can be switched on and off at known times, and their playing. */
#ifndef SESSION_PLAYER_H
#define SESSION_PLAYER_H

#include "core/env.h"
#include "session/stimulus.h"

struct jm_player;

/* One kind of load. */
struct jm_player_ops {
	/* Told all pieces before the first, times absolute; may be NULL. Errors: any. */
	int (*begin)(struct jm_player *p, const struct jm_load_piece *pieces, size_t n, struct jm_error *err);
	/* Switches to the level of pieces[i] at its start_ns; returns at once after that. */
	int (*set)(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err);
	/* Called about every 50 ms while pieces[i] plays; may be NULL. */
	int (*hold)(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err);
	/* The load ends, also when not all was played; n_played pieces get their real times. Twice is allowed. */
	int (*end)(struct jm_player *p, struct jm_load_piece *pieces, size_t n_played, struct jm_error *err);
	void (*destroy)(struct jm_player *p);
};

struct jm_player {
	const struct jm_player_ops *ops;
	const struct jm_env *env;
	unsigned n_levels;   /* above idle */
	int64_t shortest_ns; /* piece it can play */
	char text[160];      /* what it is */
	void *state;
};

/* Arithmetic in registers on n_threads threads (0: one for each processor). Errors: JM_E_NOMEM. */
int jm_player_cpu(const struct jm_env *env, unsigned n_threads, struct jm_player *out, struct jm_error *err);
/* Arithmetic in registers on the streaming processors of the NVIDIA GPU of that UUID ("GPU-..."; NULL: the first one), through
 * libcuda.so.1. Errors: JM_E_NOT_FOUND (no library, no such GPU), JM_E_UNSUPPORTED, JM_E_IO: the driver's word in the message. */
int jm_player_gpu(const struct jm_env *env, const char *uuid, struct jm_player *out, struct jm_error *err);
/* A shell command: is_told: gets "on" and "off" lines on its standard input; else its process group is stopped and
 * continued by signals. Errors: those of starting it. */
int jm_player_command(const struct jm_env *env, const char *command, bool is_told, struct jm_player *out,
		      struct jm_error *err);
/* Frees; a zeroed or destroyed player is allowed. */
void jm_player_finish(struct jm_player *p);

/* Plays pieces (n, absolute times) and puts their real times into them; *n_played_out: how many were played whole (fewer only
 * on errors). Errors: JM_E_CANCELLED when progress asks; the load's. */
int jm_player_play(struct jm_player *p, struct jm_load_piece *pieces, size_t n, jm_progress_fn progress, void *ctx,
		   size_t *n_played_out, struct jm_error *err);

#endif
