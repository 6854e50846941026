"""Tables in Markdown."""


def table(head, rows, words=1):
    """Prints a table; the first columns hold words, the others figures."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    for line in (head, rule, *rows):
        print("| " + " | ".join(map(str, line)) + " |")
