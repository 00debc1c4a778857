/* RADIO and DISH (RFC 48), whose JOIN and LEAVE are ZMTP 3.1's (RFC 37): byte by byte against raw
 * peers, with many messages, and from one appliance to another. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/radio.h"
#include "tests/interop/second.h"

#define DISH_PORT       5555 /* of the appliance's DISH: radios connect here */
#define RADIO_PORT      5556
#define BINDS(type, at) "type: " type ", bind: [\"" at "\"], hwm: 0"
#define MESSAGES        100000

static const struct appliance_config relay = {
	.kind = "bridge", .frontend = BINDS("DISH", FRONTEND), .backend = BINDS("RADIO", BACKEND)};

static struct peer *radio_of(struct appliance *a)
{
	return raw_join(&a->net, DISH_PORT, "RADIO", "DISH");
}

static struct peer *dish_of(struct appliance *a)
{
	return raw_join(&a->net, RADIO_PORT, "DISH", "RADIO");
}

static void end(struct appliance *a, struct peer *const *peers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		raw_end(peers[i]);
	appliance_stop(a);
}
#define END(a, ...)                                                                                \
	end(a, (struct peer *[]){__VA_ARGS__},                                                     \
	    sizeof((struct peer *[]){__VA_ARGS__}) / sizeof(struct peer *))

/* --- bytes --- */

static void test_joins_and_leaves_are_passed_on_as_commands(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *one = dish_of(a), *other = dish_of(a), *late;

	(void)state;
	RAW_SENDS(one, "\4\11\4JOINnews");
	RAW_EXPECTS(radio, "\4\11\4JOINnews");
	RAW_SENDS(other, "\4\11\4JOINnews\4\12\4JOINsport");
	RAW_EXPECTS(radio, "\4\12\4JOINsport"); /* and news no second time */
	RAW_SENDS(one, "\4\12\5LEAVEnews\4\5\4JOIN");
	RAW_EXPECTS(radio, "\4\5\4JOIN"); /* the group of no name; others are still in the other */
	RAW_SENDS(other, "\4\12\5LEAVEnews");
	RAW_EXPECTS(radio, "\4\12\5LEAVEnews");
	raw_end(one);
	RAW_EXPECTS(radio, "\4\6\5LEAVE"); /* it is gone, and its group */
	late = radio_of(a);
	RAW_EXPECTS(late, "\4\12\4JOINsport"); /* what is joined just now */
	END(a, radio, other, late);
}

static void test_a_group_is_matched_as_a_whole(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\11\4JOINnews");
	RAW_EXPECTS(radio, "\4\11\4JOINnews");
	RAW_SENDS(radio,
		  "\1\4news\0\1a\1\5newsy\0\1b\1\3new\0\1c\1\0\0\1d\1\4news\0\0\1\4news\0\1e");
	RAW_EXPECTS(dish, "\1\4news\0\1a\1\4news\0\0\1\4news\0\1e");
	RAW_SENDS(dish, "\4\12\5LEAVEnews");
	RAW_EXPECTS(radio, "\4\12\5LEAVEnews");
	RAW_SENDS(dish, "\4\5\4JOIN");
	RAW_EXPECTS(radio, "\4\5\4JOIN");
	RAW_SENDS(radio, "\1\4news\0\1f\1\0\0\1g");
	RAW_EXPECTS(dish, "\1\0\0\1g");
	END(a, radio, dish);
}

/* RFC 48: a message is a group and one body; what a DISH sends is discarded; and subscriptions are
 * none of its commands. */
static void test_what_is_no_part_of_the_pattern_is_dropped(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\13\11SUBSCRIBEa\0\2\1a\1\1a\0\1b\4\6\4JOINg");
	RAW_EXPECTS(radio, "\4\6\4JOINg");
	RAW_SENDS(radio, "\0\1a\1\1g\1\1x\0\1y\1\1g\0\1z");
	RAW_EXPECTS(dish, "\1\1g\0\1z");
	appliance_await_counter(a, "router.dropped_upstream", 3);
	END(a, radio, dish);
}

