/* zeroline.yaml: a good file becomes the contract's structs, and every kind of mistake becomes the
 * one line that names the file, the line, the key and the remedy. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config/config.h"
#include "control/config/units.h"

#define PORT    "ports: [{name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}]\n"
#define PORTS   "ports:\n- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"
#define DEVICES PORT "devices:\n"
#define ELEMENT(at, groups)                                                                        \
	PORTS "- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\npgm_elements:\n"        \
	      "- {name: w, ports: " at ", groups: " groups "}\n"
#define TEN "0123456789"
#define SIDES(front, back)                                                                         \
	DEVICES "- name: feed\n  kind: forwarder\n  frontend: {" front "}\n  backend: {" back "}"  \
		"\n"
#define BRIDGE(type, keys)                                                                         \
	DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: " type ", " keys                 \
		"}\n  backend: {type: RADIO}\n"

static char directory[] = "/tmp/zl-config-XXXXXX";

static int load(struct zl_config *config, const char *text, char *error, size_t max)
{
	FILE *f = fopen("t.yaml", "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return zl_config_load(config, "t.yaml", error, max);
}

static const struct {
	const char *text, *error;
} bad[] = {
	{"", "t.yaml:1: the file is empty; configs/zeroline.yaml shows every key"},
	{"a: [", "t.yaml:2: not YAML: did not find expected node content"},
	{"\tx: 1", "t.yaml:1: not YAML: found character that cannot start any token"},
	{"just words", "t.yaml:1: is one value, but a mapping (key: value) belongs here"},
	{"- a", "t.yaml:1: is a list, but a mapping (key: value) belongs here"},
	{"{}", "t.yaml:1: there are neither ports nor devices: nothing to do"},
	{"prots: []", "t.yaml:1: prots: unknown key; did you mean \"ports\"?"},
	{"x: 1", "t.yaml:1: x: unknown key; the keys here are run_dir, cores, memory, tcp, limits, "
		 "ports, pgm_elements, devices"},
	{PORT "ports: []", "t.yaml:2: ports: is given twice; keep one"},
	{"ports: []", "t.yaml:1: there are neither ports nor devices: nothing to do"},
	{"ports: eth0", "t.yaml:1: ports: is one value, but a list of ports belongs here"},
	{"ports: {a: b}", "t.yaml:1: ports: is a mapping, but a list of ports belongs here"},
	{"ports:\n- eth0",
	 "t.yaml:2: ports[0]: is one value, but a mapping (key: value) belongs here"},
	{"ports:\n- name: a\n  devce: x",
	 "t.yaml:3: ports[0].devce: unknown key; did you mean \"device\"?"},
	{"ports:\n- name: a", "t.yaml:2: ports[0]: the key \"kind\" is missing"},
	{"ports:\n- {kind: tap, device: x, address: 10.0.0.1/24}",
	 "t.yaml:2: ports[0]: the key \"name\" is missing"},
	{"ports:\n- {name: a, kind: tap, address: 10.0.0.1/24}",
	 "t.yaml:2: ports[0]: the key \"device\" is missing"},
	{"ports:\n- {name: a, kind: tap, device: x}",
	 "t.yaml:2: ports[0]: the key \"address\" is missing"},
	{"ports:\n- {name: a, kind: tun}",
	 "t.yaml:2: ports[0].kind: \"tun\" is not one of physical, tap, af_packet, af_xdp, memif, "
	 "pcap, ring"},
	{"ports:\n- {name: a, kind: [tap]}",
	 "t.yaml:2: ports[0].kind: is a list, but one value belongs here"},
	{"ports:\n- {name: ''}", "t.yaml:2: ports[0].name: is empty"},
	{"ports:\n- {name: a234567890123456789012345678901x}",
	 "t.yaml:2: ports[0].name: \"a234567890123456789012345678901x\" is longer than 31 "
	 "characters"},
	{"ports:\n- {name: \"a\\0b\"}", "t.yaml:2: ports[0].name: has a zero byte in it"},
	{"ports:\n- {name: a b, kind: tap, device: x, address: 10.0.0.1/24}",
	 "t.yaml:2: ports[0]: \"a b\": a name is of letters, digits, underscore, hyphen and dot"},
	{"ports:\n- {address: 10.0.0.1}", "t.yaml:2: ports[0].address: \"10.0.0.1\" is not an IPv4 "
					  "address and prefix length, such as "
					  "10.0.0.1/24"},
	{"ports:\n- {address: 10.0.0.1/33}", "t.yaml:2: ports[0].address: \"10.0.0.1/33\" is not "
					     "an IPv4 address and prefix length, such "
					     "as 10.0.0.1/24"},
	{"ports:\n- {address: 10.0.0.1/24x}", "t.yaml:2: ports[0].address: \"10.0.0.1/24x\" is not "
					      "an IPv4 address and prefix length, such "
					      "as 10.0.0.1/24"},
	{"ports:\n- {address: 10.0.0.256/24}",
	 "t.yaml:2: ports[0].address: \"10.0.0.256/24\" is not an IPv4 address and prefix length, "
	 "such as 10.0.0.1/24"},
	{"ports:\n- {address: 10.0.0.0/24}",
	 "t.yaml:2: ports[0].address: \"10.0.0.0/24\" is the address of the network itself or its "
	 "broadcast"},
	{"ports:\n- {address: 10.0.0.255/24}", "t.yaml:2: ports[0].address: \"10.0.0.255/24\" is "
					       "the address of the network itself or its "
					       "broadcast"},
	{"ports:\n- {address: 127.0.0.1/8}",
	 "t.yaml:2: ports[0].address: \"127.0.0.1/8\" is not an address a port can have"},
	{"ports:\n- {address: 239.0.0.1/8}",
	 "t.yaml:2: ports[0].address: \"239.0.0.1/8\" is not an address a port can have"},
	{"ports:\n- {gateway: nowhere}",
	 "t.yaml:2: ports[0].gateway: \"nowhere\" is not an IPv4 address, such as 10.0.0.254"},
	{"ports:\n- {name: a, kind: tap, device: x, address: 10.0.0.1/24, gateway: 10.0.1.1}",
	 "t.yaml:2: ports[0]: the gateway 10.0.1.1 is not on the port's own network"},
	{"ports:\n- {name: a, kind: tap, device: x, address: 10.0.0.1/24, gateway: 10.0.0.1}",
	 "t.yaml:2: ports[0]: the gateway 10.0.0.1 is the port's own address"},
	{"ports:\n- {mac: 02:00}", "t.yaml:2: ports[0].mac: \"02:00\" is not a station's Ethernet "
				   "address, such as 02:00:00:00:00:01"},
	{"ports:\n- {mac: '01:00:00:00:00:01'}", "t.yaml:2: ports[0].mac: \"01:00:00:00:00:01\" is "
						 "not a station's Ethernet address, such as "
						 "02:00:00:00:00:01"},
	{"ports:\n- {mtu: 100}",
	 "t.yaml:2: ports[0].mtu: \"100\" is not a number from 576 to 9600"},
	{"ports:\n- {queues: 0}", "t.yaml:2: ports[0].queues: \"0\" is not a number from 1 to 16"},
	{"ports:\n- {name: a, kind: tap, device: x, address: 10.0.0.1/24, queues: 2}",
	 "t.yaml:2: ports[0]: 2 queues need as many poll cores, but cores.poll is 1"},
	{"ports:\n- {impair: {rx: {loss: 1}}}",
	 "t.yaml:2: ports[0].impair.rx.loss: \"1\" is not a share (1%, 0.01%, 50ppm)"},
	{"ports:\n- {impair: {rx: {loss: 101%}}}",
	 "t.yaml:2: ports[0].impair.rx.loss: \"101%\" is out of range: 0 to 100%"},
	{"ports:\n- impair:\n    tx:\n      delay: 2",
	 "t.yaml:4: ports[0].impair.tx.delay: \"2\" is not a duration (50us, 2ms, 1s)"},
	{"ports:\n- {impair: {tx: {rate: 100mbit}}}",
	 "t.yaml:2: ports[0].impair.tx.rate: \"100mbit\" is not a rate (512kbit, 100Mbit, 10Gbit)"},
	{"ports:\n- {impair: {both: {}}}",
	 "t.yaml:2: ports[0].impair.both: unknown key; the keys here are rx, tx"},
	{PORTS "- {name: e0, kind: tap, device: zl1, address: 10.0.1.1/24}",
	 "t.yaml:3: ports[1]: the name \"e0\" is taken by the port of line 2"},
	{PORTS "- {name: e1, kind: tap, device: zl1, address: 10.0.0.1/16}",
	 "t.yaml:3: ports[1]: the address 10.0.0.1 is taken by port \"e0\" of line 2"},
	{PORTS "- {name: e1, kind: tap, device: zl0, address: 10.0.1.1/16}",
	 "t.yaml:3: ports[1]: the device \"zl0\" is taken by port \"e0\" of line 2"},
	{ELEMENT("[e0, e1]", "10.0.0.1"), "t.yaml:5: pgm_elements[0].groups[0]: 10.0.0.1 is no "
					  "group that routers pass on, such as 239.192.1.1"},
	{ELEMENT("[e0, e1]", "224.0.0.9"), "t.yaml:5: pgm_elements[0].groups[0]: 224.0.0.9 is no "
					   "group that routers pass on, such as 239.192.1.1"},
	{ELEMENT("[e0, e1]", "[]"),
	 "t.yaml:5: pgm_elements[0].groups: has 0 groups; 1 to 64 are possible"},
	{ELEMENT("[e0]", "239.192.1.1"), "t.yaml:5: pgm_elements[0]: a network element stands "
					 "between ports: name two or more"},
	{ELEMENT("[e0, e0]", "239.192.1.1"),
	 "t.yaml:5: pgm_elements[0]: port \"e0\" is named twice"},
	{ELEMENT("[e0, e2]", "239.192.1.1"),
	 "t.yaml:5: pgm_elements[0]: there is no port \"e2\"; name one of `ports`"},
	{ELEMENT("e0", "239.192.1.1"), "t.yaml:5: pgm_elements[0].ports: is one value, but a list "
				       "of names of ports belongs here"},
	{ELEMENT("[e0, e1]", "239.192.1.1") "- {name: w, ports: [e0, e1], groups: 239.192.1.2}",
	 "t.yaml:6: pgm_elements[1]: the name \"w\" is taken by the element of line 5"},
	{ELEMENT("[e0, e1]",
		 "[239.192.1.1, 239.192.1.2]") "- {name: x, ports: [e1, e0], groups: 239.192.1.2}",
	 "t.yaml:6: pgm_elements[1]: element \"w\" of line 5 has 239.192.1.2 on one of these "
	 "ports already"},
	{ELEMENT("[e0, e1]", "239.192.1.1") "- {ports: [e0, e1], groups: 239.192.1.2}",
	 "t.yaml:6: pgm_elements[1]: the key \"name\" is missing"},
	{"cores: {poll: 0}", "t.yaml:1: cores.poll: \"0\" is not a number from 1 to 16"},
	{"cores: {poll: many}", "t.yaml:1: cores.poll: \"many\" is not a number from 1 to 16"},
	{"cores: {cpus: [1, x]}", "t.yaml:1: cores.cpus[1]: \"x\" is not a number from 0 to 1023"},
	{"cores: {cpus: {a: 1}}",
	 "t.yaml:1: cores.cpus: is a mapping, but a list of CPU numbers belongs here"},
	{"cores: {idle: lazy}", "t.yaml:1: cores.idle: \"lazy\" is not one of adaptive, busy"},
	{"cores: 4", "t.yaml:1: cores: is one value, but a mapping (key: value) belongs here"},
	{"memory: {hugepages: maybe}",
	 "t.yaml:1: memory.hugepages: \"maybe\" is not one of auto, yes, no"},
	{"memory: {megabytes: 1}",
	 "t.yaml:1: memory.megabytes: \"1\" is not a number from 64 to 1048576"},
	{"tcp: {rcvbuf: 1}", "t.yaml:1: tcp.rcvbuf: \"1\" is out of range: 4KiB to 1GiB"},
	{"tcp: {rcvbuf: 1MiBs}",
	 "t.yaml:1: tcp.rcvbuf: \"1MiBs\" is not a size (4096, 256KiB, 128MiB)"},
	{"tcp: {min_rto: 200}",
	 "t.yaml:1: tcp.min_rto: \"200\" is not a duration (500ms, 30s, 2min)"},
	{"tcp: {min_rto: -1s}",
	 "t.yaml:1: tcp.min_rto: \"-1s\" is not a duration (500ms, 30s, 2min)"},
	{"tcp: {user_timeout: 48h}",
	 "t.yaml:1: tcp.user_timeout: \"48h\" is out of range: 100ms to 24h"},
	{"limits: {handshake: 99999999999999999999s}",
	 "t.yaml:1: limits.handshake: \"99999999999999999999s\" is out of range: 100ms to 1h"},
	{"limits: {stream: 5}", "t.yaml:1: limits.stream: unknown key; did you mean \"streams\"?"},
	{"run_dir: ''", "t.yaml:1: run_dir: is empty"},
	{"[a]: 1", "t.yaml:1: is a list, but one value belongs here"},
	{PORT "devices: {feed: {}}",
	 "t.yaml:2: devices: is a mapping, but a list of devices belongs here"},
	{DEVICES "- {name: feed}", "t.yaml:3: devices[0]: the key \"kind\" is missing"},
	{DEVICES "- {name: feed, kind: feeder}",
	 "t.yaml:3: devices[0].kind: \"feeder\" is not one of forwarder, streamer, queue, bridge"},
	{DEVICES "- name: feed\n  frontend: {type: PUSH}\n  backend: {}\n  kind: streamer",
	 "t.yaml:4: devices[0].frontend.type: \"PUSH\" does not belong here: "
	 "this side of a streamer is PULL"},
	{DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: PULL}\n  backend: {}",
	 "t.yaml:6: devices[0].backend: a bridge's sockets need a type (PULL, PUSH, DEALER, ...)"},
	{DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: PULL}\n  backend: {type: SUB}",
	 "t.yaml:6: devices[0].backend.type: a bridge cannot join PULL and SUB: "
	 "one must send what the other receives, in as many parts"},
	{DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: ROUTER}\n"
		 "  backend: {type: CLIENT}",
	 "t.yaml:6: devices[0].backend.type: a bridge cannot join ROUTER and CLIENT: "
	 "one must send what the other receives, in as many parts"},
	{DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: STREAM}\n"
		 "  backend: {type: ROUTER}",
	 "t.yaml:6: devices[0].backend.type: a bridge cannot join STREAM and ROUTER: STREAM's "
	 "messages are [routing id][bytes], which DEALER, PAIR, PUSH, PULL, PUB and XPUB pass on"},
	{DEVICES "- name: feed\n  kind: bridge\n  frontend: {type: PAIR, policy: {topics: "
		 "[{publish: deny, prefix: a}]}}\n  backend: {type: STREAM, policy: {topics: "
		 "[{publish: deny, prefix: a}]}}",
	 "t.yaml:6: devices[0].backend: policy: rules for topics are not for bytes without ZMTP; "
	 "take them away"},
	{DEVICES "- {name: feed, kind: forwarder, frontend: {}}",
	 "t.yaml:3: devices[0]: the key \"backend\" is missing"},
	{SIDES("", "") "  last_values: {topics: 0}",
	 "t.yaml:7: devices[0].last_values.topics: \"0\" is not a number from 1 to 16777216"},
	{SIDES("", "") "  last_values: {memory: 1MB, message: 1MB}",
	 "t.yaml:7: devices[0].last_values: message (1000000 bytes) is more than a quarter of "
	 "memory; set more memory"},
	{SIDES("", "") "  last_values: {topic_until: ab}",
	 "t.yaml:7: devices[0].last_values.topic_until: \"ab\" is not one character, such as "
	 "\".\""},
	{SIDES("", "") "  last_values: {topic_until: a, topic_bytes: 3}",
	 "t.yaml:7: devices[0].last_values: topic_bytes and topic_until are both given; keep one"},
	{DEVICES "- {name: work, kind: streamer, frontend: {}, backend: {}, last_values: {}}",
	 "t.yaml:3: devices[0].backend: last_values are for subscribers, but this socket is PUSH; "
	 "take them away, or let the backend be XPUB or PUB"},
	{SIDES("", "policy: {slow: {do: nothing}}"),
	 "t.yaml:6: devices[0].backend.policy.slow.do: \"nothing\" is not one of drop_newest, "
	 "drop_oldest, conflate, disconnect"},
	{SIDES("", "policy: {slow: {mark: 3}}"),
	 "t.yaml:6: devices[0].backend.policy.slow: the key \"do\" is missing"},
	{SIDES("", "policy: {slow: {do: drop_oldest, mark: 3}}"),
	 "t.yaml:6: devices[0].backend.policy.slow: mark and topic_... belong to \"do: conflate\"; "
	 "take them away"},
	{SIDES("", "policy: {slow: {do: conflate, grace: 3s}}"),
	 "t.yaml:6: devices[0].backend.policy.slow: grace belongs to \"do: disconnect\"; take it "
	 "away"},
	{SIDES("", "hwm: 0, policy: {slow: {do: drop_oldest}}"),
	 "t.yaml:6: devices[0].backend: policy.slow: drop_oldest begins at the high-water mark, "
	 "and "
	 "hwm is 0; set hwm"},
	{SIDES("", "hwm: 10, policy: {slow: {do: conflate, mark: 11}}"),
	 "t.yaml:6: devices[0].backend: policy.slow: mark (11) is more than hwm (10); set it "
	 "lower"},
	{SIDES("policy: {slow: {do: disconnect}}", ""),
	 "t.yaml:5: devices[0].frontend: policy.slow: disconnect is for XPUB and PUB, but this "
	 "socket is XSUB; take it away"},
	{SIDES("policy: {rate_in: {messages: 0}}", ""),
	 "t.yaml:5: devices[0].frontend.policy.rate_in.messages: \"0\" is not a number from 1 to "
	 "10000000000"},
	{SIDES("policy: {rate_in: {bytes: 0}}", ""),
	 "t.yaml:5: devices[0].frontend.policy.rate_in.bytes: \"0\" is out of range: 1B to 10GB (a "
	 "second)"},
	{SIDES("policy: {rate_out: {messages: 1}}", ""),
	 "t.yaml:5: devices[0].frontend: policy: rate_out is for XPUB and PUB, but this socket is "
	 "XSUB; take it away"},
	{SIDES("", "hwm: 0, policy: {rate_out: {messages: 1}}"),
	 "t.yaml:6: devices[0].backend: policy.rate_out: what is too much waits up to the "
	 "high-water "
	 "mark, and hwm is 0; set hwm"},
	{SIDES("policy: {limits: {subscriptions: 1}}", ""),
	 "t.yaml:5: devices[0].frontend: policy: limits of subscriptions are for XPUB, PUB and "
	 "RADIO, but this socket is XSUB; take them away"},
	{SIDES("", "policy: {limits: {over: explode}}"),
	 "t.yaml:6: devices[0].backend.policy.limits.over: \"explode\" is not one of refuse, "
	 "close"},
	{SIDES("", "policy: {addresses: [allow 10.0.0.0/33]}"),
	 "t.yaml:6: devices[0].backend.policy.addresses[0]: \"allow 10.0.0.0/33\" is not a rule, "
	 "such as \"allow 10.0.0.0/8\" or \"deny 10.1.2.3\""},
	{SIDES("", "policy: {topics: [{subscribe: allow, prefix: a, user: al}]}"),
	 "t.yaml:6: devices[0].backend: policy: a rule is for the user \"al\", but nobody proves a "
	 "name to this socket; give it security: a plain server, a curve server with a folder to "
	 "allow, or zap"},
	{SIDES("", "policy: {users: [{connect: allow, user: al}]}"),
	 "t.yaml:6: devices[0].backend: policy: a rule is for the user \"al\", but nobody proves a "
	 "name to this socket; give it security: a plain server, a curve server with a folder to "
	 "allow, or zap"},
	{SIDES("", "policy: {users: [{user: al}]}"),
	 "t.yaml:6: devices[0].backend.policy.users[0]: the key \"connect\" is missing"},
	{SIDES("", "policy: {users: [{connect: allow, user: ''}]}"),
	 "t.yaml:6: devices[0].backend.policy.users[0].user: is empty"},
	{SIDES("", "policy: {users: [{connect: allow, user: "
		   "01234567890123456789012345678901234567890123456789012345678901234}]}"),
	 "t.yaml:6: devices[0].backend.policy.users[0].user: "
	 "\"01234567890123456789012345678901234567890123456789012345678901234\" is longer than 62 "
	 "bytes"},
	{SIDES("", "policy: {users: [{connect: deny, endpoint: 'tcp://*:1'}]}"),
	 "t.yaml:6: devices[0].backend: policy.users[0]: \"tcp://*:1\" is not under the socket's "
	 "bind; write it as it stands there"},
	{SIDES("", "policy: {users: [{connect: deny, rate_in: {messages: 1}}]}"),
	 "t.yaml:6: devices[0].backend: policy.users[0]: who is denied has no rate; take it away"},
	{SIDES("policy: {users: [{connect: allow, rate_out: {messages: 1}}]}", ""),
	 "t.yaml:5: devices[0].frontend: policy: rate_out is for XPUB and PUB, but this socket is "
	 "XSUB; take it away"},
	{SIDES("", "policy: {topics: [{prefix: a}]}"),
	 "t.yaml:6: devices[0].backend.policy.topics[0]: a rule has one of \"publish\" and "
	 "\"subscribe\": allow or deny"},
	{SIDES("", "policy: {topics: [{subscribe: allow}]}"),
	 "t.yaml:6: devices[0].backend.policy.topics[0]: the key \"prefix\" is missing"},
	{SIDES("", "policy: {topics: [{subscribe: maybe, prefix: a}]}"),
	 "t.yaml:6: devices[0].backend.policy.topics[0].subscribe: \"maybe\" is not one of allow, "
	 "deny"},
	{SIDES("", "policy: {topics: [{subscribe: deny, prefix: a, from: 10.0.0}]}"),
	 "t.yaml:6: devices[0].backend.policy.topics[0].from: \"10.0.0\" is not an address or "
	 "network, such as 10.0.0.0/8"},
	{SIDES("", "policy: {topics: [{publish: deny, prefix: a}]}"),
	 "t.yaml:6: devices[0].backend: policy: rules with \"publish\" are for sockets that "
	 "receive "
	 "messages, but this socket is XPUB; give them to the other one"},
	{SIDES("policy: {topics: [{subscribe: deny, prefix: a}]}", ""),
	 "t.yaml:5: devices[0].frontend: policy: rules with \"subscribe\" are for XPUB, PUB and "
	 "RADIO, but this socket is XSUB; take them away"},
	{SIDES("", "") "  capture: {type: XPUB}",
	 "t.yaml:7: devices[0].capture.type: a capture socket is PUB, PUSH, DEALER or PAIR, not "
	 "XPUB"},
	{SIDES("", "") "  capture: {name: feed.backend}",
	 "t.yaml:7: devices[0].capture: the name \"feed.backend\" is taken by the socket of line "
	 "6"},
	{SIDES("bind: 'tcp://*:5555'", "") "  capture: {bind: 'tcp://*:5555'}",
	 "t.yaml:7: devices[0].capture.bind[0]: \"tcp://*:5555\" is already bound by "
	 "\"tcp://*:5555\" of line 5"},
	{"cores: {poll: 2}\n" SIDES("", "") "  capture: {type: PUSH}",
	 "t.yaml:8: devices[0].capture: a forwarder's capture that is not PUB runs on one core for "
	 "now: set cores.poll to 1, with all endpoints on ports or all on the kernel"},
	{SIDES("type: PUB", ""),
	 "t.yaml:5: devices[0].frontend.type: \"PUB\" does not belong here: "
	 "this side of a forwarder is XSUB"},
	{SIDES("", "type: xpub"),
	 "t.yaml:6: devices[0].backend.type: \"xpub\" is not a socket type "
	 "(PULL, PUSH, ROUTER, DEALER, ...)"},
	{SIDES("sndhwm: -3", ""),
	 "t.yaml:5: devices[0].frontend.sndhwm: \"-3\" is not a number from 0 to 4294967295"},
	{SIDES("hwm: 4294967296", ""),
	 "t.yaml:5: devices[0].frontend.hwm: \"4294967296\" is not a number from 0 to 4294967295"},
	{SIDES("hwm: 1.5", ""),
	 "t.yaml:5: devices[0].frontend.hwm: \"1.5\" is not a number from 0 to 4294967295"},
	{SIDES("max_message: lots", ""), "t.yaml:5: devices[0].frontend.max_message: \"lots\" is "
					 "not a size (4096, 256KiB, 128MiB)"},
	{SIDES("reconnect: 9s", ""),
	 "t.yaml:5: devices[0].frontend: reconnect_max (5000ms) is less than reconnect (9000ms)"},
	{SIDES("bind: {a: 1}", ""),
	 "t.yaml:5: devices[0].frontend.bind: is a mapping, but a list of "
	 "endpoints belongs here"},
	{SIDES("bind: [[x]]", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: is a list, but one value belongs here"},
	{SIDES("bind: tcp://*", ""), "t.yaml:5: devices[0].frontend.bind[0]: \"tcp://*\" is not an "
				     "endpoint, such as tcp://*:5555"},
	{SIDES("bind: 'tcp://*:65536'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"tcp://*:65536\" is not an endpoint, such as "
	 "tcp://*:5555"},
	{SIDES("connect: 'ipc://x'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"ipc://x\": the path is relative, and to what "
	 "nobody knows; begin it with /, or with @ for a name that is no file"},
	{SIDES("connect: 'ipc://*'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"ipc://*\": the path is relative, and to what "
	 "nobody knows; begin it with /, or with @ for a name that is no file"},
	{SIDES("bind: 'ipc://@'", ""), "t.yaml:5: devices[0].frontend.bind[0]: \"ipc://@\" has no "
				       "path; such as ipc:///run/feed or ipc://@feed"},
	{SIDES("bind: 'ipc:///" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234567'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"ipc:///012345678901234567890123456789012...\": "
	 "the path is 108 characters long, and at most 107 are possible; choose a shorter one"},
	{SIDES("bind: \"tcp://*:5555\\n\"", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"tcp://*:5555\": a control character follows, "
	 "which no endpoint has; take it out"},
	{"cores: {poll: \"1\\n2\"}\n",
	 "t.yaml:1: cores.poll: \"1?2\" is not a number from 1 to 16"},
	{SIDES("bind: 'udp:e0:1'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp:e0:1\" is not an endpoint: it begins with "
	 "tcp://, udp://, pgm://, epgm://, norm://, ipc://, tipc:// or vmci://"},
	{SIDES("bind: 'udp://e0:1'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://e0:1\": XSUB does not bind to udp://; a "
	 "RADIO connects, a DISH or DGRAM binds"},
	{BRIDGE("DISH", "bind: 'udp://e0:*'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://e0:*\" is not an endpoint, such as "
	 "udp://*:5555 or udp://239.192.1.1:5555"},
	{BRIDGE("DISH", "bind: 'udp://localhost:1'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://localhost:1\" is not an endpoint, such as "
	 "udp://*:5555 or udp://239.192.1.1:5555"},
	{BRIDGE("DISH", "bind: 'udp://127.0.0.1:1'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://127.0.0.1:1\" is not an endpoint, such as "
	 "udp://*:5555 or udp://239.192.1.1:5555"},
	{BRIDGE("DISH", "bind: 'udp://10.0.0.2:1'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://10.0.0.2:1\": no port has this address; "
	 "the ports are 10.0.0.1 (e0)"},
	{BRIDGE("DISH", "bind: 'udp://lo;239.192.1.1:1'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://lo;239.192.1.1:1\": before the semicolon "
	 "belongs a port; the ports are 10.0.0.1 (e0)"},
	{BRIDGE("DISH", "bind: 'udp://e0;10.0.0.1:1'"),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"udp://e0;10.0.0.1:1\": a port's name belongs "
	 "before a group only; the ports are 10.0.0.1 (e0)"},
	{BRIDGE("DISH", "connect: 'udp://10.0.0.9:1'"),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"udp://10.0.0.9:1\": DISH does not connect to "
	 "udp://; a RADIO connects, a DISH or DGRAM binds"},
	{"devices:\n- name: feed\n  kind: bridge\n  frontend: {type: DISH, bind: "
	 "'udp://*:1'}\n  backend: {type: RADIO}\n",
	 "t.yaml:4: devices[0].frontend.bind[0]: \"udp://*:1\": udp:// is carried by ports, and "
	 "there are none; add one to `ports`"},
	{SIDES("bind: 'epgm://e0;10.0.0.1:1'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"epgm://e0;10.0.0.1:1\": PGM goes to a group, "
	 "such as epgm://eth0;239.192.1.1:5555"},
	{SIDES("bind: 'epgm://e0;239.192.1.1:1|e0;239.192.1.2:2'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"epgm://e0;239.192.1.1:1|e0;239.192.1.2:2\": "
	 "lines A and B have one port number; the ports are 10.0.0.1 (e0)"},
	{SIDES("bind: 'pgm://239.192.1.1:1|e0;239.192.1.1:1'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"pgm://239.192.1.1:1|e0;239.192.1.1:1\": lines A "
	 "and B are the same; give B a group of its own, or another port; the ports are 10.0.0.1 "
	 "(e0)"},
	{SIDES("bind: 'epgm://239.192.1.1:1|239.192.1.2'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"epgm://239.192.1.1:1|239.192.1.2\" is not an "
	 "endpoint, such as epgm://eth0;239.192.1.1:5555|eth1;239.192.2.1:5555"},
	{SIDES("bind: 'epgm://239.192.1.1:1|lo;239.192.1.2:1'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"epgm://239.192.1.1:1|lo;239.192.1.2:1\": before "
	 "the semicolon belongs a port; the ports are 10.0.0.1 (e0)"},
	{SIDES("bind: 'tipc://{5555,9,0}'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"tipc://{5555,9,0}\" is not a TIPC endpoint, "
	 "such as tipc://{5555,0,100}, with a type from 64 on"},
	{SIDES("connect: 'tipc://{5555,0,1}'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tipc://{5555,0,1}\" is not a TIPC endpoint, "
	 "such as tipc://{5555,0}, with a type from 64 on"},
	{SIDES("connect: 'vmci://*:5555'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"vmci://*:5555\" is not a VMCI endpoint, such "
	 "as vmci://2:5555"},
	{SIDES("connect: 'tcp://::1:5555'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tcp://::1:5555\" is not an endpoint, such as "
	 "tcp://10.0.0.9:5555"},
	{SIDES("connect: 'tcp://127.0.0.1;127.0.0.1:1'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tcp://127.0.0.1;127.0.0.1:1\": before the "
	 "semicolon belongs a source, such as tcp://127.0.0.1:0;127.0.0.1:5555"},
	{SIDES("connect: 'tcp://e0:7;10.0.0.9:1'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tcp://e0:7;10.0.0.9:1\": a port chooses its "
	 "connections' source ports itself; give 0"},
	{SIDES("ipc_mode: 0668", ""), "t.yaml:5: devices[0].frontend.ipc_mode: \"0668\" is not a "
				      "file's permissions, such as 0660"},
	{SIDES("ipc_uid: [me]", ""), "t.yaml:5: devices[0].frontend.ipc_uid[0]: \"me\" is not a "
				     "number from 0 to 4294967294"},
	{SIDES("bind: 'tcp://10.0.0.2:5555'", ""),
	 "t.yaml:5: devices[0].frontend.bind[0]: \"tcp://10.0.0.2:5555\": no port has this "
	 "address, and no interface of this machine; the ports' addresses are 10.0.0.1 (e0)"},
	{SIDES("connect: 'tcp://255.255.255.255:5555'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tcp://255.255.255.255:5555\": no port's "
	 "network has this address, no port has a gateway, and the kernel has no route to it; the "
	 "ports are 10.0.0.1 (e0)"},
	{SIDES("connect: 'tcp://*:5555'", ""),
	 "t.yaml:5: devices[0].frontend.connect[0]: \"tcp://*:5555\" is not an endpoint, such as "
	 "tcp://10.0.0.9:5555"},
	{SIDES("bind: 'ipc:///a'", "bind: 'ipc:///a'"),
	 "t.yaml:6: devices[0].backend.bind[0]: \"ipc:///a\" is already bound by \"ipc:///a\" of "
	 "line 5"},
	{SIDES("bind: 'tcp://*:5555'", "bind: 'tcp://e0:5555'"),
	 "t.yaml:6: devices[0].backend.bind[0]: \"tcp://e0:5555\" is already bound by "
	 "\"tcp://*:5555\" of line 5"},
	{SIDES("bind: ['tcp://*:1', 'tcp://*:1']", ""),
	 "t.yaml:5: devices[0].frontend.bind[1]: \"tcp://*:1\" is already bound by \"tcp://*:1\" "
	 "of "
	 "line 5"},
	{SIDES("name: x", "name: x"),
	 "t.yaml:6: devices[0].backend: the name \"x\" is taken by the socket of line 5"},
	{SIDES("", "") "- {name: feed, kind: forwarder, frontend: {}, backend: {}}",
	 "t.yaml:7: devices[1]: the name \"feed\" is taken by the device of line 3"},
	{SIDES("", "") "- {name: b, kind: forwarder, frontend: {name: feed.backend}, backend: {}}",
	 "t.yaml:7: devices[1].frontend: the name \"feed.backend\" is taken by the socket of line "
	 "6"},
	{DEVICES "- {name: a2345678901234567890123456, kind: forwarder, frontend: {}, backend: {}}",
	 "t.yaml:3: devices[0].frontend: its name \"a2345678901234567890123456.frontend\" is "
	 "longer "
	 "than 31 characters; give it a name"},
};

static void test_every_mistake_is_one_line_with_its_place_and_remedy(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct zl_config config;
		char error[512];
		int err = load(&config, bad[i].text, error, sizeof(error));

		if (err == 0 || strcmp(error, bad[i].error) != 0) {
			print_error("for  %s\nwant %s\ngot  %s\n", bad[i].text, bad[i].error,
				    error);
			wrong++;
		}
		zl_config_free(&config);
	}
	assert_int_equal(wrong, 0);
}

/* Where the value is: "@". */
static const struct {
	const char *text, *remedy;
} long_values[] = {
	{"ports:\n- {address: @}", "such as 10.0.0.1/24"},
	{"ports:\n- {mac: @}", "such as 02:00:00:00:00:01"},
	{"ports:\n- {gateway: @}", "such as 10.0.0.254"},
	{"ports:\n- {kind: @}", "memif, pcap, ring"},
	{"ports:\n- {name: @}", "longer than 31 characters"},
	{"tcp: {min_rto: @}", "is not a duration (500ms, 30s, 2min)"},
	{DEVICES "- {frontend: {type: @}}", "(PULL, PUSH, ROUTER, DEALER, ...)"},
	{DEVICES "- {frontend: {ipc_mode: '@'}}", "such as 0660"},
	{SIDES("options: {reconnect_ivl: @}", ""), "is not a duration (500ms, 30s, 2min)"},
	{SIDES("options: {tos: @}", ""), "is not a number from 0 to 255"},
	{SIDES("options: {tcp_accept_filter: [@]}", ""), "such as 10.0.0.0/24"},
	{SIDES("options: {metadata: {@: a}}", ""), "X- and letters, digits, - _ . +"},
	{SIDES("", "options: {xpub_nodrop: @}"), "is not one of yes, no"},
	{SIDES("", "policy: {slow: {topic_until: @}}"), "such as \".\""},
};

