"""The audit events that the guard of the vendor's hosts listens to; for each, the index of the argument that names the host or program.

`sitecustomize.py` beside this file reads it at the start of every child process: it imports nothing.
"""

LOOK_UPS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}
CONNECTIONS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
STARTS = {"subprocess.Popen": 1, "os.system": 0, "os.posix_spawn": 1, "os.exec": 1, "os.spawn": 2}
