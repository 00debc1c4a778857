"""PUSHes to PULLs through a streamer: each message to one of them, none dropped."""
import dealt
from stats import of

TITLE = "Streamer: PUSH to one PULL, and dealt out to 8"
# how many messages may be under way of Zeroline's and of libzmq's
STEPS = (({"size": 64}, 100000, 8000), ({"size": 64, "subscribers": 8}, 20000, 8000),
         ({"size": 1024}, 16000, 4000), ({"size": 1024, "subscribers": 8}, 16000, 4000))

MEANING = ("What the PULLs take all together. A share is what one of them took, of what each would "
           "have taken of evenly dealt messages: 1 is even.")


def measure(s):
    steps = [(dict(load, pattern="pushpull"), *windows) for load, *windows in STEPS]
    s.rows.note("streamer", MEANING)
    for load, mine in dealt.rates(s, "streamer", "messages", "msg/s",
                                  steps[:2] if s.quick else steps):
        if load.get("subscribers", 1) > 1:
            for which in ("least", "most"):
                s.rows.add("streamer", f"{which} share, {dealt.label(load)}", "",
                           of(mine, f"shares/{which}"))
