"""Where the programs are, and how they come to be there."""
import os
import subprocess

from failure import Failure

TARGETS = {
    "dataplane": "dataplane/zeroline-dataplane",
    "control": "control/zeroline-control",
    "zeroline": "control/cli/zeroline",
    "blast": "tests/bench/zeroline-blast",
    "zmq_blast": "tests/bench/bench-zmq-blast",
    "zmq_proxy": "tests/bench/bench-zmq-proxy",
    "matcher": "tests/bench/bench-matcher",
    "membw": "tests/bench/bench-membw",
    "noise": "tests/bench/bench-noise",
    "floor": "tests/bench/bench-floor",
    "curve_blast": "tests/bench/bench-curve-blast",
    "box": "tests/bench/bench-box",
    "feed": "tests/bench/bench-feed",
    "zmq_feed": "tests/bench/bench-zmq-feed",
    "flood": "tests/bench/bench-flood",
    "knock": "tests/bench/bench-knock",
}


def quietly(*argv, env=None):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=env, check=False)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-20:]))
        raise Failure(f"{' '.join(argv[:4])} failed, see above")


def build(root):
    """Release, in build/. Its folder."""
    folder = os.path.join(root, "build")
    subprocess.run([os.path.join(root, "scripts", "setup"), "--bench"], check=False)
    print("bench: building (a minute or two the first time)", flush=True)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        quietly("meson", "setup", folder, root, "--buildtype=release",
                env=dict(os.environ, CC="gcc"))
    quietly("ninja", "-C", folder, *TARGETS.values())
    return folder


def find(folder):
    """A path for each of TARGETS."""
    paths = {name: os.path.join(folder, path) for name, path in TARGETS.items()}
    for path in paths.values():
        if not os.access(path, os.X_OK):
            raise Failure(f"--build: no {path}: build there first, or leave --build out")
    return paths


def knows(path, option):
    """Is it an option of that program?"""
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    return option in done.stdout
