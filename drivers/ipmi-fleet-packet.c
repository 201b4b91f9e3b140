/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packets of a session with one of many BMCs, on libfreeipmi's packet
 * functions. ipmi-fleet-bmc.c comes in; no I/O and no clock is here.
 *
 * Always true:
 *  - an answer is read only if it is of the kind that the step waits for, has
 *    the tag or the sequence number of the question and our session id;
 *  - what a BMC says of the keys is checked before anything follows from it:
 *    RAKP 2 proves that it knows the password, RAKP 4 that it knows the key;
 *  - an answer in the session without a good authentication code is none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "drivers/ipmi-fleet.h"

/* The head of each packet (IPMI 2.0, 13.6), as bytes. */
#define PACKET_VERSION	0	/* 06h */
#define PACKET_CLASS	3	/* 07h: IPMI */
#define PACKET_FORMAT	4	/* 06h: RMCP+ */
#define PACKET_TYPE	5
#define PACKET_SESSION	6
#define PACKET_PAYLOAD	16
#define PACKET_TAG	16	/* of a message of the set-up */
#define PACKET_STATUS	17
#define PACKET_CONSOLE	20
#define PACKET_CONSOLE_END 24

enum packet_object {
	PACKET_RMCP = 0, PACKET_HEAD, PACKET_BODY, PACKET_TRAILER,
	PACKET_LAN_RQ, PACKET_LAN_RS, PACKET_LAN_TRAILER,
	PACKET_OPEN_RQ, PACKET_OPEN_RS, PACKET_RAKP_1, PACKET_RAKP_2,
	PACKET_RAKP_3, PACKET_RAKP_4, PACKET_STATUS_RQ, PACKET_STATUS_RS,
	PACKET_CLOSE_RQ, PACKET_CLOSE_RS, PACKET_OBJECTS,
};

struct fleet_packets {
	fiid_obj_t objects[PACKET_OBJECTS];
};

struct fleet_packets *fleet_packets_new(struct rh_error *err)
{
	fiid_field_t *const templates[PACKET_OBJECTS] = {
		[PACKET_RMCP] = tmpl_rmcp_hdr,
		[PACKET_HEAD] = tmpl_rmcpplus_session_hdr,
		[PACKET_BODY] = tmpl_rmcpplus_payload,
		[PACKET_TRAILER] = tmpl_rmcpplus_session_trlr,
		[PACKET_LAN_RQ] = tmpl_lan_msg_hdr_rq,
		[PACKET_LAN_RS] = tmpl_lan_msg_hdr_rs,
		[PACKET_LAN_TRAILER] = tmpl_lan_msg_trlr,
		[PACKET_OPEN_RQ] = tmpl_rmcpplus_open_session_request,
		[PACKET_OPEN_RS] = tmpl_rmcpplus_open_session_response,
		[PACKET_RAKP_1] = tmpl_rmcpplus_rakp_message_1,
		[PACKET_RAKP_2] = tmpl_rmcpplus_rakp_message_2,
		[PACKET_RAKP_3] = tmpl_rmcpplus_rakp_message_3,
		[PACKET_RAKP_4] = tmpl_rmcpplus_rakp_message_4,
		[PACKET_STATUS_RQ] = tmpl_cmd_get_chassis_status_rq,
		[PACKET_STATUS_RS] = tmpl_cmd_get_chassis_status_rs,
		[PACKET_CLOSE_RQ] = tmpl_cmd_close_session_rq,
		[PACKET_CLOSE_RS] = tmpl_cmd_close_session_rs,
	};
	struct fleet_packets *p = memory_new(1, sizeof(*p));
	int i;

	for (i = 0; i < PACKET_OBJECTS; i++)
		p->objects[i] = fiid_obj_create(templates[i]);
	for (i = 0; i < PACKET_OBJECTS && p->objects[i] != NULL; i++)
		;
	if (i == PACKET_OBJECTS && ipmi_rmcpplus_init() == 0)
		return p;
	rh_error_set(err, RH_ERR_INTERNAL, "libfreeipmi");
	fleet_packets_free(p);
	return NULL;
}

void fleet_packets_free(struct fleet_packets *p)
{
	int i;

	if (p == NULL)
		return;
	for (i = 0; i < PACKET_OBJECTS; i++)
		fiid_obj_destroy(p->objects[i]);
	free(p);
}

/* --- questions ---------------------------------------------------------------- */

/* A message of the set-up: outside of the session, in clear text. */
static int packet_setup(struct fleet_packets *p, uint8_t type,
			enum packet_object message, uint8_t *ret)
{
	fiid_obj_t *o = p->objects;