static void test_a_long_value_leaves_room_for_the_remedy(void **state)
{
	struct zl_config config;
	char value[600], text[2048], error[512];

	(void)state;
	memset(value, '7', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < sizeof(long_values) / sizeof(long_values[0]); i++) {
		const char *before = long_values[i].text, *at = strchr(before, '@');
		size_t end = strlen(long_values[i].remedy);

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - before), before, value, at + 1);
		assert_int_not_equal(load(&config, text, error, sizeof(error)), 0);
		if (strlen(error) < end ||
		    strcmp(error + strlen(error) - end, long_values[i].remedy) != 0)
			fail_msg("for  %s\nit ends otherwise than with \"%s\": %s", before,
				 long_values[i].remedy, error);
		zl_config_free(&config);
	}
}

/* Why a name is not known is the resolver's word. */
static void test_a_name_that_nobody_has_is_refused_for_a_bind_and_waits_for_a_connect(void **state)
{
	struct zl_config config;
	char error[512], host[64];

	(void)state;
	assert_int_not_equal(
		load(&config, SIDES("bind: 'tcp://eth9.invalid:5555'", ""), error, sizeof(error)),
		0);
	assert_non_null(strstr(error, "t.yaml:5: devices[0].frontend.bind[0]: "
				      "\"tcp://eth9.invalid:5555\": eth9.invalid is no address, no "
				      "port, no interface and no host ("));
	zl_config_free(&config);
	assert_int_equal(load(&config, SIDES("connect: 'tcp://eth9.invalid:5555'", ""), error,
			      sizeof(error)),
			 0);
	assert_true(
		zl_endpoint_host(&config.devices[0].frontend.endpoints[0].at, host, sizeof(host)));
	assert_string_equal(host, "eth9.invalid");
	zl_config_free(&config);
}

