/* Rules of who may connect, publish and subscribe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/ipc/policy.h"

static struct zl_ipc_policy p;

static void address(uint32_t ip, uint8_t prefix_len, bool deny)
{
	p.address[p.n_addresses++] = (struct zl_ipc_address_rule){
		.ip = ip, .prefix_len = prefix_len, .deny = deny};
}

static struct zl_ipc_topic_rule *topic(enum zl_topic_verb verb, bool deny, const char *prefix)
{
	struct zl_ipc_topic_rule *r = &p.topic[p.n_topics++];

	*r = (struct zl_ipc_topic_rule){
		.verb = (uint8_t)verb, .deny = deny, .bytes = (uint8_t)strlen(prefix)};
	memcpy(r->prefix, prefix, r->bytes);
	return r;
}

static const char *user = ""; /* who asks */

static uint32_t rules(enum zl_topic_verb verb, uint32_t ip, const char *identity)
{
	return zl_policy_rules_of(&p, verb, ip, (const uint8_t *)identity,
				  (uint32_t)strlen(identity), user);
}

static bool publishes(uint32_t ip, const char *text)
{
	return zl_policy_publishes(&p, rules(ZL_TOPIC_PUBLISH, ip, ""), (const uint8_t *)text,
				   (uint32_t)strlen(text));
}

static bool subscribes(const char *identity, const char *text)
{
	return zl_policy_subscribes(&p, rules(ZL_TOPIC_SUBSCRIBE, 1, identity),
				    (const uint8_t *)text, (uint32_t)strlen(text));
}

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	user = "";
	return 0;
}

static void test_the_first_address_rule_that_fits_decides(void **state)
{
	(void)state;
	assert_true(zl_policy_lets_in(&p, 0x0a000001));
	address(0x0a000001, 32, true);
	assert_false(zl_policy_lets_in(&p, 0x0a000001));
	assert_true(zl_policy_lets_in(&p, 0x0a000002)); /* rules deny only */
	address(0x0a000000, 8, false);
	assert_false(zl_policy_lets_in(&p, 0x0a000001));
	assert_true(zl_policy_lets_in(&p, 0x0aff0002));
	assert_false(zl_policy_lets_in(&p, 0x0b000001)); /* one allows: nobody else */
	address(0, 0, false);
	assert_true(zl_policy_lets_in(&p, 0x0b000001));
}

static void test_topics_are_published_by_who_may(void **state)
{
	(void)state;
	assert_true(publishes(1, "x"));
	topic(ZL_TOPIC_PUBLISH, true, "a.secret");
	topic(ZL_TOPIC_PUBLISH, false, "a.")->ip = 7;
	p.topic[1].prefix_len = 32;
	assert_true(publishes(7, "a.1"));
	assert_false(publishes(7, "a.secret.1"));
	assert_false(publishes(7, "b.1"));
	assert_false(publishes(8, "a.1")); /* allowed to somebody, and not to it */
	topic(ZL_TOPIC_PUBLISH, false, "");
	assert_true(publishes(8, "b.1"));
	assert_false(publishes(8, "a.secret"));
	assert_true(publishes(8, ""));
}

static void test_a_subscription_must_be_allowed_as_a_whole(void **state)
{
	(void)state;
	topic(ZL_TOPIC_SUBSCRIBE, true, "a.secret");
	topic(ZL_TOPIC_SUBSCRIBE, false, "a.");
	assert_true(subscribes("", "a.b"));
	assert_false(subscribes("", "a.")); /* it covers a.secret */
	assert_false(subscribes("", "a.sec"));
	assert_false(subscribes("", "a.secret.1"));
	assert_false(subscribes("", "")); /* and what else there may be */
	assert_false(subscribes("", "b"));
	assert_true(publishes(1, "b")); /* rules of another verb */
}

static void test_a_rule_may_be_for_one_identity(void **state)
{
	(void)state;
	memcpy(topic(ZL_TOPIC_SUBSCRIBE, true, "")->identity, "guest", 5);
	p.topic[0].identity_len = 5;
	assert_false(subscribes("guest", "a"));
	assert_true(subscribes("guests", "a"));
	assert_true(subscribes("", "a"));
}

static void test_a_rule_may_be_for_one_user(void **state)
{
	(void)state;
	strcpy(topic(ZL_TOPIC_PUBLISH, false, "a")->user, "alice");
	assert_false(publishes(1, "a"));
	user = "alice";
	assert_true(publishes(1, "a"));
	assert_false(publishes(1, "b"));
	user = "alicea";
	assert_false(publishes(1, "a"));
	memset(p.topic[0].user, 'x', sizeof(p.topic[0].user));
	assert_false(zl_ipc_policy_good(&p));
}

static void test_what_is_out_of_range_is_not_good(void **state)
{
	(void)state;
	assert_true(zl_ipc_policy_good(&p));
	p.slow.policy = ZL_SLOWS;
	assert_false(zl_ipc_policy_good(&p));
	p.slow.policy = 0;
	p.last.topic = (struct zl_ipc_topic){.bytes = 1, .until = 1};
	assert_false(zl_ipc_policy_good(&p));
	p.last.topic.until = 0;
	p.n_topics = ZL_TOPIC_RULES_MAX + 1;
	assert_false(zl_ipc_policy_good(&p));
	p.n_topics = 1;
	p.topic[0].bytes = ZL_RULE_PREFIX_MAX + 1;
	assert_false(zl_ipc_policy_good(&p));
	p.n_topics = 0;
	p.n_addresses = 1;
	p.address[0].prefix_len = 33;
	assert_false(zl_ipc_policy_good(&p));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(test_the_first_address_rule_that_fits_decides),
		T(test_topics_are_published_by_who_may),
		T(test_a_subscription_must_be_allowed_as_a_whole),
		T(test_a_rule_may_be_for_one_identity),
		T(test_a_rule_may_be_for_one_user),
		T(test_what_is_out_of_range_is_not_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
