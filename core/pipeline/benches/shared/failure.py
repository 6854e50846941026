"""How a step that failed is told to a person."""

import subprocess
import sys


class Failure(Exception):
    """What failed, because of what, and what to do."""

    def __init__(self, what, because, hint):
        super().__init__(f"failed to {what}: {because}\nhint: {hint}")


def run(what, hint, command, **options):
    """The output of a command that must succeed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, **options)
    except OSError as error:
        raise Failure(what, f"{command[0]} does not start ({error.strerror})", hint) from error
    if done.returncode != 0:
        raise Failure(what, last_lines(done.stderr or done.stdout), hint)
    return done.stdout


def last_lines(text):
    """The end of a program's complaint is where the reason stands."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-4:]) or "it said nothing"


def tell(text):
    """Progress goes to where the tables do not."""
    print(text, file=sys.stderr, flush=True)