static void expect_carrier(const char *text, bool connect, const struct zl_ports *ports,
			   enum zl_carrier carrier, const char *address)
{
	struct zl_ipc_endpoint e;
	char error[512] = "", shown[ZL_ENDPOINT_MAX];

	if (zl_endpoint_parse(&e, text, connect, ports, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(e.carrier, carrier);
	zl_ipc_address_text(e.address.at, e.address.bytes, shown);
	if (carrier == ZL_CARRIER_STACK)
		strcpy(shown, address ? address : "");
	assert_string_equal(shown, address);
}

static void expect_udp(const char *text, bool connect, const struct zl_ports *ports, uint32_t ip,
		       uint32_t via)
{
	struct zl_ipc_endpoint e;
	char error[512] = "";

	if (zl_endpoint_parse(&e, text, connect, ports, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(e.carrier, ZL_CARRIER_UDP);
	assert_int_equal(e.port, 5555);
	assert_int_equal(e.ip, ip);
	assert_int_equal(e.via, via);
}

/* zmq_udp: an address of ours, every one, or a group with the port that it is reached by. */
static void test_an_endpoint_of_datagrams_is_of_a_port_or_of_a_group(void **state)
{
	static const struct zl_ipc_port eth[] = {
		{.name = "e0", .ip = 0x0a000001, .prefix_len = 24},
		{.name = "e1", .ip = 0x0a010001, .prefix_len = 24, .gateway = 0x0a0100fe}};
	const struct zl_ports one = {eth, 1}, two = {eth, 2};
	struct zl_ipc_endpoint e;
	char error[512];

	(void)state;
	expect_udp("udp://*:5555", false, &two, 0, 0);
	expect_udp("udp://e1:5555", false, &two, 0x0a010001, 0);
	expect_udp("udp://10.0.0.1:5555", false, &two, 0x0a000001, 0);
	expect_udp("udp://239.192.1.1:5555", false, &one, 0xefc00101, 0x0a000001);
	expect_udp("udp://e1;239.192.1.1:5555", true, &two, 0xefc00101, 0x0a010001);
	expect_udp("udp://10.0.0.1;239.192.1.1:5555", true, &two, 0xefc00101, 0x0a000001);
	expect_udp("udp://10.0.0.9:5555", true, &one, 0x0a000009, 0);
	expect_udp("udp://192.0.2.1:5555", true, &two, 0xc0000201, 0); /* by the gateway */
	assert_int_not_equal(
		zl_endpoint_parse(&e, "udp://192.0.2.1:5555", true, &one, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "no port's network has this address"));
	assert_int_not_equal(
		zl_endpoint_parse(&e, "udp://239.192.1.1:5555", false, &two, error, sizeof(error)),
		0);
	assert_string_equal(error,
			    "\"udp://239.192.1.1:5555\": a group is reached by one port: name "
			    "it before the group, as in eth0;239.192.1.1:5555; the ports "
			    "are 10.0.0.1 (e0), 10.1.0.1 (e1)");
}

static void expect_norm(const char *text, uint32_t ip, uint32_t node, const char *device)
{
	static const struct zl_ports none = {NULL, 0};
	struct zl_ipc_endpoint e;
	char error[512] = "";

	if (zl_endpoint_parse(&e, text, true, &none, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(e.carrier, ZL_CARRIER_NORM);
	assert_int_equal(e.port, 5555);
	assert_int_equal(e.ip, ip);
	assert_int_equal(e.node, node);
	assert_string_equal(e.device, device);
	assert_int_equal(e.address.bytes, sizeof(struct sockaddr_in));
}

static void expect_no_norm(const char *text, const char *why)
{
	static const struct zl_ports none = {NULL, 0};
	struct zl_ipc_endpoint e;
	char error[512] = "", whole[512];

	assert_int_not_equal(zl_endpoint_parse(&e, text, true, &none, error, sizeof(error)), 0);
	snprintf(whole, sizeof(whole),
		 "\"%s\" is not a NORM endpoint, such as norm://eth1;239.192.1.1:5555: %s", text,
		 why);
	assert_string_equal(error, whole);
}

/* libzmq's norm_engine: [node,][interface;]address:port */
static void test_an_endpoint_of_norm_names_its_node_and_the_kernels_interface(void **state)
{
	static const char node[] = "before the comma belongs a node's number, from 1 to 4294967294";
	static const char device[] = "before the semicolon belongs an interface of the kernel's";
	static const char address[] = "it has no IPv4 address and port";

	(void)state;
	expect_norm("norm://239.192.1.1:5555", 0xefc00101, 0, "");
	expect_norm("norm://lo;239.192.1.1:5555", 0xefc00101, 0, "lo");
	expect_norm("norm://7,239.192.1.1:5555", 0xefc00101, 7, "");
	expect_norm("norm://4294967294,eth0.100;239.192.1.1:5555", 0xefc00101, 4294967294u,
		    "eth0.100");
	expect_no_norm("norm://0,239.192.1.1:5555", node);
	expect_no_norm("norm://4294967295,239.192.1.1:5555", node);
	expect_no_norm("norm://99999999999,239.192.1.1:5555", node);
	expect_no_norm("norm://,239.192.1.1:5555", node);
	expect_no_norm("norm://a,239.192.1.1:5555", node);
	expect_no_norm("norm://;239.192.1.1:5555", device);
	expect_no_norm("norm://sixteen-letters0;239.192.1.1:5555", device);
	expect_no_norm("norm://239.192.1.1", address);
	expect_no_norm("norm://239.192.1.1:*", address);
	expect_no_norm("norm://[ff02::1]:5555", address);
	expect_no_norm("norm://localhost:5555", address);
	expect_no_norm("norm://0.0.0.0:5555", "its address is no group's");
	expect_no_norm("norm://lo;10.0.0.9:5555", "its address is no group's");
}

/* DESIGN.md 5: addresses decide the carrier. */
static void test_an_address_says_who_carries_it(void **state)
{
	static const struct zl_ipc_port eth = {.name = "e0", .ip = 0x0a000001, .prefix_len = 24};
	const struct zl_ports one = {&eth, 1}, none = {NULL, 0};

	(void)state;
	expect_carrier("tcp://*:5555", false, &one, ZL_CARRIER_STACK, "");
	expect_carrier("tcp://e0:*", false, &one, ZL_CARRIER_STACK, "");
	expect_carrier("tcp://10.0.0.1:0", false, &one, ZL_CARRIER_STACK, "");
	expect_carrier("tcp://10.0.0.9:1", true, &one, ZL_CARRIER_STACK, "");
	expect_carrier("tcp://e0:0;10.0.0.9:1", true, &one, ZL_CARRIER_STACK, "");
	expect_carrier("tcp://*:5555", false, &none, ZL_CARRIER_TCP, "0.0.0.0:5555");
	expect_carrier("tcp://0.0.0.0:5555", false, &one, ZL_CARRIER_TCP, "0.0.0.0:5555");
	expect_carrier("tcp://[::]:*", false, &one, ZL_CARRIER_TCP, "[::]:0");
	expect_carrier("tcp://lo:5555", false, &one, ZL_CARRIER_TCP, "127.0.0.1:5555");
	expect_carrier("tcp://127.0.0.1:1", true, &one, ZL_CARRIER_TCP, "127.0.0.1:1");
	expect_carrier("tcp://lo:0;127.0.0.1:1", true, &one, ZL_CARRIER_TCP, "127.0.0.1:1");
	expect_carrier("ipc:///run/a", true, &one, ZL_CARRIER_IPC, "/run/a");
	expect_carrier("ipc://@a", false, &one, ZL_CARRIER_IPC, "@a");
	expect_carrier("tipc://{5555,0,9}", false, &one, ZL_CARRIER_TIPC, "{5555,0,9}");
	expect_carrier("tipc://{5555,7}", true, &one, ZL_CARRIER_TIPC, "{5555,7}");
	expect_carrier("tipc://<1.0.2:77>", true, &one, ZL_CARRIER_TIPC, "<1.0.2:77>");
	expect_carrier("vmci://*:5555", false, &one, ZL_CARRIER_VMCI, "*:5555");
	expect_carrier("vmci://2:5555", true, &one, ZL_CARRIER_VMCI, "2:5555");
}

static void test_a_file_that_is_not_there_is_named(void **state)
{
	struct zl_config config;
	char error[512];

	(void)state;
	assert_true(zl_config_load(&config, "gone.yaml", error, sizeof(error)) < 0);
	assert_string_equal(
		error, "gone.yaml: No such file or directory; give the right file by --config");
	zl_config_free(&config);
}

static void test_a_whole_file_becomes_the_contracts_structs(void **state)
{
	struct zl_config config;
	char error[512];
	static const char text[] =
		"run_dir: /tmp/zl\n"
		"cores: {poll: 2, cpus: [3, 4], host_cpu: 1, idle: busy}\n"
		"memory: {hugepages: no, megabytes: 1024}\n"
		"tcp: {rcvbuf: 256KiB, min_rto: 10ms, user_timeout: 1min, keepalive: 0, backlog: "
		"5}\n"
		"limits: {streams: 10k, matcher_megabytes: 7, handshake: 1.5s, "
		"half_open: 900}\n"
		"devices:\n"
		"- name: feed\n"
		"  kind: forwarder\n"
		"  frontend: {bind: 'tcp://e1:5555', connect: ['tcp://10.0.0.9:1'], hwm: 5, "
		"rcvhwm: 6}\n"
		"  backend: {name: out, bind: ['tcp://*:5556'], sndbuf: 1MiB, max_message: 1GiB}\n"
		"ports:\n"
		"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24, gateway: 10.0.0.254}\n"
		"- name: e1\n"
		"  kind: physical\n"
		"  device: '0000:01:00.0'\n"
		"  address: 10.1.0.1/16\n"
		"  mac: 02:00:00:00:00:0a\n"
		"  mtu: 9000\n"
		"  queues: 2\n"
		"  options: a=b\n"
		"  impair: {rx: {loss: 0.5%, delay: 2ms, rate: 1.5Mbit, seed: 9}, tx: {reorder: "
		"7ppm}}\n";

	(void)state;
	assert_int_equal(load(&config, text, error, sizeof(error)), 0);
	assert_string_equal(config.run_dir, "/tmp/zl");
	assert_int_equal(config.setup.poll_cores, 2);
	assert_int_equal(config.setup.cpu[1], 4);
	assert_int_equal(config.setup.cpu[2], -1);
	assert_int_equal(config.setup.host_cpu, 1);
	assert_int_equal(config.setup.idle, ZL_IDLE_BUSY);
	assert_int_equal(config.hugepages, ZL_HUGEPAGES_NO);
	assert_int_equal(config.setup.max_streams, 10000);
	assert_int_equal(config.setup.handshake_ms, 1500);
	assert_int_equal(config.setup.half_open, 900);
	assert_int_equal(config.setup.half_open_an_address, 128);
	assert_int_equal(config.setup.rcvbuf_bytes, 256 << 10);
	assert_int_equal(config.setup.user_timeout_ms, 60000);
	assert_int_equal(config.setup.keepalive_idle_ms, 0);

	const struct zl_config_device *d = &config.devices[0];
	assert_string_equal(d->frontend.at.name, "feed.frontend");
	assert_string_equal(d->backend.at.name, "out");
	assert_int_equal(d->frontend.at.type, ZL_XSUB);
	assert_int_equal(d->backend.at.type, ZL_XPUB);
	assert_int_equal(d->frontend.at.sndhwm, 5);
	assert_int_equal(d->frontend.at.rcvhwm, 6);
	assert_int_equal(d->backend.at.sndhwm, 1000);
	assert_int_equal(d->backend.at.sndbuf, 1 << 20);
	assert_true(d->backend.at.max_msg_bytes == 1ull << 30);
	assert_true(d->frontend.at.max_msg_bytes == 128ull << 20);
	assert_int_equal(d->frontend.n_endpoints, 2);
	assert_int_equal(d->frontend.endpoints[0].at.ip, 0x0a010001);
	assert_int_equal(d->frontend.endpoints[0].at.port, 5555);
	assert_int_equal(d->frontend.endpoints[1].at.connect, 1);
	assert_int_equal(d->frontend.endpoints[1].at.ip, 0x0a000009);
	assert_int_equal(d->frontend.endpoints[1].line, 9);
	assert_int_equal(d->backend.endpoints[0].at.ip, 0);

	const struct zl_ipc_port *p = &config.ports[1];
	assert_int_equal(config.ports[0].gateway, 0x0a0000fe);
	assert_int_equal(p->kind, ZL_PORT_PHYSICAL);
	assert_int_equal(p->mac[5], 10);
	assert_int_equal(p->mtu, 9000);
	assert_int_equal(p->prefix_len, 16);
	assert_int_equal(p->config_line, 13);
	assert_int_equal(p->rx.loss_ppm, 5000);
	assert_int_equal(p->rx.delay_us, 2000);
	assert_int_equal(p->rx.rate_kbps, 1500);
	assert_int_equal(p->rx.seed, 9);
	assert_int_equal(p->tx.reorder_ppm, 7);
	assert_int_equal(p->tx.queue_frames, 1000);
	zl_config_free(&config);
}

static void test_an_element_is_of_ports_and_groups(void **state)
{
	static const char first[] =
		"pgm_elements:\n"
		"- {name: w, ports: [e2, e0], groups: 239.192.1.1}\n"
		"- {name: x, ports: [e0, e1, e2], groups: [239.192.1.2, 239.192.1.3]}\n",
			  ports[] = PORTS
			  "- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"
			  "- {name: e2, kind: tap, device: zl2, address: 10.0.2.1/24}\n";
	struct zl_config config, without;
	char text[1024], error[512];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", first, ports);
	assert_int_equal(load(&config, text, error, sizeof(error)), 0);
	assert_int_equal(config.n_elements, 2);
	assert_string_equal(config.elements[0].at.name, "w");
	assert_int_equal(config.elements[0].at.ports, 5);
	assert_int_equal(config.elements[0].at.groups, 1);
	assert_int_equal(config.elements[0].at.group[0], 0xefc00101);
	assert_int_equal(config.elements[0].at.config_line, 2);
	assert_int_equal(config.elements[1].at.ports, 7);
	assert_int_equal(config.elements[1].at.groups, 2);
	assert_int_equal(config.elements[1].at.group[1], 0xefc00103);
	assert_int_equal(load(&without, ports, error, sizeof(error)), 0);
	assert_int_equal(without.n_elements, 0);
	assert_true(without.setup.config_hash != config.setup.config_hash);
	zl_config_free(&config);
	zl_config_free(&without);
}

static void test_the_hash_is_of_what_needs_a_restart_only(void **state)
{
	struct zl_config config;
	char error[512];
	static const char *const same[] = {PORT, "# words\n" PORT, SIDES("", "")};
	static const char *const other[] = {PORT "cores: {poll: 2}", PORT "memory: {hugepages: no}",
					    PORTS "- {name: e1, kind: tap, device: b, address: "
						  "10.0.1.1/24}"};

	(void)state;
	assert_int_equal(load(&config, PORT, error, sizeof(error)), 0);
	uint64_t hash = config.setup.config_hash;
	zl_config_free(&config);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(load(&config, same[i], error, sizeof(error)), 0);
		assert_true(config.setup.config_hash == hash);
		zl_config_free(&config);
		assert_int_equal(load(&config, other[i], error, sizeof(error)), 0);
		assert_true(config.setup.config_hash != hash);
		zl_config_free(&config);
	}
}

static void test_units_are_exact_or_refused(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(zl_unit_parse(ZL_UNIT_BYTES, "1.5KiB", &v), 0);
	assert_int_equal(v, 1536);
	assert_int_equal(zl_unit_parse(ZL_UNIT_COUNT, "1M", &v), 0);
	assert_int_equal(v, 1000000);
	assert_int_equal(zl_unit_parse(ZL_UNIT_US, "0.5ms", &v), 0);
	assert_int_equal(v, 500);
	assert_int_equal(zl_unit_parse(ZL_UNIT_FRACTION, "0.0001%", &v), 0);
	assert_int_equal(v, 1);
	assert_true(zl_unit_parse(ZL_UNIT_FRACTION, "0.00001%", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_MS, "1us", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, "", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, ".", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, "1.", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, " 1", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, "18446744073709551615", &v) == 0);
	assert_true(v == UINT64_MAX);
	assert_true(zl_unit_parse(ZL_UNIT_COUNT, "18446744073709551616", &v) < 0);
	assert_true(zl_unit_parse(ZL_UNIT_BYTES, "99999999999999999999GiB", &v) < 0);
}

static int enter(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	unlink("t.yaml");
	return chdir("/") || rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mistake_is_one_line_with_its_place_and_remedy),
		cmocka_unit_test(test_a_long_value_leaves_room_for_the_remedy),
		cmocka_unit_test(
			test_a_name_that_nobody_has_is_refused_for_a_bind_and_waits_for_a_connect),
		cmocka_unit_test(test_an_endpoint_of_datagrams_is_of_a_port_or_of_a_group),
		cmocka_unit_test(test_an_endpoint_of_norm_names_its_node_and_the_kernels_interface),
		cmocka_unit_test(test_an_address_says_who_carries_it),
		cmocka_unit_test(test_a_file_that_is_not_there_is_named),
		cmocka_unit_test(test_a_whole_file_becomes_the_contracts_structs),
		cmocka_unit_test(test_an_element_is_of_ports_and_groups),
		cmocka_unit_test(test_the_hash_is_of_what_needs_a_restart_only),
		cmocka_unit_test(test_units_are_exact_or_refused),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
