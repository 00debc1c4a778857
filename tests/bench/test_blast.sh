#!/bin/sh
# zeroline-blast through the appliance over memif: every message comes, in order and whole, to every
# subscriber, at whatever size; where a queue is bounded, the loss is seen. Through a streamer each
# comes to one, through a queue each request has its reply. Usage: BUILD-FOLDER.
set -u
build=$1
dir=$(mktemp -d /tmp/zeroline-bench-XXXXXX)
pids=
failed=0

cleanup() {
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	for pid in $pids; do
		wait "$pid" || { echo "FAIL: a process of the appliance ended with $?"; failed=1; }
	done
	[ "$failed" -eq 0 ] || cat "$dir"/*.log
	rm -rf "$dir"
	exit "$failed"
}
trap cleanup EXIT
trap 'failed=1; exit' INT TERM

# The second device drops: its subscribers may be only a few messages behind. The third drops only
# what is due to those that lag far behind.
cat >"$dir/zeroline.yaml" <<END
cores: {poll: 1}
memory: {hugepages: no, megabytes: 256}
ports:
  - {name: wire, kind: memif, device: $dir/wire.sock, options: role=server, address: 10.9.0.1/24}
devices:
  - name: all
    kind: forwarder
    frontend: {bind: ["tcp://wire:5555"], hwm: 0}
    backend: {bind: ["tcp://wire:5556"], hwm: 0}
  - name: few
    kind: forwarder
    frontend: {bind: ["tcp://wire:5557"], hwm: 10}
    backend: {bind: ["tcp://wire:5558"], hwm: 10, sndbuf: 4KiB}
  - name: some
    kind: forwarder
    frontend: {bind: ["tcp://wire:5559"], hwm: 1000}
    backend: {bind: ["tcp://wire:5560"], hwm: 1000, sndbuf: 4KiB}
  - name: work
    kind: streamer
    frontend: {bind: ["tcp://wire:5561"]}
    backend: {bind: ["tcp://wire:5562"], hwm: 100, sndbuf: 4KiB}
  - name: questions
    kind: queue
    frontend: {bind: ["tcp://wire:5563"], hwm: 0}
    backend: {bind: ["tcp://wire:5564"], hwm: 100, sndbuf: 4KiB}
END

"$build/dataplane/zeroline-dataplane" --run-dir "$dir" >"$dir/dataplane.log" 2>&1 &
pids=$!
"$build/control/zeroline-control" --config "$dir/zeroline.yaml" --run-dir "$dir" \
	>"$dir/control.log" 2>&1 &
pids="$! $pids"
tries=0
until [ "$("$build/control/cli/zeroline" --run-dir "$dir" status 2>/dev/null |
	grep -c listening)" -eq 10 ]; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || { echo "FAIL: the appliance does not listen"; failed=1; exit; }
	sleep 0.1
done

# FRONTEND BACKEND OPTIONS...
blast() {
	publish=$1 subscribe=$2
	shift 2
	timeout 60 "$build/tests/bench/zeroline-blast" --port "memif:$dir/wire.sock" \
		--address 10.9.0.2/24 --publish-to "10.9.0.1:$publish" \
		--subscribe-to "10.9.0.1:$subscribe" --warmup 0 --verify "$@"
}

all_come() {
	blast 5555 5556 --seconds 0.5 --window 20000 "$@" || { echo "FAIL: $*"; failed=1; }
}

all_come --size 64
all_come --size 16 --publishers 3 --subscribers 5 --topics 100 --rate 50000
all_come --size 256 --parts 3 --subscribers 2 --topics 7
all_come --size 1000000 --parts 2 --subscribers 2 --window 4
all_come --subscriptions 500 --size 250 --parts 2 --prefix-bytes 9-200
all_come --subscriptions 20000 --subscribers 4 --matches 3 --publishers 2 --seed 5 --rate 20000

# Exit status and words must both say it.
if blast 5557 5558 --seconds 0.5 --size 300 --subscribers 3 >"$dir/few.log" 2>&1 ||
	! grep -q 'verified: lost [1-9]' "$dir/few.log"; then
	echo "FAIL: messages were dropped, and it was not seen"
	failed=1
fi

# Those that lag cost themselves alone. What is asked of the JSON that a run wrote: CLAIM NAME.
claim() {
	python3 -c "import json, sys
r = json.load(open('$dir/$2.json'))
sys.exit(not ($1))" || { echo "FAIL: $2: $1"; cat "$dir/$2.json"; failed=1; }
}

blast 5559 5560 --seconds 1 --window 500 --subscribers 5 --stalled 1 --slow 2 --slow-percent 5 \
	--rcvbuf 16384 --json >"$dir/lag.json" || { echo "FAIL: loss beside those that lag"; failed=1; }
claim "r['received'] == 2 * r['sent'] and r['missing'] == r['lost'] == 0" lag
claim "[(s['id'], s['kind']) for s in r['slow']] == [(0, 'stalled'), (1, 'slow'), (2, 'slow')]" lag
claim "all(s['repeated'] == s['wrong'] == 0 for s in r['slow'])" lag
claim "r['slow'][0]['received'] < r['slow'][1]['received'] < r['sent']" lag
claim "all(s['lost'] > 0 and s['received'] + s['lost'] <= r['sent'] for s in r['slow'][1:])" lag

# Every publisher is told of every prefix once, and of a mark for every subscriber.
blast 5555 5556 --seconds 0.2 --window 20000 --subscriptions 3000 --subscribers 3 --matches 2 \
	--publishers 2 --json >"$dir/prefixes.json" || { echo "FAIL: prefixes"; failed=1; }
claim "r['subscriptions'] == 3000 and r['matches'] == 2 and r['subscribe_s'] > 0" prefixes
claim "r['received'] == 2 * r['sent'] > 0 and r['told'] == 2 * 3003" prefixes

# While traffic goes on, another subscribes: all of it comes still, before and then.
blast 5555 5556 --seconds 0.5 --rate 20000 --subscribers 2 --publishers 2 --subscribe-during 20000 \
	--json >"$dir/during.json" || { echo "FAIL: during"; failed=1; }
claim "r['during']['subscriptions'] == 20000 and r['during']['subscribe_s'] > 0" during
claim "r['received'] == 2 * r['sent'] and r['told'] == 2 * (1 + 2 + 20000 + 1)" during
claim "r['during']['quiet_latency_ns']['messages'] > 0" during

# Work is dealt out evenly, however much of it waits; and nothing is lost while nobody has room.
blast 5561 5562 --pattern pushpull --seconds 0.5 --subscribers 8 --publishers 2 --window 20000 --json \
	>"$dir/work.json" || { echo "FAIL: work"; failed=1; }
claim "r['received'] == r['sent'] > 0 and r['missing'] == r['lost'] == r['repeated'] == 0" work
claim "0.9 < r['shares']['least'] <= 1 <= r['shares']['most'] < 1.1" work
for size in 16 1024 100000; do
	blast 5561 5562 --pattern pushpull --seconds 0.3 --size "$size" --subscribers 3 >"$dir/size.log" ||
		{ echo "FAIL: work of $size"; cat "$dir/size.log"; failed=1; }
done

# Each request has its reply, where it came from, with one outstanding or many.
for load in "--window 1" "--publishers 4 --subscribers 3 --size 1024" "--size 5000 --window 50"; do
	blast 5563 5564 --pattern reqrep --seconds 0.3 $load --json >"$dir/questions.json" ||
		{ echo "FAIL: questions: $load"; failed=1; }
	claim "r['received'] == r['sent'] > 0 and r['latency_ns']['messages'] > 0" questions
done

# libzmq's side, by the same counts: its proxy deals out and sends back as well. PATTERN OPTIONS...
beside() {
	pattern=$1
	shift
	"$build/tests/bench/bench-zmq-proxy" --pattern "$pattern" --frontend "ipc://$dir/front" \
		--backend "ipc://$dir/back" &
	proxy=$!
	timeout 60 "$build/tests/bench/bench-zmq-blast" --pattern "$pattern" --verify --json \
		--publish-to "ipc://$dir/front" --subscribe-to "ipc://$dir/back" --seconds 0.3 \
		--warmup 0 "$@" >"$dir/beside.json" || { echo "FAIL: beside: $pattern"; failed=1; }
	kill "$proxy"
	wait "$proxy"
}

beside pushpull --subscribers 3 --publishers 2 --window 1000
claim "r['received'] == r['sent'] > 0 and 0.5 < r['shares']['least'] <= r['shares']['most'] < 2" beside
beside reqrep --subscribers 3 --publishers 2 --window 100
claim "r['received'] == r['sent'] > 0 and r['lost'] == r['wrong'] == 0" beside
claim "r['latency_ns']['messages'] > 0" beside
