#!/bin/sh
# A generator that is not ours, over memif: every frame of every kind of template comes, whole and
# once, and is told apart by group; where frames are dropped, it is seen; bad options are told.
# Usage: SOURCE-FOLDER BUILD-FOLDER.
# shellcheck disable=SC2015 # fail does not fail
set -u
source=$1
build=$2
count=$build/tests/bench/count/zeroline-count
dir=$(mktemp -d /tmp/zeroline-count-XXXXXX)
failed=0
trap 'rm -rf "$dir"; exit "$failed"' EXIT
trap 'failed=1; exit' INT TERM

fail() {
	echo "FAIL: $*"
	failed=1
}

# EXPECTED-LINE OPTIONS...: they are refused, in words.
refused() {
	want=$1
	shift
	if "$count" "$@" >"$dir/refused" 2>&1; then fail "$*: accepted"; fi
	grep -q -e "$want" "$dir/refused" || { fail "$*: not told"; cat "$dir/refused"; }
}

refused '--port is needed'
refused 'no such kind of port' --port wire:x
refused 'KIND:DEVICE is wanted' --port memif
refused 'a number from' --port "memif:$dir/a" --seconds x
refused 'create it' --port "memif:$dir/none/a"
refused 'no frame came within 0.1 s' --port "memif:$dir/a" --wait 0.1

# From a capture file, without any wire: what is missing in it is lost.
"$build/tests/bench/frames/zeroline-frames" --groups 2 --count 400 udp "$dir/t.pcap" || fail "frames"
"$count" --port "pcap:$dir/t.pcap" --frames 400 --verify --json >"$dir/out" || fail "from a file"
grep -q '"frames": 400' "$dir/out" && grep -q '"flows": 2,' "$dir/out" || fail "$(cat "$dir/out")"
# 24 bytes of file header, then records of 16 + 60: frames 100 to 109 are cut out
{ head -c $((24 + 100 * 76)) "$dir/t.pcap"; tail -c +$((25 + 110 * 76)) "$dir/t.pcap"; } >"$dir/cut.pcap"
if "$count" --port "pcap:$dir/cut.pcap" --idle 0.5 --verify --json >"$dir/out"; then
	fail "frames were missing, and it was not an error"
fi
grep -q '"lost": 10,' "$dir/out" || fail "lost frames were not counted: $(cat "$dir/out")"

if ! command -v dpdk-testpmd >/dev/null; then
	echo "testpmd: skipped: dpdk-testpmd is not installed; scripts/setup does it (package dpdk-dev)"
	[ "$failed" -ne 0 ] || failed=77
	exit
fi

# FLOWS "FRAMES": all of them come.
all_come() {
	"$source/scripts/pktgen/with-testpmd" --build "$build" --lossless --frames "$2" -- \
		--frames 20000 --seconds 120 --verify --json >"$dir/out" 2>"$dir/log" ||
		{ fail "$2"; cat "$dir/out" "$dir/log"; }
	grep -q '"frames": 20000' "$dir/out" && grep -q "\"flows\": $1," "$dir/out" ||
		fail "$2: $(head -n 20 "$dir/out")"
}

all_come 8 "--size 64 --groups 8 udp"
all_come 64 "--to 239.192.1.1 --spread --groups 64 --size 64,1514 udp"
all_come 4 "--groups 4 --size 128 epgm"
all_come 4 "--groups 4 --size 700 pgm"

# Sent back: the generator's port takes them again, and nothing is lost on the way here.
"$source/scripts/pktgen/with-testpmd" --build "$build" --lossless -- --frames 20000 --seconds 120 \
	--reflect --json >"$dir/out" 2>"$dir/log" || { fail "reflect"; cat "$dir/log"; }
sent=$(sed -n 's/.*"sent_back": \([0-9]*\).*/\1/p' "$dir/out")
dropped=$(sed -n 's/.*"tx_dropped": \([0-9]*\).*/\1/p' "$dir/out")
[ $((${sent:-0} + ${dropped:-0})) -eq 20000 ] && [ "${sent:-0}" -gt 0 ] || fail "reflect: $(cat "$dir/out")"