	if (fill_rmcp_hdr_ipmi(o[PACKET_RMCP]) < 0 ||
	    fill_rmcpplus_session_hdr(type, 0, 0, 0, 0, 0, 0,
				      o[PACKET_HEAD]) < 0)
		return -1;
	return assemble_ipmi_rmcpplus_pkt(
		IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
		IPMI_INTEGRITY_ALGORITHM_NONE,
		IPMI_CONFIDENTIALITY_ALGORITHM_NONE, NULL, 0, NULL, 0, NULL, 0,
		o[PACKET_RMCP], o[PACKET_HEAD], NULL, o[message], NULL, ret,
		FLEET_PACKET_MAX, IPMI_INTERFACE_FLAGS_DEFAULT);
}

static int packet_open(struct fleet_packets *p, struct fleet_session *s,
		       uint8_t *ret)
{
	if (fill_rmcpplus_open_session(s->tag, s->open_privilege, s->console_id,
				       s->authentication, s->integrity,
				       s->confidentiality,
				       p->objects[PACKET_OPEN_RQ]) < 0)
		return -1;
	return packet_setup(p, IPMI_PAYLOAD_TYPE_RMCPPLUS_OPEN_SESSION_REQUEST,
			    PACKET_OPEN_RQ, ret);
}

static int packet_rakp_1(struct fleet_packets *p, const struct ipmi *d,
			 struct fleet_session *s, uint8_t *ret)
{
	if (fill_rmcpplus_rakp_message_1(
		    s->tag, s->bmc_id, s->console_random, FLEET_RANDOM_LEN,
		    s->privilege, IPMI_NAME_ONLY_LOOKUP, d->user,
		    (unsigned)strlen(d->user), p->objects[PACKET_RAKP_1]) < 0)
		return -1;
	return packet_setup(p, IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_1, PACKET_RAKP_1,
			    ret);
}

static int packet_rakp_3(struct fleet_packets *p, const struct ipmi *d,
			 struct fleet_session *s, uint8_t *ret)
{
	uint8_t code[FLEET_KEY_MAX];
	int len = ipmi_calculate_rakp_3_key_exchange_authentication_code(
		s->authentication, d->password.bytes, (unsigned)d->password.len,
		s->bmc_random, FLEET_RANDOM_LEN, s->console_id,
		IPMI_NAME_ONLY_LOOKUP, s->privilege, d->user,
		(unsigned)strlen(d->user), code, sizeof(code));

	if (len < 0 ||
	    fill_rmcpplus_rakp_message_3(s->tag, RMCPPLUS_STATUS_NO_ERRORS,
					 s->bmc_id, code, (unsigned)len,
					 p->objects[PACKET_RAKP_3]) < 0)
		return -1;
	return packet_setup(p, IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_3, PACKET_RAKP_3,
			    ret);
}

/* A command in the session. */
static int packet_command(struct fleet_packets *p, const struct ipmi *d,
			  struct fleet_session *s, uint8_t net_fn,
			  enum packet_object command, uint8_t *ret)
{
	fiid_obj_t *o = p->objects;

	if (fill_rmcp_hdr_ipmi(o[PACKET_RMCP]) < 0 ||
	    fill_rmcpplus_session_hdr(
		    IPMI_PAYLOAD_TYPE_IPMI,
		    s->integrity != IPMI_INTEGRITY_ALGORITHM_NONE,
		    s->confidentiality != IPMI_CONFIDENTIALITY_ALGORITHM_NONE,
		    0, 0, s->bmc_id, ++s->sequence, o[PACKET_HEAD]) < 0 ||
	    fill_lan_msg_hdr(IPMI_SLAVE_ADDRESS_BMC, net_fn,
			     IPMI_BMC_IPMB_LUN_BMC, s->rq_seq,
			     o[PACKET_LAN_RQ]) < 0 ||
	    fill_rmcpplus_session_trlr(o[PACKET_TRAILER]) < 0)
		return -1;
	return assemble_ipmi_rmcpplus_pkt(
		s->authentication, s->integrity, s->confidentiality, s->k1,
		s->k1_len, s->k2, s->k2_len, d->password.bytes,
		(unsigned)d->password.len, o[PACKET_RMCP], o[PACKET_HEAD],
		o[PACKET_LAN_RQ], o[command], o[PACKET_TRAILER], ret,
		FLEET_PACKET_MAX, IPMI_INTERFACE_FLAGS_DEFAULT);
}