static void test_a_group_of_too_long_a_name_closes_its_peer(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *dish = dish_of(a), *good = dish_of(a);
	uint8_t join[9 + 5 + 256] = {6, 0, 0, 0, 0, 0, 0, 1, 5, 4, 'J', 'O', 'I', 'N'};

	(void)state;
	memset(join + 14, 'n', 256);
	raw_send(dish, join, sizeof(join));
	raw_expect_close(dish);
	appliance_await_closes(a, "prefix_too_long", 1);
	join[8] = 4; /* 255 is none too many */
	raw_send(good, join, sizeof(join) - 1);
	raw_expect(radio, join, sizeof(join) - 1);
	END(a, radio, dish, good);
}

static void test_limits_and_rules_are_for_groups_too(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = BINDS("DISH", FRONTEND),
		.backend = BINDS("RADIO", BACKEND) ", policy: {limits: {subscriptions_a_peer: 1}, "
						   "topics: [{subscribe: deny, prefix: secret}]}"});
	struct peer *radio = radio_of(a), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\14\4JOINsecrets\4\6\4JOINa");
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	RAW_SENDS(dish, "\4\6\4JOINb\4\7\5LEAVEa");
	RAW_EXPECTS(radio, "\4\7\5LEAVEa");
	RAW_SENDS(dish, "\4\6\4JOINc");
	RAW_EXPECTS(radio, "\4\6\4JOINc");
	END(a, radio, dish);
}

/* A new control learns of the cores who is in which group. */
static void test_a_new_control_knows_the_groups(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *one = dish_of(a), *other = dish_of(a), *late;

	(void)state;
	RAW_SENDS(one, "\4\11\4JOINnews");
	RAW_EXPECTS(radio, "\4\11\4JOINnews");
	RAW_SENDS(other, "\4\12\4JOINsport");
	RAW_EXPECTS(radio, "\4\12\4JOINsport");
	lab_kill(&a->control, SIGKILL);
	RAW_SENDS(radio, "\1\4news\0\1a");
	RAW_EXPECTS(one, "\1\4news\0\1a");
	appliance_start_control(a);
	appliance_ready(a);
	RAW_SENDS(one, "\4\12\5LEAVEnews");
	late = radio_of(a);
	RAW_EXPECTS(late, "\4\12\4JOINsport");
	RAW_SENDS(late, "\1\4news\0\1b\1\5sport\0\1c");
	RAW_EXPECTS(other, "\1\5sport\0\1c");
	END(a, radio, one, other, late);
}

/* --- many messages --- */

/* All that each of them has joined, and nothing else. */
static void deliver(struct peer *radio, struct peer *const *dish, unsigned n, const char *group)
{
	for (unsigned i = 0; i < n; i++)
		raw_begin_checking(dish[i], group, lab_scaled(MESSAGES));
	raw_begin_sending(radio, group, lab_scaled(MESSAGES));
	raw_done(radio);
	for (unsigned i = 0; i < n; i++)
		raw_done(dish[i]);
}

static void three_dishes(unsigned poll_cores)
{
	struct appliance_config config = relay;
	struct appliance *a;
	struct peer *radio, *dish[3];

	config.poll_cores = poll_cores;
	a = appliance_start(&config);
	radio = radio_of(a);
	for (unsigned i = 0; i < 3; i++)
		dish[i] = dish_of(a);
	RAW_SENDS(dish[0], "\4\6\4JOINa");
	RAW_SENDS(dish[1], "\4\6\4JOINa");
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	RAW_SENDS(dish[2], "\4\6\4JOINb");
	RAW_EXPECTS(radio, "\4\6\4JOINb");
	deliver(radio, dish, 2, "a");
	deliver(radio, dish + 2, 1, "b");
	END(a, radio, dish[0], dish[1], dish[2]);
}

static void test_three_dishes_hear_what_they_joined(void **state)
{
	(void)state;
	three_dishes(1);
}

static void test_dishes_on_other_cores_hear_it_too(void **state)
{
	(void)state;
	three_dishes(2);
}

/* RFC 48: dropped for one whose queue is full, and nobody is held up. */
static void test_a_dish_that_does_not_read_loses_messages_alone(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = BINDS("DISH", FRONTEND),
		.backend = "type: RADIO, bind: [\"" BACKEND "\"], hwm: 200000"});
	struct peer *radio = radio_of(a), *dish = dish_of(a), *stalled = dish_of(a);
	uint64_t n = 0;

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa");
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	RAW_SENDS(stalled, "\4\6\4JOINa\4\6\4JOINb");
	RAW_EXPECTS(radio, "\4\6\4JOINb");
	while (appliance_counter(a, "router.dropped_hwm") == 0 && n++ < 100)
		deliver(radio, &dish, 1, "a");
	assert_true(n < 100);
	printf("dropped for the one that does not read after %llu rounds\n", (unsigned long long)n);
	END(a, radio, dish, stalled);
}

