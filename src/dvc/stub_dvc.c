/* In place of all of it where libyaml or libcrypto is missing. */
#include "dvc/dvc.h"
#include "dvc/hub.h"

#include "core/error.h"

static int missing(struct jm_error *err)
{
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "this joulemap was built without libyaml or libcrypto, which versioned data needs");
	return jm_error_remedy(err, "install libyaml-dev and libssl-dev (scripts/setup build) and build again");
}

int jm_dvc_open(const char *folder, struct jm_dvc **out, struct jm_error *err)
{
	(void)folder;
	(void)out;
	return missing(err);
}

void jm_dvc_close(struct jm_dvc *d)
{
	(void)d;
}

int jm_dvc_init(const char *folder, struct jm_error *err)
{
	(void)folder;
	return missing(err);
}

#define STUB(verb)                                                                                                     \
	int jm_dvc_##verb(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,                \
			  struct jm_error *err)                                                                        \
	{                                                                                                              \
		(void)d;                                                                                               \
		(void)r;                                                                                               \
		(void)tally;                                                                                           \
		return missing(err);                                                                                   \
	}
STUB(add)
STUB(status)
STUB(status_remote)
STUB(checkout)
STUB(push)
STUB(fetch)

int jm_dvc_remote_set(struct jm_dvc *d, const char *name, const char *key, const char *value, bool is_local,
		      struct jm_error *err)
{
	(void)d;
	(void)name;
	(void)key;
	(void)value;
	(void)is_local;
	return missing(err);
}

int jm_dvc_remote_add(struct jm_dvc *d, const struct jm_dvc_request *r, const char *name, const char *url,
		      bool is_default, bool is_local, struct jm_error *err)
{
	(void)d;
	(void)r;
	(void)name;
	(void)url;
	(void)is_default;
	(void)is_local;
	return missing(err);
}

int jm_dvc_remote_default(struct jm_dvc *d, const char *name, struct jm_error *err)
{
	(void)d;
	(void)name;
	return missing(err);
}

int jm_dvc_remote_list(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_error *err)
{
	(void)d;
	(void)r;
	return missing(err);
}

int jm_hub_upload(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	(void)r;
	(void)tally;
	return missing(err);
}

int jm_hub_download(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	(void)r;
	(void)tally;
	return missing(err);
}