int fleet_packet_make(struct fleet_packets *p, const struct ipmi *d,
		      struct fleet_session *s, enum fleet_step step,
		      uint8_t ret[FLEET_PACKET_MAX])
{
	fiid_obj_t status = p->objects[PACKET_STATUS_RQ];
	fiid_obj_t close = p->objects[PACKET_CLOSE_RQ];

	switch (step) {
	case FLEET_OPEN:
		return packet_open(p, s, ret);
	case FLEET_RAKP_1:
		return packet_rakp_1(p, d, s, ret);
	case FLEET_RAKP_3:
		return packet_rakp_3(p, d, s, ret);
	case FLEET_STATUS:
		if (fill_cmd_get_chassis_status(status) < 0)
			return -1;
		return packet_command(p, d, s, IPMI_NET_FN_CHASSIS_RQ,
				      PACKET_STATUS_RQ, ret);
	case FLEET_CLOSE:
		if (fill_cmd_close_session(s->bmc_id, NULL, close) < 0)
			return -1;
		return packet_command(p, d, s, IPMI_NET_FN_APP_RQ,
				      PACKET_CLOSE_RQ, ret);
	case FLEET_NONE:
	case FLEET_DONE:
		break;
	}
	return -1;
}

/* --- answers ------------------------------------------------------------------- */