static void test_peers_that_are_killed_are_replaced(void **state)
{
	struct appliance *a = appliance_start(&relay);
	struct peer *radio = radio_of(a), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa");
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	peer_signal(dish, SIGKILL);
	RAW_EXPECTS(radio, "\4\7\5LEAVEa");
	dish = dish_of(a);
	RAW_SENDS(dish, "\4\6\4JOINa");
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	peer_signal(radio, SIGKILL);
	radio = radio_of(a);
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	deliver(radio, &dish, 1, "a");
	END(a, radio, dish);
}

/* --- from one appliance to another --- */

static struct peer *dish_of_the_second(const struct second *s, unsigned way)
{
	struct peer *dish = raw_start(&s->first->net, "dish");

	raw_connect_to(dish, SECOND_IP, SECOND_BACK(way));
	raw_greet(dish);
	raw_ready(dish, "DISH");
	return dish;
}

/* radio -> DISH, RADIO -> (the second appliance) DISH, RADIO -> three dishes. */
static void across(struct second *s, unsigned way)
{
	struct peer *radio = raw_join(&s->first->net, SECOND_FRONT(way), "RADIO", "DISH"), *dish[3];

	printf("over %s\n", second_name(way));
	for (unsigned i = 0; i < 3; i++) {
		dish[i] = dish_of_the_second(s, way);
		RAW_SENDS(dish[i], "\4\6\4JOINa");
	}
	RAW_EXPECTS(radio, "\4\6\4JOINa");
	RAW_SENDS(dish[2], "\4\6\4JOINb");
	RAW_EXPECTS(radio, "\4\6\4JOINb"); /* by now all are in a */
	deliver(radio, dish, 3, "a");
	deliver(radio, dish + 2, 1, "b");
	for (unsigned i = 0; i < 3; i++)
		RAW_SENDS(dish[i], "\4\7\5LEAVEa");
	RAW_EXPECTS(radio, "\4\7\5LEAVEa");
	for (unsigned i = 0; i < 3; i++)
		raw_end(dish[i]);
	RAW_EXPECTS(radio, "\4\7\5LEAVEb");
	raw_end(radio);
}

static void test_another_appliance_joins_for_its_dishes(void **state)
{
	struct peer *radio[SECOND_WAYS], *dish[SECOND_WAYS];
	struct second s;

	(void)state;
	second_start(&s, &(struct second_plan){.front = "type: DISH",
					       .near = "type: RADIO",
					       .far = "type: DISH",
					       .back = "type: RADIO"});
	for (unsigned way = 0; way < SECOND_WAYS; way++)
		across(&s, way);
	for (unsigned way = 0; way < SECOND_WAYS; way++) {
		radio[way] = raw_join(&s.first->net, SECOND_FRONT(way), "RADIO", "DISH");
		dish[way] = dish_of_the_second(&s, way);
		RAW_SENDS(dish[way], "\4\6\4JOINc");
		RAW_EXPECTS(radio[way], "\4\6\4JOINc");
	}
	second_end(&s);
	for (unsigned way = 0; way < SECOND_WAYS; way++) {
		RAW_EXPECTS(radio[way], "\4\7\5LEAVEc"); /* it has gone, and its groups */
		raw_end(radio[way]);
		raw_end(dish[way]);
	}
	appliance_stop(s.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_joins_and_leaves_are_passed_on_as_commands),
		LAB_TEST(test_a_group_is_matched_as_a_whole),
		LAB_TEST(test_what_is_no_part_of_the_pattern_is_dropped),
		LAB_TEST(test_a_group_of_too_long_a_name_closes_its_peer),
		LAB_TEST(test_limits_and_rules_are_for_groups_too),
		LAB_TEST(test_a_new_control_knows_the_groups),
		LAB_TEST(test_three_dishes_hear_what_they_joined),
		LAB_TEST(test_dishes_on_other_cores_hear_it_too),
		LAB_TEST(test_a_dish_that_does_not_read_loses_messages_alone),
		LAB_TEST(test_peers_that_are_killed_are_replaced),
		LAB_TEST(test_another_appliance_joins_for_its_dishes),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
