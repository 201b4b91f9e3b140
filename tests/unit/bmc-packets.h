/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_UNIT_BMC_PACKETS_H
#define RH_TESTS_UNIT_BMC_PACKETS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <gcrypt.h>

/*
 * The other side of RMCP+ (IPMI 2.0, 13), as bytes, on libgcrypt alone: a packet
 * in, the answer out. No I/O, no clock. It knows the cipher suites 3 and 17,
 * which the lab's BMC does not.
 */
struct bmc_packets {
	const char *password;
	uint8_t id[4];		/* that it gives to its session, not 0 */
	bool knows_17, knows_3;
	bool wants_privilege;	/* in Open Session, as opensesspriv gives it */
	bool on;
	int busy;		/* answers that are C0h first */
	uint8_t refusal;	/* status of Open Session where a suite is refused */

	int opened, rakp_3s, commands, closed;	/* what it saw */
	uint8_t algorithms;	/* of the session: 1 (suite 3) or 3 (17) */
	uint8_t role;
	uint8_t console_id[4], console_random[16];
	uint8_t sik[32], k1[32], k2[32];
	uint32_t sequence;
};

static const uint8_t bmc_random[16] = "random of a BMC";
static const uint8_t bmc_guid[16] = "the guid of one";

static inline size_t bmc_digest_len(const struct bmc_packets *b)
{
	return b->algorithms == 3 ? 32 : 20;
}

static inline size_t bmc_code_len(const struct bmc_packets *b)
{
	return b->algorithms == 3 ? 16 : 12;
}

static inline void bmc_hmac(const struct bmc_packets *b, const void *key,
			    size_t key_len, const void *data, size_t len,
			    uint8_t ret[32])
{
	gcry_md_hd_t h;

	assert(gcry_md_open(&h, b->algorithms == 3 ? GCRY_MD_SHA256 :
						     GCRY_MD_SHA1,
			    GCRY_MD_FLAG_HMAC) == 0);
	assert(gcry_md_setkey(h, key, key_len) == 0);
	gcry_md_write(h, data, len);
	memcpy(ret, gcry_md_read(h, 0), bmc_digest_len(b));
	gcry_md_close(h);
}

/* The password, padded with zeros: K_UID. */
static inline const uint8_t *bmc_key(const struct bmc_packets *b)
{
	static uint8_t key[20];

	memset(key, 0, sizeof(key));
	memcpy(key, b->password, strlen(b->password));
	return key;
}

static inline size_t bmc_head(uint8_t *out, uint8_t type, const uint8_t *id,
			      uint32_t sequence, size_t payload)
{
	static const uint8_t head[] = { 0x06, 0x00, 0xff, 0x07, 0x06 };

	memset(out, 0, 16);
	memcpy(out, head, sizeof(head));
	out[5] = type;
	if (id != NULL)
		memcpy(out + 6, id, 4);
	memcpy(out + 10, &sequence, 4);
	out[14] = (uint8_t)payload;
	return 16;
}

static inline size_t bmc_open(struct bmc_packets *b, const uint8_t *in,
			      uint8_t *out)
{
	const uint8_t *body = in + 16;
	uint8_t *answer = out + 16, status = 0;

	b->opened++;
	b->algorithms = body[12] & 0x3f;
	if ((b->algorithms == 3 && !b->knows_17) ||
	    (b->algorithms == 1 && !b->knows_3))
		status = b->refusal;
	else if (b->wants_privilege && body[1] == 0)
		status = 0x09;
	memcpy(b->console_id, body + 4, 4);
	memset(answer, 0, 36);
	answer[0] = body[0];
	answer[1] = status;
	answer[2] = body[1] != 0 ? body[1] : 4;
	memcpy(answer + 4, body + 4, 4);
	if (status != 0)
		return bmc_head(out, 0x11, NULL, 0, 8) + 8;
	memcpy(answer + 8, b->id, 4);
	memcpy(answer + 12, body + 8, 24);
	return bmc_head(out, 0x11, NULL, 0, 36) + 36;
}

static inline size_t bmc_rakp_1(struct bmc_packets *b, const uint8_t *in,
				uint8_t *out)
{
	const uint8_t *body = in + 16;
	uint8_t *answer = out + 16, data[128];
	size_t name_len = body[27], digest = bmc_digest_len(b);

	memcpy(b->console_random, body + 8, 16);
	b->role = body[24];
	memset(answer, 0, 40);
	answer[0] = body[0];
	memcpy(answer + 4, b->console_id, 4);
	memcpy(answer + 8, bmc_random, 16);
	memcpy(answer + 24, bmc_guid, 16);
	memcpy(data, b->console_id, 4);
	memcpy(data + 4, b->id, 4);
	memcpy(data + 8, b->console_random, 16);
	memcpy(data + 24, bmc_random, 16);
	memcpy(data + 40, bmc_guid, 16);
	data[56] = b->role;
	data[57] = (uint8_t)name_len;
	memcpy(data + 58, body + 28, name_len);
	bmc_hmac(b, bmc_key(b), 20, data, 58 + name_len, answer + 40);
	/* SIK and the keys */
	memcpy(data, b->console_random, 16);
	memcpy(data + 16, bmc_random, 16);
	data[32] = b->role;
	data[33] = (uint8_t)name_len;
	memcpy(data + 34, body + 28, name_len);
	bmc_hmac(b, bmc_key(b), 20, data, 34 + name_len, b->sik);
	memset(data, 1, 20);
	bmc_hmac(b, b->sik, digest, data, 20, b->k1);
	memset(data, 2, 20);
	bmc_hmac(b, b->sik, digest, data, 20, b->k2);
	return bmc_head(out, 0x13, NULL, 0, 40 + digest) + 40 + digest;
}

