#!/bin/sh
# zeroline-blast through the appliance over memif: every message comes, in order and whole, to every
# subscriber, at whatever size; where a queue is bounded, the loss is seen. Usage: BUILD-FOLDER.
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

# The second device drops: its subscribers may be only a few messages behind.
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
END

"$build/dataplane/zeroline-dataplane" --run-dir "$dir" >"$dir/dataplane.log" 2>&1 &
pids=$!
"$build/control/zeroline-control" --config "$dir/zeroline.yaml" --run-dir "$dir" \
	>"$dir/control.log" 2>&1 &
pids="$! $pids"
tries=0
until [ "$("$build/control/cli/zeroline" --run-dir "$dir" status 2>/dev/null |
	grep -c listening)" -eq 4 ]; do
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

# Exit status and words must both say it.
if blast 5557 5558 --seconds 0.5 --size 300 --subscribers 3 >"$dir/few.log" 2>&1 ||
	! grep -q 'verified: lost [1-9]' "$dir/few.log"; then
	echo "FAIL: messages were dropped, and it was not seen"
	failed=1
fi
