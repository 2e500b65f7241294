/* In place of the network where libcurl is missing. */
#include "dvc/hub.h"
#include "dvc/remote.h"

#include "core/error.h"

static int no_network(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err)
{
	(void)config;
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "the remote '%s' is on the network, and this joulemap was built without libcurl", remote->name);
	return jm_error_remedy(err, "install libcurl4-openssl-dev (scripts/setup build) and build again");
}

static void close_nothing(struct jm_dvc_remote *remote)
{
	(void)remote;
}

static int no_transfer(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	(void)t;
	return no_network(remote, NULL, err);
}

const struct jm_dvc_remote_kind jm_dvc_remote_http = {.schemes = "http https",
						      .open = no_network,
						      .close = close_nothing,
						      .probe = no_transfer,
						      .get = no_transfer,
						      .put = no_transfer};
const struct jm_dvc_remote_kind jm_dvc_remote_s3 = {.schemes = "s3",
						    .open = no_network,
						    .close = close_nothing,
						    .probe = no_transfer,
						    .get = no_transfer,
						    .put = no_transfer};

static int no_hub(struct jm_error *err)
{
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "this joulemap was built without libcurl, which DagsHub's upload and download need");
	return jm_error_remedy(err, "install libcurl4-openssl-dev (scripts/setup build) and build again");
}

int jm_hub_upload(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	(void)r;
	(void)tally;
	return no_hub(err);
}

int jm_hub_download(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	(void)r;
	(void)tally;
	return no_hub(err);
}
