#!/usr/bin/env python2.7
"""Autobahn's fuzzing server: fuzzing_server.py DESCRIPTOR PACKAGES REPORTS CASE...

DESCRIPTOR: a listening TCP socket that was inherited; nothing else is listened on. PACKAGES: the folder that
requirements.txt was installed into. REPORTS: where index.json goes. CASE: a case or a pattern ("9.1.*").
What upstream's `wstest` adds (TLS, WAMP, a web page, a fixed port on all interfaces) is left out.
"""
import site
import socket
import sys
import types


def leave_out(name):
    """An empty module in place of one that needs packages which are not installed."""
    sys.modules[name] = types.ModuleType(name)
    return sys.modules[name]


def main():
    descriptor, packages, reports, cases = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    site.addsitedir(packages)
    import twisted.internet
    twisted.internet.ssl = leave_out("twisted.internet.ssl")
    leave_out("autobahntestsuite.wstest")
    from autobahntestsuite.fuzzing import FuzzingServerFactory
    from twisted.internet import reactor

    listener = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
    listener.setblocking(False)
    factory = FuzzingServerFactory({
        "url": "ws://127.0.0.1:%d" % listener.getsockname()[1],
        "outdir": reports,
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }, False)
    reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory)
    reactor.run()


if __name__ == "__main__":
    main()
