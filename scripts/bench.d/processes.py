"""Processes that are always ended, by their ids, whatever ends this program."""
import os
import signal
import subprocess
import tempfile
import time

from failure import Failure

END_S = 5


class Process:
    """A program of our own. What it says goes to a file, and is shown if it fails."""

    def __init__(self, argv, cpus=None, netns=None):
        self.argv = argv
        self.out = tempfile.TemporaryFile()
        self.err = tempfile.TemporaryFile()
        argv = pinned(argv, cpus)
        if netns:
            argv = ["ip", "netns", "exec", netns] + argv
        # a process group of its own: Ctrl-C reaches this program alone, which then ends the others
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out,
                                      stderr=self.err, process_group=0)
        self.pid = self.popen.pid

    @property
    def name(self):
        return os.path.basename(self.argv[0])

    def running(self):
        return self.popen.poll() is None

    def resident(self):
        """Bytes of its memory that are there."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def said(self):
        """(standard output, standard error) so far."""
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.seek(0, os.SEEK_END)
        return texts

    def complaint(self):
        out, err = self.said()
        lines = (err.strip() or out.strip()).splitlines()
        return lines[-1] if lines else f"exit status {self.popen.returncode}"

    def wait(self, seconds):
        """Its exit status."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise Failure(f"{self.name}: not done after {seconds:.0f} s: "
                          f"{' '.join(self.argv)}") from None

    def end(self):
        if self.running():
            self.popen.terminate()
            try:
                self.popen.wait(END_S)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.out.close()
        self.err.close()


def pinned(argv, cpus):
    return ["taskset", "-c", ",".join(map(str, cpus))] + argv if cpus else argv


def stop_on_signals():
    """SIGTERM and SIGHUP unwind as Ctrl-C does, so that everything is removed."""

    def unwind(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGHUP, unwind)


def command(*argv):
    """Runs it to its end; its standard output. Failure with its last word if it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failure(f"{' '.join(argv)}: {lines[-1] if lines else done.returncode}")
    return done.stdout


def wait_until(what, condition, seconds, processes):
    """Until condition() holds, while the processes live."""
    end = time.monotonic() + seconds
    while not condition():
        for process in processes:
            if not process.running():
                raise Failure(f"{process.name} ended before {what}: {process.complaint()}")
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.05)
