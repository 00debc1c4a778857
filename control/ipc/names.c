/* The words for the contract's enums, as people write them in YAML and as ZMTP writes them in a
 * READY command (RFC 37, socket-type property). */
#include "control/ipc/ipc.h"

const char *const zl_port_kind_name[ZL_PORT_KINDS] = {
	[ZL_PORT_PHYSICAL] = "physical",   [ZL_PORT_TAP] = "tap",
	[ZL_PORT_AF_PACKET] = "af_packet", [ZL_PORT_AF_XDP] = "af_xdp",
	[ZL_PORT_MEMIF] = "memif",         [ZL_PORT_PCAP] = "pcap",
	[ZL_PORT_RING] = "ring",
};

const char *const zl_socket_type_name[ZL_SOCKET_TYPES] = {
	[ZL_PAIR] = "PAIR",     [ZL_PUB] = "PUB",       [ZL_SUB] = "SUB",
	[ZL_REQ] = "REQ",       [ZL_REP] = "REP",       [ZL_DEALER] = "DEALER",
	[ZL_ROUTER] = "ROUTER", [ZL_PULL] = "PULL",     [ZL_PUSH] = "PUSH",
	[ZL_XPUB] = "XPUB",     [ZL_XSUB] = "XSUB",     [ZL_STREAM] = "STREAM",
	[ZL_SERVER] = "SERVER", [ZL_CLIENT] = "CLIENT", [ZL_RADIO] = "RADIO",
	[ZL_DISH] = "DISH",     [ZL_GATHER] = "GATHER", [ZL_SCATTER] = "SCATTER",
	[ZL_DGRAM] = "DGRAM",   [ZL_PEER] = "PEER",     [ZL_CHANNEL] = "CHANNEL",
};