static inline size_t bmc_rakp_3(struct bmc_packets *b, const uint8_t *in,
				uint8_t *out)
{
	uint8_t *answer = out + 16, data[64], full[32];

	b->rakp_3s++;
	memset(answer, 0, 8);
	answer[0] = in[16];
	memcpy(answer + 4, b->console_id, 4);
	memcpy(data, b->console_random, 16);
	memcpy(data + 16, b->id, 4);
	memcpy(data + 20, bmc_guid, 16);
	bmc_hmac(b, b->sik, bmc_digest_len(b), data, 36, full);
	memcpy(answer + 8, full, bmc_code_len(b));
	return bmc_head(out, 0x15, NULL, 0, 8 + bmc_code_len(b)) + 8 +
	       bmc_code_len(b);
}

static inline void bmc_aes(const struct bmc_packets *b, const uint8_t *iv,
			   uint8_t *data, size_t len, bool encrypt)
{
	gcry_cipher_hd_t h;

	assert(gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CBC,
				0) == 0);
	assert(gcry_cipher_setkey(h, b->k2, 16) == 0);
	assert(gcry_cipher_setiv(h, iv, 16) == 0);
	assert((encrypt ? gcry_cipher_encrypt(h, data, len, NULL, 0) :
			  gcry_cipher_decrypt(h, data, len, NULL, 0)) == 0);
	gcry_cipher_close(h);
}

static inline uint8_t bmc_checksum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	while (len-- > 0)
		sum = (uint8_t)(sum + bytes[len]);
	return (uint8_t)-sum;
}

/* Encrypts and signs a message of ours. */
static inline size_t bmc_seal(struct bmc_packets *b, uint8_t *message,
			      size_t len, uint8_t *out)
{
	size_t at = 16, pad = (16 - (len + 1) % 16) % 16, i, payload;
	uint8_t full[32];

	for (i = 0; i < pad; i++)
		message[len++] = (uint8_t)(i + 1);
	message[len++] = (uint8_t)pad;
	payload = 16 + len;
	bmc_head(out, 0xc0, b->console_id, ++b->sequence, payload);
	memcpy(out + at, bmc_random, 16);
	memcpy(out + at + 16, message, len);
	bmc_aes(b, out + at, out + at + 16, len, true);
	at += payload;
	pad = 0;
	while ((at - 4 + pad + 2) % 4 != 0)
		out[at + pad++] = 0xff;
	out[at + pad] = (uint8_t)pad;
	out[at + pad + 1] = 0x07;
	at += pad + 2;
	bmc_hmac(b, b->k1, bmc_digest_len(b), out + 4, at - 4, full);
	memcpy(out + at, full, bmc_code_len(b));
	return at + bmc_code_len(b);
}

/* Get Chassis Status and Close Session; 0: no good packet. */
static inline size_t bmc_command(struct bmc_packets *b, const uint8_t *in,
				 size_t len, uint8_t *out)
{
	size_t payload = in[14], at = 0, code = bmc_code_len(b);
	uint8_t message[256], answer[64], full[32];

	bmc_hmac(b, b->k1, bmc_digest_len(b), in + 4, len - code - 4, full);
	if (memcmp(in + 6, b->id, 4) != 0 || payload < 32 ||
	    memcmp(full, in + len - code, code) != 0)
		return 0;
	memcpy(message, in + 32, payload - 16);
	bmc_aes(b, in + 16, message, payload - 16, false);
	answer[at++] = 0x81;
	answer[at++] = (uint8_t)(message[1] + 4);	/* network function + 1 */
	answer[at++] = bmc_checksum(answer, 2);
	answer[at++] = 0x20;
	answer[at++] = message[4];
	answer[at++] = message[5];
	answer[at++] = 0x00;
	b->commands++;
	if (message[5] == 0x01 && b->busy > 0) {
		b->busy--;
		answer[6] = 0xc0;
	} else if (message[5] == 0x01) {
		answer[at++] = b->on ? 0x61 : 0x60;
		answer[at++] = 0x00;
		answer[at++] = 0x00;
	} else {
		b->closed++;
	}
	answer[at] = bmc_checksum(answer + 3, at - 3);
	return bmc_seal(b, answer, at + 1, out);
}

/* The answer to a packet; its length, 0: none. */
static inline size_t bmc_answer(struct bmc_packets *b, const uint8_t *in,
				size_t len, uint8_t out[1024])
{
	switch (in[5] & 0x3f) {
	case 0x10:
		return bmc_open(b, in, out);
	case 0x12:
		return bmc_rakp_1(b, in, out);
	case 0x14:
		return bmc_rakp_3(b, in, out);
	default:
		return bmc_command(b, in, len, out);
	}
}

#endif