static uint32_t packet_number(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
	       (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool packet_is_rmcpplus(const uint8_t *bytes, size_t len)
{
	return len > PACKET_STATUS && bytes[PACKET_VERSION] == 0x06 &&
	       (bytes[PACKET_CLASS] & 0x1f) == 0x07 &&
	       (bytes[PACKET_FORMAT] & 0x0f) == 0x06;
}

bool fleet_packet_owner(const uint8_t *bytes, size_t len, uint32_t *ret_id)
{
	uint32_t id;

	if (!packet_is_rmcpplus(bytes, len))
		return false;
	id = packet_number(bytes + PACKET_SESSION);
	if (id == 0 && len >= PACKET_CONSOLE_END)
		id = packet_number(bytes + PACKET_CONSOLE);
	*ret_id = id;
	return true;
}

/* As the driver's own sessions map them. */
static int packet_errnum(uint8_t status)
{
	switch (status) {
	case RMCPPLUS_STATUS_NO_CIPHER_SUITE_MATCH_WITH_PROPOSED_SECURITY_ALGORITHMS:
		return IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE;
	case RMCPPLUS_STATUS_INVALID_ROLE:
	case RMCPPLUS_STATUS_UNAUTHORIZED_ROLE_OR_PRIVILEGE_LEVEL_REQUESTED:
		return IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED;
	case RMCPPLUS_STATUS_INSUFFICIENT_RESOURCES_TO_CREATE_A_SESSION:
	case RMCPPLUS_STATUS_INSUFFICIENT_RESOURCES_TO_CREATE_A_SESSION_AT_THE_REQUESTED_TIME:
		return IPMI_ERR_BMC_BUSY;
	case RMCPPLUS_STATUS_UNAUTHORIZED_NAME:
		return IPMI_ERR_USERNAME_INVALID;
	case RMCPPLUS_STATUS_INVALID_INTEGRITY_CHECK_VALUE:
		return IPMI_ERR_PASSWORD_INVALID;
	default:
		return IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE;
	}
}

/* Whether it is a message of that type for us, and says that all is well. */
static enum fleet_verdict packet_setup_status(const struct fleet_session *s,
					      uint8_t type,
					      const uint8_t *bytes, size_t len,
					      int *ret_errnum)
{
	if ((bytes[PACKET_TYPE] & 0x3f) != type || bytes[PACKET_TAG] != s->tag)
		return FLEET_IGNORE;
	if (bytes[PACKET_STATUS] != RMCPPLUS_STATUS_NO_ERRORS) {
		*ret_errnum = packet_errnum(bytes[PACKET_STATUS]);
		return FLEET_REFUSED;
	}
	if (len < PACKET_CONSOLE_END ||
	    packet_number(bytes + PACKET_CONSOLE) != s->console_id)
		return FLEET_IGNORE;
	return FLEET_ANSWER;
}

/* A message of the set-up into its object. */
static bool packet_read_setup(struct fleet_packets *p,
			      const struct fleet_session *s,
			      enum packet_object message, const uint8_t *bytes,
			      size_t len)
{
	fiid_obj_t *o = p->objects;

	return unassemble_ipmi_rmcpplus_pkt(
		       s->authentication, IPMI_INTEGRITY_ALGORITHM_NONE,
		       IPMI_CONFIDENTIALITY_ALGORITHM_NONE, NULL, 0, NULL, 0,
		       bytes, (unsigned)len, o[PACKET_RMCP], o[PACKET_HEAD],
		       o[PACKET_BODY], o[PACKET_LAN_RS], o[message],
		       o[PACKET_LAN_TRAILER], o[PACKET_TRAILER],
		       IPMI_INTERFACE_FLAGS_DEFAULT) == 1;
}

static bool packet_field_is(fiid_obj_t object, const char *field, uint64_t value)
{
	uint64_t is;

	return FIID_OBJ_GET(object, field, &is) == 1 && is == value;
}

static enum fleet_verdict packet_take_open(struct fleet_packets *p,
					   struct fleet_session *s,
					   const uint8_t *bytes, size_t len,
					   int *ret_errnum)
{
	fiid_obj_t o = p->objects[PACKET_OPEN_RS];
	uint64_t privilege, id;

	if (!packet_read_setup(p, s, PACKET_OPEN_RS, bytes, len) ||
	    FIID_OBJ_GET(o, "maximum_privilege_level", &privilege) != 1 ||
	    FIID_OBJ_GET(o, "managed_system_session_id", &id) != 1 || id == 0)
		return FLEET_ODD;
	*ret_errnum = IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE;
	if (!packet_field_is(o, "authentication_payload.authentication_algorithm",
			     s->authentication) ||
	    !packet_field_is(o, "integrity_payload.integrity_algorithm",
			     s->integrity) ||
	    !packet_field_is(o, "confidentiality_payload.confidentiality_algorithm",
			     s->confidentiality))
		return FLEET_REFUSED;
	*ret_errnum = IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED;
	if (privilege != IPMI_PRIVILEGE_LEVEL_HIGHEST_LEVEL &&
	    privilege < s->privilege)
		return FLEET_REFUSED;
	s->bmc_id = (uint32_t)id;
	return FLEET_ANSWER;
}

static bool packet_make_keys(const struct ipmi *d, struct fleet_session *s)
{
	void *sik = s->sik, *k1 = s->k1, *k2 = s->k2;

	s->sik_len = s->k1_len = s->k2_len = FLEET_KEY_MAX;
	return ipmi_calculate_rmcpplus_session_keys(
		       s->authentication, s->integrity, s->confidentiality,
		       d->password.bytes, (unsigned)d->password.len,
		       d->key.bytes != NULL ? d->key_bytes : NULL,
		       d->key.bytes != NULL ? IPMI_KEY_LEN : 0,
		       s->console_random, FLEET_RANDOM_LEN, s->bmc_random,
		       FLEET_RANDOM_LEN, IPMI_NAME_ONLY_LOOKUP, s->privilege,
		       d->user, (unsigned)strlen(d->user), &sik, &s->sik_len,
		       &k1, &s->k1_len, &k2, &s->k2_len) == 0;
}

static enum fleet_verdict packet_take_rakp_2(struct fleet_packets *p,
					     const struct ipmi *d,
					     struct fleet_session *s,
					     const uint8_t *bytes, size_t len,
					     int *ret_errnum)
{
	fiid_obj_t o = p->objects[PACKET_RAKP_2];
	int rc;

	if (!packet_read_setup(p, s, PACKET_RAKP_2, bytes, len) ||
	    fiid_obj_get_data(o, "managed_system_random_number", s->bmc_random,
			      FLEET_RANDOM_LEN) != FLEET_RANDOM_LEN ||
	    fiid_obj_get_data(o, "managed_system_guid", s->bmc_guid,
			      FLEET_RANDOM_LEN) != FLEET_RANDOM_LEN)
		return FLEET_ODD;
	rc = ipmi_rmcpplus_check_rakp_2_key_exchange_authentication_code(
		s->authentication, d->password.bytes, (unsigned)d->password.len,
		s->console_id, s->bmc_id, s->console_random, FLEET_RANDOM_LEN,
		s->bmc_random, FLEET_RANDOM_LEN, s->bmc_guid, FLEET_RANDOM_LEN,
		IPMI_NAME_ONLY_LOOKUP, s->privilege, d->user,
		(unsigned)strlen(d->user), o);
	if (rc < 0 || !packet_make_keys(d, s))
		return FLEET_ODD;
	*ret_errnum = IPMI_ERR_PASSWORD_INVALID;
	return rc == 1 ? FLEET_ANSWER : FLEET_REFUSED;
}

static enum fleet_verdict packet_take_rakp_4(struct fleet_packets *p,
					     struct fleet_session *s,
					     const uint8_t *bytes, size_t len,
					     int *ret_errnum)
{
	int rc;

	if (!packet_read_setup(p, s, PACKET_RAKP_4, bytes, len))
		return FLEET_ODD;
	rc = ipmi_rmcpplus_check_rakp_4_integrity_check_value(
		s->authentication, s->sik, s->sik_len, s->console_random,
		FLEET_RANDOM_LEN, s->bmc_id, s->bmc_guid, FLEET_RANDOM_LEN,
		p->objects[PACKET_RAKP_4]);
	if (rc < 0)
		return FLEET_ODD;
	*ret_errnum = IPMI_ERR_K_G_INVALID;
	return rc == 1 ? FLEET_ANSWER : FLEET_REFUSED;
}

/* Decrypted, and proved to come from the BMC with our password. */
static bool packet_read_command(struct fleet_packets *p, const struct ipmi *d,
				const struct fleet_session *s,
				enum packet_object answer, const uint8_t *bytes,
				size_t len)
{
	fiid_obj_t *o = p->objects;

	return unassemble_ipmi_rmcpplus_pkt(
		       s->authentication, s->integrity, s->confidentiality,
		       s->k1, s->k1_len, s->k2, s->k2_len, bytes, (unsigned)len,
		       o[PACKET_RMCP], o[PACKET_HEAD], o[PACKET_BODY],
		       o[PACKET_LAN_RS], o[answer], o[PACKET_LAN_TRAILER],
		       o[PACKET_TRAILER], IPMI_INTERFACE_FLAGS_NO_LEGAL_CHECK) >= 0 &&
	       ipmi_rmcpplus_check_packet_session_authentication_code(
		       s->integrity, bytes, (unsigned)len, s->k1, s->k1_len,
		       d->password.bytes, (unsigned)d->password.len,
		       o[PACKET_TRAILER]) == 1;
}

static enum fleet_verdict packet_take_command(struct fleet_packets *p,
					      const struct ipmi *d,
					      struct fleet_session *s,
					      enum packet_object answer,
					      const uint8_t *bytes, size_t len,
					      struct ipmi_answer *ret)
{
	fiid_obj_t *o = p->objects;
	uint8_t data[IPMI_ANSWER_MAX];
	int n;

	if ((bytes[PACKET_TYPE] & 0x3f) != IPMI_PAYLOAD_TYPE_IPMI ||
	    packet_number(bytes + PACKET_SESSION) != s->console_id ||
	    !packet_read_command(p, d, s, answer, bytes, len) ||
	    ipmi_lan_check_rq_seq(o[PACKET_LAN_RS], s->rq_seq) != 1 ||
	    ipmi_lan_check_checksum(o[PACKET_LAN_RS], o[answer],
				    o[PACKET_LAN_TRAILER]) != 1)
		return FLEET_IGNORE;
	n = fiid_obj_get_all(o[answer], data, sizeof(data));
	if (n < 2)	/* the command, its completion code */
		return FLEET_ODD;
	ret->code = data[1];
	ret->len = (size_t)n - 2;
	memcpy(ret->data, data + 2, ret->len);
	return FLEET_ANSWER;
}

/* The type of the answer to a message of the set-up. */
static uint8_t packet_answer_type(enum fleet_step step)
{
	return step == FLEET_OPEN ?
		       IPMI_PAYLOAD_TYPE_RMCPPLUS_OPEN_SESSION_RESPONSE :
	       step == FLEET_RAKP_1 ? IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_2 :
				      IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_4;
}

enum fleet_verdict fleet_packet_take(struct fleet_packets *p,
				     const struct ipmi *d,
				     struct fleet_session *s,
				     enum fleet_step step, const uint8_t *bytes,
				     size_t len, int *ret_errnum,
				     struct ipmi_answer *ret)
{
	enum fleet_verdict v;

	if (!packet_is_rmcpplus(bytes, len))
		return FLEET_IGNORE;
	if (step == FLEET_STATUS || step == FLEET_CLOSE)
		return packet_take_command(p, d, s, step == FLEET_STATUS ?
					   PACKET_STATUS_RS : PACKET_CLOSE_RS,
					   bytes, len, ret);
	v = packet_setup_status(s, packet_answer_type(step), bytes, len,
				ret_errnum);
	if (v != FLEET_ANSWER)
		return v;
	switch (step) {
	case FLEET_OPEN:
		return packet_take_open(p, s, bytes, len, ret_errnum);
	case FLEET_RAKP_1:
		return packet_take_rakp_2(p, d, s, bytes, len, ret_errnum);
	case FLEET_RAKP_3:
		return packet_take_rakp_4(p, s, bytes, len, ret_errnum);
	default:
		return FLEET_IGNORE;
	}
}
