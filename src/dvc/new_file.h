/* A file on its way into the workspace: without a name where the file system can, so that a kill leaves nothing behind. */
#ifndef DVC_NEW_FILE_H
#define DVC_NEW_FILE_H

#include <sys/types.h>

struct jm_dvc_new_file {
	int fd, folder; /* folder: borrowed */
	char temp[64];  /* its name for now; empty: it has none */
};

/* Opens one to be written. Gives 0, or -1 with errno. */
int jm_dvc_new_file_open(struct jm_dvc_new_file *f, int folder, mode_t mode);
/* Gives it its name, over what has it, which is there until the new one is. Gives 0, or -1 with errno. */
int jm_dvc_new_file_name(struct jm_dvc_new_file *f, const char *name);
/* Closes it; one that was given no name is gone. Gives 0, or -1 with errno of the closing. */
int jm_dvc_new_file_close(struct jm_dvc_new_file *f);

#endif
