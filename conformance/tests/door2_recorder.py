"""Stands between the suite and a client of door 2 and keeps every line: recorder.py FILE COMMAND…"""

import subprocess
import sys
import threading


def main() -> int:
    """Pass lines both ways until the client ends; each is also appended to the file."""
    with open(sys.argv[1], "ab", buffering=0) as record:
        client = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert client.stdin
        assert client.stdout

        def requests() -> None:
            for line in sys.stdin.buffer:
                record.write(line)
                client.stdin.write(line)
                client.stdin.flush()
            client.stdin.close()

        threading.Thread(target=requests, daemon=True).start()
        for line in client.stdout:
            record.write(line)
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        return client.wait()


if __name__ == "__main__":
    sys.exit(main())
