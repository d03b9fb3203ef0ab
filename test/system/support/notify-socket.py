"""A stand-in for systemd's notification socket: prints each message it gets as one line of JSON.

As systemd does, it closes the descriptors that come along, which is what systemd-notify waits for.
"""
import array, json, os, socket, sys

path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
os.chmod(path, 0o777)
print(json.dumps({"LISTENING": path}), flush=True)
while True:
    data, ancillary, _flags, _address = listener.recvmsg(65536, socket.CMSG_SPACE(64))
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors = array.array("i")
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
            for descriptor in descriptors:
                os.close(descriptor)
    message = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
    if "BARRIER" not in message:
        print(json.dumps(message), flush=True)
